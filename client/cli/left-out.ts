/** What of many a command could not do: each is named as it comes, the others are done, and at the end the command has failed. */

import type { ExchangeError } from "@breakwater/shared/problem.ts";
import { CommandFailure, describeError } from "./failure.ts";
import type { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { formatCount } from "./words.ts";

export type LeftOut = {
  /** @param label - as the person named it: a path, an address */
  tell(label: string, problem: ExchangeError): void;
  /** @param others - how many were done. @throws CommandFailure of the first that was not, if there was one */
  end(others: number): void;
};

/** @param done - what was done to the others: "compared" */
export function createLeftOut(terminal: Terminal, progress: Progress, done: string): LeftOut {
  let first: ExchangeError | undefined;
  let count = 0;
  return {
    tell(label, problem) {
      first ??= problem;
      count += 1;
      progress.end();
      const { reason } = problem.detail;
      const why = typeof reason === "string" ? ` (${reason.replaceAll("_", " ")})` : "";
      terminal.print(
        { path: label, problem: problem.code, ...(typeof reason === "string" ? { reason } : {}) },
        terminal.mark("caution", `not ${done}  ${label}  ${problem.code}${why}`),
      );
    },
    end(others) {
      if (first === undefined) return;
      const text = describeError(first);
      throw new CommandFailure(
        first,
        others === 0
          ? text
          : {
              ...text,
              what: `Not all ${done}: ${formatCount(count)} of ${formatCount(others + count)} could not be, and ${count === 1 ? "is" : "are"} named above.`,
              kept: `the others were ${done}`,
            },
      );
    },
  };
}
