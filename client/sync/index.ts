/** Verified copies: how they are brought up to date, opened and judged. */

export { addBenign, benignLineOf, openBenign } from "./benign.ts";
export { type Copy, type Current, entriesById, findCurrent, listCopies, openCopy } from "./copy.ts";
export type { Change } from "./guards.ts";
export { type LogState, readLogState } from "./log/state.ts";
export { type Tail, tailLog } from "./log/tail.ts";
export { judgeCopy, type SyncOutcome, syncSet } from "./outcome.ts";
export { readRecalls } from "./recalls.ts";
export { openHeldRoot, updateRoots } from "./roots.ts";
export type { CopyRows, IndexFile, RowRef } from "./rows.ts";
export { ACT_STALE_DEFAULT_DAYS, isOlderThan, readStatus, type SetStatus, writeStatus } from "./status.ts";
export type { SyncContext } from "./sync-set.ts";
