/** `sync`: brings verified copies up to date, one line a set. */

import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { type Pins, readPins } from "../../profile/pins.ts";
import { findCurrent, findSets, readLog, type SyncOutcome, sortSets, syncSet } from "../../sync/index.ts";
import { type IndexView, parseView, WHOLE_VIEW } from "../../sync/part/index-view.ts";
import type { SyncContext } from "../../sync/sync-set.ts";
import { tellAfterSync } from "../after-sync-lines.ts";
import { addCommand } from "../command.ts";
import { type ExitCode, worstExit } from "../exit-codes.ts";
import { CommandFailure } from "../failure.ts";
import { startProgress } from "../progress.ts";
import { LOCK_WAIT_MS, parseSetArgument, withStateLock } from "../sets.ts";
import { exitOf, printOutcome } from "../sync-lines.ts";
import type { Terminal } from "../terminal.ts";
import { describeView } from "../view-words.ts";

type Options = { fresh?: boolean; wait?: string; only?: string; minVerification?: string };

export function addSync(program: Command): void {
  addCommand<Options>(program, {
    usage: "sync [sets...]",
    summary: "Bring verified copies up to date: every byte is checked from the pinned root to the last entry.",
    about:
      "Without names: every set of a pinned publisher that you may read. A failure changes nothing: the last verified state stays and goes on matching. Ends with 0 when all are current, 3 stale, 4 held, 5 refused, 7 when another command is using the copies.",
    examples: [
      ["breakwater sync", "all sets"],
      ["breakwater sync hotline.example/verified", "one set"],
      ["breakwater sync --json", "one JSON object a set"],
      ["breakwater sync hotline.example/verified --only sha256,pdq", "match with these algorithms alone, from now on"],
      ["breakwater sync --min-verification two_reviewed", "leave out what fewer people have looked at, from now on"],
    ],
    options: (command) =>
      command
        .option("--fresh", "forget what is held and load anew (for a damaged copy)")
        .option(
          "--only <algorithms>",
          "find entries of these algorithms alone, kept for later syncs (all: of every one)",
        )
        .option("--min-verification <level>", "leave out what is verified less, kept for later syncs (all: nothing)")
        .option("--wait <seconds>", "how long to wait for another command", String(LOCK_WAIT_MS / 1000)),
    async run(context, args, options) {
      const { terminal } = context;
      const profile = await context.profile();
      const exchange = await context.exchange();
      const pins = await readPins(context.profileDir);
      const now = context.now();
      const named = args.map((text) => parseSetArgument(text, profile));
      // A word that is mistyped ends the command before anything is asked of anybody.
      parseView(options.only, options.minVerification, WHOLE_VIEW);
      return withStateLock(terminal, profile.stateDir, parseWait(options.wait), async () => {
        const round = { source: exchange, stateDir: profile.stateDir, pins, now };
        const { isNew, ...log } = await readLog(context.profileDir, round);
        if (isNew) terminal.note(terminal.mark("note", `log pinned at first use: ${log.log?.vkey}`));
        const sets = named.length > 0 ? sortSets(named) : tellSets(terminal, pins, await findSets(round, log.tail));
        const codes: ExitCode[] = [];
        for (const setId of sets) {
          const { stateDir } = profile;
          const one = { source: exchange, stateDir, setId, pin: pins[setId.publisher], now, ...log };
          const view = await chooseView(stateDir, setId, options);
          const fresh = options.fresh === true;
          const outcome = await syncOne(terminal, { ...one, fresh, ...(view && { view }) });
          printOutcome(terminal, outcome, Math.max(...sets.map((id) => formatSetId(id).length)));
          const left = describeView(formatSetId(setId), await heldView(stateDir, setId));
          if (left !== undefined) terminal.note(terminal.mark("note", `${left.why} ${left.todo}`));
          codes.push(exitOf(outcome));
        }
        await tellAfterSync(context, exchange);
        return worstExit(codes);
      });
    },
  });
}

/** Undefined: as the copy was made before. What is not named stays as it is. */
async function chooseView(
  stateDir: string,
  setId: SetId,
  { only, minVerification }: Options,
): Promise<IndexView | undefined> {
  if (only === undefined && minVerification === undefined) return undefined;
  return parseView(only, minVerification, await heldView(stateDir, setId));
}

async function heldView(stateDir: string, setId: SetId): Promise<IndexView> {
  const current = await findCurrent(stateDir, setId);
  return current?.v === 2 ? current.view : WHOLE_VIEW;
}

async function syncOne(terminal: Terminal, context: SyncContext): Promise<SyncOutcome> {
  const progress = startProgress(terminal);
  const name = formatSetId(context.setId);
  const onProgress = (done: number, total: number) => progress.update(name, done, total);
  try {
    return await syncSet({ ...context, onProgress });
  } finally {
    progress.end();
  }
}

/** @throws when there is nothing to sync, and the catalogue's own refusal where no copy is held that could be tried */
function tellSets(
  terminal: Terminal,
  pins: Pins,
  { sets, unpinned, problem }: Awaited<ReturnType<typeof findSets>>,
): SetId[] {
  for (const publisher of unpinned) {
    terminal.note(
      terminal.mark("note", `${publisher} is not followed: no root of it is pinned (breakwater pin ${publisher})`),
    );
  }
  if (sets.length > 0) return sets;
  if (problem !== undefined) throw problem;
  const nothingPinned = Object.keys(pins).length === 0 && unpinned.length > 0;
  const text = {
    what: nothingPinned
      ? "Nothing synced: no publisher is pinned."
      : "Nothing synced: there is no set for you to read.",
    kept: "nothing was changed",
    next: nothingPinned ? "breakwater pin PUBLISHER --digest DIGEST, from your agreement" : "breakwater sets",
  };
  throw new CommandFailure(new ExchangeError(nothingPinned ? "root_pin" : "not_found"), text);
}

function parseWait(text: string | undefined): number {
  if (text === undefined) return LOCK_WAIT_MS;
  if (!/^\d{1,5}$/.test(text)) throw new ExchangeError("usage_invalid", { reason: "wait" });
  return Number(text) * 1000;
}
