/** Public face of publishing: the one door for releases and roots, sets and who may read them, and what readers may ask. */

import type { Deps } from "../platform/deps.ts";
import type { JobHandlers } from "../platform/jobs.ts";
import { admitJob } from "./admission.ts";
import { reviveAdmissions } from "./admission-store.ts";
import { type AfterPurge, purgeJobs, scheduleSweep } from "./purge.ts";

export { acceptRelease, acceptStatement, type Brought, type Outcome, requireHeldKey } from "./accept.ts";
export type { Via } from "./admission-store.ts";
export { adoptBlobs, adoptUpload, dropLostUploads, dropUnnamedObjects } from "./adopt.ts";
export { catalogueRows, setAnswer } from "./answers.ts";
export { type BlobRow, holdBlobs, keepBlob, openBlob, readBlob, wasUploadedBy } from "./blob-store.ts";
export {
  countSubscribers,
  findListedHashes,
  findListedIds,
  type ListedHash,
  listPublisherSets,
} from "./listed.ts";
export {
  type EntriesToPublish,
  type EntryChanges,
  type PlannedChange,
  planEntries,
  publishEntries,
} from "./publish-entries.ts";
export type { AfterPurge, PurgedEntries } from "./purge.ts";
export { listReaders, noteReader, type ReaderState } from "./readers.ts";
export {
  type ChangesText,
  findReadableBlob,
  findRelease,
  getFeedEpoch,
  getSetById,
  isPurgedPast,
  listChanges,
  listEntries,
  listReadableSets,
  renewFeedEpoch,
  saveAck,
} from "./reading.ts";
export { abandonAdmissions, findRootBefore, reapplyAudiences, reapplyReleases, reapplyRoots } from "./reapply.ts";
export { adoptRelease } from "./reapply-newest.ts";
export { setsRetention } from "./retention.ts";
export {
  acceptRoot,
  findNewestRootRow,
  findRootRow,
  getCurrentRoot,
  getNewestRoot,
  listFormerRoots,
  seconds,
} from "./roots.ts";
export { BlobPath, publishing as sets, ReleaseNumber, SetPath } from "./routes.ts";
export {
  findSet,
  getReadableHead,
  getReadableSet,
  getSet,
  listAudienceMembers,
  requirePublisher,
  subjectOf,
} from "./sets.ts";
export type { ReleaseRow, SetRow } from "./tables.ts";

/** @param afterPurge - what else holds something made from entries, and lets go of it with them */
export function setsJobs(afterPurge: readonly AfterPurge[]): JobHandlers {
  const { purge, sweep } = purgeJobs(afterPurge);
  return { "sets.admit": admitJob, "sets.purge": purge, "sets.sweep": sweep };
}

/** At every tick: the sweep exists, and what a process left half admitted has somebody again. */
export async function scheduleSets(deps: Deps): Promise<void> {
  await scheduleSweep(deps);
  await reviveAdmissions(deps);
}
