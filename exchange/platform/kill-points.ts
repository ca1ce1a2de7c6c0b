/** Named points where a test ends the process without warning, to show that old state or new is left and never between. */
import type { Config } from "./bindings.ts";

/** In the order of an admission. */
export const RELEASE_KILL_POINTS = [
  "after_blob_put",
  "after_segment_staged",
  "after_rows_staged",
  "before_head_moves",
  "after_head_moved",
] as const;
/** In the order of a publication of the log. */
export const LOG_KILL_POINTS = ["log_after_tiles", "log_after_sign", "log_before_checkpoint"] as const;
/** In the order of a recall that the exchange signs. */
export const RECALL_KILL_POINTS = ["after_recall_reserved", "after_recall_signed"] as const;
/** In the order of an epoch of private lookup. */
export const LOOKUP_KILL_POINTS = [
  "lookup_after_tags",
  "lookup_between_buckets",
  "lookup_before_epoch",
  "lookup_after_epoch",
] as const;
/** What a restored database catches up on, in this order; a point lies after each step's work and before its mark. */
export const RESTORE_STEPS = [
  "sign_ins",
  "take_aways",
  "log",
  "roots",
  "admissions",
  "releases",
  "recalls",
  "resume_log",
  "signed",
  "purge",
  "objects",
  "retention",
] as const;
export type RestoreStep = (typeof RESTORE_STEPS)[number];
export const RESTORE_KILL_POINTS = RESTORE_STEPS.map((step) => `restore_after_${step}` as const);
export const KILL_POINTS = [
  ...RELEASE_KILL_POINTS,
  ...LOG_KILL_POINTS,
  ...RECALL_KILL_POINTS,
  ...LOOKUP_KILL_POINTS,
  ...RESTORE_KILL_POINTS,
] as const;
export type KillPoint = (typeof KILL_POINTS)[number];

/**
 * Nothing, unless the binding KILL_AT names this point. Then the process is ended hard: in workerd by the runner,
 * through KILL_URL; in Node by SIGKILL to itself. Never returns in that case, so no later write can slip through.
 */
export function makeKillPoint(config: Pick<Config, "killAt" | "killUrl">): (name: KillPoint) => Promise<void> {
  return async (name) => {
    if (config.killAt !== name) return;
    if (config.killUrl !== undefined) await fetch(config.killUrl, { method: "POST" }).catch(() => {});
    else globalThis.process?.kill?.(globalThis.process.pid, "SIGKILL");
    await new Promise<never>(() => {});
  };
}
