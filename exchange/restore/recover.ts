/** The recovery of a restored database: step after step until it knows what happened since the backup; only then it serves. */

import { append } from "../audit/index.ts";
import { SYSTEM_ACTOR } from "../platform/caller.ts";
import { transaction } from "../platform/db.ts";
import { reasonOf, toExchangeError } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import { RESTORE_STEPS, type RestoreStep } from "../platform/kill-points.ts";
import { restoreFinished, restoreStepDone, restoreStepFailed } from "./events.ts";
import { finishRecovery, type RestoreRow, releaseRecovery, saveStep, takeRecovery } from "./state.ts";
import { STEPS, type Whole } from "./steps.ts";

/** One run; what is left is for the next tick, so that no run meets the runtime's limit. */
export const RECOVERY_RUN_MS = 15_000;

/**
 * Go on with the recovery, if there is one and nobody else is at it. A failure leaves the exchange shut and is tried
 * again with the next call.
 */
export async function recover(deps: Deps, whole: Whole): Promise<void> {
  const row = await takeRecovery(deps);
  if (row === undefined) return;
  const deadline = new Date(deps.now().getTime() + RECOVERY_RUN_MS);
  let step = RESTORE_STEPS.indexOf(row.step);
  let code: string | null = null;
  try {
    // A step that this version does not know: the first one, since all can be done again.
    for (step = Math.max(0, step); step < RESTORE_STEPS.length; step++) {
      if (deps.now() >= deadline) return;
      if (!(await runStep(deps, row, step, deadline, whole))) return;
    }
    await finish(deps, row);
  } catch (error) {
    code = toExchangeError(error).code;
    restoreStepFailed(deps.events, { step: RESTORE_STEPS[step] ?? "finish", code, reason: reasonOf(error) });
  } finally {
    await releaseRecovery(deps, code);
  }
}

/** @returns false when the step needs another run */
async function runStep(deps: Deps, row: RestoreRow, at: number, deadline: Date, whole: Whole): Promise<boolean> {
  const name = RESTORE_STEPS[at] as RestoreStep;
  const { count, again } = await STEPS[name](deps, { row, deadline, whole });
  await deps.killPoint(`restore_after_${name}`);
  if (again !== undefined) {
    await saveStep(deps, { step: name, progress: again });
    return false;
  }
  restoreStepDone(deps.events, { step: name, count });
  await saveStep(deps, { step: RESTORE_STEPS[at + 1] ?? name, progress: null });
  row.progress = null;
  return true;
}

async function finish(deps: Deps, { restoredAt }: RestoreRow): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    await finishRecovery(tx, now);
    await append(tx, { at: now, actor: SYSTEM_ACTOR, action: "exchange.restored" });
  });
  restoreFinished(deps.events, { seconds: Math.round((now.getTime() - restoredAt.getTime()) / 1000) });
}
