/**
 * What came of each day's hits, an entry: how often it was seen, as a band, and how often people looked and what they
 * found, where that is no small count. A day is told once it is over, and again when a verdict on one of its hits arrives.
 */

import { join } from "node:path";
import {
  OPINION_MAX_AGE_DAYS,
  type OpinionItem,
  SMALL_COUNT,
  sightingBandOf,
} from "@breakwater/shared/wire/opinions.ts";
import { z } from "zod";
import type { Decision } from "../ledger/decision.ts";
import { dayOf } from "../ledger/files.ts";
import { readLedger } from "../ledger/read.ts";
import { readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { queueBatches } from "./queue.ts";
import { forgetVerdicts, listVerdicts, type Verdict } from "./verdicts.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** `through`: the last day that was told. `verdicts`: the time of the newest verdict that was counted. */
const ToldFile = z.object({ through: z.iso.date(), verdicts: z.string() });

export type DayCounts = { matched: number; reviewed: number; confirmed: number; rejected: number; overturned: number };

/** The caller holds the lock. @returns how many items were queued */
export async function queueDailyCounts(stateDir: string, now: Date): Promise<number> {
  const yesterday = dayOf(new Date(now.getTime() - DAY_MS));
  const oldest = dayOf(new Date(now.getTime() - (OPINION_MAX_AGE_DAYS - 1) * DAY_MS));
  const last = await readTold(stateDir);
  // Told by a clock that ran ahead: nothing would be told until that day. Telling again changes nothing.
  const told = last !== undefined && last.through > yesterday ? undefined : last;
  const verdicts = (await listVerdicts(stateDir)).filter(({ day }) => day >= oldest);
  const newest = [told?.verdicts ?? "", ...verdicts.map(({ at }) => at)].sort().at(-1) ?? "";
  const days = new Set(
    verdicts.filter(({ at, day }) => at > (told?.verdicts ?? "") && day <= yesterday).map((one) => one.day),
  );
  for (let day = told === undefined ? oldest : nextDay(told.through); day <= yesterday; day = nextDay(day))
    days.add(day);
  if (days.size === 0) return 0;
  let queued = 0;
  for (const [set, items] of await itemsOf(stateDir, days, verdicts, now)) {
    await queueBatches(stateDir, set, items, now);
    queued += items.length;
  }
  // Last: a kill before this tells the same days again, and the later item of a day replaces the one before it.
  await writePrivateFile(toldPath(stateDir), `${JSON.stringify({ through: yesterday, verdicts: newest })}\n`);
  await forgetVerdicts(stateDir, oldest);
  return queued;
}

async function itemsOf(
  stateDir: string,
  days: ReadonlySet<string>,
  verdicts: readonly Verdict[],
  now: Date,
): Promise<Map<string, OpinionItem[]>> {
  const first = [...days].sort()[0] ?? dayOf(now);
  const verdictOf = new Map(verdicts.map(({ hit_ref, verdict }) => [hit_ref, verdict]));
  const counts = new Map<string, { set: string; entry: string; day: string; counts: DayCounts }>();
  for await (const row of readLedger(stateDir, { now, since: new Date(`${first}T00:00:00Z`) })) {
    const day = row.at.slice(0, 10);
    if (!days.has(day)) continue;
    const key = `${day} ${row.set} ${row.entry}`;
    const found = counts.get(key) ?? { set: row.set, entry: row.entry, day, counts: noCounts() };
    counts.set(key, found);
    count(found.counts, row, verdictOf.get(row.hit_ref));
  }
  const bySet = new Map<string, OpinionItem[]>();
  // In the order of their names: which entry was hit first is nobody else's business.
  const named = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, { set, entry, day, counts: of }] of named) {
    const items = bySet.get(set) ?? [];
    bySet.set(set, items);
    items.push({ kind: "sighting", entry: entry as never, day, count_band: sightingBandOf(of.matched) });
    const large = largeCounts(of);
    if (large !== undefined) items.push({ kind: "outcomes", entry: entry as never, day, ...large });
  }
  return bySet;
}

function noCounts(): DayCounts {
  return { matched: 0, reviewed: 0, confirmed: 0, rejected: 0, overturned: 0 };
}

function count(counts: DayCounts, { action }: Decision, verdict: Verdict["verdict"] | undefined): void {
  counts.matched++;
  if (verdict === undefined) return;
  counts.reviewed++;
  if (verdict === "confirmed") counts.confirmed++;
  if (verdict === "rejected") counts.rejected++;
  // Blocked, and then somebody looked: what was done had to be undone.
  if (verdict === "rejected" && action === "block") counts.overturned++;
}

/** Pure. Without the small ones; undefined when nothing is left. */
export function largeCounts(counts: DayCounts): Partial<DayCounts> | undefined {
  const large = Object.entries(counts).filter(([, value]) => value >= SMALL_COUNT);
  return large.length === 0 ? undefined : Object.fromEntries(large);
}

function nextDay(day: string): string {
  return dayOf(new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS));
}

async function readTold(stateDir: string): Promise<z.infer<typeof ToldFile> | undefined> {
  const bytes = await readIfThere(toldPath(stateDir));
  if (bytes === undefined) return undefined;
  try {
    return ToldFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined; // then every day is told again, which changes nothing
  }
}

function toldPath(stateDir: string): string {
  return join(stateDir, "opinions", "told.json");
}
