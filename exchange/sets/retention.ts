/** End dates of publishing's own rows; entries and blobs end by their manifests' purge dates (purge.ts). */

import type { RetentionRule } from "../platform/retention.ts";

export const ADMISSION_KEEP_DAYS = 30;
export const BLOB_TRACE_KEEP_DAYS = 90;
/** Two years: the publisher's list of whom a withdrawal reached. */
export const ACK_KEEP_DAYS = 730;

export const setsRetention: RetentionRule[] = [
  {
    table: "admissions",
    what: "how releases were admitted or refused",
    keepDays: ADMISSION_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (await sql`delete from admissions where state in ('done', 'failed') and touched_at < ${before}`).count,
  },
  {
    table: "blob_refs",
    what: "digests of purged blobs, for the answer that they are gone",
    keepDays: BLOB_TRACE_KEEP_DAYS,
    enforce: async ({ sql }, before) => {
      const { count } = await sql`delete from blob_refs where purged_at < ${before}`;
      await sql`
        delete from blobs where state = 'purged' and not exists (select 1 from blob_refs r where r.digest = blobs.digest)`;
      return count;
    },
  },
  {
    table: "acks",
    what: "which release each member's copy has reached",
    keepDays: ACK_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from acks where acknowledged_at < ${before}`).count,
  },
  {
    table: "set_readers",
    what: "which member has fetched which set, and when last",
    keepDays: ACK_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from set_readers where last_seen_at < ${before}`).count,
  },
];
