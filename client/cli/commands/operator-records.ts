/** `operator audit|retention`: who did what, and what is kept for how long. */

import type { Command } from "commander";
import { addCommand } from "../command.ts";
import { formatTable } from "../table.ts";
import { formatCount, formatTime } from "../words.ts";

export function addRecordCommands(operator: Command): void {
  addCommand<{ cursor?: string }>(operator, {
    usage: "audit",
    summary: "Read the audit record, newest first: ids and codes only.",
    examples: [["breakwater operator audit --json", "one JSON object a line"]],
    options: (command) => command.option("--cursor <cursor>", "where the last page ended"),
    async run(context, _args, options) {
      const { terminal } = context;
      const page = await (await context.exchange()).operator.listAudit(options.cursor);
      if (terminal.json) for (const record of page.records) terminal.print(record);
      else {
        const columns = ["at", "actor", "action", "subject", "code"].map((title) => ({ title }));
        const rows = page.records.map((record) => [
          formatTime(new Date(record.at)),
          `${record.actor.kind} ${record.actor.id}`,
          record.action,
          record.subject ?? "-",
          record.code ?? "-",
        ]);
        terminal.print({}, ...formatTable(columns, rows));
      }
      if (page.cursor !== undefined) terminal.note(`  more: breakwater operator audit --cursor ${page.cursor}`);
      return undefined;
    },
  });
  addCommand(operator, {
    usage: "retention",
    summary: "Show what is kept for how long, and what the last run removed.",
    examples: [["breakwater operator retention", "one line a rule"]],
    async run(context) {
      const { terminal } = context;
      const rules = await (await context.exchange()).operator.listRetention();
      if (terminal.json) for (const rule of rules) terminal.print(rule);
      else {
        const columns = [
          { title: "what" },
          { title: "table" },
          { title: "kept", align: "end" as const },
          { title: "last run" },
          { title: "removed", align: "end" as const },
        ];
        const rows = rules.map((rule) => [
          rule.what,
          rule.table,
          `${rule.keep_days} d`,
          rule.last_run_at === null ? "never" : formatTime(new Date(rule.last_run_at)),
          rule.last_removed === null ? "-" : formatCount(rule.last_removed),
        ]);
        terminal.print({}, ...formatTable(columns, rows));
      }
      return undefined;
    },
  });
}
