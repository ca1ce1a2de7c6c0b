/** `enable`: what a set's hits lead to from now on, decided by a person who has seen what would have happened. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { MATCH_ACTIONS, type MatchAction } from "@breakwater/shared/wire/match.ts";
import type { Command } from "commander";
import { isMore, restOf, withMode } from "../../controls/change.ts";
import type { SetMode } from "../../controls/controls.ts";
import { moveOldModes, readControls, updateControls } from "../../controls/file.ts";
import { readMarks } from "../../ledger/marks.ts";
import { whatIf } from "../../ledger/what-if.ts";
import { findCurrent, openHeld, readStatus, type SetStatus } from "../../sync/index.ts";
import { isNewPublisher } from "../../sync/status.ts";
import { addCommand, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { confirmByName } from "../prompt.ts";
import { parseSetArgument } from "../sets.ts";
import { explainCode } from "../states.ts";
import { TEST_SET_WORDS } from "../view-words.ts";
import { whatIfSentences } from "../what-if-lines.ts";

type Options = { act: string; ratio?: string; yes?: string };

/** What is shown before somebody decides. */
const LOOK_BACK_DAYS = 7;
const DAY_MS = 24 * 60 * 60 * 1000;

export function addEnable(program: Command): void {
  addCommand<Options>(program, {
    usage: "enable <set>",
    summary: "Choose what a set's hits lead to: observe, review or block. Every set starts in observe.",
    about:
      "Shows what would have happened in the last days before it asks. Every process on this machine follows within a second. With --ratio a share of contents gets the new action and the others keep what they have: always the same contents, on every machine, and a larger share only adds to them. The sets of a publisher in its first 30 days stay in observe until release-hold.",
    examples: [
      ["breakwater enable hotline.example/verified --act review", "hits go to a reviewer"],
      [
        "breakwater enable hotline.example/verified --act block --ratio 10%",
        "a tenth of contents; asks for the set's name",
      ],
      ["breakwater enable hotline.example/verified --act observe", "back to watching"],
    ],
    options: (command) =>
      command
        .requiredOption("--act <action>", "observe, review or block")
        .option("--ratio <share>", "for this share of contents, such as 10% or 0.1")
        .option("--yes <set>", "the set's name, instead of typing it"),
    async run(context, [name], options) {
      const { terminal } = context;
      const profile = await context.profile();
      const { stateDir } = profile;
      const setId = parseSetArgument(name as string, profile);
      const set = formatSetId(setId);
      const act = MATCH_ACTIONS.find((known) => known === options.act);
      if (act === undefined) throw new ExchangeError("usage_invalid", { reason: "act_of_set" });
      const ratio = options.ratio === undefined ? undefined : parseRatio(options.ratio);
      const now = context.now();
      await moveOldModes(stateDir, context.profileDir, now);
      const held = (await readControls(stateDir)).modes[set];
      const asked = { act, now, ...(ratio === undefined ? {} : { ratio }) };
      if (act !== "observe") {
        if ((await findCurrent(stateDir, setId)) === undefined) throw noCopy(set);
        checkNew(set, await readStatus(stateDir, setId), now);
      }
      // A copy that cannot be opened is told of by match and status.
      const copy = await openHeld(stateDir, setId).catch(() => undefined);
      const isTest = copy?.manifest.about.stream === "test";
      if (isRise(held, act, ratio)) await confirm(context, { stateDir, set, act, isTest }, options.yes);
      const { modes } = await updateControls(stateDir, (before) => withMode(before, set, asked) ?? noShare(set, act));
      const mode = modes[set];
      terminal.print({ set, ...mode }, terminal.mark("done", `${set}  ${describeMode(mode)}`));
      return undefined;
    },
  });
}

/** More than before for some content: that is what a person is asked about. */
function isRise(held: SetMode | undefined, act: MatchAction, ratio: number | undefined): boolean {
  return isMore(act, restOf(held)) && !(held?.act === act && (ratio ?? 1) <= (held.ratio ?? 1));
}

async function confirm(
  { terminal, now }: Context,
  { stateDir, set, act, isTest }: { stateDir: string; set: string; act: MatchAction; isTest: boolean },
  yes: string | undefined,
): Promise<void> {
  const since = new Date(now().getTime() - LOOK_BACK_DAYS * DAY_MS);
  const { sets } = await whatIf(stateDir, { since, now: now(), set, marks: await readMarks(stateDir) });
  terminal.note(...whatIfSentences(sets[0], `${LOOK_BACK_DAYS} d`).map((line) => `  ${line}`));
  if (isTest) terminal.note(`  ${TEST_SET_WORDS}`);
  else if (act === "block") terminal.note("  Hits of verified entries will be blocked without anybody looking first.");
  // Review shows material to people and takes nothing from anybody: a script may switch it on.
  if (act === "review" && yes === undefined && !process.stdin.isTTY) return;
  await confirmByName(set, yes, "Type the set's name to go on:");
}

/** @returns 0 < ratio ≤ 1 */
export function parseRatio(text: string): number {
  const percent = /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(text)?.[1];
  const share =
    percent === undefined
      ? /^(?:0?\.\d{1,6}|1(?:\.0{1,6})?)$/.test(text)
        ? Number(text)
        : Number.NaN
      : Number(percent) / 100;
  if (!(share > 0 && share <= 1)) throw new ExchangeError("usage_invalid", { reason: "ratio" });
  return share;
}

/** `block`, `block for 10 %, otherwise review`. */
export function describeMode(mode: SetMode | undefined): string {
  if (mode === undefined) return "observe";
  if (mode.ratio === undefined) return mode.act;
  return `${mode.act} for ${Number((mode.ratio * 100).toFixed(4))} %, otherwise ${mode.rest ?? "observe"}`;
}

function noShare(set: string, act: MatchAction): never {
  const text = {
    what: `Not changed: a share of ${set} cannot get ${act}, since all of it has that or more.`,
    kept: `the mode of ${set} stays as it was`,
    next: `leave --ratio out, or begin lower: breakwater enable ${set} --act observe`,
  };
  throw new CommandFailure(new ExchangeError("usage_invalid", { reason: "ratio" }), text);
}

/** A name that was mistyped would be answered as done while the set that was meant goes on as before. */
function noCopy(set: string): CommandFailure {
  return new CommandFailure(new ExchangeError("copy_missing"), {
    what: `Not changed: there is no verified copy of ${set} on this machine.`,
    kept: "nothing was changed",
    next: `check the name (breakwater status), or: breakwater sync ${set}`,
  });
}

function checkNew(set: string, status: SetStatus | undefined, now: Date): void {
  if (!isNewPublisher(status, now)) return;
  const { why, todo } = explainCode("policy_new", { set, publisher: set.split("/")[0] ?? set });
  throw new CommandFailure(new ExchangeError("policy_new"), {
    what: `Not changed: ${why.slice(0, 1).toLowerCase()}${why.slice(1)}`,
    kept: `${set} stays in observe`,
    next: todo,
  });
}
