/** Public face of publishing: the one door for releases and roots, sets and who may read them, and what readers may ask. */

import type { JobHandlers } from "../platform/jobs.ts";
import { admitJob } from "./admission.ts";
import { purgeJob, sweepJob } from "./purge.ts";

export { acceptRelease, acceptStatement, type Brought, type Outcome } from "./accept.ts";
export { catalogueRows, setAnswer } from "./answers.ts";
export { type BlobRow, openBlob, wasUploadedBy } from "./blob-store.ts";
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
export { scheduleSweep as scheduleSets } from "./purge.ts";
export {
  findReadableBlob,
  findRelease,
  getFeedEpoch,
  listEntries,
  listReadableSets,
  listVersions,
  renewFeedEpoch,
  saveAck,
  type VersionRow,
} from "./reading.ts";
export { setsRetention } from "./retention.ts";
export { acceptRoot, findNewestRootRow, findRootRow, getCurrentRoot } from "./roots.ts";
export { BlobPath, publishing as sets, ReleaseNumber, SetPath } from "./routes.ts";
export { findSet, getReadableSet, getSet, listAudienceMembers, requirePublisher } from "./sets.ts";
export type { ReleaseRow, SetRow } from "./tables.ts";

export const setsJobs: JobHandlers = { "sets.admit": admitJob, "sets.purge": purgeJob, "sets.sweep": sweepJob };
