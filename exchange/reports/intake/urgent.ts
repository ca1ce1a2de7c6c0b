/** Urgent reports: the hotline is told at once, and somebody else when nobody acknowledges in fifteen minutes (rule 8). */
import type { Tx } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { enqueue, type JobHandlers } from "../../platform/jobs.ts";
import { alertHotline } from "./alert.ts";
import { forwardUnacknowledged } from "./forward.ts";

export const FORWARD_AFTER_MS = 15 * 60_000;
/** Unacknowledged cases that learn of a newly named address; more at once than any desk could be called about. */
const WAITING_MAX = 200;

export const urgentJobs: JobHandlers = { reports_alert: alertHotline, reports_forward: forwardUnacknowledged };

export async function queueUrgentJobs(deps: Deps, tx: Tx, caseId: string, now: Date): Promise<void> {
  await queueAlert(deps, tx, caseId, { alarmAt: now, runAt: now });
  await queueForward(deps, tx, caseId, new Date(now.getTime() + FORWARD_AFTER_MS));
}

/** The hotline has named somebody: what waits unacknowledged is told to them too, and not only what comes from now on. */
export async function queueWaitingCases(
  deps: Deps,
  tx: Tx,
  hotlineId: string,
  { delivers, alerts }: { delivers: boolean; alerts: boolean },
): Promise<void> {
  if (!delivers && !alerts) return;
  const now = deps.now();
  const rows = await tx.sql<{ id: string; alarm_at: Date; forward_at: Date; forwarded_at: Date | null }[]>`
    select c.id, coalesce(a.alarm_at, c.urgent_at) as alarm_at, c.forward_at, c.forwarded_at
    from cases c left join case_alerts a on a.case_id = c.id
    where c.hotline_id = ${hotlineId} and c.closed_at is null and c.urgent_at is not null and c.acknowledged_at is null
    order by c.urgent_at limit ${WAITING_MAX}`;
  for (const { id, alarm_at, forward_at, forwarded_at } of rows) {
    if (alerts) await queueAlert(deps, tx, id, { alarmAt: alarm_at, runAt: now });
    if (delivers && forwarded_at === null)
      await queueForward(deps, tx, id, new Date(Math.max(forward_at.getTime(), now.getTime())));
  }
}

async function queueAlert(deps: Deps, tx: Tx, caseId: string, { alarmAt, runAt }: { alarmAt: Date; runAt: Date }) {
  await enqueue(tx, deps, {
    kind: "reports_alert",
    // One job an alarm: a repeat that says more is told of while an earlier message is still being tried.
    key: `reports_alert:${caseId}:${alarmAt.getTime()}`,
    payload: { case_id: caseId, alarm_at: alarmAt.getTime() },
    runAt,
  });
}

async function queueForward(deps: Deps, tx: Tx, caseId: string, runAt: Date): Promise<void> {
  const payload = { case_id: caseId };
  await enqueue(tx, deps, { kind: "reports_forward", key: `reports_forward:${caseId}`, payload, runAt });
}
