/** What a flagger may know of a report: its reference and a coded state, nothing of who assessed it or how. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { ReportState } from "@breakwater/shared/vocab/reports.ts";
import type { OutcomeCode, ReportStatus } from "@breakwater/shared/wire/hotline.ts";
import type { DeviceCaller } from "../../platform/caller.ts";
import type { Deps } from "../../platform/deps.ts";

type StatusRow = {
  id: string;
  reference: string;
  test: boolean;
  received_at: Date;
  state: ReportState | null;
  updated_at: Date | null;
  outcome_code: OutcomeCode | null;
};

// How far the hotline's own count is, and that two of its people differ, is its own business.
const COARSE: Partial<Record<ReportState, ReportState>> = { verified_1: "in_review", disagreement: "in_review" };

/** @throws ExchangeError `not_found`: also for a report of another device */
export async function getStatus({ sql }: Deps, caller: DeviceCaller, id: string): Promise<ReportStatus> {
  const [row] = await sql<StatusRow[]>`
    select r.id, r.reference, r.test, r.received_at, c.state, c.updated_at, c.outcome_code
    from reports r left join cases c on c.id = r.case_id
    where r.id = ${id} and r.device_id = ${caller.deviceId}`;
  if (row === undefined) throw new ExchangeError("not_found");
  const state: ReportState = row.test || row.state === null ? "closed_test" : (COARSE[row.state] ?? row.state);
  return {
    report_id: row.id as ReportStatus["report_id"],
    reference: row.reference,
    state,
    updated_at: (row.updated_at ?? row.received_at).toISOString(),
    ...(row.outcome_code === null ? {} : { outcome_code: row.outcome_code }),
  };
}
