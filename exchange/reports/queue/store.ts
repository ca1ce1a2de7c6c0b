/** Rows of the queue: cases as lists, one case under its lock, assessments, steps. */
import type { AssessedHash, Assessment } from "@breakwater/shared/assessment.ts";
import type { Report } from "@breakwater/shared/report.ts";
import type { ReportState } from "@breakwater/shared/vocab/reports.ts";
import type { CaseFilter, OutcomeCode, ScorePart } from "@breakwater/shared/wire/hotline.ts";
import type { Queries, Tx } from "../../platform/db.ts";
import type { KnownIn } from "../intake/store.ts";

export type CaseRecord = {
  id: string;
  number: number;
  state: ReportState;
  title_kind: Report["report_kind"];
  urgency: Report["urgency"];
  score: number;
  score_parts: ScorePart[];
  priority: number;
  known_in: KnownIn[];
  host: string | null;
  country: string | null;
  opened_at: Date;
  due_at: Date | null;
  urgent_at: Date | null;
  forward_at: Date | null;
  forwarded_at: Date | null;
  acknowledged_at: Date | null;
  taken_by: string | null;
  closed_at: Date | null;
  outcome_code: OutcomeCode | null;
  published_publisher: string | null;
  published_set: string | null;
  published_release: number | null;
  checked_release: number | null;
};

export type ListedCase = CaseRecord & {
  items: number;
  addresses: number;
  reports: number;
  you_assessed: boolean;
  forwarded_to: string | null;
  forward_failed: boolean;
};

/** More than anybody works through in a day; the list says what stands first. */
export const CASES_PAGE = 200;

export async function listCases(
  { sql }: Queries,
  hotlineId: string,
  { personId, filter }: { personId: string; filter: CaseFilter },
): Promise<ListedCase[]> {
  const open = sql`c.closed_at is null`;
  const chosen = {
    open,
    mine: sql`${open} and (c.taken_by = ${personId} or c.acknowledged_by = ${personId})`,
    known: sql`c.state = 'auto_known'`,
    all: sql`true`,
  }[filter];
  const order = filter === "all" ? sql`c.updated_at desc` : sql`c.priority, c.due_at nulls last, c.number`;
  return sql<ListedCase[]>`
    select c.*,
      (select count(distinct item_id)::int from report_hashes h where h.case_id = c.id) as items,
      (select count(distinct coalesce(url_digest, report_id::text || position))::int from report_locations l
        where l.case_id = c.id) as addresses,
      (select count(*)::int from reports r where r.case_id = c.id) as reports,
      exists (select 1 from case_assessments a where a.case_id = c.id and a.person_id = ${personId}) as you_assessed,
      f.forward_to as forwarded_to,
      coalesce(f.outcome = 'failed' and f.decided_at >= c.forward_at, false) as forward_failed
    from cases c left join case_forwards f on f.case_id = c.id
    where c.hotline_id = ${hotlineId} and ${chosen}
    order by ${order} limit ${CASES_PAGE}`;
}

export type Counts = { open: number; mine: number; known: number; last_closed_at: Date | null };

export async function countCases({ sql }: Queries, hotlineId: string, personId: string): Promise<Counts> {
  const [row] = await sql<Counts[]>`
    select (count(*) filter (where closed_at is null))::int as open,
      (count(*) filter (where closed_at is null and (taken_by = ${personId} or acknowledged_by = ${personId})))::int as mine,
      (count(*) filter (where state = 'auto_known'))::int as known,
      max(closed_at) filter (where state <> 'auto_known') as last_closed_at
    from cases where hotline_id = ${hotlineId}`;
  return row ?? { open: 0, mine: 0, known: 0, last_closed_at: null };
}

export async function findCase({ sql }: Queries, hotlineId: string, number: number): Promise<CaseRecord | undefined> {
  const [row] = await sql<CaseRecord[]>`select * from cases where hotline_id = ${hotlineId} and number = ${number}`;
  return row;
}

export async function lockCaseByNumber(
  { sql }: Tx,
  hotlineId: string,
  number: number,
): Promise<CaseRecord | undefined> {
  const [row] = await sql<CaseRecord[]>`
    select * from cases where hotline_id = ${hotlineId} and number = ${number} for update`;
  return row;
}

/** The most pressing case that this person may work on and nobody has; skipped while a colleague is just taking it. */
export async function lockNextCase({ sql }: Tx, hotlineId: string, personId: string): Promise<CaseRecord | undefined> {
  const [row] = await sql<CaseRecord[]>`
    select c.* from cases c
    where c.hotline_id = ${hotlineId} and c.closed_at is null and c.taken_by is null
      and c.state in ('received', 'urgent_hold', 'triaged', 'in_review', 'verified_1', 'disagreement')
      and not exists (select 1 from case_assessments a where a.case_id = c.id and a.person_id = ${personId})
    order by (c.urgent_at is not null and c.acknowledged_at is null) desc, c.priority, c.due_at nulls last, c.number
    limit 1 for update of c skip locked`;
  return row;
}

export type CaseReportRow = {
  id: string;
  reference: string;
  received_at: Date;
  member_id: string;
  report_kind: Report["report_kind"];
  urgency: Report["urgency"];
  marks: string[];
  body: Uint8Array | null;
};

export async function listCaseReports({ sql }: Queries, caseId: string): Promise<CaseReportRow[]> {
  return sql<CaseReportRow[]>`
    select id, reference, received_at, member_id, report_kind, urgency, marks, body from reports
    where case_id = ${caseId} order by received_at, id`;
}

export async function listSealsFor({ sql }: Queries, caseId: string, kids: string[]) {
  return sql<{ report_id: string; jwe: unknown }[]>`
    select s.report_id, s.jwe from report_seals s join reports r on r.id = s.report_id
    where r.case_id = ${caseId} and s.kid = any(${kids}::text[])`;
}

export type AssessmentRow = {
  person_id: string;
  position: number;
  decision: "assessed" | "rejected";
  reason: string | null;
  assessment: Assessment | null;
  saved_at: Date;
};

export async function listAssessments({ sql }: Queries, caseId: string): Promise<AssessmentRow[]> {
  return sql<AssessmentRow[]>`
    select person_id, position, decision, reason, assessment, saved_at from case_assessments
    where case_id = ${caseId} order by position`;
}

export async function insertAssessment(
  { sql }: Tx,
  row: Omit<AssessmentRow, "position"> & { caseId: string },
): Promise<void> {
  const assessment = row.assessment === null ? null : JSON.stringify(row.assessment);
  await sql`
    insert into case_assessments (case_id, person_id, position, decision, reason, assessment, saved_at)
    select ${row.caseId}, ${row.person_id}, count(*)::int + 1, ${row.decision}, ${row.reason}, ${assessment}::jsonb,
      ${row.saved_at}
    from case_assessments where case_id = ${row.caseId}`;
}

export type CaseEntryRow = {
  entry_id: string;
  item_ref: string;
  case_id: string;
  item_id: string;
  media_type: string;
  alg: AssessedHash["alg"];
  value: string;
  quality: number | null;
  ambiguous_bits: number | null;
  published_at: Date | null;
};

export async function insertCaseEntry({ sql }: Tx, row: Omit<CaseEntryRow, "published_at">): Promise<void> {
  await sql`
    insert into case_entries (entry_id, item_ref, case_id, item_id, media_type, alg, value, quality, ambiguous_bits)
    values (${row.entry_id}, ${row.item_ref}, ${row.case_id}, ${row.item_id}, ${row.media_type}, ${row.alg}, ${row.value}, ${row.quality},
      ${row.ambiguous_bits})`;
}

export async function listCaseEntries({ sql }: Queries, caseIds: readonly string[]): Promise<CaseEntryRow[]> {
  return sql<CaseEntryRow[]>`
    select * from case_entries where case_id = any(${[...caseIds]}::text[]) order by case_id, item_id, alg`;
}

export type CaseStepRow = { at: Date; code: string; person_id: string | null };

export async function listSteps({ sql }: Queries, caseId: string): Promise<CaseStepRow[]> {
  return sql<CaseStepRow[]>`
    select at, code, person_id from case_steps where case_id = ${caseId} order by id`;
}

/** Moves a case; what is left out stays. Closing takes it off everybody's desk. */
export async function moveCase(
  { sql }: Tx,
  caseId: string,
  change: { state?: ReportState; takenBy?: string | null; now: Date; closed?: OutcomeCode | null },
): Promise<void> {
  const closes = change.closed !== undefined;
  await sql`
    update cases set updated_at = ${change.now},
      state = coalesce(${change.state ?? null}, state),
      taken_by = ${change.takenBy === undefined ? sql`taken_by` : change.takenBy},
      taken_at = ${change.takenBy === undefined ? sql`taken_at` : change.takenBy === null ? null : change.now},
      closed_at = ${closes ? change.now : sql`closed_at`},
      outcome_code = ${closes ? (change.closed ?? null) : sql`outcome_code`}
    where id = ${caseId}`;
}

export async function setAcknowledged({ sql }: Tx, caseId: string, personId: string, at: Date): Promise<void> {
  await sql`update cases set acknowledged_at = ${at}, acknowledged_by = ${personId} where id = ${caseId}`;
}
