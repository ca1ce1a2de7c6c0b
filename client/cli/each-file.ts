/** The files that a command was given, hashed one after the other: what cannot be read costs the others nothing. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { HashedFile } from "../media/index.ts";
import type { LeftOut } from "./left-out.ts";
import { walkPaths } from "./paths.ts";

export type EachFile = { path: string; file: HashedFile } | { path: string; problem: ExchangeError };

export async function* hashEach(
  paths: readonly string[],
  onBytes?: (path: string, bytes: number) => void,
): AsyncGenerator<EachFile> {
  // Loaded when needed: the decoder takes longer to start than most commands take in all.
  const { hashFile } = await import("../media/index.ts");
  for await (const { path, problem } of walkPaths(paths)) {
    if (problem !== undefined) {
      yield { path, problem };
      continue;
    }
    try {
      yield { path, file: await hashFile(path, { onBytes: (bytes) => onBytes?.(path, bytes) }) };
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      yield { path, problem: error };
    }
  }
}

/** Those that could be read; the others are told by `leftOut`. */
export async function* hashReadable(
  paths: readonly string[],
  leftOut: LeftOut,
  onBytes?: (path: string, bytes: number) => void,
): AsyncGenerator<{ path: string; file: HashedFile }> {
  for await (const each of hashEach(paths, onBytes)) {
    if ("file" in each) yield each;
    else leftOut.tell(each.path, each.problem);
  }
}
