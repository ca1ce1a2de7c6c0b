/** The steps of a case: what happened to it and when, in codes. */
import type { Tx } from "../platform/db.ts";

export type Step = {
  caseId: string;
  at: Date;
  code:
    | "opened"
    | "joined"
    | "joined_more_urgent"
    | "alerted"
    | "alert_failed"
    | "not_alerted"
    | "acknowledged"
    | "forwarded"
    | "forward_failed"
    | "not_forwarded"
    | "taken"
    | "returned"
    | "assessed"
    | "agreed"
    | "differed"
    | "hash_not_confirmed"
    | "rejected"
    | "rejection_differs"
    | "unverifiable"
    | "address_copied"
    | "published"
    | "withdrawn"
    | "erased";
  personId?: string;
  reportId?: string;
  location?: number;
};

export async function addStep({ sql }: Tx, step: Step): Promise<void> {
  await sql`insert into case_steps (case_id, at, code, person_id, report_id, location)
    values (${step.caseId}, ${step.at}, ${step.code}, ${step.personId ?? null}, ${step.reportId ?? null},
      ${step.location ?? null})`;
}
