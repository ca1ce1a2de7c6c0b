/** Decisions about a case: assess and concur without sight of each other, reject, could not verify (rule 1). */
import {
  type Assessment,
  type Comparison,
  compareAssessments,
  isListable,
  parseAssessment,
} from "@breakwater/shared/assessment.ts";
import { newEntryId } from "@breakwater/shared/ids.ts";
import type { ReportItem } from "@breakwater/shared/report.ts";
import { PDQ_QUALITY_FLOOR } from "@breakwater/shared/signals/index.ts";
import type { RejectionReason, UnverifiableReason } from "@breakwater/shared/vocab/reasons.ts";
import type { ReportState } from "@breakwater/shared/vocab/reports.ts";
import { append } from "../../audit/index.ts";
import { actorOf } from "../../members/index.ts";
import type { PersonCaller } from "../../platform/caller.ts";
import { type Tx, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { readPayload } from "../payload.ts";
import { addStep, type Step } from "../steps.ts";
import { type Moved, openForUpdate, refuseStanding } from "./moves.ts";
import { stageOf } from "./stage.ts";
import {
  type AssessmentRow,
  type CaseRecord,
  insertAssessment,
  insertCaseEntry,
  listAssessments,
  listCaseReports,
  moveCase,
} from "./store.ts";

export type Assessed = Moved & { comparison: Comparison["outcome"] | null };

/** @throws ExchangeError `assessment_invalid`, `imagery_suspected`, `not_found`, `assessor_same`, `case_state`, `case_conflict` */
export async function assessCase(deps: Deps, caller: PersonCaller, number: number, body: unknown): Promise<Assessed> {
  const assessment = parseAssessment(body);
  return transaction(deps, async (tx) => {
    const { row, saved } = await openForDecision(tx, caller, number);
    const now = deps.now();
    await insertAssessment(tx, {
      caseId: row.id,
      person_id: caller.personId,
      decision: "assessed",
      reason: null,
      assessment,
      saved_at: now,
    });
    await record(tx, caller, row, { at: now, step: "assessed", action: "case.assessed" });
    if (saved.length === 0) {
      await moveCase(tx, row.id, { state: "verified_1", takenBy: null, now });
      return { case: row.number, state: "verified_1" as const, comparison: null };
    }
    const items = await reportedItems(tx, row.id);
    const compared = compareWithEarlier(assessment, saved, items);
    return {
      case: row.number,
      comparison: compared.outcome,
      state: await settle(deps, tx, row, { compared, assessment, items, now }),
    };
  });
}

async function openForDecision(tx: Tx, caller: PersonCaller, number: number) {
  const row = await openForUpdate(tx, caller, number);
  const saved = await listAssessments(tx, row.id);
  refuseStanding(stageOf({ state: row.state, saved, takenBy: row.taken_by, personId: caller.personId }));
  return { row, saved };
}

async function reportedItems(tx: Tx, caseId: string): Promise<ReportItem[]> {
  const reports = await listCaseReports(tx, caseId);
  return reports.flatMap(({ body }) => readPayload(body)?.items ?? []);
}

/** Any earlier assessor will do as the second pair of eyes; with nobody to agree with, hashes that differ weigh most. */
function compareWithEarlier(
  mine: Assessment,
  saved: readonly AssessmentRow[],
  items: readonly ReportItem[],
): Comparison {
  const compared = saved.map(({ assessment }) =>
    // A colleague who rejected the case disagrees with everybody who did not.
    assessment === null
      ? ({ outcome: "disagree", confirmed: [] } as Comparison)
      : compareAssessments(assessment, mine, items),
  );
  const find = (outcome: Comparison["outcome"]) => compared.find((one) => one.outcome === outcome);
  return find("agree") ?? find("disagree") ?? find("hash_not_confirmed") ?? { outcome: "disagree", confirmed: [] };
}

type Settling = { compared: Comparison; assessment: Assessment; items: readonly ReportItem[]; now: Date };

async function settle(
  deps: Deps,
  tx: Tx,
  row: CaseRecord,
  { compared, assessment, items, now }: Settling,
): Promise<ReportState> {
  const step = (code: Step["code"]) => addStep(tx, { caseId: row.id, at: now, code });
  if (compared.outcome === "hash_not_confirmed") {
    // What was looked at is not what was reported, or not the same twice: nothing of this case can be listed.
    await moveCase(tx, row.id, { state: "unverifiable", takenBy: null, now, closed: "hash_not_confirmed" });
    await step("hash_not_confirmed");
    return "unverifiable";
  }
  if (compared.outcome === "disagree") {
    await moveCase(tx, row.id, { state: "disagreement", takenBy: null, now });
    await step("differed");
    return "disagreement";
  }
  await step("agreed");
  if (!isListable(assessment)) {
    await moveCase(tx, row.id, { state: "rejected", takenBy: null, now, closed: "not_csam" });
    return "rejected";
  }
  const refs = new Map(compared.confirmed.map(({ item_id }) => [item_id, newEntryId(deps.random)]));
  for (const hash of compared.confirmed) {
    // A flat picture's hash matches thousands of others; it is confirmed and still not fit for a list.
    if (hash.alg === "pdq" && (hash.quality ?? 0) < PDQ_QUALITY_FLOOR) continue;
    await insertCaseEntry(tx, {
      entry_id: newEntryId(deps.random),
      item_ref: refs.get(hash.item_id) as string,
      case_id: row.id,
      item_id: hash.item_id,
      media_type: items.find(({ item_id }) => item_id === hash.item_id)?.media_type ?? "image",
      alg: hash.alg,
      value: hash.value,
      quality: hash.quality ?? null,
      ambiguous_bits: hash.ambiguous_bits ?? null,
    });
  }
  await moveCase(tx, row.id, { state: "verified", takenBy: null, now });
  return "verified";
}

/** Alone while nobody else has decided; against a colleague's finding it takes a second rejection. */
export async function rejectCase(
  deps: Deps,
  caller: PersonCaller,
  number: number,
  reason: RejectionReason,
): Promise<Moved> {
  return transaction(deps, async (tx) => {
    const { row, saved } = await openForDecision(tx, caller, number);
    const now = deps.now();
    await insertAssessment(tx, {
      caseId: row.id,
      person_id: caller.personId,
      decision: "rejected",
      reason,
      assessment: null,
      saved_at: now,
    });
    const agreed = saved.length === 0 || saved.some(({ decision }) => decision === "rejected");
    const state = agreed ? "rejected" : "disagreement";
    await moveCase(tx, row.id, { state, takenBy: null, now, ...(agreed ? { closed: reason } : {}) });
    const step = agreed ? "rejected" : "rejection_differs";
    await record(tx, caller, row, { at: now, step, action: "case.rejected", code: reason });
    return { case: row.number, state };
  });
}

/** The source cannot be looked at (any more), so nobody can compute a hash there: nothing can be listed. */
export async function closeUnverifiable(
  deps: Deps,
  caller: PersonCaller,
  number: number,
  reason: UnverifiableReason,
): Promise<Moved> {
  return transaction(deps, async (tx) => {
    const { row } = await openForDecision(tx, caller, number);
    const now = deps.now();
    await moveCase(tx, row.id, { state: "unverifiable", takenBy: null, now, closed: reason });
    await record(tx, caller, row, { at: now, step: "unverifiable", action: "case.unverifiable", code: reason });
    return { case: row.number, state: "unverifiable" as const };
  });
}

async function record(
  tx: Tx,
  caller: PersonCaller,
  row: CaseRecord,
  { at, step, action, code }: { at: Date; step: Step["code"]; action: string; code?: string },
): Promise<void> {
  await addStep(tx, { caseId: row.id, at, code: step, personId: caller.personId });
  await append(tx, { at, actor: actorOf(caller), action, subject: row.id, ...(code === undefined ? {} : { code }) });
}
