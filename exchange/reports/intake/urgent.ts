/** Urgent reports: alerted at once, and passed on when nobody acknowledges in fifteen minutes (rule 8). */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { append } from "../../audit/index.ts";
import { SYSTEM_ACTOR } from "../../platform/caller.ts";
import { type Tx, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { enqueue, type Job, type JobHandlers, type JobOutcome } from "../../platform/jobs.ts";
import { postMessage } from "../../platform/outbound.ts";
import { addStep } from "../steps.ts";

export const FORWARD_AFTER_MS = 15 * 60_000;

export async function queueUrgentJobs(deps: Deps, tx: Tx, caseId: string, now: Date): Promise<void> {
  const payload = { case_id: caseId };
  await enqueue(tx, deps, {
    kind: "reports_alert",
    key: `reports_alert:${caseId}:${now.getTime()}`,
    payload,
    runAt: now,
  });
  const runAt = new Date(now.getTime() + FORWARD_AFTER_MS);
  await enqueue(tx, deps, { kind: "reports_forward", key: `reports_forward:${caseId}`, payload, runAt });
}

/** Says in the log and in the case that somebody is waited for; the console's banner reads the same row. */
async function alertDuty(deps: Deps, job: Job): Promise<undefined> {
  const caseId = String(job.payload.case_id);
  const alerted = await transaction(deps, async (tx) => {
    const [row] = await tx.sql<{ hotline_id: string; number: number }[]>`
      select hotline_id, number from cases where id = ${caseId} and acknowledged_at is null and urgent_at is not null`;
    if (row === undefined) return undefined;
    await addStep(tx, { caseId, at: deps.now(), code: "alerted" });
    return row;
  });
  if (alerted !== undefined) {
    deps.events.write("urgent_alert", { case_id: caseId, hotline_id: alerted.hotline_id, case_number: alerted.number });
  }
  return undefined;
}

type Forward = {
  number: number;
  urgency: string;
  urgent_at: Date;
  forward_at: Date;
  acknowledged_at: Date | null;
  forward_to: string | null;
  forward_url: string | null;
};

/** First the decision with its row, then the message: a crash in between sends it again, never not at all. */
async function forwardUnacknowledged(deps: Deps, job: Job): Promise<JobOutcome> {
  const caseId = String(job.payload.case_id);
  const now = deps.now();
  const decided = await transaction(deps, (tx) => decideForward(tx, caseId, now));
  if (decided === undefined) return undefined;
  if ("again" in decided) return decided;
  if (decided.forward_url === null) return undefined;
  await deliver(deps, caseId, decided, decided.forward_url);
  return undefined;
}

async function decideForward(tx: Tx, caseId: string, now: Date): Promise<Forward | { again: Date } | undefined> {
  const [row] = await tx.sql<Forward[]>`
    select c.number, c.urgency, c.urgent_at, c.forward_at, c.acknowledged_at, h.forward_to, h.forward_url
    from cases c join hotlines h on h.member_id = c.hotline_id
    where c.id = ${caseId} and c.urgent_at is not null for update of c`;
  if (row === undefined || row.acknowledged_at !== null) return undefined;
  // A repeat alerted anew and got its own fifteen minutes.
  if (row.forward_at > now) return { again: row.forward_at };
  // An earlier alarm's message is not this one's: a repeat that made it more urgent is passed on again.
  const [before] = await tx.sql<{ outcome: string }[]>`
    select outcome from case_forwards where case_id = ${caseId} and decided_at >= ${row.forward_at}`;
  if (before?.outcome === "delivered") return undefined;
  const outcome = row.forward_to === null ? "nobody_named" : row.forward_url === null ? "no_address" : "pending";
  await tx.sql`
    insert into case_forwards (case_id, forward_to, outcome, decided_at, updated_at)
    values (${caseId}, ${row.forward_to}, ${outcome}, ${now}, ${now})
    on conflict (case_id) do update set forward_to = excluded.forward_to, updated_at = excluded.updated_at,
      outcome = case when case_forwards.decided_at < ${row.forward_at} then excluded.outcome else case_forwards.outcome end,
      decided_at = greatest(case_forwards.decided_at, ${row.forward_at})`;
  await tx.sql`update cases set forwarded_at = coalesce(forwarded_at, ${now}) where id = ${caseId}`;
  if (before === undefined) {
    await addStep(tx, { caseId, at: now, code: "forwarded" });
    await append(tx, { at: now, actor: SYSTEM_ACTOR, action: "case.forwarded", subject: caseId, code: outcome });
  }
  return row;
}

async function deliver(deps: Deps, caseId: string, forward: Forward, url: string): Promise<void> {
  const { config, now, events } = deps;
  const delivered = await postMessage(config, url, {
    type: "urgent_report_unacknowledged",
    exchange: config.origin,
    case: forward.number,
    urgency: forward.urgency,
    waiting_since: forward.urgent_at.toISOString(),
    forwarded_at: now().toISOString(),
  });
  const outcome = delivered ? "delivered" : "failed";
  await deps.sql`
    update case_forwards set outcome = ${outcome}, attempts = attempts + 1, updated_at = ${now()} where case_id = ${caseId}`;
  events.write("urgent_forward", { case_id: caseId, outcome });
  // Thrown so that the job is tried again with backoff.
  if (!delivered) throw new ExchangeError("fetch_failed", { reason: "forward" });
}

export const urgentJobs: JobHandlers = { reports_alert: alertDuty, reports_forward: forwardUnacknowledged };
