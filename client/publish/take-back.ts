/** Taking back, as one act that can be stopped anywhere: recall at once, withdrawal next, erasure if asked. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { EntryId } from "@breakwater/shared/ids.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { RECALL_LIST_MAX_IDS } from "@breakwater/shared/recall-list.ts";
import { WithdrawalReason } from "@breakwater/shared/vocab/reasons.ts";
import type { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import { z } from "zod";
import { readIfThere, writePrivateFile } from "../profile/private-files.ts";
import type { Copy } from "../sync/copy.ts";
import { setDir } from "../sync/paths.ts";
import { type PublisherContext, withOwnSet } from "./own-set.ts";
import { finishPending, releaseCopy } from "./publish.ts";
import { type Recalled, type RecallTarget, recallEntries } from "./recall.ts";
import { findReleasedIds } from "./released.ts";
import { withdrawEntries } from "./withdraw.ts";

/** What is taken back: whole releases, or entries by id. */
export type TakeBackTarget = { releases: readonly [from: number, to: number] } | { entries: readonly string[] };

const RecordFile = z.object({
  v: z.literal(1),
  started_at: z.iso.datetime(),
  ids: z.array(EntryId),
  reason: WithdrawalReason,
  recall: z.object({ recall: z.int().positive(), log_index: z.int().nonnegative(), ends_at: z.string() }).optional(),
  /** The release without the entries. */
  withdrawal: z.int().positive().optional(),
  /** The release that keeps no file which carried them; the same one when erasure was asked for from the start. */
  erasure: z.int().positive().optional(),
});
type RecordFile = z.infer<typeof RecordFile>;
export type TakeBackRecord = Readonly<RecordFile>;

export type TakeBackPlan = {
  target: TakeBackTarget;
  record: TakeBackRecord;
  /** An earlier run began this. */
  resumed: boolean;
  /** Members that have the set, as the exchange counts them; null when it cannot say now, which stops nothing. */
  members: number | null;
};

/**
 * Which entries are meant and whom it reaches; nothing is done yet.
 *
 * @throws ExchangeError `not_found` when an entry is not in the set, or the release put none that is still there
 */
export async function planTakeBack(
  context: PublisherContext,
  target: TakeBackTarget,
  reason: WithdrawalReason,
): Promise<TakeBackPlan> {
  const { exchange, setId, now } = context;
  const earlier = await readRecord(context, target);
  const members = await countMembers(context);
  return withOwnSet(context, async ({ copy }) => {
    if (copy === undefined) throw new ExchangeError("copy_missing");
    if (earlier !== undefined && !isBack(earlier, copy)) return { target, record: earlier, resumed: true, members };
    const ids =
      "entries" in target
        ? [...new Set(target.entries)].sort()
        : await findReleasedIds(exchange, setId, copy, target.releases);
    const missing = ids.filter((id) => copy.findRow(id) === undefined).length;
    if (missing > 0 || ids.length === 0) throw new ExchangeError("not_found", { reason: "not_in_the_set", missing });
    const record = RecordFile.parse({ v: 1, started_at: now.toISOString(), ids, reason });
    return { target, record, resumed: false, members };
  });
}

// Withdrawn once and listed again since: that is another mistake, and the old record must not pass for taking it back.
function isBack({ ids, withdrawal }: TakeBackRecord, copy: Copy): boolean {
  if (withdrawal === undefined || copy.current.release <= withdrawal) return false;
  return ids.some((id) => copy.findRow(id) !== undefined);
}

/** Step 1, done before anything that takes time: hits ask for review from here on. Does nothing when it was done. */
export async function recallNow(
  context: PublisherContext,
  { target, record }: TakeBackPlan,
  hours?: number,
): Promise<{ record: TakeBackRecord; recalled: Recalled | undefined }> {
  // One that ran out before the entries were withdrawn protects nobody any more.
  const inForce = record.recall !== undefined && Date.parse(record.recall.ends_at) > context.now.getTime();
  if (inForce || record.withdrawal !== undefined) return { record, recalled: undefined };
  await writeRecord(context, target, record); // from here on, a run that is stopped is gone on with
  const recalled = await recallEntries(context, recallTargetOf(target, record), hours);
  const { recall, log_index, ends_at } = recalled;
  return {
    record: await writeRecord(context, target, { ...record, recall: { recall, log_index, ends_at } }),
    recalled,
  };
}

/** Steps 2 and 3: the release without the entries; with `erase`, one that keeps no file which ever carried them. */
export async function withdrawNow(
  context: PublisherContext,
  { target }: TakeBackPlan,
  record: TakeBackRecord,
  erase: boolean,
): Promise<TakeBackRecord> {
  let next = record;
  if (next.withdrawal === undefined) {
    await finishPending(context);
    const { ids, newest } = await withOwnSet(context, async ({ copy }) => ({
      ids: record.ids.filter((id) => copy?.findRow(id) !== undefined),
      newest: copy?.current.release ?? 1,
    }));
    if (ids.length === 0) {
      // A run before this one was stopped between the release and this record of it.
      next = await writeRecord(context, target, { ...next, withdrawal: newest });
    } else {
      const { release } = await withdrawEntries(context, { ids, values: [], reason: record.reason, erase });
      const erasure = erase ? { erasure: release } : {};
      return writeRecord(context, target, { ...next, withdrawal: release, ...erasure });
    }
  }
  if (!erase || next.erasure !== undefined) return next;
  // The same entries, and no file from before: whatever was withdrawn earlier leaves the holders' disks as well.
  const { release } = await releaseCopy(context, { purpose: "erasure" });
  return writeRecord(context, target, { ...next, erasure: release });
}

/** By id where a recall can name them all: a copy loaded from a snapshot cannot tell releases apart, and would pause more. */
function recallTargetOf(target: TakeBackTarget, { ids }: TakeBackRecord): RecallTarget {
  if ("entries" in target || ids.length <= RECALL_LIST_MAX_IDS) return { entries: ids };
  return { releases: target.releases };
}

async function countMembers({ exchange, setId }: PublisherContext): Promise<number | null> {
  try {
    return (await exchange.getApplied(setId, 1)).members.length;
  } catch (error) {
    // That nobody can be counted is no reason to leave a mistake out there.
    if (error instanceof ExchangeError) return null;
    throw error;
  }
}

type Row = { applied: number; waiting: AppliedAnswer["releases"][number]["waiting"] };
export type Bar = {
  step: "recall" | "withdrawal" | "erasure";
  number: number;
  done: number;
  of: number;
  late: { member: string; title: string; last_seen_at: string }[];
  waiting: number;
  due_at: string | null;
  /** What the exchange itself has destroyed; null before it did, and for the other steps. */
  destroyed: { blobs: number; rows: number } | null;
};

/** How far each step has come; a later release or recall counts for the earlier one. */
export function barsOf(record: TakeBackRecord, applied: AppliedAnswer): Bar[] {
  const bars: Bar[] = [];
  if (record.recall !== undefined) {
    const number = record.recall.recall;
    const row = applied.recalls.find(({ recall }) => recall === number);
    const held = applied.members.filter(({ recall }) => recall >= number).length;
    bars.push(barOf("recall", number, row ?? countedRow(applied, held), row?.due_at ?? null, null));
  }
  for (const step of ["withdrawal", "erasure"] as const) {
    const number = record[step];
    if (number === undefined) continue;
    const row = applied.releases.find(({ release }) => release === number);
    const held = applied.members.filter(({ release }) => release >= number).length;
    const destroyed = step === "erasure" ? (row?.purged ?? null) : null;
    bars.push(barOf(step, number, row ?? countedRow(applied, held), row?.due_at ?? null, destroyed));
  }
  return bars;
}

// Too far back for the answer to list it: what each member says it has is enough to count by.
function countedRow(applied: AppliedAnswer, held: number): Row & { of: number } {
  return { applied: held, waiting: [], of: applied.members.length };
}

function barOf(
  step: Bar["step"],
  number: number,
  row: Row & { of?: number },
  dueAt: string | null,
  destroyed: { blobs: number; rows: number } | null,
): Bar {
  const late = row.waiting.filter((one) => one.late);
  return {
    step,
    number,
    done: row.applied,
    of: row.of ?? row.applied + row.waiting.length,
    late: late.map(({ member, title, last_seen_at }) => ({ member, title, last_seen_at })),
    waiting: row.waiting.length,
    due_at: dueAt,
    destroyed: destroyed && { blobs: destroyed.blobs, rows: destroyed.rows },
  };
}

export function isDone(bars: readonly Bar[]): boolean {
  return bars.every(({ done, of }) => done >= of);
}

function recordPath({ stateDir, setId }: PublisherContext, target: TakeBackTarget): string {
  const key =
    "entries" in target ? { entries: [...new Set(target.entries)].sort() } : { releases: [...target.releases] };
  const name = createHash("sha256").update(jcs(key)).digest("hex").slice(0, 32);
  return join(setDir(stateDir, setId), "take-backs", `${name}.json`);
}

async function readRecord(context: PublisherContext, target: TakeBackTarget): Promise<TakeBackRecord | undefined> {
  const bytes = await readIfThere(recordPath(context, target));
  if (bytes === undefined) return undefined;
  try {
    return RecordFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new ExchangeError("copy_damaged", { reason: "take_back" }, { cause });
  }
}

async function writeRecord(
  context: PublisherContext,
  target: TakeBackTarget,
  record: TakeBackRecord,
): Promise<TakeBackRecord> {
  await writePrivateFile(recordPath(context, target), `${JSON.stringify(record)}\n`);
  return record;
}
