/** Matching files with verified copies, on this machine alone. */

export { AMBIGUOUS_BITS_MAX } from "../sync/guards.ts";
export { type Decision, decisionOf, newHitRef, recordDecisions } from "./decisions.ts";
export { type FileHashes, type Hit, type Matcher, openMatcher } from "./matcher.ts";
