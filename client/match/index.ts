/** Matching files with verified copies, on this machine alone. */

export { type Decision, decisionOf, newHitRef, recordDecisions } from "./decisions.ts";
export { AMBIGUOUS_BITS_MAX, type FileHashes, type Hit, type Matcher, openMatcher } from "./matcher.ts";
