/** The files that a command's paths mean: folders are walked, links are not followed out of them. */

import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";

export async function* walkPaths(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) yield* walk(path, true);
}

async function* walk(path: string, named: boolean): AsyncGenerator<string> {
  const stats = await lstat(path).catch((cause: unknown) => {
    throw new ExchangeError("file_unreadable", {}, { cause });
  });
  if (stats.isDirectory()) {
    for (const name of (await readdir(path)).sort()) yield* walk(join(path, name), false);
  } else if (stats.isFile() || named) yield path;
}
