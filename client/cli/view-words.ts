/** What of a copy is found, in words: a choice made once must not be forgotten by whoever reads a quiet result later. */

import { type IndexView, isSameView, WHOLE_VIEW } from "../sync/part/index-view.ts";

export const TEST_SET_WORDS = "Made-up data for tests: its hits are only observed, whatever is enabled.";

/** @returns undefined when every entry is found */
export function describeView(set: string, view: IndexView): { why: string; todo: string } | undefined {
  if (isSameView(view, WHOLE_VIEW)) return undefined;
  const { only, min_verification: level } = view;
  const chosen = [
    ...(only === undefined ? [] : [`of ${only.join(", ")}`]),
    ...(level === undefined ? [] : [`verified at least as ${level}`]),
  ];
  return {
    why: `Only entries ${chosen.join(" and ")} are found, as was chosen here.`,
    todo: `for all of them: breakwater sync ${set} --only all --min-verification all`,
  };
}
