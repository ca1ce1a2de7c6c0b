/** `sets`, `set create`: what there is to read, and a set of one's own. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { SetRequest } from "@breakwater/shared/wire/sets.ts";
import type { Command } from "commander";
import { addCommand, addGroup } from "../command.ts";
import { parseSetArgument } from "../sets.ts";
import { formatTable } from "../table.ts";
import { formatCount } from "../words.ts";

export function addSets(program: Command): void {
  addCommand(program, {
    usage: "sets",
    summary: "List the sets that you may read at the exchange.",
    examples: [["breakwater sets --json", "one JSON object a line"]],
    async run(context) {
      const { terminal } = context;
      const rows = await (await context.exchange()).listSets();
      if (terminal.json) for (const row of rows) terminal.print(row);
      else {
        const columns = [
          { title: "set" },
          { title: "kind" },
          { title: "entries", align: "end" as const },
          { title: "release", align: "end" as const },
          { title: "stream" },
          { title: "key" },
          { title: "title" },
        ];
        const table = rows.map((row) => [
          formatSetId(row),
          row.kind,
          formatCount(row.entries),
          String(row.release),
          row.stream,
          row.custody === "member" ? "publisher" : "exchange",
          row.title ?? "-",
        ]);
        terminal.print({}, ...formatTable(columns, table));
      }
      return undefined;
    },
  });
  addSetCreate(program);
}

type CreateOptions = { kind: string; stream: string; tier: string; member?: string[] };

function addSetCreate(program: Command): void {
  const set = addGroup(program, "set", "Sets of your own.", [
    ["breakwater set create verified --kind hash --stream photographic --tier vetted", "a hash set"],
  ]);
  addCommand<CreateOptions>(set, {
    usage: "create <set>",
    summary: "Create a set, before its first release.",
    examples: [
      ["breakwater set create verified --kind hash --stream photographic --tier vetted", "for vetted members"],
      ["breakwater set create adverts --kind url --stream test --tier named --member company", "for one member"],
    ],
    options: (command) =>
      command
        .requiredOption("--kind <kind>", "hash, term, url or indicator")
        .requiredOption("--stream <stream>", "photographic, ai_generated, non_photographic, harmful_but_legal, test")
        .requiredOption("--tier <tier>", "who may read it: test, agreed, vetted or named")
        .option("--member <names>", "for the tier named: who", (value: string, before: string[] = []) => [
          ...before,
          ...value.split(","),
        ]),
    async run(context, [name], options) {
      const { terminal } = context;
      const setId = parseSetArgument(name as string, await context.profile());
      const audience =
        options.member === undefined ? { tier: options.tier } : { tier: options.tier, members: options.member };
      const request = SetRequest.safeParse({ kind: options.kind, stream: options.stream, audience });
      if (!request.success) {
        throw new ExchangeError("usage_invalid", {
          reason: `not_valid_${request.error.issues[0]?.path.join("_") || "options"}`,
        });
      }
      const made = await (await context.exchange()).putSet(setId, request.data);
      terminal.print(made, terminal.mark("done", `${formatSetId(setId)}  ${made.kind}  for ${made.audience_tier}`));
      return undefined;
    },
  });
}
