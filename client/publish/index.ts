/** Publishing: lists, releases, withdrawals, recalls, taking back; roots from the first to a recovery. */

export { type RowFault, RowsInvalid } from "./faults.ts";
export { type ListFormat, type ListSource, parseList } from "./list.ts";
export { nextRoot, type RootChange } from "./next-root.ts";
export type { PublisherContext } from "./own-set.ts";
export { type Published, publishHeartbeat, publishList } from "./publish.ts";
export { type Recalled, type RecallTarget, recallEntries } from "./recall.ts";
export { findDamage, finishRecovery, releaseRecovery, stateOfCopy, stateOfList } from "./recover.ts";
export { createRoot, type MadeRoot } from "./root.ts";
export { finishRotation, postSigned, proposeRoot, type Rotated, type RotationContext, signWhole } from "./rotate.ts";
export {
  type Bar,
  barsOf,
  isDone,
  planTakeBack,
  recallNow,
  type TakeBackPlan,
  type TakeBackTarget,
  withdrawNow,
} from "./take-back.ts";
export { withdrawEntries } from "./withdraw.ts";
