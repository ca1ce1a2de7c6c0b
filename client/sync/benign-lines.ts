/** Hashes of harmless files as something an entry's value is held against, without reading a file. */

import { PDQ_MATCH_THRESHOLD, SIGNALS } from "@breakwater/shared/signals/index.ts";
import { PDQ_BYTES, parsePdq } from "@breakwater/shared/signals/pdq.ts";

const WORDS = PDQ_BYTES / 4;

export type BenignLine = { md5: string; sha1: string; sha256: string; pdq?: string | undefined };

export type Benign = {
  files: number;
  /** Does an entry name one of them, or a picture that a comparison would take for one? */
  collides(alg: string, value: string): boolean;
};

export function makeBenign(lines: readonly BenignLine[]): Benign {
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
