/** End dates of what is kept about recalls; the recalls themselves are signed statements and stay with the log. */

import type { RetentionRule } from "../platform/retention.ts";

export const REFUSAL_KEEP_DAYS = 365;

export const recallsRetention: RetentionRule[] = [
  {
    table: "recall_refusals",
    what: "recalls that were brought and refused, as codes and counts",
    keepDays: REFUSAL_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from recall_refusals where last_at < ${before}`).count,
  },
];
