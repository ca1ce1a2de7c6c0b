/** Matching with verified copies, on this machine alone. */

export { AMBIGUOUS_BITS_MAX } from "../sync/guards.ts";
export { type Answered, type Asking, answerMatched, ask, type Question } from "./ask.ts";
export { hashesOf, notHashed } from "./file-hashes.ts";
export type { Matched, Query } from "./found.ts";
export {
  type Matcher,
  type MatchingText,
  openMatcher,
  type Refreshed,
  type SetFacts,
  type UnusableCopy,
} from "./matcher.ts";
export { HEAVY_RECORDS } from "./open-set.ts";
