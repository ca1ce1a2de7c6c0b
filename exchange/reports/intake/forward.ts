/** Passes an urgent report on when nobody acknowledged it in time, and says so only once it has arrived. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { append } from "../../audit/index.ts";
import { SYSTEM_ACTOR } from "../../platform/caller.ts";
import { type Tx, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import type { Job, JobOutcome } from "../../platform/jobs.ts";
import { isOutboundUrl, postMessage } from "../../platform/outbound.ts";
import { addStep } from "../steps.ts";

type Outcome = "pending" | "delivered" | "failed" | "no_address" | "nobody_named";
type Forward = { case_id: string; number: number; urgency: string; urgent_at: Date; forward_at: Date; url: string };

/** First the row, then the message: a crash in between sends it again, never not at all. */
export async function forwardUnacknowledged(deps: Deps, job: Job): Promise<JobOutcome> {
  const decided = await transaction(deps, (tx) => decideForward(deps, tx, String(job.payload.case_id)));
  if (decided === undefined || "again" in decided) return decided;
  const delivered = await postMessage(deps.config, decided.url, {
    type: "urgent_report_unacknowledged",
    exchange: deps.config.origin,
    case: decided.number,
    urgency: decided.urgency,
    waiting_since: decided.urgent_at.toISOString(),
    forwarded_at: deps.now().toISOString(),
  });
  await transaction(deps, (tx) => recordForward(deps, tx, decided, delivered ? "delivered" : "failed"));
  // Thrown so that the job is tried again with backoff.
  if (!delivered) throw new ExchangeError("fetch_failed", { reason: "forward" });
  return undefined;
}

type CaseRow = Omit<Forward, "case_id" | "url"> & {
  acknowledged_at: Date | null;
  forward_to: string | null;
  forward_url: string | null;
};

async function decideForward(deps: Deps, tx: Tx, caseId: string): Promise<Forward | { again: Date } | undefined> {
  const now = deps.now();
  const [row] = await tx.sql<CaseRow[]>`
    select c.number, c.urgency, c.urgent_at, c.forward_at, c.acknowledged_at, h.forward_to, h.forward_url
    from cases c join hotlines h on h.member_id = c.hotline_id
    where c.id = ${caseId} and c.urgent_at is not null for update of c`;
  if (row === undefined || row.acknowledged_at !== null) return undefined;
  // A repeat after the last one was passed on or acknowledged has its own fifteen minutes.
  if (row.forward_at > now) return { again: row.forward_at };
  // An earlier alarm's message is not this one's: a repeat that made it more urgent is passed on again.
  const [before] = await tx.sql<{ outcome: Outcome }[]>`
    select outcome from case_forwards where case_id = ${caseId} and decided_at >= ${row.forward_at}`;
  if (before?.outcome === "delivered") return undefined;
  const { forward_to, forward_url, acknowledged_at: _none, ...facts } = row;
  const url = forward_url !== null && isOutboundUrl(deps.config, forward_url) ? forward_url : undefined;
  const outcome: Outcome =
    forward_to === null
      ? "nobody_named"
      : url === undefined
        ? "no_address"
        : before?.outcome === "failed"
          ? "failed"
          : "pending";
  await tx.sql`
    insert into case_forwards (case_id, forward_to, outcome, decided_at, updated_at)
    values (${caseId}, ${forward_to}, ${outcome}, ${now}, ${now})
    on conflict (case_id) do update set forward_to = excluded.forward_to, outcome = excluded.outcome,
      updated_at = excluded.updated_at,
      attempts = case when case_forwards.decided_at < ${row.forward_at} then 0 else case_forwards.attempts end,
      decided_at = case when case_forwards.decided_at < ${row.forward_at} then excluded.decided_at
        else case_forwards.decided_at end`;
  if (forward_to !== null && url !== undefined) return { ...facts, case_id: caseId, url };
  if (before?.outcome !== outcome) await note(deps, tx, caseId, outcome as "no_address" | "nobody_named");
  return undefined;
}

async function recordForward(deps: Deps, tx: Tx, forward: Forward, outcome: "delivered" | "failed"): Promise<void> {
  const { case_id, forward_at } = forward;
  const now = deps.now();
  const [before] = await tx.sql<{ outcome: Outcome }[]>`
    select outcome from case_forwards where case_id = ${case_id} for update`;
  if (before === undefined || before.outcome === "delivered") return;
  await tx.sql`
    update case_forwards set outcome = ${outcome}, attempts = attempts + 1, updated_at = ${now}
    where case_id = ${case_id}`;
  if (outcome === "delivered") {
    // A repeat that came while this one was under way waits for its own.
    await tx.sql`update cases set forwarded_at = ${now} where id = ${case_id} and forward_at = ${forward_at}`;
  }
  if (before.outcome !== outcome) await note(deps, tx, case_id, outcome);
  else deps.events.write("urgent_forward", { case_id, outcome });
}

const STEP_OF = {
  delivered: "forwarded",
  failed: "forward_failed",
  no_address: "not_forwarded",
  nobody_named: "not_forwarded",
} as const;

async function note(deps: Deps, tx: Tx, caseId: string, outcome: keyof typeof STEP_OF): Promise<void> {
  const at = deps.now();
  const action = outcome === "delivered" ? "case.forwarded" : "case.not_forwarded";
  await addStep(tx, { caseId, at, code: STEP_OF[outcome] });
  await append(tx, { at, actor: SYSTEM_ACTOR, action, subject: caseId, code: outcome });
  deps.events.write("urgent_forward", { case_id: caseId, outcome });
}
