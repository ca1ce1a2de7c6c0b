// Scheduled work on one machine: the runtime's own cron never fires here, so a timer calls the Worker's `scheduled` with each cron expression.
import type { Miniflare } from "miniflare";

/** The first cron of wrangler.toml runs due jobs: a person waits for some of them. */
const JOBS_MS = 2_000;
/** All others: retention and sweeps. */
const HOUSEKEEPING_MS = 600_000;

export type Ticker = { tick(cron?: string): Promise<void>; stop(): Promise<void> };

export function startTicker(
  miniflare: Miniflare,
  worker: string,
  crons: string[],
  { automatic }: { automatic: boolean },
): Ticker {
  const [jobs, ...housekeeping] = crons;
  const running = new Set<Promise<void>>();
  const timers: NodeJS.Timeout[] = [];
  let stopped = false;

  async function tick(cron = jobs): Promise<void> {
    if (!cron) throw new Error("wrangler.toml names no cron");
    const fetcher = await miniflare.getWorker(worker);
    // A job's own failure is recorded in its row by the exchange; what throws here is the runtime being away.
    const { outcome } = await fetcher.scheduled({ cron });
    if (outcome !== "ok") throw new Error(`the scheduled work ended with ${outcome}`);
  }

  /** The next run starts only after the last has ended: two runners of due jobs would only wait for each other. */
  function repeat(cron: string, everyMs: number, firstMs: number): void {
    const timer = setTimeout(() => {
      const run = tick(cron)
        .catch(() => {}) // the next tick tries again; the exchange's log has the code
        .finally(() => {
          running.delete(run);
          if (!stopped) repeat(cron, everyMs, everyMs);
        });
      running.add(run);
    }, firstMs);
    timers.push(timer);
  }

  if (automatic && jobs) {
    repeat(jobs, JOBS_MS, JOBS_MS);
    for (const cron of housekeeping) repeat(cron, HOUSEKEEPING_MS, JOBS_MS);
  }
  return {
    tick,
    async stop() {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.allSettled(running);
    },
  };
}
