/** Local brakes (§2.13 step 17): a change that looks like a mistake or a theft waits for a person, and nothing is dropped. */

import type { About } from "@breakwater/shared/about.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";

/** Below this size a set may change as it likes: a first week would trip every percentage. */
export const GUARDED_FROM_ENTRIES = 1_000;
export const GROWTH_LIMIT_PERCENT = 20;
export const REMOVAL_LIMIT_PERCENT = 5;
/** PDQ compares coefficients with their median, so about 128 of 256 bits are set; far from that it matches everything. */
const PDQ_BITS_MIN = 32;
const PDQ_BITS_MAX = 224;

export type Change = { added: number; changed: number; removed: number };
export type GuardInput = {
  before: readonly string[];
  after: readonly string[];
  kindBefore: string | undefined;
  about: About;
};

export function countChange(before: readonly string[], after: readonly string[]): Change {
  const held = new Map(before.map((line) => [entryIdOf(line), line]));
  const change = { added: 0, changed: 0, removed: 0 };
  for (const line of after) {
    const id = entryIdOf(line);
    const was = held.get(id);
    if (was === undefined) change.added++;
    else if (was !== line) change.changed++;
    held.delete(id);
  }
  change.removed = held.size;
  return change;
}

/** @throws ExchangeError `policy_type`, `policy_growth`, `policy_removal`, `policy_degenerate` */
export function checkGuards({ before, after, kindBefore, about }: GuardInput): Change {
  if (kindBefore !== undefined && kindBefore !== about.kind) throw new ExchangeError("policy_type");
  const change = countChange(before, after);
  if (before.length > GUARDED_FROM_ENTRIES) {
    const grew = Math.round((100 * (after.length - before.length)) / before.length);
    if (grew > GROWTH_LIMIT_PERCENT) {
      throw new ExchangeError("policy_growth", { percent: grew, limit_percent: GROWTH_LIMIT_PERCENT });
    }
    const removed = (100 * change.removed) / before.length;
    if (removed > REMOVAL_LIMIT_PERCENT) {
      throw new ExchangeError("policy_removal", { percent: Math.ceil(removed), limit_percent: REMOVAL_LIMIT_PERCENT });
    }
  }
  if (about.kind === "hash") checkDegenerate(new Set(before), after);
  return change;
}

function checkDegenerate(before: ReadonlySet<string>, after: readonly string[]): void {
  for (const line of after) {
    if (before.has(line) || !line.includes('"alg":"pdq"')) continue;
    const value: unknown = (JSON.parse(line) as { value?: unknown }).value;
    const bits = typeof value === "string" ? countBits(value) : 0;
    if (bits < PDQ_BITS_MIN || bits > PDQ_BITS_MAX)
      throw new ExchangeError("policy_degenerate", { id: entryIdOf(line) });
  }
}

function countBits(hex: string): number {
  let bits = 0;
  for (const digit of hex) for (let value = Number.parseInt(digit, 16); value > 0; value >>= 1) bits += value & 1;
  return bits;
}
