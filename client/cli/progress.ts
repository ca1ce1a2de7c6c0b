/** Progress of anything that takes over a second: one rewritten line on a terminal, else a plain line now and then. */

import type { Terminal } from "./terminal.ts";
import { formatCount } from "./words.ts";

export const SILENT_MS = 1_000;
const REWRITE_MS = 100;
const PLAIN_LINE_MS = 10_000;
const BAR_CELLS = 10;

export type Progress = {
  /** @param total - undefined while nobody knows it */
  update(label: string, done: number, total?: number, unit?: string): void;
  /** Takes the line away, before a result is printed. */
  end(): void;
};

export function startProgress(terminal: Terminal, now: () => number = Date.now): Progress {
  const startedMs = now();
  let lastMs = 0;
  let shown = false;
  const silent = terminal.quiet || terminal.json;
  return {
    update(label, done, total, unit) {
      const nowMs = now();
      const sinceMs = terminal.stderrIsTty ? REWRITE_MS : PLAIN_LINE_MS;
      if (silent || nowMs - startedMs < SILENT_MS || nowMs - lastMs < sinceMs) return;
      lastMs = nowMs;
      const line = formatProgress(label, done, total, unit);
      if (terminal.stderrIsTty) terminal.rewrite(line);
      else terminal.note(line);
      shown = terminal.stderrIsTty;
    },
    end() {
      if (shown) terminal.rewrite("");
      shown = false;
    },
  };
}

export function formatProgress(label: string, done: number, total?: number, unit?: string): string {
  const what = unit === undefined ? "" : ` ${unit}`;
  if (total === undefined || total === 0) return `  ${label}  ${formatCount(done)}${what} so far`;
  const full = Math.min(BAR_CELLS, Math.floor((BAR_CELLS * done) / total));
  const bar = "█".repeat(full) + "░".repeat(BAR_CELLS - full);
  return `  ${label}  ${bar} ${formatCount(done)} of ${formatCount(total)}${what}`;
}
