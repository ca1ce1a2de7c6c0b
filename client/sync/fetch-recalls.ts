/** Recalls from the exchange's own feed: before a checkpoint covers them, and where the log cannot be read at all. */

import { utf8Of } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { checkRecallTimes, type OpenedRecall, openRecall } from "@breakwater/shared/recall.ts";
import { decodeRecallList } from "@breakwater/shared/recall-list.ts";
import { type OpenedRoot, openRoot } from "@breakwater/shared/root.ts";
import { keepListed, readRecalls, refuseRecall, statementOf, takeRecalls } from "./recalls.ts";
import type { Notice, SyncContext } from "./sync-set.ts";

/** Numbers that are missing are asked for one by one; more than this is an exchange that makes us work. */
const GAP_MAX = 16;
/** Rotations between the last readable checkpoint and a recall. */
const ROTATIONS_MAX = 8;

/**
 * @param roots - the publisher's, oldest first
 * @param announced - the number that came with the head; undefined when there was no head to look at
 * @returns what a person should know; a feed that does not answer is no news
 */
export async function fetchRecalls(
  context: SyncContext,
  roots: readonly OpenedRoot[],
  announced?: number,
): Promise<Notice[]> {
  const { source, stateDir, setId, now } = context;
  const before = await readRecalls(stateDir, setId);
  const held = new Set(before.held.map(({ digest }) => digest));
  const answer = await orNothing(() => source.listRecalls(setId));
  if (answer === undefined) return [];
  const opened: OpenedRecall[] = [];
  for (const { digest, envelope } of answer.recalls) {
    if (held.has(digest)) continue;
    const recall = await judge(context, roots, utf8Of(envelope), digest);
    if (recall !== undefined) opened.push(recall);
  }
  const missing = await fetchBetween(context, roots, before.newest, announced ?? answer.recall, opened);
  if (opened.length > 0) {
    const taken = opened.map((one) => ({ opened: one }));
    await takeRecalls(stateDir, setId, taken, now);
  }
  return missing.map((recall) => ({ code: "recall_gap" as const, detail: { recall } }));
}

/** The numbers that were given out and are not in the list: ended ones are still to be had, hidden ones are not. */
async function fetchBetween(
  context: SyncContext,
  roots: readonly OpenedRoot[],
  newest: number,
  announced: number,
  opened: OpenedRecall[],
): Promise<number[]> {
  const missing: number[] = [];
  const known = new Set(opened.map(({ recall }) => recall.recall));
  for (let number = Math.max(newest + 1, announced - GAP_MAX + 1); number <= announced; number++) {
    if (known.has(number)) continue;
    const bytes = await orNothing(() => context.source.findRecall(context.setId, number));
    const recall = bytes && (await judge(context, roots, bytes, `number-${number}`));
    if (recall === undefined) missing.push(number);
    else opened.push(recall);
  }
  return missing;
}

async function judge(
  context: SyncContext,
  roots: readonly OpenedRoot[],
  bytes: Uint8Array,
  name: string,
): Promise<OpenedRecall | undefined> {
  const { stateDir, setId, now } = context;
  try {
    const opened = await openByNewest(context, roots, bytes);
    if (opened.recall.publisher !== setId.publisher || opened.recall.set !== setId.set) {
      throw new ExchangeError("recall_invalid", { path: "/set" });
    }
    checkUntimely(opened, now);
    return opened;
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    await refuseRecall(stateDir, setId, { code: error.code, what: name.replaceAll(/[^\w-]/g, "-"), bytes }, now);
    return undefined;
  }
}

function checkUntimely({ recall }: OpenedRecall, now: Date): void {
  try {
    checkRecallTimes(recall, Math.floor(now.getTime() / 1000));
  } catch (error) {
    // One that has ended is only a number that was used.
    if (!(error instanceof ExchangeError) || error.code !== "recall_expired") throw error;
  }
}

/** The log may be unreadable while keys change: newer roots are then taken by the chain of signatures, for this alone. */
async function openByNewest(
  { source, setId }: SyncContext,
  roots: readonly OpenedRoot[],
  bytes: Uint8Array,
): Promise<OpenedRecall> {
  const known = [...roots];
  for (let step = 0; ; step++) {
    const newest = known[known.length - 1] as OpenedRoot;
    try {
      return await openRecall(bytes, newest, { strict: false, former: known.slice(0, -1) });
    } catch (error) {
      const isNewer = error instanceof ExchangeError && NEWER.has(error.code);
      if (!isNewer || step >= ROTATIONS_MAX) throw error;
      const next = await orNothing(() => source.findRoot(setId.publisher, newest.root.version + 1));
      if (next === undefined) throw error;
      known.push(await openRoot(next, newest, { strict: false }));
    }
  }
}

const NEWER = new Set(["recall_root", "envelope_kid_unknown"]);

/** Lists of ids that recalls name. Until one is here its recall covers the whole set. */
export async function fetchLists({ source, stateDir, setId, now }: SyncContext): Promise<void> {
  const { held } = await readRecalls(stateDir, setId);
  for (const one of held) {
    const { list, list_plain: plain, list_size: size, ...place } = statementOf(one);
    if (list === undefined || plain === undefined || size === undefined || one.listed !== undefined) continue;
    const ids = await orNothing(async () =>
      decodeRecallList(await source.getBlob(list, size), { digest: list, size, plain }, place, { strict: false }),
    );
    if (ids !== undefined) await keepListed(stateDir, setId, one.digest, ids, now);
  }
}

async function orNothing<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}
