/** Local brakes (§2.13 step 17): a change that looks like a mistake or a theft waits for a person, and nothing is dropped. */

import type { About } from "@breakwater/shared/about.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";
import type { Benign } from "./benign.ts";

/** Below this size a set may change as it likes: a first week would trip every percentage. */
export const GUARDED_FROM_ENTRIES = 1_000;
export const GROWTH_LIMIT_PERCENT = 20;
export const REMOVAL_LIMIT_PERCENT = 5;
/** PDQ compares coefficients with their median, so about 128 of 256 bits are set; far from that it matches everything. */
const PDQ_BITS_MIN = 32;
const PDQ_BITS_MAX = 224;

/** Above this many bits that rounding decides, a PDQ says nothing: the picture is symmetric or flat. */
export const AMBIGUOUS_BITS_MAX = 64;

export type Change = { added: number; changed: number; removed: number };
export type GuardInput = {
  before: readonly string[];
  after: readonly string[];
  kindBefore: string | undefined;
  about: About;
  benign: Pick<Benign, "files" | "collides">;
  isRecalled: IsRecalled;
};
/** Does a recall in force name this entry? Its withdrawal was announced, and is nobody's slip. */
export type IsRecalled = (id: string) => boolean;

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

/** @throws ExchangeError `policy_type`, `policy_growth`, `policy_removal`, `policy_degenerate`, `policy_benign` */
export function checkGuards({ before, after, kindBefore, about, benign, isRecalled }: GuardInput): Change {
  if (kindBefore !== undefined && kindBefore !== about.kind) throw new ExchangeError("policy_type");
  const change = countChange(before, after);
  if (before.length > GUARDED_FROM_ENTRIES) {
    const grew = Math.round((100 * (after.length - before.length)) / before.length);
    if (grew > GROWTH_LIMIT_PERCENT) {
      throw new ExchangeError("policy_growth", { percent: grew, limit_percent: GROWTH_LIMIT_PERCENT });
    }
    checkRemoval(before, after, isRecalled);
  }
  if (about.kind === "hash") checkHashes(new Set(before), after, benign);
  return change;
}

/**
 * Below the limit a removal always applies. What a recall in force covers is not counted: a withdrawal that was announced
 * passes whatever its size, and nothing passes with it.
 *
 * @throws ExchangeError `policy_removal`
 */
export function checkRemoval(before: readonly string[], after: readonly string[], isRecalled: IsRecalled): void {
  if (before.length <= GUARDED_FROM_ENTRIES) return;
  const kept = new Set(after.map(entryIdOf));
  const removed = before.map(entryIdOf).filter((id) => !kept.has(id) && !isRecalled(id)).length;
  const percent = (100 * removed) / before.length;
  if (percent > REMOVAL_LIMIT_PERCENT) {
    throw new ExchangeError("policy_removal", { percent: Math.ceil(percent), limit_percent: REMOVAL_LIMIT_PERCENT });
  }
}

function checkHashes(before: ReadonlySet<string>, after: readonly string[], benign: GuardInput["benign"]): void {
  for (const line of after) {
    if (before.has(line)) continue;
    const isPdq = line.includes('"alg":"pdq"');
    if (!isPdq && benign.files === 0) continue;
    const { alg, value, ambiguous_bits: ambiguous } = JSON.parse(line) as Record<string, unknown>;
    const text = typeof value === "string" ? value : "";
    if (isPdq) checkDegenerate(entryIdOf(line), text, ambiguous);
    if (benign.files > 0 && benign.collides(String(alg), text)) {
      throw new ExchangeError("policy_benign", { id: entryIdOf(line) });
    }
  }
}

function checkDegenerate(id: string, value: string, ambiguous: unknown): void {
  const bits = countBits(value);
  if (bits < PDQ_BITS_MIN || bits > PDQ_BITS_MAX) throw new ExchangeError("policy_degenerate", { id });
  if (typeof ambiguous === "number" && ambiguous > AMBIGUOUS_BITS_MAX) {
    throw new ExchangeError("policy_degenerate", { id, reason: "ill_conditioned" });
  }
}

function countBits(hex: string): number {
  let bits = 0;
  for (const digit of hex) for (let value = Number.parseInt(digit, 16); value > 0; value >>= 1) bits += value & 1;
  return bits;
}
