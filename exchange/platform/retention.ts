/** End dates that keep themselves: each slice lists its rules, one scheduled job enforces them and records counts. */
import { type Queries, type Sql, type Tx, transaction } from "./db.ts";
import { reasonOf } from "./db-errors.ts";
import type { Deps } from "./deps.ts";
import type { JobHandlers } from "./jobs.ts";
import { enqueue } from "./jobs.ts";

export type RetentionRule = {
  table: string;
  /** What is kept, in plain words, for the operator's page. */
  what: string;
  keepDays: number;
  /** Deletes or blanks what is older than `before` (now minus keepDays). @returns how many rows */
  enforce: (tx: Tx, before: Date, now: Date) => Promise<number>;
};

export const RETENTION_EVERY_MS = 6 * 3_600_000;
export const RETENTION_RUNS_KEEP_DAYS = 730;
const DAY_MS = 86_400_000;

/** Each rule in a transaction of its own with its count: one that fails leaves the others done, and shows. */
export async function runRetention(deps: Deps, rules: readonly RetentionRule[]): Promise<void> {
  const now = deps.now();
  let failed = 0;
  for (const rule of rules) {
    try {
      const removed = await transaction(deps, async (tx) => {
        const count = await rule.enforce(tx, new Date(now.getTime() - rule.keepDays * DAY_MS), now);
        await tx.sql`insert into retention_runs (table_name, what, keep_days, ran_at, removed)
          values (${rule.table}, ${rule.what}, ${rule.keepDays}, ${now}, ${count})`;
        return count;
      });
      // The table has every run; the log those that removed something.
      if (removed > 0) deps.events.retentionRun({ table: rule.table, removed });
    } catch (error) {
      failed += 1;
      deps.events.retentionFailed({ table: rule.table, reason: reasonOf(error) });
    }
  }
  // The job is tried again with backoff; rules that were done find nothing the second time.
  if (failed > 0) throw new Error("a retention rule failed");
}

/** The job that runs the rules and queues itself again. */
export function retentionJobs(rules: readonly RetentionRule[]): JobHandlers {
  return {
    retention: async (deps) => {
      await runRetention(deps, rules);
      return { again: new Date(deps.now().getTime() + RETENTION_EVERY_MS) };
    },
  };
}

/** Makes sure that the job exists; called by every scheduled run, changes nothing when it does. */
export async function scheduleRetention(deps: Deps): Promise<void> {
  await enqueue(deps, deps, { kind: "retention", key: "retention", runAt: deps.now() });
}

export type RetentionStatus = RetentionRule & { lastRunAt: Date | undefined; lastRemoved: number | undefined };

export async function listRetention(
  { sql }: Queries | { sql: Sql },
  rules: readonly RetentionRule[],
): Promise<RetentionStatus[]> {
  const runs = await sql<{ table_name: string; what: string; ran_at: Date; removed: number }[]>`
    select distinct on (table_name, what) table_name, what, ran_at, removed
    from retention_runs order by table_name, what, id desc`;
  return rules.map((rule) => {
    const run = runs.find((row) => row.table_name === rule.table && row.what === rule.what);
    return { ...rule, lastRunAt: run?.ran_at, lastRemoved: run?.removed };
  });
}

export const retentionRetention: RetentionRule[] = [
  {
    table: "retention_runs",
    what: "counts of retention runs",
    keepDays: RETENTION_RUNS_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from retention_runs where ran_at < ${before}`).count,
  },
];
