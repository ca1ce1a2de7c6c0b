/** What an analyst sees: the queue's rows, and one case without what a colleague decided before them (rule 1). */
import { UuidV7 } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SealedJwe } from "@breakwater/shared/sealed.ts";
import type {
  Case,
  CaseAssessment,
  CaseFilter,
  CasePage,
  CaseReport,
  CaseRow,
} from "@breakwater/shared/wire/hotline.ts";
import { listMemberTitles, listPeopleNames } from "../../members/index.ts";
import type { PersonCaller } from "../../platform/caller.ts";
import type { Deps } from "../../platform/deps.ts";
import { isPassedOn } from "../keys/keys.ts";
import { ownKids } from "../keys/seals.ts";
import { findHotline } from "../keys/store.ts";
import { readPayload } from "../payload.ts";
import { settleWithdrawals } from "../publication/settle.ts";
import { stageOf, WORKABLE } from "./stage.ts";
import {
  type AssessmentRow,
  type CaseRecord,
  type CaseStepRow,
  countCases,
  findCase,
  type ListedCase,
  listAssessments,
  listCaseEntries,
  listCaseReports,
  listCases,
  listSealsFor,
  listSteps,
} from "./store.ts";

const iso = (at: Date | null): string | null => at?.toISOString() ?? null;

export async function getQueue(deps: Deps, caller: PersonCaller, filter: CaseFilter): Promise<CasePage> {
  const rows = await listCases(deps, caller.memberId, { personId: caller.personId, filter });
  const open =
    filter === "open" ? rows : await listCases(deps, caller.memberId, { personId: caller.personId, filter: "open" });
  const counts = await countCases(deps, caller.memberId, caller.personId);
  const names = await listPeopleNames(
    deps,
    rows.flatMap(({ taken_by }) => taken_by ?? []),
  );
  const hotline = await findHotline(deps, caller.memberId);
  return {
    cases: rows.map((row) => rowOf(row, names, caller.personId)),
    urgent: open.flatMap((row) => (row.urgent_at === null ? [] : [urgentOf(row, row.urgent_at)])),
    counts: { open: counts.open, mine: counts.mine, known: counts.known },
    forward_to: hotline?.forward_to ?? null,
    forward_delivers: isPassedOn(deps, hotline),
    last_closed_at: iso(counts.last_closed_at),
  };
}

function urgentOf(row: ListedCase, urgentAt: Date): CasePage["urgent"][number] {
  return {
    case: row.number,
    waiting_since: urgentAt.toISOString(),
    forward_at: iso(row.forward_at),
    forwarded_at: iso(row.forwarded_at),
    forwarded_to: row.forwarded_at === null ? null : row.forwarded_to,
    forward_failed: row.forward_failed,
    acknowledged: row.acknowledged_at !== null,
  };
}

function rowOf(row: ListedCase, names: Map<string, string>, personId: string): CaseRow {
  return {
    case: row.number,
    priority: row.priority,
    score: row.score,
    state: row.state,
    title_kind: row.title_kind,
    items: row.items,
    addresses: row.addresses,
    host: row.host,
    country: row.country,
    waiting_since: (row.urgent_at ?? row.opened_at).toISOString(),
    due_at: iso(row.due_at),
    with: holderOf(row, names, personId),
    urgent: row.urgent_at !== null,
    acknowledged_at: iso(row.acknowledged_at),
    joined: row.reports,
    known: row.known_in.length > 0,
    you_assessed: row.you_assessed,
  };
}

function holderOf({ taken_by }: CaseRecord, names: Map<string, string>, personId: string): CaseRow["with"] {
  return taken_by === null ? null : { name: names.get(taken_by) ?? "", you: taken_by === personId };
}

/** @throws ExchangeError `not_found`: also for another hotline's case */
export async function getCase(deps: Deps, caller: PersonCaller, number: number): Promise<Case> {
  const found = await findCase(deps, caller.memberId, number);
  // A withdrawal is in the set at once; whoever opens the case shall not have to wait for the sweep to see it.
  const row =
    found?.state === "published" && (await settleWithdrawals(deps, found.id)) > 0
      ? await findCase(deps, caller.memberId, number)
      : found;
  if (row === undefined) throw new ExchangeError("not_found");
  const saved = await listAssessments(deps, row.id);
  const steps = await listSteps(deps, row.id);
  const people = [
    ...saved.map(({ person_id }) => person_id),
    ...steps.flatMap(({ person_id }) => person_id ?? []),
    ...(row.taken_by === null ? [] : [row.taken_by]),
  ];
  const names = await listPeopleNames(deps, [...new Set(people)]);
  const reports = await readReports(deps, caller, row.id);
  const standing = stageOf({ state: row.state, saved, takenBy: row.taken_by, personId: caller.personId });
  const entries = await listCaseEntries(deps, [row.id]);
  const seesAll = seesFindings(row, saved, caller.personId);
  return {
    case: row.number,
    state: row.state,
    priority: row.priority,
    score: row.score,
    score_parts: row.score_parts,
    title_kind: row.title_kind,
    urgent: row.urgent_at !== null,
    acknowledged_at: iso(row.acknowledged_at),
    with: holderOf(row, names, caller.personId),
    waiting_since: (row.urgent_at ?? row.opened_at).toISOString(),
    due_at: iso(row.due_at),
    stage: standing.stage,
    you_may_assess: standing.why_not === undefined && standing.stage !== "done",
    ...(standing.why_not === undefined ? {} : { why_not: standing.why_not }),
    outcome_code: row.outcome_code,
    known_in: row.known_in,
    reports,
    items: itemsOf(reports),
    assessments: saved
      .filter(({ person_id }) => seesAll || person_id === caller.personId)
      .map((one) => assessmentOf(one, names, caller.personId)),
    assessments_saved: saved.length,
    steps: (seesAll ? steps : steps.flatMap(blindStep)).map(({ at, code, person_id }) => ({
      at: at.toISOString(),
      code,
      ...(person_id === null ? {} : { by: names.get(person_id) ?? "" }),
    })),
    published:
      row.published_set === null
        ? null
        : {
            set: `${row.published_publisher}/${row.published_set}`,
            release: row.published_release ?? 0,
            entries: entries.filter(({ published_at }) => published_at !== null).map(({ entry_id }) => entry_id),
          },
  };
}

/**
 * The one place that decides who sees whose grading: while a case is being assessed, nobody who may still have to assess
 * it, and the first assessor not before the second has saved. Once decided, all of the hotline's analysts.
 */
function seesFindings(row: CaseRecord, saved: readonly AssessmentRow[], personId: string): boolean {
  const decided = row.closed_at !== null || !WORKABLE.includes(row.state);
  return decided || (saved.length >= 2 && saved.some(({ person_id }) => person_id === personId));
}

/** A rejection against a colleague's finding is a step of its own; to a third assessor it looks like any two that differ. */
function blindStep(step: CaseStepRow): CaseStepRow[] {
  if (step.code !== "rejection_differs") return [step];
  return [
    { ...step, code: "assessed" },
    { ...step, code: "differed", person_id: null },
  ];
}

function assessmentOf(row: AssessmentRow, names: Map<string, string>, personId: string): CaseAssessment {
  return {
    person: row.person_id,
    name: names.get(row.person_id) ?? "",
    yours: row.person_id === personId,
    saved_at: row.saved_at.toISOString(),
    decision: row.decision,
    reason: row.reason as CaseAssessment["reason"],
    assessment: row.assessment,
  };
}

async function readReports(deps: Deps, caller: PersonCaller, caseId: string): Promise<CaseReport[]> {
  const rows = await listCaseReports(deps, caseId);
  const titles = await listMemberTitles(deps, [...new Set(rows.map(({ member_id }) => member_id))]);
  const seals = await listSealsFor(deps, caseId, await ownKids(deps, caller));
  return rows.map((row) => {
    const seal = seals.find(({ report_id }) => report_id === row.id)?.jwe as SealedJwe | undefined;
    return {
      report_id: UuidV7.parse(row.id),
      reference: row.reference,
      received_at: row.received_at.toISOString(),
      member: titles.get(row.member_id)?.title ?? "",
      kind: row.report_kind,
      urgency: row.urgency,
      marks: row.marks as CaseReport["marks"],
      payload: readPayload(row.body),
      ...(seal === undefined ? {} : { seal }),
    };
  });
}

function itemsOf(reports: readonly CaseReport[]): Case["items"] {
  return reports.flatMap(({ report_id, payload }) =>
    (payload?.items ?? []).map(({ item_id, media_type, acquisition, hashes }) => ({
      report_id,
      item_id,
      media_type,
      acquisition,
      hashes,
    })),
  );
}
