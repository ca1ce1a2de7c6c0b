/** Verified copies: how they are brought up to date, opened and judged. */

export { addBenign, benignLineOf, openBenign } from "./benign.ts";
export type { Change } from "./compare.ts";
export { type Copy, type Held, listCopies, openCopy, openHeld } from "./copy.ts";
export { type Current, findCurrent } from "./current.ts";
export { findSets, readLog, sortSets } from "./every-set.ts";
export { type LogState, readLogState } from "./log/state.ts";
export { type Tail, tailLog } from "./log/tail.ts";
export { judgeCopy, type SyncOutcome, syncSet } from "./outcome.ts";
export { readRecalls } from "./recalls.ts";
export { openHeldRoot, updateRoots } from "./roots.ts";
export type { CopyRows, IndexFile, RowRef } from "./rows.ts";
export { ACT_STALE_DEFAULT_DAYS, isOlderThan, readStatus, type SetStatus, writeStatus } from "./status.ts";
export type { SyncContext } from "./sync-set.ts";
