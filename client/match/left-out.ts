/** What the copies here cannot find, narrowed or not usable as they are: an empty answer must not pass for "not listed". */

import type { SetId } from "@breakwater/shared/ids.ts";
import type { SignalAlg } from "@breakwater/shared/signals/index.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import type { MatchHashes, NotCompared, UnusableCode } from "@breakwater/shared/wire/match.ts";
import { openHeld } from "../sync/index.ts";
import type { Asked } from "./asked.ts";
import type { Query } from "./found.ts";
import { EXACT_ALGS } from "./hash-index.ts";
import type { OpenSet } from "./open-set.ts";

const WHAT = [...EXACT_ALGS.map((alg) => [alg, "hashes"] as const), ["pdq", "pdq"], ["vpdq", "vpdq"]] as const;

/** `kind` is undefined where the copy is too damaged to tell. */
export type Unusable = { code: UnusableCode; kind: SetKind | undefined };

const ASKED_BY = [
  ["hash", "hashes"],
  ["term", "text"],
  ["url", "url"],
] as const;

export function tellUnusable(copies: readonly Unusable[], query: Query, { notCompared }: Asked): void {
  for (const [kind, what] of ASKED_BY) {
    if (query[what] === undefined) continue;
    const codes = copies.filter((copy) => copy.kind === undefined || copy.kind === kind).map(({ code }) => code);
    if (codes.includes("copy_damaged")) notCompared.push({ what, why: "copy_damaged" });
    if (codes.some((code) => code !== "copy_damaged")) notCompared.push({ what, why: "copy_unusable" });
  }
}

export async function kindOf(stateDir: string, setId: SetId): Promise<SetKind | undefined> {
  const held = await openHeld(stateDir, setId).catch(() => undefined);
  return held?.manifest.about.kind;
}

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
