/** `undo`: whom a listing touched here, by the member's own content references, so that it can be put right. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { findByHitRef } from "../../ledger/read.ts";
import { type Affected, affectedBy, stateOf } from "../../ledger/undo.ts";
import { formatCsvRow } from "../../publish/csv.ts";
import { addCommand, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { parseSince } from "../moments.ts";
import { parseScope, type ScopeOptions, withScopeOptions } from "../scope.ts";
import { formatTable } from "../table.ts";
import { formatCount, shortId } from "../words.ts";

type Options = ScopeOptions & { takenBack?: boolean; hit?: string; since?: string; observed?: boolean; csv?: boolean };

const CSV_COLUMNS = ["content", "at", "action", "set", "entry", "release", "distance", "state", "hit_ref"] as const;
/** A table is for looking; a longer list is for a file. */
const TABLE_MAX = 200;

export function addUndo(program: Command): void {
  addCommand<Options>(program, {
    usage: "undo",
    summary: "List the content that an entry, a release or a publisher touched here.",
    about:
      "Read from the decision ledger on this machine (90 days); nothing is changed and nobody is asked. Listed is what was blocked or sent to review; --observed lists the rest too. A release means the entries that it put; where that is not known for sure, they are listed.",
    examples: [
      ["breakwater undo --taken-back --since 7d", "all that rests on entries withdrawn or recalled since"],
      ["breakwater undo --entry 'hotline.example/verified#e7c1…' --csv", "one entry, for a spreadsheet"],
      ["breakwater undo --release hotline.example/verified@417 --json", "a bad batch, one JSON object a line"],
      ["breakwater undo --publisher hotline.example --since 2026-11-20", "all of a publisher"],
      ["breakwater undo --hit h_9f2c41d0a7b3c655", "what an affected person quotes"],
    ],
    options: (command) =>
      withScopeOptions(command)
        .option("--taken-back", "whatever was withdrawn or recalled since it hit")
        .option("--hit <ref>", "one decision, by its hit reference")
        .option("--since <time>", "7d, 24h, 2026-11-22 or 2026-11-22T14:00Z (otherwise 90 days)")
        .option("--observed", "also what was only observed")
        .option("--csv", "comma-separated, with a line of titles"),
    async run(context, _args, options) {
      const profile = await context.profile();
      const now = context.now();
      const targets = parseScope(options);
      const named = targets.length + Number(options.takenBack === true) + Number(options.hit !== undefined);
      if (named === 0)
        throw new ExchangeError("usage_invalid", { reason: "entry_release_publisher_hit_or_taken_back" });
      if (named > targets.length && named > 1)
        throw new ExchangeError("usage_invalid", { reason: "one_question_at_a_time" });
      if (options.csv && context.terminal.json) throw new ExchangeError("usage_invalid", { reason: "csv_or_json" });
      const since = options.since === undefined ? undefined : parseSince(options.since, now);
      if (options.hit === undefined) {
        const query = { now, targets, observed: options.observed === true, ...(since === undefined ? {} : { since }) };
        await printAll(context, options, affectedBy(profile.stateDir, query), now);
      } else await printHit(context, options, profile.stateDir, options.hit, now);
      return undefined;
    },
  });
}

async function printHit(context: Context, options: Options, stateDir: string, hit: string, now: Date): Promise<void> {
  const row = await findByHitRef(stateDir, hit, now);
  if (row === undefined) {
    const text = {
      what: "Nothing found: the ledger of this machine has no such hit reference.",
      kept: "nothing was changed",
      next: "look on the machine that answered; a ledger keeps 90 days",
    };
    throw new CommandFailure(new ExchangeError("not_found"), text, { exit: 1 });
  }
  const { set, entry } = row;
  const rows = affectedBy(stateDir, { now, targets: [{ scope: "entry", set, entry }], observed: true });
  await printAll(context, options, onlyHit(rows, hit), now);
}

async function* onlyHit(rows: ReturnType<typeof affectedBy>, hit: string): ReturnType<typeof affectedBy> {
  for await (const row of rows) if (row.hit_ref === hit) yield row;
  return { observed: 0 };
}

async function printAll(
  { terminal }: Context,
  options: Options,
  rows: ReturnType<typeof affectedBy>,
  now: Date,
): Promise<void> {
  if (options.csv) terminal.printRaw(formatCsvRow([...CSV_COLUMNS]));
  const table: Affected[] = [];
  let count = 0;
  let observed = 0;
  for (;;) {
    const next = await rows.next();
    if (next.done) {
      observed = next.value.observed;
      break;
    }
    count++;
    if (options.csv) terminal.printRaw(formatCsvRow(csvCells(next.value, now)));
    else if (terminal.json) terminal.print(factOf(next.value, now));
    else if (table.length < TABLE_MAX) table.push(next.value);
  }
  if (options.csv || terminal.json) return;
  printTable({ terminal }, table, now);
  const more = count > table.length ? `; the first ${TABLE_MAX} are shown, --csv or --json lists all` : "";
  const left = observed === 0 ? "" : `; ${formatCount(observed)} more were only observed (--observed)`;
  if (count > 0) terminal.note(`  ${formatCount(count)} ${count === 1 ? "decision" : "decisions"}${more}${left}`);
  else
    terminal.print(
      {},
      `Nothing to undo: ${options.observed ? "nothing hit" : "nothing was blocked or sent to review"}${left}.`,
    );
}

function printTable({ terminal }: Pick<Context, "terminal">, rows: readonly Affected[], now: Date): void {
  if (rows.length === 0) return;
  const columns = ["content", "at", "did", "set", "entry"].map((title) => ({ title }));
  const whole = terminal.full || !terminal.stdoutIsTty;
  const lines = rows.map((row) => [
    row.content,
    `${row.at.slice(0, 16)}Z`,
    row.action,
    row.set,
    shortId(row.entry, whole),
    String(row.release),
    row.distance === null ? "-" : String(row.distance),
    stateOf(row, now),
    row.hit_ref,
  ]);
  const numbers = ["release", "distance"].map((title) => ({ title, align: "end" as const }));
  terminal.print({}, ...formatTable([...columns, ...numbers, { title: "entry is" }, { title: "hit" }], lines));
}

function csvCells(row: Affected, now: Date): string[] {
  const { content, at, action, set, entry, release, distance, hit_ref } = row;
  return [
    content,
    at,
    action,
    set,
    entry,
    String(release),
    distance === null ? "" : String(distance),
    stateOf(row, now),
    hit_ref,
  ];
}

function factOf(row: Affected, now: Date): object {
  const { content, at, action, why, set, publisher, entry, release, distance, hit_ref, takenBack } = row;
  return {
    content,
    at,
    action,
    why,
    set,
    publisher,
    entry,
    release,
    distance,
    hit_ref,
    state: stateOf(row, now),
    ...takenBack,
  };
}
