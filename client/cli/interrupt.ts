/** What a person is told when they stop a command: most go on where they stopped, some leave something running. */

import type { FailureText } from "./failure.ts";

let words: FailureText = {
  what: "Stopped by you.",
  kept: "the last verified state, and what was fetched or composed so far",
  next: "run the same command again: it goes on where it stopped",
};

export function onInterrupt(text: FailureText): void {
  words = text;
}

export function interruptWords(): FailureText {
  return words;
}

let stop: (() => void) | undefined;

/** For a command that ends by being stopped: the first signal asks it to, the second is obeyed at once. */
export function onStop(how: () => void): void {
  stop = how;
}

/** @returns whether there was something to ask */
export function askToStop(): boolean {
  const how = stop;
  stop = undefined;
  how?.();
  return how !== undefined;
}
