/** A hash to look up, as a person or program writes it: the algorithm and its hex digits. */

import type { Bytes } from "@breakwater/shared/bytes.ts";
import { isLookupAlg, type LookupAlg } from "@breakwater/shared/lookup.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { SIGNAL_ALGS, SIGNALS } from "@breakwater/shared/signals/index.ts";

export type ExactHash = { alg: LookupAlg; value: string; digest: Bytes };

/**
 * @throws ExchangeError `lookup_alg` for an algorithm that is known and not exact (PDQ and its like), `signal_invalid`,
 *   `usage_invalid` for one that nobody knows
 */
export function parseExactHash({ alg, value }: { alg: string; value: string }): ExactHash {
  if (!isLookupAlg(alg)) {
    const isKnown = (SIGNAL_ALGS as readonly string[]).includes(alg);
    throw isKnown
      ? new ExchangeError("lookup_alg", { alg })
      : new ExchangeError("usage_invalid", { reason: "alg_unknown" });
  }
  return { alg, value, digest: SIGNALS[alg].parse(value) };
}
