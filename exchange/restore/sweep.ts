/** Notes of what was taken away end when no backup is left that could forget it. */

import type { Deps } from "../platform/deps.ts";
import { enqueue, type JobHandler } from "../platform/jobs.ts";
import { sweepTakeAways } from "../platform/take-aways.ts";

const SWEEP = "restore.sweep";
export const SWEEP_EVERY_MS = 24 * 3_600_000;

export const sweepJob: JobHandler = async (deps) => {
  while ((await sweepTakeAways(deps)) > 0);
  return { again: new Date(deps.now().getTime() + SWEEP_EVERY_MS) };
};

/** Makes sure that the sweep exists; called by every scheduled run, changes nothing when it does. */
export async function scheduleRestore(deps: Deps): Promise<void> {
  await enqueue(deps, deps, { kind: SWEEP, key: SWEEP, runAt: deps.now() });
}

export const restoreJobs = { [SWEEP]: sweepJob };
