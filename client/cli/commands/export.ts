/** `export`: the verified entries of a set as a file for other tools. */

import { open } from "node:fs/promises";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { PRIVATE_FILE_MODE } from "../../profile/private-files.ts";
import { COLUMNS, writeCell } from "../../publish/columns.ts";
import { formatCsvRow } from "../../publish/csv.ts";
import { type Copy, openCopy } from "../../sync/index.ts";
import { addCommand } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { parseSetArgument } from "../sets.ts";
import { defang, formatCount } from "../words.ts";

type Options = { format: string; out?: string; live?: boolean };

export function addExport(program: Command): void {
  addCommand<Options>(program, {
    usage: "export <set>",
    summary: "Write the verified entries of a set as NDJSON or CSV.",
    about: "Addresses are written defanged (hxxps://host[.]example/) unless --live asks for them as they are.",
    examples: [
      ["breakwater export hotline.example/verified --format csv --out verified.csv", "for a spreadsheet"],
      ["breakwater export hotline.example/verified --format ndjson | jq .value", "for a script"],
    ],
    options: (command) =>
      command
        .requiredOption("--format <format>", "ndjson or csv")
        .option("--out <file>", "a new file (mode 0600) instead of standard output")
        .option("--live", "addresses as they are"),
    async run(context, [name], options) {
      const { terminal } = context;
      if (options.format !== "ndjson" && options.format !== "csv")
        throw new ExchangeError("usage_invalid", { reason: "format" });
      const profile = await context.profile();
      const setId = parseSetArgument(name as string, profile);
      const copy = await openCopy(profile.stateDir, setId);
      if (copy === undefined) throw missing(formatSetId(setId));
      try {
        const rows = rowsOf(copy, options.format, options.live === true);
        if (options.out === undefined) {
          for await (const row of rows) terminal.printRaw(row);
          return undefined;
        }
        await writeNew(options.out, rows);
      } finally {
        copy.close();
      }
      const { entries, current } = copy;
      terminal.print(
        { set: formatSetId(setId), release: current.release, entries, file: options.out },
        terminal.mark("done", `${formatCount(entries)} entries of release ${current.release}  ${options.out}`),
      );
      return undefined;
    },
  });
}

/** One after the other as they are read: a set may be larger than memory. */
async function* rowsOf(copy: Copy, format: "ndjson" | "csv", live: boolean): AsyncGenerator<string> {
  const { kind } = copy.manifest.about;
  const textOf = (line: string) => (kind === "url" && !live ? defang(line) : line);
  const columns = [...COLUMNS[kind]];
  if (format === "csv") yield formatCsvRow(columns.map(([column]) => column));
  for await (const { line } of copy.rows()) {
    if (format === "ndjson") yield `${textOf(line)}\n`;
    else {
      const value = JSON.parse(textOf(line)) as Record<string, unknown>;
      yield formatCsvRow(columns.map(([column, form]) => writeCell(form, value, column)));
    }
  }
}

function missing(set: string): CommandFailure {
  const text = {
    what: `Nothing exported: there is no verified copy of ${set}.`,
    kept: "nothing was changed",
    next: `breakwater sync ${set}`,
  };
  return new CommandFailure(new ExchangeError("copy_missing"), text);
}

async function writeNew(path: string, rows: AsyncIterable<string>): Promise<void> {
  const file = await open(path, "wx", PRIVATE_FILE_MODE).catch((cause: unknown) => {
    throw new ExchangeError("file_unreadable", { reason: "exists_or_not_writable" }, { cause });
  });
  try {
    for await (const row of rows) await file.write(row);
  } finally {
    await file.close();
  }
}
