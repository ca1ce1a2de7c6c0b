/** The options that say what is recalled or taken back: entries, or the releases that put them. */

import { EntryId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { TakeBackTarget } from "../publish/take-back.ts";
import type { Command } from "./command.ts";
import { readInput } from "./read-input.ts";

export type TargetOptions = { entry?: string[]; file?: string; release?: string };

const IDS_MAX_BYTES = 64 * 1024 * 1024;
const collect = (value: string, before: string[] = []) => [...before, value];

export function withTargetOptions(command: Command): Command {
  return command
    .option("--entry <id>", "an entry's id; may be repeated", collect)
    .option("--file <file>", "ids, one a line; - is standard input")
    .option("--release <n>", "what this release put; a range as 410-417");
}

/** @throws ExchangeError `usage_invalid` unless it is entries or releases, and not both */
export async function parseTarget(options: TargetOptions): Promise<TakeBackTarget> {
  const named = [...(options.entry ?? []), ...(options.file === undefined ? [] : await readIds(options.file))];
  if (options.release === undefined) {
    if (named.length === 0) throw new ExchangeError("usage_invalid", { reason: "entry_file_or_release_is_missing" });
    return { entries: named };
  }
  if (named.length > 0) throw new ExchangeError("usage_invalid", { reason: "entries_or_releases_not_both" });
  const range = /^([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/.exec(options.release);
  const [from, to] = [Number(range?.[1]), Number(range?.[2] ?? range?.[1])];
  if (range === null || from > to)
    throw new ExchangeError("usage_invalid", { reason: "release_is_a_number_or_a_range" });
  return { releases: [from, to] };
}

async function readIds(path: string): Promise<string[]> {
  const text = new TextDecoder().decode(await readInput(path, IDS_MAX_BYTES));
  const ids = text.split(/\r?\n/).map((line) => line.trim());
  const bad = ids.findIndex((id) => id !== "" && !EntryId.safeParse(id).success);
  if (bad !== -1) throw new ExchangeError("entry_invalid", { reason: "not_an_entry_id", line: bad + 1 });
  return ids.filter((id) => id !== "");
}
