/** Work that outlives a request. The `jobs` table is the truth; queues, timers and answered requests only nudge it. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Queries } from "./db.ts";
import { reasonOf, toExchangeError } from "./db-errors.ts";
import type { Deps } from "./deps.ts";
import { newRowId } from "./ids.ts";
import type { RetentionRule } from "./retention.ts";

/** Ids and numbers only: a job's payload is no place for what a report or entry says. */
export type JobPayload = Record<string, string | number | boolean | null>;
export type Job = { id: string; kind: string; key: string; payload: JobPayload; attempts: number };
/** Runs one job. Must be safe to run again: a job killed half-way is taken up by another. */
export type JobHandler = (deps: Deps, job: Job) => Promise<JobOutcome>;
/** `again`: not finished, go on at this time with the same payload or a new one; does not count as a failure. */
export type JobOutcome = undefined | { again: Date; payload?: JobPayload };
export type JobHandlers = Record<string, JobHandler>;

/** Longer than any single step; after it another runner may take the job over. */
export const JOB_LOCK_MS = 5 * 60_000;
export const JOB_MAX_ATTEMPTS = 12;
export const JOB_BACKOFF_MS = 5_000;
export const JOB_BACKOFF_MAX_MS = 3_600_000;
export const JOB_KEEP_DAYS = 30;

export type NewJob = { kind: string; key: string; payload?: JobPayload; runAt: Date };

/**
 * Queues a job in the caller's transaction, so that it exists if and only if what it belongs to does.
 * A job of the same key that still waits stays as it is; one that is done or has failed for good starts anew.
 */
export async function enqueue({ sql }: Queries, deps: Pick<Deps, "random">, job: NewJob): Promise<void> {
  await sql`
    insert into jobs (id, kind, key, payload, run_at, created_at)
    values (${newRowId(deps)}, ${job.kind}, ${job.key}, ${JSON.stringify(job.payload ?? {})}::jsonb, ${job.runAt}, ${job.runAt})
    on conflict (key) do update
      set kind = excluded.kind, payload = excluded.payload, run_at = excluded.run_at, attempts = 0,
          locked_until = null, done_at = null, failed_at = null, last_code = null
      where jobs.done_at is not null or jobs.failed_at is not null`;
}

/**
 * Gives a job back whose runner is known to be gone, so that nobody waits for its lock to end.
 *
 * Only for handlers that notice by themselves when two of them run: the runner may be slow and not gone.
 *
 * @returns false when it does not wait for anybody
 */
export async function freeJob({ sql }: Queries, key: string): Promise<boolean> {
  const { count } = await sql`
    update jobs set locked_until = null where key = ${key} and done_at is null and failed_at is null and locked_until is not null`;
  return count > 0;
}

/**
 * Runs jobs that are due, one after the other, until none is left or `limit` is reached.
 *
 * @returns how many were run, failed ones included
 */
export async function runDueJobs(deps: Deps, handlers: JobHandlers, { limit }: { limit: number }): Promise<number> {
  let ran = 0;
  while (ran < limit) {
    const job = await takeJob(deps);
    if (job === undefined) break;
    ran += 1;
    await runJob(deps, handlers, job);
  }
  return ran;
}

async function takeJob({ sql, now }: Deps): Promise<Job | undefined> {
  const at = now();
  const lockedUntil = new Date(at.getTime() + JOB_LOCK_MS);
  const [row] = await sql<Job[]>`
    update jobs set locked_until = ${lockedUntil}, attempts = attempts + 1
    where id = (
      select id from jobs
      where done_at is null and failed_at is null and run_at <= ${at} and (locked_until is null or locked_until <= ${at})
      order by run_at for update skip locked limit 1)
    returning id, kind, key, payload, attempts`;
  return row;
}

async function runJob(deps: Deps, handlers: JobHandlers, job: Job): Promise<void> {
  const { sql, now, events } = deps;
  try {
    const handler = handlers[job.kind];
    if (handler === undefined) throw new ExchangeError("internal", { job: job.kind });
    const outcome = await handler(deps, job);
    if (outcome === undefined) {
      await sql`update jobs set done_at = ${now()}, locked_until = null, last_code = null where id = ${job.id}`;
    } else {
      const payload = JSON.stringify(outcome.payload ?? job.payload);
      await sql`update jobs set run_at = ${outcome.again}, payload = ${payload}::jsonb, attempts = 0, locked_until = null, last_code = null
        where id = ${job.id}`;
    }
    events.jobDone({ job_id: job.id, kind: job.kind, attempts: job.attempts });
  } catch (error) {
    const { code } = toExchangeError(error);
    const final = job.attempts >= JOB_MAX_ATTEMPTS;
    events.jobFailed({ job_id: job.id, kind: job.kind, attempts: job.attempts, code, reason: reasonOf(error), final });
    const runAt = new Date(now().getTime() + Math.min(JOB_BACKOFF_MAX_MS, JOB_BACKOFF_MS * 2 ** (job.attempts - 1)));
    // If this write fails too, the lock runs out and the job is taken again.
    await sql`update jobs set run_at = ${runAt}, locked_until = null, last_code = ${code}, failed_at = ${final ? now() : null}
      where id = ${job.id}`;
  }
}

export const jobsRetention: RetentionRule[] = [
  {
    table: "jobs",
    what: "finished jobs",
    keepDays: JOB_KEEP_DAYS,
    enforce: async ({ sql }, before) =>
      (await sql`delete from jobs where done_at < ${before} or failed_at < ${before}`).count,
  },
];
