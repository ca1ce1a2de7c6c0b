/** `operator lookups|floods`: who looks up how much, and what members' guards turned to review. Counts, never what was asked. */

import type { Command } from "commander";
import { addCommand } from "../command.ts";
import { formatTable } from "../table.ts";
import { formatCount } from "../words.ts";

const right = (title: string) => ({ title, align: "end" as const });

export function addLookupRecords(operator: Command): void {
  addCommand(operator, {
    usage: "lookups",
    summary: "Show who looks up how much, those who seem to copy a list first; counts only.",
    about:
      "Probing: fewer repeats than chance gives; such a member is slowed down for the rest of the day. Share: different buckets of 30 days, summed over days, as a part of the list; from 100 % on, the list may have been copied.",
    examples: [["breakwater operator lookups --json", "one JSON object a member, index and day"]],
    async run(context) {
      const { terminal } = context;
      const uses = await (await context.exchange()).operator.listLookupUses();
      if (terminal.json) for (const use of uses) terminal.print(use);
      else {
        const columns = [
          { title: "member" },
          { title: "index" },
          { title: "day" },
          right("asked"),
          right("of"),
          right("different"),
          right("refused"),
          right("share"),
          { title: "state" },
        ];
        const rows = uses.map((use) => [
          use.member,
          use.index,
          use.day,
          formatCount(use.asked),
          formatCount(use.budget),
          formatCount(use.distinct),
          formatCount(use.refused),
          `${Math.round(use.share_30d * 100)} %`,
          use.probing ? "! probing" : use.share_30d >= 1 ? "! may have the list" : "-",
        ]);
        terminal.print({}, ...formatTable(columns, rows));
      }
      return undefined;
    },
  });
  addCommand(operator, {
    usage: "floods",
    summary: "Show what members' guards turned to review because it hit far more than it used to.",
    examples: [["breakwater operator floods", "one line an entry, release or publisher"]],
    async run(context) {
      const { terminal } = context;
      const floods = await (await context.exchange()).operator.listFloods();
      if (terminal.json) for (const flood of floods) terminal.print(flood);
      else {
        const columns = [
          { title: "set" },
          { title: "what" },
          right("times usual"),
          right("members"),
          { title: "last" },
        ];
        const rows = floods.map(({ publisher, set, scope, entry, release, times, members, last_day }) => [
          `${publisher}/${set}`,
          scope === "entry" ? `entry ${entry}` : scope === "release" ? `release ${release}` : "all entries",
          formatCount(times),
          members === "few" ? "< 5" : formatCount(members),
          last_day,
        ]);
        terminal.print({}, ...formatTable(columns, rows));
      }
      return undefined;
    },
  });
}
