/** The files that a command's paths mean: folders are walked, links are not followed out of them. */

import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ExchangeError } from "@breakwater/shared/problem.ts";
import { fileProblemOf } from "../media/file-problem.ts";

/** @property problem - why the path, or the folder that it is, cannot be read; the walk goes on after it */
export type FoundPath = { path: string; problem?: ExchangeError };

export async function* walkPaths(paths: readonly string[]): AsyncGenerator<FoundPath> {
  for (const path of paths) yield* walk(path, true);
}

async function* walk(path: string, named: boolean): AsyncGenerator<FoundPath> {
  const found = await look(path);
  if ("problem" in found) yield { path, problem: found.problem };
  else if (found.names !== undefined) for (const name of found.names) yield* walk(join(path, name), false);
  else if (found.isFile || named) yield { path };
}

type Looked = { problem: ExchangeError } | { names: string[] | undefined; isFile: boolean };

async function look(path: string): Promise<Looked> {
  try {
    const stats = await lstat(path);
    const names = stats.isDirectory() ? (await readdir(path)).sort() : undefined;
    return { names, isFile: stats.isFile() };
  } catch (error) {
    return { problem: fileProblemOf(error) };
  }
}
