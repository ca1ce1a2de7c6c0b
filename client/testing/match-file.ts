/** What a file leads to at a member in a given mode, were its entries to ask for the most: so that age, recalls and modes show. */

import type { MatchAction, MatchHashes } from "@breakwater/shared/wire/match.ts";
import { makeControls, NO_CONTROLS } from "../controls/controls.ts";
import { decide } from "../controls/decide.ts";
import type { Found } from "../match/found.ts";
import { candidateOf } from "../match/hit.ts";
import { type Matcher, openMatcher } from "../match/index.ts";

export type Looked = Found & { mode: MatchAction };
export type Looker = Matcher & { look(hashes: MatchHashes): Looked[] };

/** @param modes - by set; a set without one is observed */
export async function openLooker(
  stateDir: string,
  modes: Readonly<Record<string, MatchAction>> = {},
  now = new Date(),
): Promise<Looker> {
  const matcher = await openMatcher(stateDir, now);
  const since = now.toISOString();
  const chosen = Object.fromEntries(Object.entries(modes).map(([set, act]) => [set, { act, since }]));
  const controls = makeControls({ ...NO_CONTROLS, modes: chosen }, undefined);
  return {
    ...matcher,
    look: (hashes) =>
      matcher.match({ hashes }, now).found.map((found, _at, beside) => {
        const asked = { requested_action: "block_remove_report", human_review: "not_required" };
        return {
          ...found,
          mode: decide({ ...candidateOf(found, "content", [], beside), ...asked }, controls, now).action,
        };
      }),
  };
}
