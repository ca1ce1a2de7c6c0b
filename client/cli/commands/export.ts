/** `export`: the verified entries of a set as a file for other tools. */

import { open } from "node:fs/promises";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { PRIVATE_FILE_MODE } from "../../profile/private-files.ts";
import { COLUMNS, writeCell } from "../../publish/columns.ts";
import { formatCsvRow } from "../../publish/csv.ts";
import { openCopy } from "../../sync/index.ts";
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
      const { kind } = copy.manifest.about;
      const line = (text: string) => (kind === "url" && !options.live ? defang(text) : text);
      const columns = [...COLUMNS[kind]];
      const rows =
        options.format === "ndjson"
          ? copy.lines.map((entry) => `${line(entry)}\n`)
          : [
              formatCsvRow(columns.map(([column]) => column)),
              ...copy.lines.map((entry) => {
                const value = JSON.parse(line(entry)) as Record<string, unknown>;
                return formatCsvRow(columns.map(([column, form]) => writeCell(form, value, column)));
              }),
            ];
      if (options.out === undefined) {
        for (const row of rows) terminal.printRaw(row);
        return undefined;
      }
      await writeNew(options.out, rows);
      terminal.print(
        { set: formatSetId(setId), release: copy.current.release, entries: copy.lines.length, file: options.out },
        terminal.mark(
          "done",
          `${formatCount(copy.lines.length)} entries of release ${copy.current.release}  ${options.out}`,
        ),
      );
      return undefined;
    },
  });
}

function missing(set: string): CommandFailure {
  const text = {
    what: `Nothing exported: there is no verified copy of ${set}.`,
    kept: "nothing was changed",
    next: `breakwater sync ${set}`,
  };
  return new CommandFailure(new ExchangeError("copy_missing"), text);
}

async function writeNew(path: string, rows: readonly string[]): Promise<void> {
  const file = await open(path, "wx", PRIVATE_FILE_MODE).catch((cause: unknown) => {
    throw new ExchangeError("file_unreadable", { reason: "exists_or_not_writable" }, { cause });
  });
  try {
    for (const row of rows) await file.write(row);
  } finally {
    await file.close();
  }
}
