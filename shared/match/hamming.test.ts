import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkRadius, chunksFor, cutChunks, HASH_BYTES, masksOf } from "./chunk-rule.ts";
import { type HammingIndexOptions, openHammingIndex } from "./hamming.ts";

const ENGINES = [
  { tier: "flat", wasm: false },
  { tier: "multi", wasm: false },
] as const;

function bruteForce(hashes: Uint8Array, query: Uint8Array, radius: number) {
  const found = [];
  for (let at = 0; at < hashes.length / HASH_BYTES; at++) {
    let distance = 0;
    for (let i = 0; i < HASH_BYTES; i++) {
      for (let bits = (hashes[at * HASH_BYTES + i] as number) ^ (query[i] as number); bits; bits &= bits - 1)
        distance++;
    }
    if (distance <= radius) found.push({ at, distance });
  }
  return found;
}

describe.each(ENGINES)("$tier, wasm $wasm", (engine: Pick<HammingIndexOptions, "tier" | "wasm">) => {
  test("finds what brute force finds", () => {
    const hashes = new Uint8Array(randomBytes(3_000 * 32));
    const index = openHammingIndex({ hashes, ...engine });
    for (let radius = 0; radius <= 64; radius += 4) {
      const query = hashes.slice(32 * radius, 32 * radius + 32);
      for (let flips = 0; flips < radius; flips++)
        query[flips % 32] = (query[flips % 32] as number) ^ (1 << (flips >> 5));
      expect(index.search(query, radius)).toEqual(bruteForce(hashes, query, radius));
    }
  });
});

test("masks", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 0, max: 3 }), (width, bits) => {
      const all = [...masksOf(width, bits)];
      expect(new Set(all).size).toBe(all.length);
    }),
  );
  expect([...masksOf(16, 2)].length).toBe(120);
  expect(cutChunks(chunksFor(10)).length).toBe(16);
  expect(chunkRadius(15, 16, 31)).toBe(1);
  expect(chunkRadius(0, 16, 30)).toBe(1);
  expect(chunkRadius(15, 16, 30)).toBe(0);
});
