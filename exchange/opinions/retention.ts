/** When opinions end. */

import type { RetentionRule } from "../platform/retention.ts";
import { BATCH_KEEP_DAYS, DAY_KEEP_DAYS, FLOOD_KEEP_DAYS, OPINION_KEEP_DAYS } from "./limits.ts";

export const opinionsRetention: RetentionRule[] = [
  {
    table: "opinion_batches",
    what: "numbers of batches that were taken, so that none is taken twice",
    keepDays: BATCH_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from opinion_batches where taken_at < ${before}`).count,
  },
  {
    table: "opinions",
    what: "members' verdicts on entries, in codes",
    keepDays: OPINION_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from opinions where said_at < ${before}`).count,
  },
  {
    table: "opinion_days",
    what: "what members counted of an entry's hits on a day",
    keepDays: DAY_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (await sql`delete from opinion_days where day < (${before}::timestamptz at time zone 'UTC')::date`).count,
  },
  {
    table: "opinion_floods",
    what: "what members' guards turned to review",
    keepDays: FLOOD_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (await sql`delete from opinion_floods where day < (${before}::timestamptz at time zone 'UTC')::date`).count,
  },
];
