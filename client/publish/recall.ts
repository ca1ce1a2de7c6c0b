/** Recalling: a signed word that hits on some entries are for a person to look at, sent before anything else is done. */

import { type Digest, digestOf, hexOf } from "@breakwater/shared/bytes.ts";
import { parseEntryId } from "@breakwater/shared/ids.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import {
  RECALL_ENTRIES_MAX,
  RECALL_LIFETIME_MAX_SECONDS,
  type Recall,
  recallBytes,
  signRecall,
} from "@breakwater/shared/recall.ts";
import { encodeRecallList, RECALL_LIST_MAX_IDS, type RecallListPlace } from "@breakwater/shared/recall-list.ts";
import { SALT_BYTES } from "@breakwater/shared/segment.ts";
import type { RecallAnswer } from "@breakwater/shared/wire/recalls.ts";
import { updateRoots } from "../sync/roots.ts";
import { noteStatement } from "./journal.ts";
import { findSigner, type PublisherContext } from "./own-set.ts";
import {
  dropPendingRecall,
  findPendingRecall,
  type PendingRecall,
  readLastRecall,
  writeLastRecall,
  writePendingRecall,
} from "./pending-recall.ts";
import { mayWorkLater } from "./send.ts";

export const RECALL_HOURS_MAX = RECALL_LIFETIME_MAX_SECONDS / 3600;
/** Another machine may take the number in between, a few times at most. */
const NUMBER_ATTEMPTS = 3;
const NUMBER_TAKEN = new Set(["recall_fork", "recall_gap", "recall_rollback"]);

/** Ids in any order, or the releases from … to (both included) that put the entries. */
export type RecallTarget = { entries: readonly string[] } | { releases: readonly [from: number, to: number] };
export type Recalled = RecallAnswer & {
  /** These bytes were signed by an earlier run that could not send them. */
  resumed: boolean;
};

/**
 * Signs and posts a recall. It needs the root and the newest number, and nothing of the set itself: neither a copy that is
 * behind nor one that is held stands in its way.
 *
 * @param hours - how long hits ask for review, at most {@link RECALL_HOURS_MAX}
 * @throws ExchangeError `usage_invalid`, `key_invalid`, `root_pin`, and what the exchange refuses
 */
export async function recallEntries(
  context: PublisherContext,
  target: RecallTarget,
  hours: number = RECALL_HOURS_MAX,
): Promise<Recalled> {
  if (!Number.isInteger(hours) || hours < 1 || hours > RECALL_HOURS_MAX) {
    throw new ExchangeError("recall_lifetime", { hours_max: RECALL_HOURS_MAX });
  }
  const wanted = targetKey(target);
  const earlier = await finishPendingRecall(context);
  if (earlier !== undefined && earlier.target === wanted) return { ...earlier.answer, resumed: true };
  for (let attempt = 1; ; attempt++) {
    const pending = await composeRecall(context, target, wanted, hours);
    try {
      return { ...(await sendRecall(context, pending)), resumed: false };
    } catch (error) {
      const taken = error instanceof ExchangeError && NUMBER_TAKEN.has(error.code);
      if (!taken || attempt >= NUMBER_ATTEMPTS) throw error;
    }
  }
}

/** Posts what an earlier run signed. What can never be accepted any more is dropped, and the caller signs anew. */
export async function finishPendingRecall(
  context: PublisherContext,
): Promise<{ target: string; answer: RecallAnswer } | undefined> {
  const { stateDir, setId, now } = context;
  const pending = await findPendingRecall(stateDir, setId);
  if (pending === undefined) return undefined;
  if (Date.parse(pending.ends_at) <= now.getTime()) {
    await dropPendingRecall(stateDir, setId);
    return undefined;
  }
  try {
    return { target: pending.target, answer: await sendRecall(context, pending) };
  } catch (error) {
    if (error instanceof ExchangeError && !mayWorkLater(error)) return undefined;
    throw error;
  }
}

async function composeRecall(
  context: PublisherContext,
  target: RecallTarget,
  wanted: string,
  hours: number,
): Promise<PendingRecall> {
  const { exchange, stateDir, setId, pin, now, random } = context;
  if (pin === undefined) throw new ExchangeError("root_pin", { reason: "not_pinned" });
  const root = await updateRoots(exchange, stateDir, setId.publisher, pin);
  const { custody, keys } = await findSigner(context, root);
  const number = await nextNumber(context);
  const iat = Math.floor(now.getTime() / 1000);
  const { list, members } = await membersOf(target, { ...setId, recall: number }, random);
  const place = { ...setId, recall: number, root: root.root.version };
  const recall: Recall = { exp: iat + hours * 3600, iat, ...place, ...members };
  const bytes = recallBytes(recall);
  return writePendingRecall(stateDir, setId, {
    recall: number,
    digest: await digestOf(bytes),
    signed_by: custody,
    target: wanted,
    ends_at: new Date(recall.exp * 1000).toISOString(),
    body: custody === "member" ? await signRecall(recall, keys) : bytes,
    ...(list === undefined ? {} : { list }),
  });
}

async function sendRecall(context: PublisherContext, pending: PendingRecall): Promise<RecallAnswer> {
  const { exchange, profileDir, stateDir, setId, now } = context;
  await noteStatement(profileDir, {
    at: now.toISOString(),
    how: pending.signed_by === "member" ? "signed" : "asked",
    typ: "bw-recall+jws",
    ...setId,
    number: pending.recall,
    digest: pending.digest,
  });
  try {
    if (pending.list !== undefined) await exchange.putBlob(pending.list.digest, pending.list.bytes);
    const answer = await exchange.postRecall(setId, pending.body, pending.signed_by);
    // An exchange that signs could sign something else: what counts is what was composed here.
    if (answer.digest !== pending.digest) throw new ExchangeError("recall_fork", { got: answer.recall });
    await writeLastRecall(stateDir, setId, answer.recall);
    await dropPendingRecall(stateDir, setId);
    return answer;
  } catch (error) {
    if (error instanceof ExchangeError && !mayWorkLater(error)) await dropPendingRecall(stateDir, setId);
    throw error;
  }
}

/** One above the exchange's newest, which may not be below what it took from this machine before. */
async function nextNumber({ exchange, stateDir, setId }: PublisherContext): Promise<number> {
  const { recall: newest } = await exchange.listRecalls(setId);
  const have = await readLastRecall(stateDir, setId);
  if (newest < have) throw new ExchangeError("recall_rollback", { have, got: newest });
  return newest + 1;
}

type Members = Partial<Pick<Recall, "entries" | "releases" | "list" | "list_size" | "list_plain">>;
type ListBlob = { digest: Digest; bytes: Uint8Array };

async function membersOf(
  target: RecallTarget,
  place: RecallListPlace,
  random: PublisherContext["random"],
): Promise<{ members: Members; list?: ListBlob }> {
  if ("releases" in target) return { members: { releases: [...target.releases] } };
  const ids = [...new Set(target.entries)].sort().map(parseEntryId);
  if (ids.length === 0) throw new ExchangeError("usage_invalid", { reason: "name_at_least_one_entry" });
  if (ids.length <= RECALL_ENTRIES_MAX) return { members: { entries: ids } };
  if (ids.length > RECALL_LIST_MAX_IDS) {
    throw new ExchangeError("usage_invalid", { reason: "too_many_entries_name_releases", max: RECALL_LIST_MAX_IDS });
  }
  const list = await encodeRecallList(place, ids, hexOf(random(SALT_BYTES)));
  return { members: { list: list.digest, list_size: list.size, list_plain: list.plain }, list };
}

function targetKey(target: RecallTarget): string {
  return jcs(
    "releases" in target ? { releases: [...target.releases] } : { entries: [...new Set(target.entries)].sort() },
  );
}
