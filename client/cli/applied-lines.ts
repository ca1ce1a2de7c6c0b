/** Who has applied what, as bars with the late ones by name. */

import type { Bar } from "../publish/take-back.ts";
import { formatProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { formatAge } from "./words.ts";

const DAY_MS = 24 * 3_600_000;
const LABEL_WIDTH = 10;

export type Counted = Pick<Bar, "done" | "of" | "late">;

/**
 * `  recall      █████████░ 19 of 20   late: video.example (2 d silent)`.
 *
 * @param told - members whose silence was told in a line above
 */
export function barLine(label: string, bar: Counted, now: Date, told: Set<string>): string {
  const line = bar.of === 0 ? `  ${label.padEnd(LABEL_WIDTH)}  nobody has fetched the set yet` : progressOf(label, bar);
  if (bar.late.length === 0) return line;
  return `${line}   late: ${bar.late.map((one) => nameOf(one, now, told)).join(", ")}`;
}

function progressOf(label: string, { done, of }: Counted): string {
  return formatProgress(label.padEnd(LABEL_WIDTH), done, of);
}

function nameOf({ member, last_seen_at }: Bar["late"][number], now: Date, told: Set<string>): string {
  const silentMs = now.getTime() - Date.parse(last_seen_at);
  if (silentMs < DAY_MS || told.has(member)) return member;
  told.add(member);
  return `${member} (${Math.floor(silentMs / DAY_MS)} d silent)`;
}

export function printBars(terminal: Terminal, set: string, bars: readonly Bar[], now: Date): void {
  const told = new Set<string>();
  for (const bar of bars) {
    const { destroyed } = bar;
    const files = destroyed === null ? "" : `   the exchange destroyed ${destroyed.blobs} files`;
    terminal.print({ ...bar, set }, `${barLine(bar.step, bar, now, told)}${files}`);
  }
}

/** `25 Nov 09:12 UTC`. */
export function formatMoment(at: string | Date): string {
  const [, day, month] = new Date(at).toUTCString().split(" ");
  return `${Number(day)} ${month} ${new Date(at).toISOString().slice(11, 16)} UTC`;
}

export function silence(last: string, now: Date): string {
  return formatAge(now.getTime() - Date.parse(last));
}
