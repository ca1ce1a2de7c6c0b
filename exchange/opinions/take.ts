/** A batch of opinions from a member, once: what it may speak of is kept, what it may not is left out and said. */

import { digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import {
  OPINION_AHEAD_DAYS,
  OPINION_MAX_AGE_DAYS,
  type OpinionItem,
  type OpinionsAnswer,
  type OpinionsRequest,
} from "@breakwater/shared/wire/opinions.ts";
import type { Caller } from "../platform/caller.ts";
import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { takeRate } from "../platform/rates.ts";
import { type SetRow, subjectOf } from "../sets/index.ts";
import { opinionsTaken } from "./events.ts";
import { OPINION_BATCHES } from "./limits.ts";
import { findBatch, listKnownEntries, saveBatch, saveItems } from "./store.ts";

const DAY_MS = 86_400_000;

/**
 * @param set - one that the caller may read
 * @throws ExchangeError `opinion_own`, `opinions_batch`, `rate_limited`
 */
export async function takeOpinions(
  deps: Deps,
  caller: Caller,
  set: SetRow,
  request: OpinionsRequest,
): Promise<OpinionsAnswer> {
  // Its word on its own list is the list.
  if (caller.publisher === set.publisher) throw new ExchangeError("opinion_own");
  await takeRate(deps, OPINION_BATCHES, caller.memberId);
  const digest = await digestOf(utf8Of(jcs({ items: request.items, set: set.id })));
  const batch = { memberId: caller.memberId, batchId: request.batch_id, setId: set.id, digest };
  const now = deps.now();
  return transaction(deps, async (tx) => {
    const before = await findBatch(tx, batch);
    if (before !== undefined) {
      if (before.digest !== digest) throw new ExchangeError("opinions_batch");
      return before.answer;
    }
    const known = await listKnownEntries(tx, set, entriesOf(request.items));
    const ignored: OpinionsAnswer["ignored"] = [];
    const kept: OpinionItem[] = [];
    request.items.forEach((item, at) => {
      const code = refusalOf(item, { known, head: set.headRelease, nowMs: now.getTime() });
      if (code === undefined) kept.push(notAhead(item, now));
      else ignored.push({ at, code });
    });
    await saveItems(tx, { setId: set.id, memberId: caller.memberId }, kept);
    const answer: OpinionsAnswer = { accepted: kept.length, ignored };
    await saveBatch(tx, batch, answer, now);
    opinionsTaken(deps.events, { set: subjectOf(set.id), accepted: kept.length, ignored: ignored.length });
    return answer;
  });
}

function entriesOf(items: readonly OpinionItem[]): string[] {
  return [...new Set(items.flatMap((item) => item.entry ?? []))];
}

/** A clock that is ahead would otherwise keep out the member's own next word until it has come true. */
function notAhead(item: OpinionItem, now: Date): OpinionItem {
  return "at" in item && Date.parse(item.at) > now.getTime() ? { ...item, at: now.toISOString() } : item;
}

type Known = { known: ReadonlySet<string>; head: number; nowMs: number };
type Refusal = OpinionsAnswer["ignored"][number]["code"];

/** Why an item is left out: about something that never was here, or of a time that cannot be. */
function refusalOf(item: OpinionItem, { known, head, nowMs }: Known): Refusal | undefined {
  if (item.entry !== undefined && !known.has(item.entry)) return "entry_unknown";
  if ("release" in item && item.release !== undefined && item.release > head) return "release_unknown";
  const at = Date.parse("at" in item ? item.at : item.day);
  if (at < nowMs - (OPINION_MAX_AGE_DAYS + 1) * DAY_MS) return "too_old";
  if (at > nowMs + OPINION_AHEAD_DAYS * DAY_MS) return "from_the_future";
  return undefined;
}
