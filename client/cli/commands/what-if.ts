/** `what-if`: what would have happened, before anything is switched on. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import type { Command } from "commander";
import { readMarks } from "../../ledger/marks.ts";
import { whatIf } from "../../ledger/what-if.ts";
import { addCommand } from "../command.ts";
import { parseSince } from "../moments.ts";
import { parseSetArgument } from "../sets.ts";
import { whatIfTables } from "../what-if-lines.ts";

type Options = { since: string; set?: string };

export function addWhatIf(program: Command): void {
  addCommand<Options>(program, {
    usage: "what-if",
    summary: "Show what would have happened in mode block, by set, publisher and distance; asks nobody.",
    about:
      "Read from the decision ledger on this machine (90 days). What is under block would be under review in mode review. Taken back: blocks that rest on entries withdrawn or recalled since.",
    examples: [
      ["breakwater what-if --since 7d", "the last week, all sets"],
      ["breakwater what-if --since 24h --set hotline.example/verified --json", "one set, as one JSON object"],
    ],
    options: (command) =>
      command
        .option("--since <time>", "7d, 24h, 2026-11-22 or 2026-11-22T14:00Z", "7d")
        .option("--set <set>", "only this set"),
    async run(context, _args, options) {
      const { terminal } = context;
      const profile = await context.profile();
      const now = context.now();
      const since = parseSince(options.since, now);
      const set = options.set === undefined ? undefined : formatSetId(parseSetArgument(options.set, profile));
      const marks = await readMarks(profile.stateDir);
      const found = await whatIf(profile.stateDir, { since, now, marks, ...(set === undefined ? {} : { set }) });
      if (found.sets.length > 0) terminal.print(found, ...whatIfTables(found, now));
      else {
        terminal.print(
          found,
          `Nothing hit since ${since.toISOString().slice(0, 16)}Z. Hits are noted by breakwater match and breakwater serve.`,
        );
      }
      return undefined;
    },
  });
}
