/** What of many a command could not do: each is named as it comes, the others are done, and at the end the command has failed. */

import type { ExchangeError } from "@breakwater/shared/problem.ts";
import { CommandFailure, describeError } from "./failure.ts";
import type { Terminal } from "./terminal.ts";
import { formatCount } from "./words.ts";

export type LeftOut = {
  /** @param label - as the person named it: a path, an address */
  tell(label: string, problem: ExchangeError): void;
  /** @param total - of all. @throws CommandFailure of the first, if there was one */
  end(total: number): void;
};

/** @param done - what was done to the others: "compared" */
export function createLeftOut(terminal: Terminal, done: string): LeftOut {
  let first: ExchangeError | undefined;
  let count = 0;
  return {
    tell(label, problem) {
      first ??= problem;
      count += 1;
      const { reason } = problem.detail;
      const why = typeof reason === "string" ? ` (${reason.replaceAll("_", " ")})` : "";
      terminal.print(
        { path: label, problem: problem.code, ...(typeof reason === "string" ? { reason } : {}) },
        terminal.mark("caution", `not ${done}  ${label}  ${problem.code}${why}`),
      );
    },
    end(total) {
      if (first === undefined) return;
      const text = describeError(first);
      throw new CommandFailure(
        first,
        count === total
          ? text
          : {
              ...text,
              what: `Not all ${done}: ${formatCount(count)} of ${formatCount(total)} could not be, and ${count === 1 ? "is" : "are"} named above.`,
              kept: `the others were ${done}`,
            },
      );
    },
  };
}
