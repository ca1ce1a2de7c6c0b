/** When rows about people, devices and access end. */
import type { RetentionRule } from "../platform/retention.ts";

export const SIGN_IN_LINKS_KEEP_DAYS = 1;
export const SESSIONS_KEEP_DAYS = 2;
export const API_KEYS_KEEP_DAYS = 365;
export const INVITES_KEEP_DAYS = 90;
export const DEVICES_KEEP_DAYS = 365;
/** Until then a case's steps name who assessed; afterwards the id alone stays. */
export const PEOPLE_KEEP_DAYS = 365;
const REMOVED_NAME = "removed";

export const membersRetention: RetentionRule[] = [
  {
    table: "sign_in_links",
    what: "one-time sign-in links, used or not",
    keepDays: SIGN_IN_LINKS_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from sign_in_links where expires_at < ${before}`).count,
  },
  {
    table: "sessions",
    what: "ended sessions",
    keepDays: SESSIONS_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from sessions where expires_at < ${before}`).count,
  },
  {
    table: "api_keys",
    what: "expired and revoked API keys (digests)",
    keepDays: API_KEYS_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (await sql`delete from api_keys where expires_at < ${before} or revoked_at < ${before}`).count,
  },
  {
    table: "invites",
    what: "ended invites",
    keepDays: INVITES_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from invites where expires_at < ${before}`).count,
  },
  {
    table: "devices",
    // A row outlives its end date by a year: until then an expired device's late reports are taken, and a revoked one is known as revoked.
    what: "keys of devices that expired or were switched off",
    keepDays: DEVICES_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (
        await sql`update devices set signing_key = '{}'::jsonb, kid = 'removed-' || id, language = null, client_version = 'removed',
            state = 'revoked', revoked_at = coalesce(revoked_at, expires_at)
          where (expires_at < ${before} or revoked_at < ${before}) and signing_key <> '{}'::jsonb`
      ).count,
  },
  {
    table: "people",
    what: "names of people who were removed",
    keepDays: PEOPLE_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (await sql`update people set name = ${REMOVED_NAME} where removed_at < ${before} and name <> ${REMOVED_NAME}`)
        .count,
  },
];
