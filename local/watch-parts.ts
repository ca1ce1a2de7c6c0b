// Notices when a process that a runner started ends by itself: the others would answer "busy" until somebody looked.
import { isSame, type Seen } from "./processes.ts";

const LOOK_EVERY_MS = 2_000;

/** `name` as it begins a sentence. */
export type Part = { name: string; process: Seen };

/** @param onEnded - called once, with the name of a part that is gone */
export function watchParts(parts: readonly Part[], onEnded: (name: string) => void): { stop(): void } {
  const timer = setInterval(() => {
    const gone = parts.find(({ process }) => !isSame(process));
    if (gone === undefined) return;
    clearInterval(timer);
    onEnded(gone.name);
  }, LOOK_EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
