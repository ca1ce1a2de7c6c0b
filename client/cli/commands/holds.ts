/** `release-hold`: what a person lets through, by typing its name. */

import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { readStatus, writeStatus } from "../../sync/index.ts";
import { findSetLog, type LogState, readLogState, writeLogState } from "../../sync/log/state.ts";
import { isNewPublisher } from "../../sync/status.ts";
import { chooseCandidate } from "../../sync/take-logged.ts";
import { addCommand, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { confirmByName } from "../prompt.ts";
import { LOCK_WAIT_MS, parseSetArgument, withStateLock } from "../sets.ts";

export function addHolds(program: Command): void {
  addCommand<{ yes?: string }>(program, {
    usage: "release-hold <set>",
    summary: "Let through what is held: exactly the release that you looked at, at the next sync.",
    about:
      "Also: let the sets of a publisher in its first 30 days do more than be observed; and, with the log's origin in place of a set, look again at a log that showed two histories (it is held again unless it shows the one that you hold).",
    examples: [
      ["breakwater release-hold ngo.example/terms-en", "asks for the set's name"],
      ["breakwater release-hold exchange.example/log1", "a log that is held"],
    ],
    options: (command) => command.option("--yes <set>", "the set's name, instead of typing it"),
    async run(context, [name], options) {
      const { terminal } = context;
      const profile = await context.profile();
      const log = await readLogState(profile.stateDir, profile.exchange);
      const { stateDir } = profile;
      return withStateLock(terminal, stateDir, LOCK_WAIT_MS, async () => {
        if (log !== undefined && log.log.origin === name) await releaseLog(context, stateDir, log, options.yes);
        else await releaseSet(context, stateDir, parseSetArgument(name as string, profile), log, options.yes);
        return undefined;
      });
    },
  });
}

async function releaseLog(
  { terminal }: Context,
  stateDir: string,
  log: LogState,
  yes: string | undefined,
): Promise<void> {
  const { origin } = log.log;
  if (log.held === undefined) throw nothingHeld(origin);
  terminal.note(`  The log was held: ${log.held.code}.`);
  await confirmByName(origin, yes, "Type the log's origin to go on:");
  const { held: _, etag: __, ...released } = log;
  await writeLogState(stateDir, released);
  terminal.print({ log: origin }, terminal.mark("done", `${origin}  is looked at again`), "  next  breakwater sync");
}

async function releaseSet(
  context: Context,
  stateDir: string,
  setId: SetId,
  log: LogState | undefined,
  yes: string | undefined,
): Promise<void> {
  const { terminal } = context;
  const set = formatSetId(setId);
  const status = await readStatus(stateDir, setId);
  const isHeld = status?.state === "held" && status.held_statement !== undefined;
  if (status === undefined || (!isHeld && !isNewPublisher(status, context.now()))) throw nothingHeld(set);
  const what = isHeld
    ? `Release ${status.held_release} was held: ${status.code}.`
    : "The publisher is in its first 30 days.";
  terminal.note(`  ${what}`);
  await confirmByName(set, yes, "Type the set's name to go on:");
  if (!isHeld) {
    await writeStatus(stateDir, setId, { ...status, released_new: true });
    terminal.print(
      { set },
      terminal.mark("done", `${set}  may be used for more`),
      `  next  breakwater enable ${set} --act review`,
    );
    return;
  }
  // Several signed chains: the one that is shown as held is the one that a person chooses.
  const inLog = findSetLog(log, setId.publisher, setId.set);
  if (log !== undefined && inLog?.held !== undefined) {
    if (inLog.candidate?.digest !== status.held_statement) throw new ExchangeError("conflict", { reason: "moved_on" });
    await chooseCandidate(stateDir, log, setId);
  }
  await writeStatus(stateDir, setId, { ...status, released_statement: status.held_statement });
  terminal.print(
    { set, release: status.held_release },
    terminal.mark("done", `${set}  release ${status.held_release} may pass`),
    "  next  breakwater sync",
  );
}

function nothingHeld(what: string): CommandFailure {
  const text = {
    what: `Nothing released: ${what} holds no release that a person could let through.`,
    kept: "nothing was changed",
    next: what.includes("/") ? `breakwater status ${what}` : "breakwater status",
  };
  return new CommandFailure(new ExchangeError("conflict"), text, { exit: 1 });
}
