/** `monitor`: a publisher watches every statement in its name, and hears of one that its own signer did not make. */

import { setTimeout as sleep } from "node:timers/promises";
import { parsePublisher } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import {
  type Alarm,
  acceptStatements,
  dismissNoise,
  listAcceptable,
  type MonitorContext,
  type RefusedRecall,
  type Watched,
  watchOnce,
} from "../../monitor/index.ts";
import { readPins } from "../../profile/pins.ts";
import { addCommand, type Context } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CommandFailure } from "../failure.ts";
import { parseNumber } from "../parse-number.ts";
import { confirmByName } from "../prompt.ts";
import { LOCK_WAIT_MS, withStateLock } from "../sets.ts";
import type { Terminal } from "../terminal.ts";
import { formatCount } from "../words.ts";

type Options = {
  once?: boolean;
  every: string;
  publisher?: string;
  journal?: string[];
  accept?: string[];
  acceptAll?: boolean;
  dismissNoise?: boolean;
  yes?: string;
};

const collect = (value: string, before: string[] = []) => [...before, value];
/** Refusals that tell of a key in other hands, not of a slip of ours. */
const THEFT = new Set(["recall_key_revoked", "envelope_kid_unknown", "signature_invalid", "signature_threshold"]);
const SHOWN_MAX = 20;

export function addMonitor(program: Command): void {
  addCommand<Options>(program, {
    usage: "monitor",
    summary: "Watch every statement in your name; end with 5 on one that this profile did not make.",
    about:
      "Reads the exchange's log from where it was left, checks it, and compares each root, release and recall in your name with the journal of what this profile signed or asked for (statements.ndjson in the profile's folder). What is foreign is kept as evidence, and told by every run until it is accepted. Releases that colleagues make in the console are foreign to this profile until you accept them.",
    examples: [
      ["breakwater monitor", "until Ctrl+C, or until something is foreign"],
      ["breakwater monitor --once", "one look, for a timer"],
      ["breakwater monitor --once --journal /srv/other/statements.ndjson", "what another machine of yours signed"],
      ["breakwater monitor --accept sha256:…", "it was you, after all"],
    ],
    options: (command) =>
      command
        .option("--once", "one look")
        .option("--every <seconds>", "how often to look", "30")
        .option("--publisher <name>", "otherwise the profile's")
        .option("--journal <file>", "a journal of another machine; may be repeated", collect)
        .option("--accept <digest>", "this statement is ours; may be repeated", collect)
        .option("--accept-all", "all that are signed with our keys are ours: for the first run of an older profile")
        .option("--dismiss-noise", "forget statements that no key of ours signed; their evidence stays")
        .option("--yes <publisher>", "do not ask"),
    run: monitor,
  });
}

async function monitor(context: Context, _args: string[], options: Options): Promise<ExitCode | undefined> {
  const { terminal } = context;
  const profile = await context.profile();
  const publisher = parsePublisher(options.publisher ?? profile.publisher);
  const exchange = await context.exchange();
  const everyMs = parseNumber(options.every) * 1000;
  const open = async (): Promise<MonitorContext> => ({
    exchange,
    profileDir: context.profileDir,
    stateDir: profile.stateDir,
    publisher,
    pin: (await readPins(context.profileDir))[publisher],
    journals: options.journal ?? [],
    now: context.now(),
  });
  const look = async () => withStateLock(terminal, profile.stateDir, LOCK_WAIT_MS, async () => watchOnce(await open()));
  if (options.accept !== undefined || options.acceptAll || options.dismissNoise) {
    await decide(context, await open(), options);
    return undefined;
  }
  for (let first = true; ; first = false) {
    const watched = await lookPatiently(terminal, look, options.once === true);
    if (watched !== undefined) report(terminal, publisher, watched, first || options.once === true);
    if (options.once) return EXIT.ok;
    await sleep(everyMs);
  }
}

/** Nobody answering is no alarm while a person watches; a single look must say that it saw nothing. */
async function lookPatiently(
  terminal: Terminal,
  look: () => Promise<Watched>,
  once: boolean,
): Promise<Watched | undefined> {
  try {
    return await look();
  } catch (error) {
    const passes = error instanceof ExchangeError && PASSING.has(error.code);
    if (once || !passes) throw error;
    terminal.note(terminal.mark("caution", `nobody answers (${error.code}); trying again`));
    return undefined;
  }
}

const PASSING = new Set(["fetch_failed", "busy", "rate_limited", "internal", "copy_locked", "log_behind"]);

/** @throws CommandFailure with everything that is foreign */
function report(terminal: Terminal, publisher: string, watched: Watched, always: boolean): void {
  for (const one of watched.refused) {
    terminal.note(terminal.mark("caution", refusedLine(one)));
  }
  const thefts = watched.refused.filter(({ code }) => THEFT.has(code));
  if (watched.alarms.length > 0 || thefts.length > 0) throw alarmFailure(publisher, watched, thefts);
  if (!always && watched.fresh === 0) return;
  terminal.print(
    {
      publisher,
      log_size: watched.size,
      statements: watched.seen,
      new: watched.fresh,
      alarms: [],
      refused: watched.refused,
    },
    terminal.mark(
      "done",
      `${publisher}  log at ${formatCount(watched.size)}  ${formatCount(watched.seen)} statements in your name, all made by this profile`,
    ),
  );
}

function alarmFailure(publisher: string, { alarms, evidence }: Watched, thefts: RefusedRecall[]): CommandFailure {
  const count = alarms.length;
  const set = alarms.find((alarm) => alarm.set !== undefined && alarm.code === null)?.set;
  const shown = alarms.slice(0, SHOWN_MAX).map((alarm) => `  ${alarmLine(alarm)}`);
  const more = count > SHOWN_MAX ? [`  and ${formatCount(count - SHOWN_MAX)} more`] : [];
  const what =
    count === 0
      ? `${publisher}: somebody tried to recall in your name.`
      : `${publisher}: ${formatCount(count)} ${count === 1 ? "statement was" : "statements were"} not made by this profile.`;
  const text = {
    what,
    between: [...shown, ...more, ...thefts.map((one) => `  ${refusedLine(one)}`)],
    kept: count === 0 ? "nothing came of it" : `the statements and the checkpoint over them: ${evidence}`,
    next: `${set === undefined ? "breakwater keys revoke KID" : `breakwater recover ${publisher}/${set}`}; if it was you: breakwater monitor --accept DIGEST`,
  };
  const error = new ExchangeError("statement_foreign", { statements: count });
  return new CommandFailure(error, text, {
    exit: EXIT.refused,
    extra: { publisher, alarms, refused: thefts, evidence },
  });
}

function alarmLine({ typ, set, number, kids, code, index, digest }: Alarm): string {
  const kind =
    typ === "bw-root+jws"
      ? "root"
      : typ === "bw-recall+jws"
        ? "recall"
        : typ === "bw-release+jws"
          ? "release"
          : "bytes";
  const name = `${kind}${number === null ? "" : ` ${number}`}${set === undefined ? "" : ` of ${set}`}`;
  const by = code === null ? `signed with your key ${kids.join(", ")}` : `signed by no key of yours (${code})`;
  return `${name}, ${by}, logged at ${formatCount(index)}${digest === null ? "" : `, ${digest}`}`;
}

function refusedLine({ set, code, by, times }: RefusedRecall): string {
  return `a recall for ${set}, brought by ${by}, was refused: ${code}, ${times === 1 ? "once" : `${times} times`}`;
}

async function decide({ terminal }: Context, context: MonitorContext, options: Options): Promise<void> {
  const acceptable = await listAcceptable(context);
  const digests = options.acceptAll ? acceptable.map(({ digest }) => digest as string) : (options.accept ?? []);
  for (const alarm of acceptable.filter(({ digest }) => digests.includes(digest as string)).slice(0, SHOWN_MAX)) {
    terminal.note(`  ${alarmLine(alarm)}`);
  }
  if (digests.length > 0) {
    terminal.note(`  ${formatCount(digests.length)} to be taken as made by you.`);
    await confirmByName(context.publisher, options.yes, "Type the publisher's name to go on:");
  }
  const accepted = await acceptStatements(context, digests);
  const dismissed = options.dismissNoise ? await dismissNoise(context) : 0;
  terminal.print(
    { publisher: context.publisher, accepted, dismissed },
    terminal.mark(
      "done",
      `${context.publisher}  accepted ${formatCount(accepted)}, dismissed ${formatCount(dismissed)}`,
    ),
  );
}
