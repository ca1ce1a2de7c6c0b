/** When counts of lookups end; tags and buckets end with their entries. */

import type { RetentionRule } from "../platform/retention.ts";
import { USES_KEEP_DAYS } from "./limits.ts";

export const lookupRetention: RetentionRule[] = [
  {
    table: "lookup_uses",
    what: "how many look-ups each member made on a day, as counts",
    keepDays: USES_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (await sql`delete from lookup_uses where day < ${before}::timestamptz::date`).count,
  },
];
