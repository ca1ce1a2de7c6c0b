/** Moves that decide nothing about the material: take, return, next, acknowledge, and the log of copied addresses. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { ReportState } from "@breakwater/shared/vocab/reports.ts";
import { append } from "../../audit/index.ts";
import { actorOf } from "../../members/index.ts";
import type { PersonCaller } from "../../platform/caller.ts";
import { type Tx, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { addStep } from "../steps.ts";
import { type Stage, stageOf, WORKABLE } from "./stage.ts";
import {
  type CaseRecord,
  listAssessments,
  lockCaseByNumber,
  lockNextCase,
  moveCase,
  setAcknowledged,
} from "./store.ts";

export type Moved = { case: number; state: ReportState };

/** @throws ExchangeError `not_found` */
export async function openForUpdate(tx: Tx, caller: PersonCaller, number: number): Promise<CaseRecord> {
  const row = await lockCaseByNumber(tx, caller.memberId, number);
  if (row === undefined) throw new ExchangeError("not_found");
  return row;
}

/** @throws ExchangeError `assessor_same`, `assessment_done`, `case_state`, `case_conflict`: as the standing calls for */
export function refuseStanding({ stage, why_not: why }: Stage): void {
  if (why === undefined) return;
  if (why === "already_assessed") throw new ExchangeError(stage === "second" ? "assessor_same" : "assessment_done");
  if (why === "taken") throw new ExchangeError("case_conflict", { reason: "taken" });
  throw new ExchangeError("case_state", { reason: why });
}

export async function takeCase(deps: Deps, caller: PersonCaller, number: number): Promise<Moved> {
  return transaction(deps, async (tx) => takeLocked(deps, tx, caller, await openForUpdate(tx, caller, number)));
}

/** Takes the most pressing case that the caller may assess. */
export async function takeNextCase(deps: Deps, caller: PersonCaller): Promise<{ case: number | null }> {
  return transaction(deps, async (tx) => {
    const row = await lockNextCase(tx, caller.memberId, caller.personId);
    if (row === undefined) return { case: null };
    await takeLocked(deps, tx, caller, row);
    return { case: row.number };
  });
}

async function takeLocked(deps: Deps, tx: Tx, caller: PersonCaller, row: CaseRecord): Promise<Moved> {
  const saved = await listAssessments(tx, row.id);
  refuseStanding(stageOf({ state: row.state, saved, takenBy: row.taken_by, personId: caller.personId }));
  const now = deps.now();
  // Urgent ones stay on the banner until somebody acknowledges; taking one is not that.
  const state = row.state === "triaged" || row.state === "received" ? "in_review" : row.state;
  if (row.taken_by === caller.personId && state === row.state) return { case: row.number, state };
  await moveCase(tx, row.id, { state, takenBy: caller.personId, now });
  await addStep(tx, { caseId: row.id, at: now, code: "taken", personId: caller.personId });
  await append(tx, { at: now, actor: actorOf(caller), action: "case.taken", subject: row.id });
  return { case: row.number, state };
}

/** Puts a case back for a colleague. @throws ExchangeError `not_found`, `case_conflict` when it is not the caller's */
export async function returnCase(deps: Deps, caller: PersonCaller, number: number): Promise<Moved> {
  return transaction(deps, async (tx) => {
    const row = await openForUpdate(tx, caller, number);
    if (row.taken_by !== caller.personId) throw new ExchangeError("case_conflict", { reason: "not yours" });
    const now = deps.now();
    const state = row.state === "in_review" ? "triaged" : row.state;
    await moveCase(tx, row.id, { state, takenBy: null, now });
    await addStep(tx, { caseId: row.id, at: now, code: "returned", personId: caller.personId });
    await append(tx, { at: now, actor: actorOf(caller), action: "case.returned", subject: row.id });
    return { case: row.number, state };
  });
}

/** An urgent report is somebody's now: the hand-over and the case are the caller's, and it is not passed on. */
export async function acknowledgeCase(deps: Deps, caller: PersonCaller, number: number): Promise<Moved> {
  return transaction(deps, async (tx) => {
    const row = await openForUpdate(tx, caller, number);
    if (row.urgent_at === null || !WORKABLE.includes(row.state))
      throw new ExchangeError("case_state", { reason: "not urgent" });
    if (row.acknowledged_at !== null) throw new ExchangeError("case_conflict", { reason: "acknowledged" });
    const now = deps.now();
    const saved = await listAssessments(tx, row.id);
    const state = row.state === "urgent_hold" ? "in_review" : row.state;
    const mayTake = stageOf({ state, saved, takenBy: row.taken_by, personId: caller.personId }).why_not === undefined;
    await setAcknowledged(tx, row.id, caller.personId, now);
    await moveCase(tx, row.id, { state, ...(mayTake ? { takenBy: caller.personId } : {}), now });
    await addStep(tx, { caseId: row.id, at: now, code: "acknowledged", personId: caller.personId });
    await append(tx, { at: now, actor: actorOf(caller), action: "case.acknowledged", subject: row.id });
    return { case: row.number, state };
  });
}

/** Copying an address is deliberate and on record (rule 9): which one is said by report and place, never in words. */
export async function logCopied(
  deps: Deps,
  caller: PersonCaller,
  number: number,
  { report_id, location }: { report_id: string; location: number },
): Promise<void> {
  await transaction(deps, async (tx) => {
    const row = await openForUpdate(tx, caller, number);
    const rows = await tx.sql`
      select 1 from report_locations where case_id = ${row.id} and report_id = ${report_id} and position = ${location}`;
    if (rows.length === 0) throw new ExchangeError("not_found");
    const now = deps.now();
    await addStep(tx, {
      caseId: row.id,
      at: now,
      code: "address_copied",
      personId: caller.personId,
      reportId: report_id,
      location,
    });
    await append(tx, {
      at: now,
      actor: actorOf(caller),
      action: "address.copied",
      subject: report_id,
      code: `location_${location}`,
    });
  });
}
