/** `controls`: everything that people and guards have decided here about hits, in one list. */

import type { Command } from "commander";
import type { ControlsFile } from "../../controls/controls.ts";
import { moveOldModes, readControls } from "../../controls/file.ts";
import { formatTarget } from "../../controls/target.ts";
import { addCommand } from "../command.ts";
import { formatTable } from "../table.ts";
import { formatCount, formatTime } from "../words.ts";
import { describeMode } from "./enable.ts";

export function addControls(program: Command): void {
  addCommand(program, {
    usage: "controls",
    summary: "List the modes, pauses, floods and exceptions that hold on this machine; asks nobody.",
    examples: [["breakwater controls --json", "one JSON object"]],
    async run(context) {
      const { terminal } = context;
      const { stateDir } = await context.profile();
      const now = context.now();
      await moveOldModes(stateDir, context.profileDir, now);
      const file = await readControls(stateDir);
      const pauses = file.pauses.filter(({ until }) => until === undefined || Date.parse(until) > now.getTime());
      const { modes, floods, allowed } = file;
      const counts = { entries: allowed.entries.length, contents: allowed.contents.length };
      terminal.print({ modes, pauses, floods, allowed: counts }, ...linesOf({ ...file, pauses }));
      return undefined;
    },
  });
}

function linesOf({ modes, pauses, floods, allowed }: ControlsFile): string[] {
  const rows = [
    ...Object.entries(modes).map(([set, mode]) => ["mode", set, describeMode(mode), mode.since]),
    ...pauses.map(({ target, act, at, until }) => [
      "pause",
      formatTarget(target),
      until === undefined ? act : `${act} until ${formatTime(new Date(until))}`,
      at,
    ]),
    ...floods.map(({ target, count, expected, at }) => [
      "flood",
      formatTarget(target),
      `review: ${formatCount(count)} hits, ${formatCount(Math.round(expected))} were usual`,
      at,
    ]),
  ].map(([kind = "", what = "", does = "", at = ""]) => [kind, what, does, `${at.slice(0, 16)}Z`]);
  const listed = allowed.entries.length + allowed.contents.length;
  if (rows.length === 0 && listed === 0)
    return ["Nothing decided here: every set is observed. breakwater enable SET --act review"];
  const table =
    rows.length === 0
      ? []
      : formatTable(
          ["kind", "what", "does", "since"].map((title) => ({ title })),
          rows,
        );
  const exceptions = `${formatCount(allowed.entries.length)} entries and ${formatCount(allowed.contents.length)} digests are allowed: breakwater allow list`;
  return listed === 0 ? table : [...table, exceptions];
}
