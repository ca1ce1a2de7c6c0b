/**
 * Finds which entries that hit here their publisher has since taken back, by comparing the ledger with the verified copy.
 * Nothing has to be remembered between a sync and this, so a kill in between loses no withdrawal: the next run finds it.
 */

import { join } from "node:path";
import type { SetId } from "@breakwater/shared/ids.ts";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { recallCovers } from "@breakwater/shared/recall.ts";
import { z } from "zod";
import { readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { findCurrent, listCopies, openCopy } from "../sync/index.ts";
import { listInForce, readRecalls } from "../sync/recalls.ts";
import type { Decision } from "./decision.ts";
import { ledgerDir } from "./files.ts";
import { appendMarks, forgetOldMarks, type Mark, readMarks, type TakenBack } from "./marks.ts";
import { readLedger, readOnward } from "./read.ts";

export type EntryHits = { entry: string; hits: number; reviewed: number; blocked: number };
/** What a publisher took back of that which hit here. */
export type TakenBackEvent = {
  set: string;
  what: "withdrawn" | "recalled";
  release: number;
  recall?: number;
  until?: string;
  entries: EntryHits[];
};

/** What was compared: by set the version of its copy, by file of the ledger how far. */
const SeenFile = z.object({
  sets: z.record(z.string(), z.string()),
  files: z.record(z.string(), z.int().nonnegative()),
});

/**
 * Marks what was taken back since the last time. The caller holds the lock `acting`.
 *
 * @param announce - told before the marks are written: what it keeps survives a kill, and is told again after one
 */
export async function markTakenBack(
  stateDir: string,
  now: Date,
  announce: (events: TakenBackEvent[]) => Promise<void>,
): Promise<TakenBackEvent[]> {
  const before = await readSeen(stateDir);
  const all = await listCopies(stateDir);
  const sets = await versionsOf(stateDir, all);
  const hasChanged = Object.entries(sets).some(([set, version]) => before?.sets[set] !== version);
  // Rows that are new are compared in any case: a process may go on with the copy before for a moment.
  const files = hasChanged || before === undefined ? {} : { ...before.files };
  const hits = await countHits(readOnward(stateDir, now, files));
  const marks = await readMarks(stateDir);
  const events: TakenBackEvent[] = [];
  const written: Mark[] = [];
  for (const setId of all) {
    const mine = hits.get(formatSetId(setId));
    if (mine === undefined || (!hasChanged && (await isOfNow(stateDir, setId, mine)))) continue;
    const found = await compare(stateDir, setId, mine, marks, now);
    events.push(...found.events);
    written.push(...found.marks);
  }
  if (!hasChanged) await addEarlierHits(stateDir, now, events);
  if (events.length > 0) await announce(events);
  await appendMarks(stateDir, written);
  await forgetOldMarks(stateDir, now);
  await writePrivateFile(seenPath(stateDir), `${JSON.stringify({ sets, files })}\n`);
  return events;
}

/** @property since - the oldest release of a copy that it was matched with */
type Hits = Map<string, EntryHits & { origin: Decision["origin"]; since: number }>;

/** Matched with the copy that is there now, of which nothing was taken back: opening it would tell nothing new. */
async function isOfNow(stateDir: string, setId: SetId, hits: Hits): Promise<boolean> {
  const current = await findCurrent(stateDir, setId).catch(() => undefined);
  const recalls = await readRecalls(stateDir, setId).catch(() => undefined);
  if (current === undefined || current.withdrawn !== undefined || recalls?.held.length !== 0) return false;
  return [...hits.values()].every(({ since }) => since === current.release);
}

async function countHits(rows: AsyncIterable<Decision>): Promise<Map<string, Hits>> {
  const bySet = new Map<string, Hits>();
  for await (const { set, entry, action, origin, release } of rows) {
    const hits = bySet.get(set) ?? new Map();
    bySet.set(set, hits);
    const counted = hits.get(entry) ?? { entry, hits: 0, reviewed: 0, blocked: 0, origin, since: release };
    counted.hits++;
    counted.since = Math.min(counted.since, release);
    if (action === "review") counted.reviewed++;
    if (action === "block") counted.blocked++;
    hits.set(entry, counted);
  }
  return bySet;
}

/** Found among the newest rows only; what is announced are all hits here. */
async function addEarlierHits(stateDir: string, now: Date, events: TakenBackEvent[]): Promise<void> {
  const entries = new Set(events.flatMap((event) => event.entries.map(({ entry }) => entry)));
  if (entries.size === 0) return;
  const hits = await countHits(readLedger(stateDir, { now, entries }));
  for (const event of events) {
    event.entries = event.entries.map((one) => withoutOrigin(hits.get(event.set)?.get(one.entry)) ?? one);
  }
}

function withoutOrigin(counted: (EntryHits & { origin?: unknown }) | undefined): EntryHits | undefined {
  if (counted === undefined) return undefined;
  const { entry, hits, reviewed, blocked } = counted;
  return { entry, hits, reviewed, blocked };
}

async function compare(
  stateDir: string,
  setId: SetId,
  hits: Hits,
  marks: Map<string, TakenBack>,
  now: Date,
): Promise<{ events: TakenBackEvent[]; marks: Mark[] }> {
  const set = formatSetId(setId);
  // A copy that is damaged or destroyed says nothing about what its publisher took back.
  const copy = await openCopy(stateDir, setId).catch(() => undefined);
  if (copy === undefined) return { events: [], marks: [] };
  try {
    const { release } = copy.current;
    const at = now.toISOString();
    const markOf = (entry: string) => marks.get(`${set}#${entry}`);
    const isListed = (entry: string) => copy.findRow(entry) !== undefined;
    const withdrawn = [...hits.values()].filter(({ entry }) => !isListed(entry) && !markOf(entry)?.withdrawn);
    const listed = [...hits.keys()].filter((entry) => isListed(entry) && markOf(entry)?.withdrawn);
    const events: TakenBackEvent[] = [];
    const written: Mark[] = [];
    const note = (event: Omit<TakenBackEvent, "set" | "release" | "entries">, found: EntryHits[]) => {
      if (found.length === 0) return;
      events.push({ ...event, set, release, entries: found.flatMap((one) => withoutOrigin(one) ?? []) });
      written.push({ ...event, at, set, release, entries: found.map(({ entry }) => entry) });
    };
    note({ what: "withdrawn" }, withdrawn);
    if (listed.length > 0) written.push({ at, set, what: "listed", release, entries: listed });
    for (const { recall, listed: named } of await recallsOf(stateDir, setId, now)) {
      const until = new Date(recall.exp * 1000).toISOString();
      const covered = [...hits.values()].filter(
        ({ entry, origin }) =>
          (markOf(entry)?.recalled?.recall ?? 0) < recall.recall &&
          recallCovers(recall, { id: entry, ...(origin as { release: number }) }, named),
      );
      note({ what: "recalled", recall: recall.recall, until }, covered);
    }
    return { events, marks: written };
  } finally {
    copy.close();
  }
}

/** Recalls that cannot be read turn every hit to review already; which entries they name is found once they can. */
async function recallsOf(stateDir: string, setId: SetId, now: Date) {
  try {
    const inForce = await listInForce(stateDir, setId, now);
    // A list that was not fetched yet names nothing: it is looked at again once it is here.
    return inForce.filter(({ recall, listed }) => recall.list === undefined || listed !== undefined);
  } catch (error) {
    if (error instanceof ExchangeError) return [];
    throw error;
  }
}

async function versionsOf(stateDir: string, all: readonly SetId[]): Promise<Record<string, string>> {
  const sets: Record<string, string> = {};
  for (const setId of all) {
    const version = await versionOf(stateDir, setId);
    if (version !== undefined) sets[formatSetId(setId)] = version;
  }
  return sets;
}

/** Changes whenever an entry can have been taken back. */
async function versionOf(stateDir: string, setId: SetId): Promise<string | undefined> {
  const current = await findCurrent(stateDir, setId).catch(() => undefined);
  if (current === undefined) return undefined;
  const recalls = await readRecalls(stateDir, setId).catch(() => undefined);
  const listed = recalls?.held.filter((one) => one.listed !== undefined).length ?? 0;
  return `${current.statement} ${current.withdrawn?.statement ?? "-"} ${recalls?.newest ?? 0} ${listed}`;
}

async function readSeen(stateDir: string): Promise<z.infer<typeof SeenFile> | undefined> {
  const bytes = await readIfThere(seenPath(stateDir));
  if (bytes === undefined) return undefined;
  try {
    return SeenFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined; // then everything is compared again
  }
}

function seenPath(stateDir: string): string {
  return join(ledgerDir(stateDir), "compared.json");
}
