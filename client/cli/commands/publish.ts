/** `publish`: a list becomes the set's next release; what is published already is published once. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { RowsInvalid } from "../../publish/faults.ts";
import { formatOfFile, type ListFormat } from "../../publish/list.ts";
import { dropPending } from "../../publish/pending.ts";
import { dropWork } from "../../publish/plan.ts";
import { type Published, publishHeartbeat, publishList } from "../../publish/publish.ts";
import type { ListedAgain } from "../../publish/withdrawals.ts";
import { findCurrent } from "../../sync/index.ts";
import { addCommand, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { confirmByName } from "../prompt.ts";
import { asPublisher } from "../publisher-context.ts";
import { openInput, readInput } from "../read-input.ts";
import { parseSetArgument } from "../sets.ts";
import { keepHeapSmall } from "../small-heap.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { formatCount } from "../words.ts";

const ABOUT_MAX_BYTES = 64 * 1024;

type Options = {
  set: string;
  from?: string;
  format?: string;
  about?: string;
  default?: Record<string, string>;
  keepMissing?: boolean;
  abandon?: boolean;
  heartbeat?: boolean;
  yes?: string | true;
};

const collectDefaults = (text: string, before: Record<string, string> = {}) => {
  const at = text.indexOf("=");
  if (at < 1) throw new ExchangeError("usage_invalid", { reason: "default_is_member=value" });
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
};

export function addPublish(program: Command): void {
  addCommand<Options>(program, {
    usage: "publish",
    summary: "Publish a list as the set's next release.",
    about:
      "The list is the whole set: rows are compared with the verified copy by natural key, so the same list twice publishes nothing, and an entry that the list no longer has is withdrawn (asked first). One that was withdrawn before is listed again only after a question. One bad row and nothing is published. A run that was stopped is finished by running it again.",
    examples: [
      ["breakwater publish --set verified --from list.csv --about about.json", "the first release"],
      ["breakwater publish --set verified --from list.ndjson", "what changed since"],
      ["breakwater publish --set verified --from more.csv --keep-missing", "only add and change"],
      ["breakwater publish --set verified --heartbeat", "nothing new, a new date"],
      ["breakwater help list", "the columns of a list"],
    ],
    options: (command) =>
      command
        .requiredOption("--set <set>", "the set's name, or publisher/set")
        .option("--from <file>", "list.csv or list.ndjson; - is standard input (with --format)")
        .option("--format <format>", "csv or ndjson, when the file's name does not say")
        .option("--about <file>", "the set's description (JSON); needed for the first release")
        .option("--default <member=value>", "a member for every row that lacks it; may be repeated", collectDefaults)
        .option("--keep-missing", "leave entries alone that the list does not have")
        .option("--heartbeat", "no list: the same content as a new release, before the newest one runs out")
        .option("--abandon", "drop a release that was composed and never admitted")
        .option("--yes [set]", "do not ask before withdrawing entries"),
    async run(context, _args, options) {
      if (options.abandon) return abandon(context, options.set);
      if (options.heartbeat) return heartbeat(context, options);
      if (options.from === undefined) throw new ExchangeError("usage_invalid", { reason: "from_is_missing" });
      const format = parseFormat(options.format ?? formatOfFile(options.from));
      keepHeapSmall();
      const chunks = await openInput(options.from);
      const about = options.about === undefined ? undefined : await readAbout(options.about);
      const set = formatSetId(parseSetArgument(options.set, await context.profile()));
      try {
        const published = await asPublisher(context, options.set, (publisher) =>
          publishList(publisher, {
            list: { format, chunks, ...(options.default === undefined ? {} : { defaults: options.default }) },
            ...(about === undefined ? {} : { about }),
            keepMissing: options.keepMissing === true,
            confirm: (change, after) => confirmRemoval(context.terminal, set, options.yes, change.removed, after),
            confirmAgain: (again) => confirmAgain(context.terminal, set, options.yes, again),
          }),
        );
        printPublished(context.terminal, set, published);
      } catch (error) {
        throw await inWords(context, options.set, error);
      }
      return undefined;
    },
  });
}

async function confirmRemoval(
  terminal: Terminal,
  set: string,
  yes: string | true | undefined,
  removed: number,
  after: number,
): Promise<void> {
  // Nothing left is rarely meant: a list that failed to be written looks like that.
  if (yes === true && after > 0) return;
  const name = set.split("/")[1] as string;
  terminal.note(
    `  ${formatCount(removed)} ${removed === 1 ? "entry is" : "entries are"} not in the list and will be withdrawn; ${formatCount(after)} remain.`,
  );
  await confirmByName(name, nameOf(yes, set), "Type the set's name to go on:");
}

/** An older list puts mistakes back that were taken from everybody: never without the set's name. */
async function confirmAgain(
  terminal: Terminal,
  set: string,
  yes: string | true | undefined,
  { count, reasons }: ListedAgain,
): Promise<void> {
  const why = Object.entries(reasons).map(([reason, times]) => `${reason} ${formatCount(times)}`);
  terminal.note(
    `  ${formatCount(count)} ${count === 1 ? "entry of the list was" : "entries of the list were"} withdrawn before (${why.join(", ")}) and would be listed again.`,
  );
  await confirmByName(set.split("/")[1] as string, nameOf(yes, set), "Type the set's name to list them again:");
}

function nameOf(yes: string | true | undefined, set: string): string | undefined {
  if (yes === set) return set.split("/")[1];
  return yes === true ? undefined : yes;
}

export function printPublished(terminal: Terminal, set: string, published: Published): void {
  const { release, entries, change } = published;
  const counts = `+${formatCount(change.added)} ~${formatCount(change.changed)} −${formatCount(change.removed)}`;
  terminal.print(
    { set, ...published, ...change },
    published.published
      ? terminal.mark(
          "done",
          `${set}  release ${release}  ${counts}  ${formatCount(entries)} ${entries === 1 ? "entry" : "entries"}`,
        )
      : terminal.mark("done", `${set}  nothing to publish: release ${release} has this list`),
  );
}

async function heartbeat(context: Context, { set: text, from }: Options): Promise<undefined> {
  if (from !== undefined) throw new ExchangeError("usage_invalid", { reason: "a_heartbeat_has_no_list" });
  const set = formatSetId(parseSetArgument(text, await context.profile()));
  printPublished(context.terminal, set, await asPublisher(context, text, publishHeartbeat));
  return undefined;
}

async function abandon(context: Context, text: string): Promise<undefined> {
  const set = await asPublisher(context, text, async ({ stateDir, setId }) => {
    await dropWork(stateDir, setId);
    await dropPending(stateDir, setId);
    return formatSetId(setId);
  });
  context.terminal.print({ set, abandoned: true }, context.terminal.mark("done", `${set}  nothing is pending`));
  return undefined;
}

function parseFormat(text: string): ListFormat {
  if (text !== "csv" && text !== "ndjson") throw new ExchangeError("usage_invalid", { reason: "format" });
  return text;
}

async function readAbout(path: string): Promise<unknown> {
  const bytes = await readInput(path, ABOUT_MAX_BYTES);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ExchangeError("about_invalid", { reason: "not_json" });
  }
}

/** A refusal of a list or a description, with what is kept named by its number. */
async function inWords(context: Context, setText: string, error: unknown): Promise<unknown> {
  if (!(error instanceof ExchangeError)) return error;
  const profile = await context.profile();
  const current = await findCurrent(profile.stateDir, parseSetArgument(setText, profile)).catch(() => undefined);
  const kept = current === undefined ? "there is no release yet" : `release ${current.release} stays the newest`;
  if (error instanceof RowsInvalid) return rowsFailure(error, kept);
  if (error.code === "about_invalid") {
    const path = typeof error.detail.path === "string" ? `: ${error.detail.path.slice(1).replaceAll("/", ".")}` : "";
    const missing = error.detail.reason === "the_first_release_needs_about";
    const what = missing
      ? "Nothing published: the first release needs a description of the set."
      : `Nothing published: the description is not valid${path}.`;
    return new CommandFailure(error, {
      what,
      kept,
      next: "write it after the example in: breakwater help about; then give it with --about",
    });
  }
  return error;
}

function rowsFailure(error: RowsInvalid, kept: string): CommandFailure {
  const { total, faults: shown, faultsCount } = error;
  const rows = Number(error.detail.rows);
  const columns = [{ title: "line", align: "end" as const }, { title: "column" }, { title: "reason" }];
  const table = formatTable(
    columns,
    shown.map(({ line, column, reason }) => [formatCount(line), column, reason]),
  );
  const more = faultsCount > shown.length ? [`  and ${formatCount(faultsCount - shown.length)} more`] : [];
  const text = {
    what: `Nothing published: ${formatCount(rows)} of ${formatCount(total)} rows ${rows === 1 ? "is" : "are"} not valid.`,
    between: [...table.map((line) => `  ${line}`), ...more],
    kept,
    next: "mend the rows and run the same command again",
  };
  return new CommandFailure(error, text, { extra: { faults: shown, faults_total: faultsCount } });
}
