/** What a recovery writes to the exchange's own log: steps, counts and codes. */

import type { Events } from "../platform/events.ts";

export function restoreStepDone(events: Events, line: { step: string; count?: number | undefined }): void {
  events.write("restore_step_done", line);
}

/** Nothing is served while this repeats. An operator must act: see docs/operations.md. */
export function restoreStepFailed(events: Events, line: { step: string; code: string; reason: string }): void {
  events.write("restore_step_failed", line);
}

export function restoreFinished(events: Events, line: { seconds: number }): void {
  events.write("restore_finished", line);
}

/** The signer's word was given for it and it cannot be admitted: its publisher has to make the next root. */
export function restoreStatementLost(events: Events, line: { set: string; kind: string; code: string }): void {
  events.write("restore_statement_lost", line);
}
