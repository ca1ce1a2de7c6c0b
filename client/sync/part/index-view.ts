/** Which rows of a copy are found: a member may want some algorithms only, or entries that somebody has checked. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { SIGNAL_ALGS, type SignalAlg } from "@breakwater/shared/signals/index.ts";
import { VERIFICATION_LEVELS, VerificationLevel } from "@breakwater/shared/vocab/entries.ts";
import { z } from "zod";

/** Kept with the copy. What it leaves out is in no index file; its line stays, so that state and counts can be checked. */
export const IndexView = z.object({
  only: z.array(z.enum(SIGNAL_ALGS)).min(1).optional(),
  min_verification: VerificationLevel.optional(),
});
export type IndexView = z.infer<typeof IndexView>;

export const WHOLE_VIEW: IndexView = {};
/** What a person types to take a choice back. */
export const ALL = "all";

/** @param only - algorithms with commas between them, or `all`. @throws ExchangeError `usage_invalid` */
export function parseView(only: string | undefined, minVerification: string | undefined, held: IndexView): IndexView {
  const view: IndexView = { ...held };
  if (only === ALL) delete view.only;
  else if (only !== undefined) view.only = parseAlgs(only);
  if (minVerification === ALL) delete view.min_verification;
  else if (minVerification !== undefined) {
    const level = VerificationLevel.safeParse(minVerification);
    if (!level.success) throw new ExchangeError("usage_invalid", { reason: "min_verification" });
    view.min_verification = level.data;
  }
  return view;
}

function parseAlgs(text: string): SignalAlg[] {
  const named = new Set(text.split(","));
  const algs = SIGNAL_ALGS.filter((alg) => named.delete(alg));
  if (named.size > 0 || algs.length === 0) throw new ExchangeError("usage_invalid", { reason: "only" });
  return algs;
}

export function isSameView(a: IndexView, b: IndexView): boolean {
  return a.min_verification === b.min_verification && String(a.only ?? ALL) === String(b.only ?? ALL);
}

/** Levels that are at least the wanted one; a level of a newer publisher cannot be compared, and is not among them. */
export function levelsFrom(min: VerificationLevel): ReadonlySet<string> {
  const levels = Object.keys(VERIFICATION_LEVELS);
  return new Set(levels.slice(levels.indexOf(min)));
}
