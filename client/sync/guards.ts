/** Local brakes (§2.13 step 17): a change that looks like a mistake or a theft waits for a person, and nothing is dropped. */

import type { About } from "@breakwater/shared/about.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { RowFault } from "./row-faults.ts";

export type { Change } from "./compare.ts";
export { AMBIGUOUS_BITS_MAX } from "./row-faults.ts";

/** Below this size a set may change as it likes: a first week would trip every percentage. */
export const GUARDED_FROM_ENTRIES = 1_000;
export const GROWTH_LIMIT_PERCENT = 20;
export const REMOVAL_LIMIT_PERCENT = 5;

export type GuardInput = {
  /** How many entries there are before and after. */
  before: number;
  after: number;
  /** Of the removed ones, those that no recall in force names. */
  unannounced: number;
  kindBefore: string | undefined;
  about: About;
  /** Looked for last: it may read many lines. */
  findFault: () => { id: string; fault: RowFault } | undefined;
};
/** Does a recall in force name this entry? Its withdrawal was announced, and is nobody's slip. */
export type IsRecalled = (id: string) => boolean;

/** @throws ExchangeError `policy_type`, `policy_growth`, `policy_removal`, `policy_degenerate`, `policy_benign` */
export function checkGuards({ before, after, unannounced, kindBefore, about, findFault }: GuardInput): void {
  if (kindBefore !== undefined && kindBefore !== about.kind) throw new ExchangeError("policy_type");
  if (before > GUARDED_FROM_ENTRIES) {
    const grew = Math.round((100 * (after - before)) / before);
    if (grew > GROWTH_LIMIT_PERCENT) {
      throw new ExchangeError("policy_growth", { percent: grew, limit_percent: GROWTH_LIMIT_PERCENT });
    }
    checkRemoval(before, unannounced);
  }
  if (about.kind !== "hash") return;
  const found = findFault();
  if (found !== undefined) throw faultError(found.id, found.fault);
}

/**
 * Below the limit a removal always applies. What a recall in force covers is not counted: a withdrawal that was announced
 * passes whatever its size, and nothing passes with it.
 *
 * @throws ExchangeError `policy_removal`
 */
export function checkRemoval(before: number, unannounced: number): void {
  if (!isRemovalHeld(before, unannounced)) return;
  const percent = Math.ceil((100 * unannounced) / before);
  throw new ExchangeError("policy_removal", { percent, limit_percent: REMOVAL_LIMIT_PERCENT });
}

export function isRemovalHeld(before: number, unannounced: number): boolean {
  return before > GUARDED_FROM_ENTRIES && (100 * unannounced) / before > REMOVAL_LIMIT_PERCENT;
}

function faultError(id: string, fault: RowFault): ExchangeError {
  if (fault === "benign") return new ExchangeError("policy_benign", { id });
  return new ExchangeError("policy_degenerate", fault === "degenerate" ? { id } : { id, reason: fault });
}
