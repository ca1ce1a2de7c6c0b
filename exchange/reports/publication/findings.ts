/** Verified cases with what can be published of them. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { ReportState } from "@breakwater/shared/vocab/reports.ts";
import type { Queries } from "../../platform/db.ts";
import { type AssessmentRow, type CaseEntryRow, listAssessments, listCaseEntries } from "../queue/store.ts";
import type { Finding } from "./entries.ts";

export type VerifiedCase = {
  id: string;
  number: number;
  state: ReportState;
  finding: Finding;
  entries: CaseEntryRow[];
};

type Row = { id: string; number: number; state: ReportState };

export async function listVerified(queries: Queries, hotlineId: string): Promise<VerifiedCase[]> {
  const rows = await queries.sql<Row[]>`
    select id, number, state from cases where hotline_id = ${hotlineId} and state = 'verified' order by number`;
  return withFindings(queries, rows);
}

/** @throws ExchangeError `not_found` for a case that is not the hotline's, `case_state` for one that is not verified */
export async function getVerified(
  queries: Queries,
  hotlineId: string,
  numbers: readonly number[],
): Promise<VerifiedCase[]> {
  const rows = await queries.sql<Row[]>`
    select id, number, state from cases
    where hotline_id = ${hotlineId} and number = any(${[...numbers]}::integer[]) order by number`;
  if (rows.length !== numbers.length) throw new ExchangeError("not_found");
  const other = rows.find(({ state }) => state !== "verified");
  if (other !== undefined) throw new ExchangeError("case_state", { case: other.number, state: other.state });
  return withFindings(queries, rows);
}

async function withFindings(queries: Queries, rows: readonly Row[]): Promise<VerifiedCase[]> {
  const entries = await listCaseEntries(
    queries,
    rows.map(({ id }) => id),
  );
  const cases: VerifiedCase[] = [];
  for (const row of rows) {
    const finding = agreedFinding(await listAssessments(queries, row.id));
    cases.push({ ...row, finding, entries: entries.filter(({ case_id }) => case_id === row.id) });
  }
  return cases;
}

/** The last assessor settled the case by agreeing with an earlier one: their codes are equal, and flags count if both set them. */
function agreedFinding(saved: readonly AssessmentRow[]): Finding {
  const assessed = saved.flatMap(({ assessment, saved_at }) => (assessment === null ? [] : [{ assessment, saved_at }]));
  const last = assessed.at(-1);
  const other = assessed
    .slice(0, -1)
    .find(
      ({ assessment }) =>
        assessment.verdict === last?.assessment.verdict &&
        assessment.act === last.assessment.act &&
        assessment.age === last.assessment.age &&
        assessment.production === last.assessment.production,
    );
  if (last === undefined || other === undefined) throw new Error("a verified case without two assessments that agree");
  const { verdict, act, age, production } = last.assessment;
  const flags = last.assessment.flags.filter((flag) => other.assessment.flags.includes(flag));
  return { verdict, act, age, production, flags, on: last.saved_at };
}
