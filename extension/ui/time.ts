// Times as people read them here: 24 hours, with the zone where it matters.

const DAY_MS = 86_400_000;

/** `22 Nov 2026, 14:02 UTC` */
export function formatUtc(value: string | number): string {
  const date = new Date(value);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  return `${day}, ${time} UTC`;
}

/** `14:05`, or with its day when that is not today; in the zone of the reader. */
export function formatClock(ms: number, nowMs: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const isNear = Math.abs(ms - nowMs) < DAY_MS && date.getDate() === new Date(nowMs).getDate();
  return isNear ? time : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}
