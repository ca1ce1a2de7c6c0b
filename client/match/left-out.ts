/** What a narrowed copy cannot find: a person chose so, and an empty answer must still not pass for "not listed". */

import type { SignalAlg } from "@breakwater/shared/signals/index.ts";
import type { MatchHashes, NotCompared } from "@breakwater/shared/wire/match.ts";
import type { Asked } from "./asked.ts";
import { EXACT_ALGS } from "./hash-index.ts";
import type { OpenSet } from "./open-set.ts";

const WHAT = [...EXACT_ALGS.map((alg) => [alg, "hashes"] as const), ["pdq", "pdq"], ["vpdq", "vpdq"]] as const;

export function tellLeftOut(sets: readonly OpenSet[], hashes: MatchHashes, { notCompared }: Asked): void {
  const left = new Set<NotCompared["what"]>();
  for (const opened of sets) {
    for (const [alg, what] of WHAT) if (hashes[alg] !== undefined && isLeftOut(opened, alg)) left.add(what);
  }
  for (const what of left) notCompared.push({ what, why: "left_out" });
}

/** Only what the set says that it holds: nothing is missed of an algorithm that it never lists. */
function isLeftOut({ copy: { current }, about }: OpenSet, alg: SignalAlg): boolean {
  const only = current.v === 2 ? current.view.only : undefined;
  return only !== undefined && !only.includes(alg) && (about.algs?.includes(alg) ?? true);
}
