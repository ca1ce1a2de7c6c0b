/** `recall`: hits on some entries ask for review, at once and everywhere, for some hours; nothing is deleted. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { RECALL_HOURS_MAX, type Recalled, recallEntries } from "../../publish/recall.ts";
import { formatMoment } from "../applied-lines.ts";
import { addCommand } from "../command.ts";
import { confirmByName } from "../prompt.ts";
import { asPublisher } from "../publisher-context.ts";
import { parseSetArgument } from "../sets.ts";
import { parseTarget, type TargetOptions, withTargetOptions } from "../target.ts";
import type { Terminal } from "../terminal.ts";
import { formatCount } from "../words.ts";
import { UNASKED_MAX } from "./withdraw.ts";

type Options = TargetOptions & { hours: string; yes?: string | true };

export function addRecall(program: Command): void {
  addCommand<Options>(program, {
    usage: "recall <set>",
    summary: "Turn hits on entries into review, at once and at every member; nothing is deleted.",
    about: `It ends by itself after --hours, at most ${RECALL_HOURS_MAX}. No brake and no stale copy stands in its way. To take the entries out as well: breakwater take-back.`,
    examples: [
      ["breakwater recall verified --entry e7c1…", "one entry"],
      ["breakwater recall verified --release 417", "all that release 417 put"],
      ["breakwater recall verified --file ids.txt --hours 24", "a list of ids, for a day"],
    ],
    options: (command) =>
      withTargetOptions(command)
        .option("--hours <n>", "how long hits ask for review", String(RECALL_HOURS_MAX))
        .option("--yes [set]", `do not ask when releases or more than ${UNASKED_MAX} entries are named`),
    async run(context, [text], options) {
      const { terminal } = context;
      const setId = parseSetArgument(text as string, await context.profile());
      const set = formatSetId(setId);
      const hours = parseHours(options.hours);
      const target = await parseTarget(options);
      const many = "releases" in target || target.entries.length > UNASKED_MAX;
      if (many && options.yes !== true) {
        const what =
          "releases" in target ? `all that ${releasesText(target.releases)} put` : countText(target.entries.length);
        terminal.note(`  This turns hits on ${what} to review for ${hours} hours.`);
        await confirmByName(setId.set, options.yes === set ? setId.set : options.yes, "Type the set's name to go on:");
      }
      const recalled = await asPublisher(context, text as string, (publisher) =>
        recallEntries(publisher, target, hours),
      );
      printRecalled(terminal, set, recalled);
      return undefined;
    },
  });
}

export function printRecalled(terminal: Terminal, set: string, recalled: Recalled): void {
  if (recalled.resumed) terminal.note(terminal.mark("note", "signed by an earlier run, sent now"));
  const { publisher: _, ...fact } = recalled;
  terminal.print(
    { step: "recalled", ...fact, set },
    terminal.mark(
      "done",
      `recall ${recalled.recall} signed, logged at ${formatCount(recalled.log_index)}, ends ${formatMoment(recalled.ends_at)}`,
    ),
  );
}

export function countText(count: number): string {
  return `${formatCount(count)} ${count === 1 ? "entry" : "entries"}`;
}

export function releasesText([from, to]: readonly [number, number]): string {
  return from === to ? `release ${from}` : `releases ${from} to ${to}`;
}

export function parseHours(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new ExchangeError("usage_invalid", { reason: "hours" });
  return Number(text);
}
