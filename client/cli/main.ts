/** The command `breakwater`: reads the words, runs one command, ends with its exit code. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { CommanderError } from "commander";
import { attach } from "./command.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { CommandFailure, reportFailure } from "./failure.ts";
import { askToStop, interruptWords } from "./interrupt.ts";
import { makeProgram } from "./program.ts";
import { makeTerminal } from "./terminal.ts";

let code: ExitCode = EXIT.ok;
attach(process, (ended) => {
  code = ended;
});

const args = process.argv.slice(2);
// Known before the words are read, so that a wrong word is answered in the form that was asked for.
const early = { json: args.includes("--json"), ascii: args.includes("--ascii"), quiet: args.includes("--quiet") };
const terminal = makeTerminal(early, process);

// Nothing needs saying goodbye: what is half done is in drafts that the next run sweeps, or in a pending publication.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (askToStop()) return;
    const error = new ExchangeError("interrupted");
    reportFailure(terminal, new CommandFailure(error, interruptWords()));
    process.exit(EXIT.stopped);
  });
}
// `breakwater … | head` closes the pipe early; that is not a fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(code);
  throw error;
});

try {
  await makeProgram(terminal.printHelp).parseAsync(args, { from: "user" });
} catch (error) {
  code = endOf(error);
}
process.exitCode = code;

function endOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    return reportFailure(terminal, usageFailure(error));
  }
  if (process.env.BREAKWATER_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return reportFailure(terminal, error);
}

function usageFailure(error: CommanderError): CommandFailure {
  // Commander repeats the argument; someone may have put a secret there.
  const words = (error.code === "commander.help" ? "no command was given" : error.message)
    .replace(/^error: /, "")
    .replaceAll(/=[^']*/g, "=…")
    .replaceAll(/bwi?_[\w-]+/g, "bw_…");
  const text = {
    what: `Not understood: ${words.split("\n")[0]}.`,
    kept: "nothing was changed",
    next: "breakwater help, or --help after any command",
  };
  return new CommandFailure(new ExchangeError("usage_invalid"), text);
}
