/** The admissions table: one row a number on its way in, and who may work on it. */

import type { Bytes, Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError, isProblemCode, type ProblemCode, type ProblemDetail } from "@breakwater/shared/problem.ts";
import type { AudienceTier } from "@breakwater/shared/wire/sets.ts";
import { type Queries, type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { newRowId } from "../platform/ids.ts";
import { freeJob } from "../platform/jobs.ts";
import { narrower } from "./audience.ts";
import { unstageRows } from "./staging.ts";

/** An admission that nobody touched for this long was left behind by a process that ended. */
export const ADMISSION_STALE_MS = 10_000;

/** Who brought a release: what the audit record names, and who may still read the blobs it was made of. */
export type Via = {
  kind: "publisher" | "exchange";
  memberId: string;
  actor: { kind: "key" | "person" | "device" | "system"; id: string };
};

export type AdmissionRow = {
  set_id: number;
  release: number;
  digest: Digest;
  payload: Bytes;
  envelope: Bytes | null;
  via: Via;
  state: "queued" | "running" | "done" | "failed";
  token: string;
  step: number;
  last_id: string;
  rows_done: number;
  rows_total: number;
  entries_delta: number;
  audience_floor: AudienceTier;
  state_buckets: Bytes;
  code: string | null;
  detail: ProblemDetail | null;
};

export type NewAdmission = {
  setId: number;
  release: number;
  digest: Digest;
  payload: Uint8Array;
  envelope: Uint8Array | null;
  via: Via;
  rowsTotal: number;
  /** `running`: the caller goes on at once; `queued`: a job will. */
  state: "queued" | "running";
};

const columns = (sql: Queries["sql"]) => sql`
  set_id::float8 as set_id, release, digest, payload, envelope, via, state, token, step, last_id, rows_done::float8 as rows_done,
  rows_total::float8 as rows_total, entries_delta::float8 as entries_delta, audience_floor, state_buckets, code, detail`;

export async function findAdmission(
  { sql }: Queries,
  setId: number,
  release: number,
): Promise<AdmissionRow | undefined> {
  const [row] = await sql<AdmissionRow[]>`
    select ${columns(sql)} from admissions where set_id = ${setId} and release = ${release}`;
  return row;
}

/**
 * Reserve a number. Two different releases of one number cannot both hold it; what failed, or was left behind by a
 * process that ended, is taken over by the same statement (left behind) or any (failed).
 *
 * @returns undefined when somebody else holds it
 */
export async function claimAdmission(
  deps: Deps,
  tx: Tx,
  { setId, release, digest, payload, envelope, via, rowsTotal, state }: NewAdmission,
): Promise<AdmissionRow | undefined> {
  const { sql } = tx;
  const now = deps.now();
  const staleBefore = new Date(now.getTime() - ADMISSION_STALE_MS);
  const [row] = await sql<AdmissionRow[]>`
    insert into admissions (set_id, release, digest, payload, envelope, via, state, token, touched_at, rows_total, created_at)
    values (${setId}, ${release}, ${digest}, ${payload}, ${envelope}, ${JSON.stringify(via)}::jsonb, ${state},
      ${newRowId(deps)}, ${now}, ${rowsTotal}, ${now})
    on conflict (set_id, release) do update
      set digest = excluded.digest, payload = excluded.payload, envelope = excluded.envelope, via = excluded.via,
          state = excluded.state, token = excluded.token, touched_at = excluded.touched_at, rows_total = excluded.rows_total,
          step = case admissions.state when 'failed' then 0 else admissions.step end,
          last_id = case admissions.state when 'failed' then '' else admissions.last_id end,
          rows_done = case admissions.state when 'failed' then 0 else admissions.rows_done end,
          entries_delta = case admissions.state when 'failed' then 0 else admissions.entries_delta end,
          audience_floor = case admissions.state when 'failed' then 'test' else admissions.audience_floor end,
          state_buckets = case admissions.state when 'failed' then '' else admissions.state_buckets end,
          code = null, detail = null
      where admissions.state = 'failed'
        or (admissions.state <> 'done' and admissions.digest = excluded.digest and admissions.touched_at < ${staleBefore})
    returning ${columns(sql)}`;
  return row;
}

/** Take over an admission in order to work on it. @returns undefined when it is finished, or somebody is at it */
export async function takeOverAdmission(deps: Deps, setId: number, release: number): Promise<AdmissionRow | undefined> {
  const { sql } = deps;
  const now = deps.now();
  const staleBefore = new Date(now.getTime() - ADMISSION_STALE_MS);
  const [row] = await sql<AdmissionRow[]>`
    update admissions set token = ${newRowId(deps)}, touched_at = ${now}, state = 'running'
    where set_id = ${setId} and release = ${release}
      and (state = 'queued' or (state = 'running' and touched_at < ${staleBefore}))
    returning ${columns(sql)}`;
  return row;
}

/** The job that ends what a request, or a process that died, leaves of an admission. */
export const admissionJobKey = (setId: number, release: number) => `sets.admit:${setId}:${release}`;

/** At most this many in one tick; the rest is there at the next. */
const REVIVED_MAX = 100;

/**
 * Admissions that nobody works on any more are gone on with at once: their job is still locked by the process that died.
 * One that is only slow loses its token at the worst, and finds out before it writes.
 */
export async function reviveAdmissions(deps: Deps): Promise<number> {
  const staleBefore = new Date(deps.now().getTime() - ADMISSION_STALE_MS);
  const rows = await deps.sql<{ set_id: number; release: number }[]>`
    select set_id::float8 as set_id, release from admissions
    where state in ('queued', 'running') and touched_at < ${staleBefore} order by touched_at limit ${REVIVED_MAX}`;
  let revived = 0;
  for (const { set_id, release } of rows) if (await freeJob(deps, admissionJobKey(set_id, release))) revived += 1;
  return revived;
}

export type StepResult = {
  rows: number;
  entriesDelta: number;
  floor: AudienceTier;
  lastId?: string | undefined;
  stateBuckets?: Uint8Array | undefined;
};

/**
 * One step in one transaction: its rows and the mark that it is done land together, so a step is never done twice and
 * never half. Whoever lost the admission to another runner is told here, before it can write.
 *
 * Only the last step waits for the disk, and so for all before it. When the database is cut off earlier, the newest steps
 * are gone with their marks; a runner that lives on finds out at its next step, and they are done again.
 *
 * @throws ExchangeError `admission_pending` when the admission was taken over, `busy` when steps before it are gone
 */
export async function runStep(
  deps: Deps,
  admission: AdmissionRow,
  { step, isLast }: { step: number; isLast: boolean },
  work: (tx: Tx, held: { lastId: string }) => Promise<StepResult>,
): Promise<void> {
  await transaction(deps, async (tx) => {
    const before = await holdAdmission(tx, admission);
    if (before.step !== step) throw new ExchangeError("busy");
    if (!isLast) await tx.sql`select set_config('synchronous_commit', 'off', true)`;
    const { rows, entriesDelta, floor, lastId, stateBuckets } = await work(tx, { lastId: before.last_id });
    await tx.sql`
      update admissions
      set step = ${step + 1}, rows_done = rows_done + ${rows}, entries_delta = entries_delta + ${entriesDelta},
          audience_floor = ${narrower(before.audience_floor, floor)}, last_id = ${lastId ?? before.last_id},
          state_buckets = ${stateBuckets ?? tx.sql`state_buckets`}, touched_at = ${deps.now()}
      where set_id = ${admission.set_id} and release = ${admission.release}`;
  });
}

/** Says that somebody is still at it, in a step that takes its time. @throws ExchangeError `admission_pending` when it was taken over */
export async function touchAdmission(deps: Deps, { set_id, release, token }: AdmissionRow): Promise<void> {
  const { count } = await deps.sql`
    update admissions set touched_at = ${deps.now()} where set_id = ${set_id} and release = ${release} and token = ${token}`;
  if (count === 0) throw new ExchangeError("admission_pending");
}

type Held = Pick<AdmissionRow, "token" | "state" | "step" | "audience_floor" | "last_id">;

/** Lock the admission's row and be sure that it is still ours. */
export async function holdAdmission({ sql }: Tx, { set_id, release, token }: AdmissionRow): Promise<Held> {
  const [row] = await sql<Held[]>`
    select token, state, step, audience_floor, last_id from admissions
    where set_id = ${set_id} and release = ${release} for update`;
  if (row?.token !== token || row.state === "done" || row.state === "failed")
    throw new ExchangeError("admission_pending");
  return row;
}

/** The number is free again, and nothing of the refused release is left but the code. */
export async function failAdmission(deps: Deps, admission: AdmissionRow, error: ExchangeError): Promise<void> {
  await transaction(deps, async (tx) => {
    await holdAdmission(tx, admission);
    await unstageRows(tx, admission.set_id, admission.release);
    await tx.sql`
      update admissions set state = 'failed', code = ${error.code}, detail = ${JSON.stringify(error.detail)}::jsonb,
        touched_at = ${deps.now()}
      where set_id = ${admission.set_id} and release = ${admission.release}`;
  });
}

/** What made an admission fail, as an error again. */
export function failureOf({ code, detail }: AdmissionRow): { code: ProblemCode; detail: ProblemDetail } | undefined {
  return isProblemCode(code) ? { code, detail: detail ?? {} } : undefined;
}
