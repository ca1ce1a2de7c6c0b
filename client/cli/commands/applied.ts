/** `applied`: who has applied which release and recall, the late ones by name. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { APPLIED_MAX_RELEASES, type AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import type { Command } from "commander";
import { barLine, formatMoment, silence } from "../applied-lines.ts";
import { addCommand } from "../command.ts";
import { parseNumber } from "../parse-number.ts";
import { parseSetArgument } from "../sets.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";

type Options = { releases?: string; members?: boolean };

export function addApplied(program: Command): void {
  addCommand<Options>(program, {
    usage: "applied <set>",
    summary: "Show who has applied which release and recall of your set, the late ones by name.",
    about:
      "Counted is everybody who has fetched the set or acknowledged it. Late is who has not applied by the time that the release or recall sets.",
    examples: [
      ["breakwater applied verified", "the newest releases and recalls"],
      ["breakwater applied verified --members", "each member: what it has, when it was seen"],
    ],
    options: (command) =>
      command
        .option("--releases <n>", `how many releases, at most ${APPLIED_MAX_RELEASES}`)
        .option("--members", "one line a member"),
    async run(context, [text], options) {
      const { terminal } = context;
      const setId = parseSetArgument(text as string, await context.profile());
      const releases = options.releases === undefined ? undefined : parseNumber(options.releases);
      const applied = await (await context.exchange()).getApplied(setId, releases);
      if (terminal.json) terminal.print(applied);
      else printApplied(terminal, formatSetId(setId), applied, context.now(), options.members === true);
      return undefined;
    },
  });
}

function printApplied(terminal: Terminal, set: string, applied: AppliedAnswer, now: Date, members: boolean): void {
  const recalls = applied.recall === 0 ? "no recall" : `recall ${applied.recall}`;
  terminal.print({}, `${set}  release ${applied.release}  ${recalls}  ${applied.members.length} have it`);
  const told = new Set<string>();
  for (const row of applied.recalls) {
    const state = row.in_force ? "" : "   ended";
    terminal.print({}, `${barLine(`recall ${row.recall}`, countOf(row), now, told)}${state}`);
  }
  for (const row of applied.releases) {
    const due = row.waiting.length === 0 ? "" : `   due ${formatMoment(row.due_at)}`;
    terminal.print({}, `${barLine(`release ${row.release}`, countOf(row), now, told)}${due}`);
  }
  for (const { code, by, times, last_at } of applied.refused) {
    terminal.print(
      {},
      terminal.mark(
        "caution",
        `refused: a recall brought by ${by}, ${code}, ${times} times, last ${formatMoment(last_at)}`,
      ),
    );
  }
  if (members) printMembers(terminal, applied, now);
}

function countOf(row: AppliedAnswer["recalls"][number] | AppliedAnswer["releases"][number]) {
  const { applied: done, waiting } = row;
  return { done, of: done + waiting.length, late: waiting.filter(({ late }) => late) };
}

function printMembers(terminal: Terminal, { members }: AppliedAnswer, now: Date): void {
  const columns = [
    { title: "member" },
    { title: "release", align: "end" as const },
    { title: "recall", align: "end" as const },
    { title: "last seen", align: "end" as const },
  ];
  const rows = members.map(({ member, release, recall, last_seen_at }) => [
    member,
    release === 0 ? "-" : String(release),
    recall === 0 ? "-" : String(recall),
    silence(last_seen_at, now),
  ]);
  terminal.print({}, ...formatTable(columns, rows));
}
