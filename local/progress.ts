// What a person waiting at the terminal is told: one line for anything that takes longer than a second.
import type { Say } from "./home.ts";

const PATIENCE_MS = 1_000;
const REMINDER_MS = 15_000;

/** Runs `work`; speaks only if it takes longer than a second, then again now and then, and once it is done. */
export async function step<T>(say: Say, sentence: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const seconds = () => ((performance.now() - startedMs) / 1_000).toFixed(1);
  let spoke = false;
  let reminder: NodeJS.Timeout | undefined;
  const patience = setTimeout(() => {
    spoke = true;
    say(`${sentence} …`);
    reminder = setInterval(() => say(`${sentence}: ${seconds()} s so far`), REMINDER_MS);
  }, PATIENCE_MS);
  try {
    const result = await work();
    if (spoke) say(`${sentence}: done in ${seconds()} s`);
    return result;
  } finally {
    clearTimeout(patience);
    clearInterval(reminder);
  }
}
