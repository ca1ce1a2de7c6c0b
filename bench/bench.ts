// What every figure is measured as: one run, beside something plain that was measured in the same run on the same machine.

import { readFileSync } from "node:fs";

export type Measured = {
  bench: string;
  /** How many of what the figure counts. */
  size: number;
  seconds: number;
  /** What it is held against, in words. */
  baseline: string;
  baselineSeconds: number;
  /** seconds / baselineSeconds: says more than seconds when machines differ. */
  ratio: number;
  peakMb: number;
  /** Was what came out verified and right? A fast wrong answer is no figure. */
  correct: boolean;
  /** Is the goal reached? */
  met: boolean;
  /** What else is counted, of each one. */
  counts?: Record<string, number>;
};

export type BenchOptions = { size?: number; say: (sentence: string) => void };
/** @property goal - in words, with its number */
export type Bench = { goal: string; run: (options: BenchOptions) => Promise<Measured> };

const BYTES_PER_KIB = 1024;

/**
 * The largest this process has been, in MiB. Linux lets a new process inherit its parent's maxRSS; what the kernel tells
 * of its memory alone begins with itself.
 */
export function peakMb(): number {
  try {
    const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kib !== undefined) return Math.round(Number(kib) / BYTES_PER_KIB);
  } catch {
    // no /proc on this system
  }
  return Math.round(process.resourceUsage().maxRSS / BYTES_PER_KIB);
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1_000;
}

/** Of an odd number of runs the middle one: what a busy moment did to one of them does not count. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
}
