/** When reports, cases and keys end: what was said goes early, coded outcomes stay for figures, then all of it goes. */
import type { Tx } from "../platform/db.ts";
import type { RetentionRule } from "../platform/retention.ts";
import { addStep } from "./steps.ts";

/** Not listed: addresses, hashes and texts. */
export const REJECTED_KEEP_DAYS = 30;
/** Listed, known, or still open: from when it was last seen or worked on. */
export const LISTED_KEEP_DAYS = 365;
/** Coded outcomes, without address, hash or text. */
export const OUTCOME_KEEP_DAYS = 2 * 365;
export const TEST_REPORT_KEEP_DAYS = 30;
/** A browser key that no newest list names any more. */
export const SEALING_KEY_KEEP_DAYS = 90;
export const RECIPIENT_LIST_KEEP_DAYS = 2 * 365;

/** Removes what the reports of these cases said: bodies with their ciphertext, hashes, addresses, seals, findings. */
export async function eraseCases({ sql, db }: Tx, ids: string[], now: Date): Promise<number> {
  if (ids.length === 0) return 0;
  const cases = sql`any(${ids}::text[])`;
  await sql`update reports set body = null, sealed_kids = '{}' where case_id = ${cases}`;
  await sql`delete from report_hashes where case_id = ${cases}`;
  await sql`delete from report_locations where case_id = ${cases}`;
  await sql`delete from report_seals where report_id in (select id from reports where case_id = ${cases})`;
  await sql`delete from case_entries where case_id = ${cases}`;
  await sql`update case_assessments set assessment = null where case_id = ${cases}`;
  await sql`
    update cases set erased_at = ${now}, host = null, country = null, known_in = '[]', taken_by = null,
      closed_at = coalesce(closed_at, ${now}),
      outcome_code = case when closed_at is null then 'gone' else outcome_code end,
      state = case when closed_at is null then 'unverifiable' else state end
    where id = ${cases}`;
  for (const caseId of ids) await addStep({ sql, db }, { caseId, at: now, code: "erased" });
  return ids.length;
}

async function idsOf(rows: PromiseLike<readonly { id: string }[]>): Promise<string[]> {
  return (await rows).map(({ id }) => id);
}

export const reportsRetention: RetentionRule[] = [
  {
    table: "reports",
    what: "addresses, hashes and texts of reports that were not listed",
    keepDays: REJECTED_KEEP_DAYS,
    enforce: async (tx, before, now) =>
      eraseCases(
        tx,
        await idsOf(tx.sql<{ id: string }[]>`
          select id from cases
          where state in ('rejected', 'unverifiable') and closed_at < ${before} and erased_at is null`),
        now,
      ),
  },
  {
    table: "reports",
    what: "addresses, hashes and texts of reports that were listed, known, or never finished",
    keepDays: LISTED_KEEP_DAYS,
    enforce: async (tx, before, now) =>
      eraseCases(
        tx,
        await idsOf(tx.sql<{ id: string }[]>`select id from cases where updated_at < ${before} and erased_at is null`),
        now,
      ),
  },
  {
    table: "reports",
    what: "test reports",
    keepDays: TEST_REPORT_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from reports where test and received_at < ${before}`).count,
  },
  {
    table: "cases",
    what: "coded outcomes of reports, steps, who assessed",
    keepDays: OUTCOME_KEEP_DAYS,
    enforce: async ({ sql }, before) => {
      await sql`
        delete from reports where case_id in
          (select id from cases where erased_at is not null and updated_at < ${before})`;
      return (await sql`delete from cases where erased_at is not null and updated_at < ${before}`).count;
    },
  },
  {
    table: "sealing_keys",
    what: "public keys of analysts' browsers that are on no newest list",
    keepDays: SEALING_KEY_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (
        await sql`
          delete from sealing_keys k where created_at < ${before} and not exists (
            select 1 from recipient_lists l where l.hotline_id = k.hotline_id and k.kid = any(l.kids)
              and l.version = (select max(version) from recipient_lists n where n.hotline_id = k.hotline_id))`
      ).count,
  },
  {
    table: "recipient_lists",
    what: "older signed lists of who can read reports",
    keepDays: RECIPIENT_LIST_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (
        await sql`
          delete from recipient_lists l where accepted_at < ${before}
            and version < (select max(version) from recipient_lists n where n.hotline_id = l.hotline_id)`
      ).count,
  },
];
