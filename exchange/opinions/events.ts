/** What opinions write to the log: ids and counts. */

import type { Events } from "../platform/events.ts";

export function opinionsTaken(events: Events, line: { set: string; accepted: number; ignored: number }): void {
  events.write("opinions_taken", line);
}
