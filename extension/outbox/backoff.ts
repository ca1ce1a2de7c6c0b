// When a report that did not get through is tried again.

export const FIRST_WAIT_MS = 30_000;
export const LONGEST_WAIT_MS = 60 * 60_000;
/** An urgent report is never put off for longer; the laptop may be closed before the next try. */
export const LONGEST_WAIT_URGENT_MS = 2 * 60_000;
const SHORTEST_WAIT_MS = 5_000;
const DOUBLINGS_MAX = 20;

/**
 * Full jitter: a random part of 30 s · 2ⁿ, so that devices which lost the same network do not return at once.
 *
 * @param attempts - tries made so far, at least 1
 * @param random - 0 ≤ value < 1
 * @param retryAfterMs - what the exchange asked for; kept to, except that an urgent report waits two minutes at most
 */
export function waitBeforeNextTry(
  { attempts, urgent, retryAfterMs }: { attempts: number; urgent: boolean; retryAfterMs?: number },
  random: () => number,
): number {
  const longest = urgent ? LONGEST_WAIT_URGENT_MS : LONGEST_WAIT_MS;
  const ceiling = Math.min(longest, FIRST_WAIT_MS * 2 ** Math.min(Math.max(attempts - 1, 0), DOUBLINGS_MAX));
  const jittered = Math.max(SHORTEST_WAIT_MS, Math.round(ceiling * random()));
  return Math.min(longest, Math.max(jittered, retryAfterMs ?? 0));
}

/** `Retry-After`: seconds, or a date. Anything else says nothing. */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,7}$/.test(value.trim())) return Number(value.trim()) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
