/** How fresh what is matched with is: the answer to `/healthz`, and the gauges of `/metrics`. */

import type { Health } from "@breakwater/shared/wire/match.ts";
import type { Matcher } from "../match/index.ts";

/** Unhealthy: a set has not been verified for too long, a copy cannot be used, or there is nothing to match with. */
export function healthOf(matcher: Pick<Matcher, "sets" | "unusable">, maxAgeSeconds: number, now: Date): Health {
  const sets = matcher.sets(now).map(({ set, kind, release, entries, verifiedAt, stale, state }) => {
    const age = Math.max(0, Math.round((now.getTime() - Date.parse(verifiedAt)) / 1000));
    return {
      set,
      kind,
      release,
      entries,
      verified_at: verifiedAt,
      age_s: age,
      fresh: age <= maxAgeSeconds,
      state,
      for_review: stale,
    };
  });
  const unusable = matcher.unusable();
  const oldest = sets.length === 0 ? null : Math.max(...sets.map(({ age_s }) => age_s));
  const ok = sets.length > 0 && unusable.length === 0 && sets.every(({ fresh }) => fresh);
  return { ok, oldest_s: oldest, max_age_s: maxAgeSeconds, sets, unusable };
}
