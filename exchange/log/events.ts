/** What the log writes to the exchange's own log: sizes and codes. */

import type { Events } from "../platform/events.ts";

/** `size` rows here, `seen` leaves in what was signed or published. An operator must act: see docs/operations.md. */
export function logHalted(events: Events, line: { code: string; size: number; seen: number }): void {
  events.write("log_halted", line);
}

export function logResumed(events: Events): void {
  events.write("log_resumed", {});
}

export function logPublished(events: Events, line: { size: number; leaves: number }): void {
  events.write("log_published", line);
}

export function logPublicationFailed(events: Events, line: { code: string; reason: string }): void {
  events.write("log_publication_failed", line);
}

export function logRebuilt(events: Events, line: { size: number; leaves: number }): void {
  events.write("log_rebuilt", line);
}
