/** `withdraw`: takes named entries out of a set with its next release. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { WITHDRAWAL_REASONS, WithdrawalReason } from "@breakwater/shared/vocab/reasons.ts";
import type { Command } from "commander";
import { withdrawEntries } from "../../publish/withdraw.ts";
import { addCommand } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { confirmByName } from "../prompt.ts";
import { asPublisher } from "../publisher-context.ts";
import { readInput } from "../read-input.ts";
import { parseSetArgument } from "../sets.ts";
import type { Terminal } from "../terminal.ts";
import { formatCount } from "../words.ts";

/** Naming an entry is deliberate enough; a whole list of them is asked about. */
export const UNASKED_MAX = 10;
const VALUES_MAX_BYTES = 64 * 1024 * 1024;

type Options = {
  set: string;
  entry?: string[];
  valueFile?: string;
  reason: string;
  erase?: boolean;
  yes?: string | true;
};

const collect = (value: string, before: string[] = []) => [...before, value];

export function addWithdraw(program: Command): void {
  addCommand<Options>(program, {
    usage: "withdraw",
    summary: "Take entries back: they are gone from the set's next release, and from every copy that syncs it.",
    about: `Reasons: ${Object.keys(WITHDRAWAL_REASONS).join(", ")}. The reason is kept on this machine and never written into the set.`,
    examples: [
      ["breakwater withdraw --set verified --entry e7c1… --reason adult", "one entry, by its id"],
      ["breakwater withdraw --set verified --value-file values.txt --reason bad_batch", "one value a line"],
      [
        "breakwater withdraw --set verified --entry e7c1… --reason person_shown_asks --erase",
        "and destroy old files within a day",
      ],
    ],
    options: (command) =>
      command
        .requiredOption("--set <set>", "the set's name, or publisher/set")
        .option("--entry <id>", "an entry's id; may be repeated", collect)
        .option("--value-file <file>", "values, one a line; - is standard input")
        .requiredOption("--reason <code>", "why")
        .option("--erase", "holders destroy every file that carried the entries")
        .option("--yes [set]", `do not ask when more than ${UNASKED_MAX} entries are named, or for --erase`),
    async run(context, _args, options) {
      const { terminal } = context;
      const reason = WithdrawalReason.safeParse(options.reason);
      if (!reason.success) throw new ExchangeError("usage_invalid", { reason: "withdrawal_reason" });
      const values = options.valueFile === undefined ? [] : await readValues(options.valueFile);
      const setId = parseSetArgument(options.set, await context.profile());
      const set = formatSetId(setId);
      try {
        const withdrawn = await asPublisher(context, options.set, (publisher) =>
          withdrawEntries(publisher, {
            ids: options.entry ?? [],
            values,
            reason: reason.data,
            erase: options.erase === true,
            confirm: async (count, after) => {
              if (options.yes === true || (count <= UNASKED_MAX && !options.erase)) return;
              terminal.note(
                `  ${options.erase ? "Erase" : "Withdraw"} ${formatCount(count)} ${count === 1 ? "entry" : "entries"}; ${formatCount(after)} remain. The record that they existed, without the hashes, stays.`,
              );
              await confirmByName(
                setId.set,
                options.yes === set ? setId.set : options.yes,
                "Type the set's name to go on:",
              );
            },
          }),
        );
        const { release, entries, ids, sameItem } = withdrawn;
        terminal.print(
          {
            set,
            release,
            withdrawn: ids,
            same_item: sameItem,
            entries,
            reason: reason.data,
            erased: options.erase === true,
          },
          terminal.mark(
            "done",
            `${set}  release ${release}  −${formatCount(ids.length)}  ${formatCount(entries)} ${entries === 1 ? "entry" : "entries"} remain`,
          ),
        );
        tellSameItem(terminal, setId.set, reason.data, sameItem);
      } catch (error) {
        throw inWords(error, set);
      }
      return undefined;
    },
  });
}

/** One picture is listed by several hashes: whoever names one of them mostly means all. */
function tellSameItem(terminal: Terminal, set: string, reason: WithdrawalReason, ids: readonly string[]): void {
  if (ids.length === 0) return;
  const shown = ids.slice(0, UNASKED_MAX);
  terminal.note(
    terminal.mark(
      "caution",
      `${formatCount(ids.length)} other ${ids.length === 1 ? "entry of the same item stays" : "entries of the same item stay"} listed`,
    ),
  );
  terminal.note(
    `  ${terminal.label("next")}  breakwater withdraw --set ${set} ${shown.map((id) => `--entry ${id}`).join(" ")} --reason ${reason}`,
  );
  if (shown.length < ids.length)
    terminal.note(`        and ${formatCount(ids.length - shown.length)} more: see --json`);
}

async function readValues(path: string): Promise<string[]> {
  const text = new TextDecoder().decode(await readInput(path, VALUES_MAX_BYTES));
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function inWords(error: unknown, set: string): unknown {
  if (!(error instanceof ExchangeError) || error.detail.reason !== "not_in_the_set") return error;
  const missing = Number(error.detail.missing);
  const text = {
    what: `Nothing withdrawn: ${formatCount(missing)} of the named entries ${missing === 1 ? "is" : "are"} not in ${set}.`,
    kept: "the newest release stays as it is",
    next: `look the ids up: breakwater export ${set} --format csv`,
  };
  return new CommandFailure(error, text, { exit: 6 });
}
