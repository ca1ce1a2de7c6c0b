/** How fresh what is matched with is: the answer to `/healthz`, and the gauges of `/metrics`. */

import type { Health } from "@breakwater/shared/wire/match.ts";
import type { Matcher } from "../match/index.ts";

const CLOCK_BEHIND =
  "This machine's clock is before the time when the copy was last verified, so nobody can say how old it is: hits ask for review. Set the clock.";

/** Unhealthy: a set has not been verified for too long, a copy cannot be used, or there is nothing to match with. */
export function healthOf(matcher: Pick<Matcher, "sets" | "unusable">, maxAgeSeconds: number, now: Date): Health {
  const sets = matcher.sets(now).map(({ set, kind, release, entries, verifiedAt, stale, clockBehind, state }) => {
    const age = clockBehind ? null : Math.max(0, Math.round((now.getTime() - Date.parse(verifiedAt)) / 1000));
    return {
      set,
      kind,
      release,
      entries,
      verified_at: verifiedAt,
      age_s: age,
      fresh: age !== null && age <= maxAgeSeconds,
      state,
      for_review: stale,
      ...(clockBehind ? { why: CLOCK_BEHIND } : {}),
    };
  });
  const unusable = matcher.unusable();
  const ages = sets.flatMap(({ age_s }) => (age_s === null ? [] : [age_s]));
  const oldest = ages.length === 0 ? null : Math.max(...ages);
  const ok = sets.length > 0 && unusable.length === 0 && sets.every(({ fresh }) => fresh);
  return { ok, oldest_s: oldest, max_age_s: maxAgeSeconds, sets, unusable };
}
