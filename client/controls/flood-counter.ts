/**
 * Counting hits against a target's own past: when does one entry, release or publisher hit far more often than it used to?
 * Pure; time is passed in as whole minutes.
 *
 *     n = hits in the last FLOOD_WINDOW_MIN minutes
 *     b = hits that the past made likely in such a window: an exponentially weighted mean of all earlier minutes, whose
 *         weight halves in BASELINE_HALF_LIFE_MIN, divided by the weight of the minutes that were watched at all
 *     flood, if n ≥ FLOOD_MIN[scope] and n > FLOOD_TIMES · b
 *
 * A target that was never seen has b = 0 and floods at FLOOD_MIN: nobody knows it to be normal. Below FLOOD_MIN nothing
 * ever floods, whatever its past.
 */

import type { FloodScope } from "@breakwater/shared/vocab/opinions.ts";

export const FLOOD_WINDOW_MIN = 10;
export const FLOOD_TIMES = 10;
/** Hits in a window. A picture that is passed around in a raid is not yet a flood; a mistake in a list soon is. */
export const FLOOD_MIN: Record<FloodScope, number> = { entry: 100, release: 300, publisher: 1_000 };
/** Three and a half days: a week's rhythm shows, and last month's spike does not excuse today's. */
export const BASELINE_HALF_LIFE_MIN = 5_040;
const DECAY = 2 ** (-1 / BASELINE_HALF_LIFE_MIN);
/** Targets counted at a time. The one that was hit longest ago makes room: it is in no flood. */
export const FLOOD_KEYS_MAX = 100_000;

export type Judged = { count: number; expected: number; isFlood: boolean };

export type FloodCounter = {
  /** A hit of that minute; one that comes late counts where it belongs. */
  add(key: string, minute: number): void;
  judge(key: string, scope: FloodScope, minute: number): Judged;
  /** The first minute that was watched, when it is earlier than what is known. */
  watchedSince(minute: number): void;
  size(): number;
};

type Tally = {
  /** Hits a minute, of the minutes `from` up to `from + FLOOD_WINDOW_MIN - 1`. */
  window: number[];
  from: number;
  /** Weighted hits of all minutes before `from`, as weighed at `from`. */
  past: number;
};

export function makeFloodCounter(startMinute: number): FloodCounter {
  const tallies = new Map<string, Tally>();
  let since = startMinute;

  /** Makes the window end with `minute`: what leaves it becomes the past. */
  function advance(tally: Tally, minute: number): void {
    const steps = minute - FLOOD_WINDOW_MIN + 1 - tally.from;
    if (steps <= 0) return;
    for (let step = 0; step < Math.min(steps, FLOOD_WINDOW_MIN); step++) {
      tally.past = tally.past * DECAY + (tally.window.shift() ?? 0);
      tally.window.push(0);
    }
    tally.past *= DECAY ** Math.max(0, steps - FLOOD_WINDOW_MIN);
    tally.from += steps;
  }

  function expectedAt({ past, from }: Tally): number {
    // A weighted mean a minute: weights of the minutes watched before the window add up to this.
    const minutes = Math.max(0, from - since);
    const weight = (1 - DECAY ** minutes) / (1 - DECAY);
    return weight === 0 ? 0 : (past / weight) * FLOOD_WINDOW_MIN;
  }

  return {
    add(key, minute) {
      let tally = tallies.get(key);
      if (tally === undefined) {
        tally = { window: Array<number>(FLOOD_WINDOW_MIN).fill(0), from: minute - FLOOD_WINDOW_MIN + 1, past: 0 };
        if (tallies.size >= FLOOD_KEYS_MAX) tallies.delete(tallies.keys().next().value as string);
      } else tallies.delete(key);
      tallies.set(key, tally); // last again: the first key of the map is the one that was hit longest ago
      advance(tally, minute);
      const at = minute - tally.from;
      if (at >= 0) tally.window[at] = (tally.window[at] ?? 0) + 1;
      else tally.past += DECAY ** -at;
    },
    judge(key, scope, minute) {
      const tally = tallies.get(key);
      if (tally === undefined) return { count: 0, expected: 0, isFlood: false };
      advance(tally, minute);
      const count = tally.window.reduce((sum, hits) => sum + hits, 0);
      const expected = expectedAt(tally);
      return { count, expected, isFlood: count >= FLOOD_MIN[scope] && count > FLOOD_TIMES * expected };
    },
    watchedSince(minute) {
      since = Math.min(since, minute);
    },
    size: () => tallies.size,
  };
}
