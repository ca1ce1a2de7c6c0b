/** The subscriber's own harmless material, as hashes: an entry that collides with it is a mistake until a person says not. */

import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import type { HashedFile } from "../media/index.ts";
import { makePrivateDir, PRIVATE_FILE_MODE, readIfThere } from "../profile/private-files.ts";
import { type Benign, type BenignLine, makeBenign } from "./benign-lines.ts";

/** Hashes and nothing else: neither the files' names nor where they lie. */
const BenignFileLine = z.object({
  md5: z.string(),
  sha1: z.string(),
  sha256: z.string(),
  pdq: z.string().optional(),
});

/** With the lines themselves, for the threads that read a release. */
export type OpenedBenign = Benign & { lines: readonly BenignLine[] };

export function benignLineOf({ md5, sha1, sha256, pdq }: HashedFile): BenignLine {
  return pdq === undefined ? { md5, sha1, sha256 } : { md5, sha1, sha256, pdq: pdq.hash };
}

/** @returns how many of them were not there before */
export async function addBenign(stateDir: string, lines: readonly BenignLine[]): Promise<number> {
  const known = new Set((await readLines(stateDir)).map(({ sha256 }) => sha256));
  const fresh = [...new Map(lines.map((line) => [line.sha256, line])).values()].filter(
    (line) => !known.has(line.sha256),
  );
  if (fresh.length === 0) return 0;
  await makePrivateDir(stateDir);
  const text = fresh.map((line) => `${JSON.stringify(line)}\n`).join("");
  await appendFile(benignPath(stateDir), text, { mode: PRIVATE_FILE_MODE });
  return fresh.length;
}

export async function openBenign(stateDir: string): Promise<OpenedBenign> {
  const lines = await readLines(stateDir);
  return { ...makeBenign(lines), lines };
}

async function readLines(stateDir: string): Promise<BenignLine[]> {
  const bytes = await readIfThere(benignPath(stateDir));
  if (bytes === undefined) return [];
  const lines = new TextDecoder().decode(bytes).split("\n");
  // What follows the last newline was cut off by a crash while it was appended; the file is added again.
  lines.pop();
  try {
    return lines.map((line) => BenignFileLine.parse(JSON.parse(line)));
  } catch (cause) {
    throw new ExchangeError("copy_damaged", { reason: "benign" }, { cause });
  }
}

function benignPath(stateDir: string): string {
  return join(stateDir, "benign.ndjson");
}
