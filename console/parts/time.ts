/** Times in words: 24-hour UTC, and how long something has waited. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function formatTime(at: string | Date): string {
  const iso = new Date(at).toISOString();
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  return `${Number(iso.slice(8, 10))} ${months[Number(iso.slice(5, 7)) - 1]} ${iso.slice(0, 4)}, ${iso.slice(11, 16)} UTC`;
}

/** `6 min`, `3 h`, `2 d`: the largest whole unit; under a minute is `now`. */
export function formatSpan(milliseconds: number): string {
  const span = Math.abs(milliseconds);
  if (span < MINUTE_MS) return "now";
  if (span < HOUR_MS) return `${Math.floor(span / MINUTE_MS)} min`;
  if (span < DAY_MS) return `${Math.floor(span / HOUR_MS)} h`;
  return `${Math.floor(span / DAY_MS)} d`;
}
