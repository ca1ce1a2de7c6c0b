/** How a command is declared: its words, its examples, the options that every command has, and what it runs. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { Command } from "commander";
import { type Exchange, openExchange } from "../http/index.ts";
import { openProfile, type Profile, profileDir } from "../profile/profile.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { usageFailure } from "./failure.ts";
import { makeTerminal, type OutputOptions, type Streams, type Terminal } from "./terminal.ts";

export type Context = {
  terminal: Terminal;
  env: NodeJS.ProcessEnv;
  /** The profile's folder, whether or not anybody has logged in there. */
  profileDir: string;
  now(): Date;
  /** The profile, or the failure that says how to log in. */
  profile(): Promise<Profile>;
  exchange(): Promise<Exchange>;
};

export type Example = readonly [command: string, what: string];

export type CommandSpec<Options> = {
  /** As commander writes it: `sync [sets...]`. */
  usage: string;
  summary: string;
  /** Sentences under the summary in `--help`. */
  about?: string;
  examples: readonly Example[];
  options?: (command: Command) => Command;
  run(context: Context, args: string[], options: Options): Promise<ExitCode | undefined>;
};

type Globals = OutputOptions & { config?: string };

/** Set by main; the commands themselves never look at the process. */
let streams: Streams = process;
let ended: (code: ExitCode) => void = () => undefined;

export function attach(to: Streams, onEnd: (code: ExitCode) => void): void {
  streams = to;
  ended = onEnd;
}

export function addCommand<Options = Record<string, never>>(parent: Command, spec: CommandSpec<Options>): void {
  const command = withGlobals(parent.command(spec.usage)).summary(spec.summary);
  command.description(spec.about === undefined ? spec.summary : `${spec.summary}\n\n${spec.about}`);
  command.addHelpText("after", formatExamples(spec.examples));
  spec.options?.(command);
  command.action(async (...passed: unknown[]) => {
    const self = passed.pop() as Command;
    passed.pop(); // the options again; self has them together with those given before the word
    const options = self.optsWithGlobals() as Options & Globals;
    const args = passed.flat().filter((arg): arg is string => typeof arg === "string");
    const context = makeContext(options);
    try {
      ended((await spec.run(context, args, options)) ?? EXIT.ok);
    } catch (error) {
      const isUsage = error instanceof ExchangeError && (error.code === "usage_invalid" || error.code === "id_invalid");
      throw isUsage ? usageFailure(error, nameOf(self)) : error;
    }
  });
}

/** `breakwater operator members`. */
function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** A word that only gathers other words: `operator members`. */
export function addGroup(parent: Command, name: string, summary: string, examples: readonly Example[]): Command {
  const group = withGlobals(parent.command(name)).summary(summary).description(summary);
  group.addHelpText("after", formatExamples(examples));
  group.action(() => {
    throw usageFailure(new ExchangeError("usage_invalid", { reason: `${name}_needs_a_command` }), nameOf(group));
  });
  return group;
}

export function withGlobals(command: Command): Command {
  return command
    .option("--json", "print one JSON object (lists: one a line); errors as problem+json on stderr")
    .option("--ascii", "no character beyond ASCII")
    .option("--quiet", "no progress and no notes")
    .option("--full", "ids and hashes whole")
    .option("--config <dir>", "profile folder (otherwise $BREAKWATER_CONFIG, ~/.config/breakwater)");
}

export function makeContext(options: Globals): Context {
  const { env } = streams;
  const dir = profileDir(options.config === undefined ? env : { ...env, BREAKWATER_CONFIG: options.config });
  const terminal = makeTerminal(options, streams);
  const profile = () => openProfile(dir);
  return {
    terminal,
    env,
    profileDir: dir,
    now: () => new Date(),
    profile,
    exchange: async () => openWith(terminal, await profile()),
  };
}

/** A client that tells a person on the terminal why it waits. */
export function openWith(terminal: Terminal, { exchange, apiKey }: Pick<Profile, "exchange" | "apiKey">): Exchange {
  return openExchange({
    origin: exchange,
    apiKey,
    onWait: (waitMs, code) => {
      const why = code === "fetch_failed" ? "the exchange does not answer" : "the exchange asks for patience";
      const wait = `${Math.round(waitMs / 1000)} s`;
      if (waitMs >= 2_000) terminal.note(terminal.mark("note", `${why}; trying again in ${wait} (${code})`));
    },
  });
}

function formatExamples(examples: readonly Example[]): string {
  const width = Math.max(0, ...examples.map(([command]) => command.length));
  const lines = examples.map(([command, what]) => `  $ ${command.padEnd(width)}  ${what}`);
  return `\nExamples:\n${lines.join("\n")}`;
}

export { Command };
