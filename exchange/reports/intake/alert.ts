/** Tells a hotline of an urgent report at once, at the address that it named for this; the console's banner shows it anyway. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { append } from "../../audit/index.ts";
import { SYSTEM_ACTOR } from "../../platform/caller.ts";
import { type Tx, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import type { Job } from "../../platform/jobs.ts";
import { isOutboundUrl, postMessage } from "../../platform/outbound.ts";
import { addStep } from "../steps.ts";

type Outcome = "pending" | "delivered" | "failed" | "no_address";
type Alert = { case_id: string; number: number; urgency: string; urgent_at: Date; alarm_at: Date; url: string };

/** First the row, then the message: a crash in between sends it again, never not at all. */
export async function alertHotline(deps: Deps, job: Job): Promise<undefined> {
  const alert = await transaction(deps, (tx) => decideAlert(deps, tx, job));
  if (alert === undefined) return;
  const delivered = await postMessage(deps.config, alert.url, {
    type: "urgent_report",
    exchange: deps.config.origin,
    case: alert.number,
    urgency: alert.urgency,
    waiting_since: alert.urgent_at.toISOString(),
  });
  await transaction(deps, (tx) => recordAlert(deps, tx, alert, delivered ? "delivered" : "failed"));
  // Thrown so that the job is tried again with backoff.
  if (!delivered) throw new ExchangeError("fetch_failed", { reason: "alert" });
}

type CaseRow = {
  hotline_id: string;
  number: number;
  urgency: string;
  urgent_at: Date;
  alert_url: string | null;
};

/** Undefined when there is nothing to send: acknowledged, told already, overtaken by a newer alarm, or nowhere to send it. */
async function decideAlert(deps: Deps, tx: Tx, job: Job): Promise<Alert | undefined> {
  const caseId = String(job.payload.case_id);
  const [row] = await tx.sql<CaseRow[]>`
    select c.hotline_id, c.number, c.urgency, c.urgent_at, h.alert_url
    from cases c join hotlines h on h.member_id = c.hotline_id
    where c.id = ${caseId} and c.acknowledged_at is null and c.urgent_at is not null for update of c`;
  if (row === undefined) return undefined;
  const { alarm_at } = job.payload;
  const alarmAt = typeof alarm_at === "number" ? new Date(alarm_at) : row.urgent_at;
  const [before] = await tx.sql<{ outcome: Outcome; alarm_at: Date }[]>`
    select outcome, alarm_at from case_alerts where case_id = ${caseId}`;
  if (before !== undefined && before.alarm_at > alarmAt) return undefined;
  const known = before?.alarm_at.getTime() === alarmAt.getTime() ? before.outcome : undefined;
  if (known === "delivered") return undefined;
  const url = row.alert_url !== null && isOutboundUrl(deps.config, row.alert_url) ? row.alert_url : undefined;
  const outcome: Outcome = url === undefined ? "no_address" : known === "failed" ? "failed" : "pending";
  const now = deps.now();
  await tx.sql`
    insert into case_alerts (case_id, outcome, alarm_at, updated_at) values (${caseId}, ${outcome}, ${alarmAt}, ${now})
    on conflict (case_id) do update set outcome = excluded.outcome, updated_at = excluded.updated_at,
      attempts = case when case_alerts.alarm_at = excluded.alarm_at then case_alerts.attempts else 0 end,
      alarm_at = excluded.alarm_at`;
  if (known === undefined) {
    deps.events.write("urgent_alert", { case_id: caseId, hotline_id: row.hotline_id, case_number: row.number });
  }
  if (url !== undefined) {
    return {
      case_id: caseId,
      number: row.number,
      urgency: row.urgency,
      urgent_at: row.urgent_at,
      alarm_at: alarmAt,
      url,
    };
  }
  if (known !== "no_address") await note(deps, tx, caseId, "no_address");
  return undefined;
}

async function recordAlert(deps: Deps, tx: Tx, alert: Alert, outcome: "delivered" | "failed"): Promise<void> {
  const [before] = await tx.sql<{ outcome: Outcome }[]>`
    select outcome from case_alerts where case_id = ${alert.case_id} and alarm_at = ${alert.alarm_at} for update`;
  // A newer alarm has taken the row meanwhile, and tells for itself.
  if (before === undefined || before.outcome === "delivered") return;
  await tx.sql`
    update case_alerts set outcome = ${outcome}, attempts = attempts + 1, updated_at = ${deps.now()}
    where case_id = ${alert.case_id}`;
  if (before.outcome !== outcome) await note(deps, tx, alert.case_id, outcome);
  else deps.events.write("urgent_alert_sent", { case_id: alert.case_id, outcome });
}

const STEP_OF = { delivered: "alerted", failed: "alert_failed", no_address: "not_alerted" } as const;

async function note(deps: Deps, tx: Tx, caseId: string, outcome: keyof typeof STEP_OF): Promise<void> {
  const at = deps.now();
  const action = outcome === "delivered" ? "case.alerted" : "case.not_alerted";
  await addStep(tx, { caseId, at, code: STEP_OF[outcome] });
  await append(tx, { at, actor: SYSTEM_ACTOR, action, subject: caseId, code: outcome });
  deps.events.write("urgent_alert_sent", { case_id: caseId, outcome });
}
