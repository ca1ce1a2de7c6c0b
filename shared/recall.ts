/** The recall: a signed, numbered, short-lived word that hits on some entries are for a person to look at, never to block. */

import { z } from "zod";
import type { Bytes, Digest as DigestText } from "./bytes.ts";
import { utf8Of } from "./bytes.ts";
import { openEnvelope, signEnvelope } from "./envelope.ts";
import { Digest, EntryId, type Kid, Publisher, SetName } from "./ids.ts";
import { jcs, parseJcs } from "./jcs.ts";
import type { SigningKey } from "./keys.ts";
import { ExchangeError } from "./problem.ts";
import { RECALL_LIST_MAX_BYTES, RECALL_LIST_MAX_PLAIN_BYTES } from "./recall-list.ts";
import { type OpenedRoot, roleKeys } from "./root.ts";
import {
  CLOCK_SKEW_SECONDS,
  Counter,
  closed,
  type ObjectOf,
  open,
  type ParseOptions,
  parseWith,
  refuse,
  Seconds,
} from "./schema.ts";

/** Long enough for a weekend, short enough that a thief of a release key pauses blocking for days and not for good. */
export const RECALL_LIFETIME_MAX_SECONDS = 72 * 60 * 60;
/** Ids in the statement itself: with fifteen signatures they still fit an envelope. More go into a list blob. */
export const RECALL_ENTRIES_MAX = 256;

const isSorted = (ids: readonly string[]) => ids.every((id, i) => i === 0 || (ids[i - 1] as string) < id);

function recallSchema(object: ObjectOf) {
  return object({
    entries: z.array(EntryId).min(1).max(RECALL_ENTRIES_MAX).refine(isSorted, "sorted, each once").optional(),
    exp: Seconds,
    iat: Seconds,
    list: Digest.optional(),
    list_plain: z.int().positive().max(RECALL_LIST_MAX_PLAIN_BYTES).optional(),
    list_size: z.int().positive().max(RECALL_LIST_MAX_BYTES).optional(),
    publisher: Publisher,
    recall: Counter,
    releases: z.tuple([Counter, Counter]).optional(),
    root: Counter,
    set: SetName,
  }).superRefine(checkRecall);
}

type RecallShape = {
  entries?: string[] | undefined;
  exp: number;
  iat: number;
  list?: string | undefined;
  list_plain?: number | undefined;
  list_size?: number | undefined;
  releases?: [number, number] | undefined;
};

function checkRecall(
  { entries, exp, iat, list, list_plain, list_size, releases }: RecallShape,
  context: z.RefinementCtx,
) {
  // One way of saying which entries: two could disagree.
  const ways = [entries, list, releases].filter((way) => way !== undefined).length;
  if (ways !== 1) refuse(context, "entries", "exactly one of entries, list, releases");
  // As for a manifest, the sizes are signed with the digest, so that nobody can be sent more than was meant.
  const sized = list_plain !== undefined && list_size !== undefined;
  const unsized = list_plain === undefined && list_size === undefined;
  if (list === undefined ? !unsized : !sized) refuse(context, "list", "with list_plain and list_size");
  if (releases !== undefined && releases[0] > releases[1]) refuse(context, "releases", "from above to");
  if (exp <= iat || exp - iat > RECALL_LIFETIME_MAX_SECONDS) refuse(context, "exp", "lifetime", "recall_lifetime");
}

export const Recall = recallSchema(closed);
export type Recall = z.output<typeof Recall>;
const TolerantRecall = recallSchema(open);

/** A recall with its digest: what the next one's number is held against. */
export type RecallLink = { recall: Recall; digest: DigestText };
export type OpenedRecall = RecallLink & { bytes: Bytes; kids: Kid[] };

/** The bytes that are signed. @throws ExchangeError `recall_invalid`, `recall_lifetime` */
export function recallBytes(recall: Recall): Bytes {
  return utf8Of(jcs(parseWith(Recall, recall, "recall_invalid")));
}

/** Recall bytes that are not signed yet (exchange custody). @throws `jcs_invalid`, `recall_invalid`, `recall_lifetime` */
export function parseRecall(bytes: Uint8Array, { strict = true }: ParseOptions = {}): Recall {
  return parseWith(strict ? Recall : TolerantRecall, parseJcs(bytes), "recall_invalid");
}

export async function signRecall(recall: Recall, keys: readonly SigningKey[]): Promise<Bytes> {
  return signEnvelope("bw-recall+jws", parseWith(Recall, recall, "recall_invalid"), keys);
}

type OpenOptions = ParseOptions & {
  /** Roots before the current one, to tell a revoked key from a stranger's. */
  former?: readonly OpenedRoot[];
};

/**
 * Verify a recall by its publisher's current root, then parse it. It may name an earlier version: a rotation that keeps
 * the key does not end a recall, and one that drops the key ends it at once, wherever the new root is known.
 *
 * @throws ExchangeError what openEnvelope throws, `recall_key_revoked`, `recall_invalid`, `recall_lifetime`,
 *   `publisher_mismatch`, `recall_root` (names a root that is not known yet)
 */
export async function openRecall(
  bytes: Uint8Array,
  root: OpenedRoot,
  { strict = true, former = [] }: OpenOptions = {},
): Promise<OpenedRecall> {
  const opened = await openByRelease(bytes, root).catch(async (error: unknown) => {
    if (!(error instanceof ExchangeError) || error.code !== "envelope_kid_unknown") throw error;
    for (const one of former) {
      const isFormers = await openByRelease(bytes, one).then(
        () => true,
        () => false,
      );
      if (isFormers) throw new ExchangeError("recall_key_revoked", { have: root.root.version }, { cause: error });
    }
    throw error;
  });
  const recall = parseWith(strict ? Recall : TolerantRecall, opened.payload, "recall_invalid");
  if (recall.publisher !== root.root.publisher) throw new ExchangeError("publisher_mismatch");
  if (recall.root > root.root.version) {
    throw new ExchangeError("recall_root", { have: root.root.version, got: recall.root });
  }
  return { recall, digest: opened.digest, kids: opened.kids, bytes: Uint8Array.from(bytes) };
}

function openByRelease(bytes: Uint8Array, root: OpenedRoot) {
  return openEnvelope(bytes, "bw-recall+jws", roleKeys(root, "release"), root.root.roles.release.threshold);
}

/**
 * Does a recall follow the one held? The exchange refuses one that does not. A subscriber applies what verifies all the
 * same (taking back waits for nothing), fetches the numbers between, and reports a gap that stays.
 *
 * @returns "same" when it is the very statement that is held
 * @throws ExchangeError `recall_rollback`, `recall_fork`, `recall_gap`, `recall_invalid` when it is another set's
 */
export function checkNextRecall(previous: RecallLink | undefined, next: RecallLink): "next" | "same" {
  const have = previous?.recall.recall ?? 0;
  const got = next.recall.recall;
  if (previous !== undefined && !isSameSet(previous.recall, next.recall)) {
    throw new ExchangeError("recall_invalid", { path: "/set" });
  }
  if (got === have) {
    if (next.digest === previous?.digest) return "same";
    throw new ExchangeError("recall_fork", { have, got });
  }
  if (got < have) throw new ExchangeError("recall_rollback", { have, got });
  if (got > have + 1) throw new ExchangeError("recall_gap", { have, got });
  return "next";
}

function isSameSet(a: Recall, b: Recall): boolean {
  return a.publisher === b.publisher && a.set === b.set;
}

/** @param now - integer seconds. @throws ExchangeError `recall_time` (from the future), `recall_expired` */
export function checkRecallTimes({ iat, exp }: Recall, now: number): void {
  if (iat > now + CLOCK_SKEW_SECONDS) throw new ExchangeError("recall_time", { iat });
  if (exp <= now) throw new ExchangeError("recall_expired", { exp });
}

/** Whether a recall has effect at this moment: from its time until `exp`. */
export function isRecallInForce({ iat, exp }: Recall, now: number): boolean {
  return iat <= now + CLOCK_SKEW_SECONDS && now < exp;
}

/**
 * An entry as a copy holds it. `release` put it there; a copy that was loaded from a snapshot only knows that the
 * snapshot's release or an earlier one did, and says `earliest: 1`.
 */
export type RecallableEntry = { id: string; release: number; earliest?: number };

/**
 * Does a recall cover an entry? While it is in force, a hit on such an entry asks for review and never blocks; nothing
 * is deleted. In doubt (a release known only as a range) it does.
 *
 * @param listed - the ids of the recall's list blob; a `list` recall without them covers everything: it is known that
 *   entries are wrong, and not yet which
 */
export function recallCovers(
  recall: Pick<Recall, "entries" | "list" | "releases">,
  entry: RecallableEntry,
  listed?: ReadonlySet<string>,
): boolean {
  if (recall.entries !== undefined) return recall.entries.includes(entry.id as EntryId);
  if (recall.list !== undefined) return listed === undefined || listed.has(entry.id);
  const [from, to] = recall.releases ?? [1, Number.MAX_SAFE_INTEGER];
  return (entry.earliest ?? entry.release) <= to && entry.release >= from;
}
