/** What was unusual about a report that is taken all the same (rule 5: none is refused for time). */

import { uuidV7TimeMs } from "@breakwater/shared/ids.ts";
import type { ReportMark } from "@breakwater/shared/receipt.ts";
import type { Report } from "@breakwater/shared/report.ts";
import { SIGNALS } from "@breakwater/shared/signals/index.ts";

/** Two honest clocks differ by less. */
export const CLOCK_SKEW_MS = 5 * 60_000;
/** Older than this on arrival: an outbox that waited, or a clock that is behind. */
export const LATE_AFTER_MS = 24 * 3_600_000;

export function marksOf(report: Report, at: { now: Date; deviceExpired: boolean }): ReportMark[] {
  const claimed = [Date.parse(report.created_at), uuidV7TimeMs(report.id)];
  const nowMs = at.now.getTime();
  const marks: ReportMark[] = [];
  const ahead = claimed.some((ms) => ms - nowMs > CLOCK_SKEW_MS);
  // The id and the time are written by one clock within moments: apart, one of them was set by hand or the clock jumped.
  const apart = Math.abs((claimed[0] as number) - (claimed[1] as number)) > LATE_AFTER_MS;
  if (ahead || apart) marks.push("clock_skew");
  if (claimed.every((ms) => nowMs - ms > LATE_AFTER_MS)) marks.push("late");
  if (at.deviceExpired) marks.push("device_expired");
  if (report.observed_at !== undefined && Date.parse(report.observed_at) > Date.parse(report.created_at)) {
    marks.push("time_order");
  }
  if (hasLowQuality(report)) marks.push("low_quality");
  return marks;
}

function hasLowQuality({ items }: Report): boolean {
  return items.some(({ hashes }) => hashes.some(({ quality }) => (quality ?? 100) < SIGNALS.pdq.qualityFloor));
}
