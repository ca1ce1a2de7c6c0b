/** From what was found and what was decided about it to the hit that a caller is told (shared/wire/match.ts). */

import type { Hit, MatchAction, MatchHashes } from "@breakwater/shared/wire/match.ts";
import type { Acted, Found as ActedOn } from "../controls/acting.ts";
import type { Found } from "./found.ts";
import { EXACT_ALGS } from "./hash-index.ts";
import { describeNext } from "./next.ts";
import { restsOnWeakDigest } from "./weak-digest.ts";

type Asks = Pick<Hit, "requested_action" | "report_duty" | "age_confirmed">;

/** Words and addresses carry no duty of their own: whether one arises depends on what they stand in. */
function asksOf(found: Found): Asks {
  if (found.kind === "hash") {
    const { requested_action, report_duty, age_confirmed } = found.entry;
    return { requested_action, report_duty, age_confirmed: age_confirmed !== undefined };
  }
  const requested = found.kind === "term" ? found.entry.action : found.entry.requested_action;
  return { requested_action: requested, report_duty: "check", age_confirmed: false };
}

/**
 * @param content - the caller's own reference, or one made up for this item
 * @param beside - everything that was found for the same content
 */
export function candidateOf(
  found: Found,
  content: string,
  digests: readonly string[],
  beside: readonly Found[],
): ActedOn {
  const { set, publisher, entry, release, origin, kind, level, recalled, newPublisher, test, distance } = found;
  return {
    set,
    publisher,
    entry: entry.id,
    release,
    origin,
    kind,
    level,
    stale: found.stale,
    clockBehind: found.clockBehind,
    recalled: recalled !== undefined,
    test,
    newPublisher,
    weakDigest: restsOnWeakDigest(found, beside),
    requested_action: asksOf(found).requested_action,
    human_review: entry.human_review,
    content,
    digests,
    ...(distance === undefined ? {} : { distance }),
  };
}

export function hitOf(found: Found, { action, why, hit_ref }: Acted, country: string | undefined): Hit {
  const { entry, kind, how, distance, publisher, release, set, test, tlp, recalled } = found;
  const asks = asksOf(found);
  const next = describeNext({
    action,
    why,
    requested: asks.requested_action,
    reportDuty: asks.report_duty,
    humanReview: entry.human_review,
    isTerm: kind === "term",
    country,
    recalledUntil: recalled?.until,
  });
  return {
    hit_ref,
    set,
    publisher,
    entry: entry.id,
    release,
    kind,
    how,
    ...(distance === undefined ? {} : { distance }),
    verification: entry.verification,
    ...asks,
    human_review: entry.human_review,
    handling: `TLP:${tlp}`,
    action,
    ...(why === undefined ? {} : { why_not_block: why }),
    ...(recalled === undefined ? {} : { recalled }),
    next,
    test,
  };
}

/** As the allow-list is asked: `alg:hex` of the content. */
export function digestsOf(hashes: MatchHashes | undefined): string[] {
  if (hashes === undefined) return [];
  const exact = EXACT_ALGS.flatMap((alg) => (hashes[alg] === undefined ? [] : [`${alg}:${hashes[alg]}`]));
  return hashes.pdq === undefined ? exact : [...exact, `pdq:${hashes.pdq.hash}`];
}

const STRONGEST_FIRST: Record<MatchAction, number> = { block: 0, review: 1, observe: 2 };

export function byAction(a: Hit, b: Hit): number {
  return STRONGEST_FIRST[a.action] - STRONGEST_FIRST[b.action] || (a.distance ?? -1) - (b.distance ?? -1);
}
