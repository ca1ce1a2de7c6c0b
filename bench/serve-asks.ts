// What is asked of the matcher, and what must come out: mostly hashes that are nowhere, and some of entries or near them.

import { createHash } from "node:crypto";
import { hashOf, idOf, type LargeAlg, REVIEW_DISTANCE } from "./serve-set.ts";

export const BATCH_ITEMS = 32;
/** One item of so many is listed: far more often than anybody meets one. */
const LISTED_EVERY = 16;
/** So many different entries are met. */
const MET_ENTRIES = 64;

export type Ask = {
  hashes: { sha256: string } | { pdq: { hash: string; quality: number } };
  /** The entry that must be found, and how far off; undefined: nothing. */
  expected: { id: string; distance: number } | undefined;
};

export function makeAsks(alg: LargeAlg, size: number, count: number): Ask[] {
  return Array.from({ length: count }, (_, at) =>
    at % LISTED_EVERY === 0 ? listed(alg, size, at) : elsewhere(alg, at),
  );
}

function listed(alg: LargeAlg, size: number, at: number): Ask {
  const n = Math.floor(((at / LISTED_EVERY) % MET_ENTRIES) * (size / MET_ENTRIES));
  const value = hashOf(alg, n);
  if (alg === "sha256") return { hashes: { sha256: value.toString("hex") }, expected: { id: idOf(n), distance: 0 } };
  const distance = (at / LISTED_EVERY) % (REVIEW_DISTANCE + 1);
  for (let bit = 0; bit < distance; bit++) flip(value, (bit * 37 + at) % 256);
  return { hashes: { pdq: { hash: value.toString("hex"), quality: 90 } }, expected: { id: idOf(n), distance } };
}

function elsewhere(alg: LargeAlg, at: number): Ask {
  const hash = createHash("sha256").update(`no entry ${alg} ${at}`).digest("hex");
  return { hashes: alg === "sha256" ? { sha256: hash } : { pdq: { hash, quality: 90 } }, expected: undefined };
}

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
}

type Answer = { hits?: { entry: string; distance?: number }[] };

/** Exactly what must be found, and nothing else. */
export function isAnswered({ expected }: Ask, { hits }: Answer): boolean {
  if (hits === undefined) return false;
  if (expected === undefined) return hits.length === 0;
  return hits.length === 1 && hits[0]?.entry === expected.id && hits[0]?.distance === expected.distance;
}
