/** Files a verified report: closes a test, joins a case or opens one, scores it, and alerts when a child may be in danger. */
import type { NextStep } from "@breakwater/shared/receipt.ts";
import { isUrgent, type Report } from "@breakwater/shared/report.ts";
import type { ReportState } from "@breakwater/shared/vocab/reports.ts";
import type { ScorePart } from "@breakwater/shared/wire/hotline.ts";
import type { Tx } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { newRowId } from "../../platform/ids.ts";
import { findListedHashes } from "../../sets/index.ts";
import { addStep } from "../steps.ts";
import type { Sender } from "./accept.ts";
import { findCaseFor } from "./join.ts";
import { exactHashesOf, isMoreUrgent, mergeScores, rankScore, scoreReport } from "./score.ts";
import {
  type CaseFacts,
  countOutcomes,
  findFirstReport,
  insertCase,
  type KnownIn,
  lockCase,
  takeCaseNumber,
  updateCase,
} from "./store.ts";
import { FORWARD_AFTER_MS, queueUrgentJobs } from "./urgent.ts";

/** A flagger's organisation is called precise from so many decided cases on, this share of them listed. */
export const PRECISION_MIN_CASES = 20;
export const PRECISION_MIN_SHARE = 0.95;

export type Filed = {
  caseId: string | undefined;
  state: ReportState;
  nextStep: NextStep;
  duplicateOf: string | undefined;
  /** steps and jobs that refer to the report's row */
  afterInsert: (tx: Tx) => Promise<void>;
};
type Filing = { sender: Sender; report: Report; now: Date };

export async function fileReport(deps: Deps, tx: Tx, filing: Filing): Promise<Filed> {
  const { sender, report } = filing;
  if (report.test) {
    return {
      caseId: undefined,
      state: "closed_test",
      nextStep: "test_closed",
      duplicateOf: undefined,
      afterInsert: async () => {},
    };
  }
  const knownIn = await findKnown(tx, sender, report);
  const known = isWhollyKnown(report, knownIn);
  const parts = scoreReport(report, { known, precise: await isPrecise(tx, sender.memberId) });
  const caseId = await findCaseFor(tx, sender, report);
  const facts = {
    ...filing,
    parts,
    knownIn: knownIn.map(({ publisher, set, id }) => ({ publisher, set, entry_id: id })),
    known,
  };
  return caseId === undefined ? openCase(deps, tx, facts) : joinCase(deps, tx, facts, await lockCase(tx, caseId));
}

type Facts = Filing & { parts: ScorePart[]; knownIn: KnownIn[]; known: boolean };

async function openCase(deps: Deps, tx: Tx, facts: Facts): Promise<Filed> {
  const { sender, report, now, parts, knownIn, known } = facts;
  const id = newRowId(deps);
  const rank = rankScore(parts);
  const urgent = isUrgent(report);
  // A known file needs no second look; a child in danger does, whatever file came with it.
  const state = urgent ? "urgent_hold" : known ? "auto_known" : "triaged";
  await insertCase(tx, {
    id,
    publicId: newUuidV4(deps),
    hotlineId: sender.hotlineId,
    number: await takeCaseNumber(tx, sender.hotlineId),
    state,
    report,
    parts,
    score: rank.score,
    priority: rank.priority,
    knownIn,
    dueAt: state === "auto_known" ? null : new Date(now.getTime() + rank.dueMs),
    urgent: urgent ? alarmAt(now) : undefined,
    now,
  });
  return {
    caseId: id,
    state,
    nextStep: urgent ? "urgent_alerted" : known ? "already_listed" : "two_people_assess",
    duplicateOf: undefined,
    afterInsert: async (inner) => {
      await addStep(inner, { caseId: id, at: now, code: "opened", reportId: report.id });
      if (urgent) await queueUrgentJobs(deps, inner, id, now);
    },
  };
}

/** A repeat is never swallowed: it is scored with the rest, and alerts anew when it says more than was known (rule 5). */
async function joinCase(deps: Deps, tx: Tx, facts: Facts, found: CaseFacts): Promise<Filed> {
  const { sender, report, now, known } = facts;
  const first = await findFirstReport(tx, found.id);
  const parts = mergeScores(found.score_parts, facts.parts);
  const rank = rankScore(parts);
  const raised = isMoreUrgent(report.urgency, found.urgency);
  const alarm = isUrgent(report) && (raised || found.urgent_at === null);
  const stillKnown = found.state === "auto_known" && known && !alarm;
  const state = joinedState(found.state, { alarm, stillKnown });
  await updateCase(tx, found.id, {
    state,
    urgency: raised ? report.urgency : found.urgency,
    parts,
    score: rank.score,
    priority: rank.priority,
    knownIn: mergeKnown(found.known_in, facts.knownIn),
    dueAt: stillKnown ? null : new Date(Math.min(found.opened_at.getTime() + rank.dueMs, now.getTime() + rank.dueMs)),
    closedAt: stillKnown ? now : null,
    urgent: alarm ? alarmAt(now) : undefined,
    now,
  });
  return {
    caseId: found.id,
    state: alarm ? "urgent_hold" : stillKnown ? "auto_known" : "merged",
    // Somebody has confirmed it, and it says no more than they know: nobody is alerted, so nothing may say so.
    nextStep:
      alarm || (isUrgent(report) && found.acknowledged_at === null)
        ? "urgent_alerted"
        : stillKnown
          ? "already_listed"
          : "joined_case",
    // Another organisation's report is not named: its number holds the moment at which that one was written.
    duplicateOf: first?.member_id === sender.memberId ? first.id : found.public_id,
    afterInsert: async (inner) => {
      const code = raised ? "joined_more_urgent" : "joined";
      await addStep(inner, { caseId: found.id, at: now, code, reportId: report.id });
      if (alarm) await queueUrgentJobs(deps, inner, found.id, now);
    },
  };
}

function joinedState(state: string, { alarm, stillKnown }: { alarm: boolean; stillKnown: boolean }): string {
  if (stillKnown) return "auto_known";
  const untouched = state === "triaged" || state === "received" || state === "auto_known";
  if (alarm && untouched) return "urgent_hold";
  return state === "auto_known" ? "triaged" : state;
}

function alarmAt(now: Date): { at: Date; forwardAt: Date } {
  return { at: now, forwardAt: new Date(now.getTime() + FORWARD_AFTER_MS) };
}

type Listed = { publisher: string; set: string; id: string; alg: string; value: string };

async function findKnown(tx: Tx, { publisher }: Sender, report: Report): Promise<Listed[]> {
  const hashes = exactHashesOf(report).map(({ alg, value }) => ({ alg, value }));
  return publisher === null || hashes.length === 0 ? [] : findListedHashes(tx, publisher, hashes);
}

/**
 * Known is a report whose every item is listed. An MD5 alone does not make an item known when a stronger hash came with
 * it and is not listed: a file can be made to have a listed file's MD5, and would then never be looked at.
 */
function isWhollyKnown(report: Report, listed: readonly Listed[]): boolean {
  if (report.items.length === 0) return false;
  return report.items.every((item) => {
    const exact = exactHashesOf({ items: [item] });
    const hits = exact.filter(({ alg, value }) => listed.some((entry) => entry.alg === alg && entry.value === value));
    return hits.some(({ alg }) => alg !== "md5") || (hits.length > 0 && exact.every(({ alg }) => alg === "md5"));
  });
}

function mergeKnown(before: readonly KnownIn[], added: readonly KnownIn[]): KnownIn[] {
  return [...new Map([...before, ...added].map((known) => [known.entry_id, known])).values()];
}

async function isPrecise(tx: Tx, memberId: string): Promise<boolean> {
  const { listed, not_listed } = await countOutcomes(tx, memberId);
  const decided = listed + not_listed;
  return decided >= PRECISION_MIN_CASES && listed / decided >= PRECISION_MIN_SHARE;
}

function newUuidV4({ random }: Pick<Deps, "random">): string {
  const bytes = random(16);
  bytes[6] = 0x40 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
