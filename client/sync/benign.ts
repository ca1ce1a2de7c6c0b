/** The subscriber's own harmless material, as hashes: an entry that collides with it is a mistake until a person says not. */

import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { PDQ_MATCH_THRESHOLD, SIGNALS } from "@breakwater/shared/signals/index.ts";
import { PDQ_BYTES, parsePdq } from "@breakwater/shared/signals/pdq.ts";
import { z } from "zod";
import type { HashedFile } from "../media/index.ts";
import { makePrivateDir, PRIVATE_FILE_MODE, readIfThere } from "../profile/private-files.ts";

const WORDS = PDQ_BYTES / 4;
/** Hashes and nothing else: neither the files' names nor where they lie. */
const BenignLine = z.object({
  md5: z.string(),
  sha1: z.string(),
  sha256: z.string(),
  pdq: z.string().optional(),
});
export type BenignLine = z.infer<typeof BenignLine>;

export type Benign = {
  files: number;
  /** Does an entry name one of them, or a picture that a comparison would take for one? */
  collides(alg: string, value: string): boolean;
};

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

export async function openBenign(stateDir: string): Promise<Benign> {
  const lines = await readLines(stateDir);
  const exact = new Set(lines.flatMap(({ md5, sha1, sha256 }) => [`md5:${md5}`, `sha1:${sha1}`, `sha256:${sha256}`]));
  const pdqs = lines.flatMap(({ pdq }) => (pdq === undefined ? [] : [wordsOf(pdq)]));
  return {
    files: lines.length,
    collides(alg, value) {
      if (alg === "pdq") return pdqs.length > 0 && isNear(wordsOf(value), pdqs);
      return SIGNALS[alg as keyof typeof SIGNALS]?.handling === "exact" && exact.has(`${alg}:${value}`);
    },
  };
}

async function readLines(stateDir: string): Promise<BenignLine[]> {
  const bytes = await readIfThere(benignPath(stateDir));
  if (bytes === undefined) return [];
  const lines = new TextDecoder().decode(bytes).split("\n");
  // What follows the last newline was cut off by a crash while it was appended; the file is added again.
  lines.pop();
  try {
    return lines.map((line) => BenignLine.parse(JSON.parse(line)));
  } catch (cause) {
    throw new ExchangeError("copy_damaged", { reason: "benign" }, { cause });
  }
}

function isNear(value: Uint32Array, pdqs: readonly Uint32Array[]): boolean {
  return pdqs.some((pdq) => {
    let distance = 0;
    for (let word = 0; word < WORDS && distance <= PDQ_MATCH_THRESHOLD; word++) {
      distance += countBits((pdq[word] as number) ^ (value[word] as number));
    }
    return distance <= PDQ_MATCH_THRESHOLD;
  });
}

function wordsOf(hash: string): Uint32Array {
  const bytes = parsePdq(hash);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: WORDS }, (_, word) => view.getUint32(word * 4));
}

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

function benignPath(stateDir: string): string {
  return join(stateDir, "benign.ndjson");
}
