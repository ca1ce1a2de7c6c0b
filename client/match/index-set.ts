/** A verified copy of a hash set as something that files can be compared with: exact values and PDQ by distance. */

import { type HashEntry, parseEntry } from "@breakwater/shared/entries/index.ts";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { SIGNALS } from "@breakwater/shared/signals/index.ts";
import { PDQ_BYTES, parsePdq } from "@breakwater/shared/signals/pdq.ts";
import type { Copy } from "../sync/copy.ts";

const WORDS = PDQ_BYTES / 4;

export type IndexedSet = {
  set: string;
  release: number;
  about: Copy["manifest"]["about"];
  /** `alg:value` → lines of the copy. */
  exact: Map<string, number[]>;
  /** Eight words a hash, one after the other, and beside them the line each stands on. */
  pdqWords: Uint32Array;
  pdqLines: number[];
  entryAt(line: number): HashEntry;
};

/** @returns undefined for a set of another kind: files are not compared with terms or addresses */
export function indexSet(copy: Copy): IndexedSet | undefined {
  if (copy.manifest.about.kind !== "hash") return undefined;
  const exact = new Map<string, number[]>();
  const pdqLines: number[] = [];
  const pdqWords: number[] = [];
  for (const [at, line] of copy.lines.entries()) {
    const { alg, value } = parseEntry("hash", line, { strict: false });
    if (alg === "pdq") {
      pdqLines.push(at);
      for (const word of wordsOf(parsePdq(value))) pdqWords.push(word);
    } else if (SIGNALS[alg].handling === "exact") {
      const key = `${alg}:${value}`;
      exact.set(key, [...(exact.get(key) ?? []), at]);
    }
  }
  return {
    set: formatSetId(copy.setId),
    release: copy.current.release,
    about: copy.manifest.about,
    exact,
    pdqWords: Uint32Array.from(pdqWords),
    pdqLines,
    entryAt: (line) => parseEntry("hash", copy.lines[line] as string, { strict: false }),
  };
}

/** All lines whose PDQ is within a distance. @param maxDistance - in bits, inclusive */
export function searchPdq(index: IndexedSet, hash: string, maxDistance: number): { line: number; distance: number }[] {
  const query = wordsOf(parsePdq(hash));
  const found: { line: number; distance: number }[] = [];
  const { pdqWords, pdqLines } = index;
  for (let at = 0; at < pdqLines.length; at++) {
    let distance = 0;
    for (let word = 0; word < WORDS && distance <= maxDistance; word++) {
      distance += countBits((pdqWords[at * WORDS + word] as number) ^ (query[word] as number));
    }
    if (distance <= maxDistance) found.push({ line: pdqLines[at] as number, distance });
  }
  return found;
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: WORDS }, (_, word) => view.getUint32(word * 4));
}

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
