/** The one row of a restore: which step comes next, and who is at it. */

import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import type { RestoreStep } from "../platform/kill-points.ts";

/** A little longer than a run; renewed with each step. Two at it at once do no harm: one fails and tries again. */
export const RECOVERY_LEASE_MS = 20_000;

export type RestoreRow = { takenAt: Date; restoredAt: Date; step: RestoreStep; progress: string | null };

/** @returns undefined when nothing is to be recovered, or somebody is at it */
export async function takeRecovery({ sql, now }: Deps): Promise<RestoreRow | undefined> {
  const at = now();
  const [row] = await sql<RestoreRow[]>`
    update restore_state set lease_until = ${new Date(at.getTime() + RECOVERY_LEASE_MS)}
    where id = 1 and finished_at is null and (lease_until is null or lease_until <= ${at})
    returning backup_taken_at as "takenAt", restored_at as "restoredAt", step, progress`;
  return row;
}

/** Written after the step's work: a run that is cut off does its step again, and each step can be done again. */
export async function saveStep(
  { sql, now }: Pick<Deps, "sql" | "now"> & Queries,
  { step, progress }: { step: string; progress: string | null },
): Promise<void> {
  const leaseUntil = new Date(now().getTime() + RECOVERY_LEASE_MS);
  await sql`
    update restore_state set step = ${step}, progress = ${progress}, lease_until = ${leaseUntil}, last_code = null where id = 1`;
}

export async function releaseRecovery({ sql }: Queries, code: string | null): Promise<void> {
  await sql`update restore_state set lease_until = null, last_code = ${code} where id = 1 and finished_at is null`;
}

export async function finishRecovery({ sql }: Queries, now: Date): Promise<void> {
  await sql`update restore_state set finished_at = ${now}, lease_until = null, progress = null where id = 1`;
}
