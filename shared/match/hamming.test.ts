import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lcg } from "../../test/drawings/draw.ts";
import {
  chunkOf,
  chunkRadius,
  chunksFor,
  cutChunks,
  HASH_BITS,
  HASH_BYTES,
  MAX_BYTES_PER_HASH,
  masksOf,
} from "./chunk-rule.ts";
import { type HammingHit, type HammingIndexOptions, MULTI_FROM_COUNT, openHammingIndex } from "./hamming.ts";

const ENGINES = [
  { tier: "flat", wasm: false },
  { tier: "multi", wasm: false },
  { tier: "flat", wasm: true },
  { tier: "multi", wasm: true },
] as const satisfies Pick<HammingIndexOptions, "tier" | "wasm">[];

function bruteForce(hashes: Uint8Array, query: Uint8Array, radius: number): HammingHit[] {
  const found: HammingHit[] = [];
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

function randomHashes(count: number, seed: number): Uint8Array {
  const next = lcg(seed);
  return Uint8Array.from({ length: count * HASH_BYTES }, next);
}

/** So many distinct bits turned, or one after the other where `spread` is 1. */
function flipped(hash: Uint8Array, flips: number, spread: number, first = 0): Uint8Array {
  const turned = Uint8Array.from(hash);
  for (let i = 0; i < flips; i++) {
    const bit = (first + i * spread) % HASH_BITS;
    turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
  }
  return turned;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.length * HASH_BYTES);
  for (const [i, part] of parts.entries()) all.set(part, i * HASH_BYTES);
  return all;
}

/** Lists as they come: random, near each other, the same over and over, and made to pile up in one place of a table. */
const LISTS = {
  random: (count: number, seed: number) => randomHashes(count, seed),
  clustered: (count: number, seed: number) => {
    const centres = Array.from({ length: 5 }, (_, k) => randomHashes(1, seed + k));
    const next = lcg(seed);
    return joined(
      Array.from({ length: count }, (_, i) =>
        flipped(centres[i % 5] as Uint8Array, next() % 70, 1 + 2 * (next() % 60), next()),
      ),
    );
  },
  duplicates: (count: number, seed: number) =>
    joined(Array.from({ length: count }, (_, i) => randomHashes(1, seed + (i % 3)))),
  hostile: (count: number, seed: number) => {
    const shared = randomHashes(1, seed);
    const next = lcg(seed + 1);
    // All bits of half of the chunks are the same in every hash.
    return joined(Array.from({ length: count }, () => Uint8Array.from(shared, (byte, i) => (i < 16 ? byte : next()))));
  },
};
const listNames = Object.keys(LISTS) as (keyof typeof LISTS)[];

describe.each(ENGINES)("tier $tier, wasm $wasm", (engine) => {
  it("finds exactly what brute force finds, in any list, at any radius", () => {
    const scene = fc.record({
      list: fc.constantFrom(...listNames),
      count: fc.integer({ min: 1, max: 700 }),
      seed: fc.nat(1_000_000),
      radius: fc.integer({ min: 0, max: 64 }),
      near: fc.nat(10_000),
      flips: fc.integer({ min: 0, max: 66 }),
      spread: fc.constantFrom(1, 3, 5, 17, 37, 255),
    });
    fc.assert(
      fc.property(scene, ({ list, count, seed, radius, near, flips, spread }) => {
        const hashes = LISTS[list](count, seed);
        const at = (near % count) * HASH_BYTES;
        const query = flipped(hashes.subarray(at, at + HASH_BYTES), flips, spread, seed);
        const index = openHammingIndex({ hashes, ...engine });
        expect(index.search(query, radius)).toEqual(bruteForce(hashes, query, radius));
      }),
      { numRuns: 150 },
    );
  });

  it.each(listNames)("stays exact over thousands of %s hashes, for each radius from 0 to 64", (list) => {
    const hashes = LISTS[list](6_000, 7);
    const index = openHammingIndex({ hashes, ...engine });
    for (let radius = 0; radius <= 64; radius++) {
      const at = radius * 90 * HASH_BYTES;
      const query = flipped(hashes.subarray(at, at + HASH_BYTES), radius, 37);
      expect(index.search(query, radius)).toEqual(bruteForce(hashes, query, radius));
    }
  });

  it("a hash whose differing bits are spread as thinly as they can be is still found at the bound, and not past it", () => {
    const hashes = randomHashes(2_000, 3);
    const index = openHammingIndex({ hashes, ...engine });
    for (let radius = 1; radius <= 64; radius++) {
      const at = radius * HASH_BYTES;
      // One bit in each of 16 pieces before any has a second one.
      const query = flipped(hashes.subarray(at, at + HASH_BYTES), radius, 17);
      const exact = bruteForce(hashes, query, 256).find((hit) => hit.at === radius) as HammingHit;
      expect(index.search(query, exact.distance)).toContainEqual(exact);
      expect(index.search(query, Math.max(0, exact.distance - 1)).some((hit) => hit.at === radius)).toBe(false);
    }
  });

  it("every hash is within 256", () => {
    const hashes = randomHashes(5_000, 9);
    const found = openHammingIndex({ hashes, ...engine }).search(new Uint8Array(HASH_BYTES), HASH_BITS);
    expect(found.map(({ at }) => at)).toEqual(Array.from({ length: 5_000 }, (_, at) => at));
  });

  it("an empty list has nothing, and a list of one is found", () => {
    const empty = openHammingIndex({ hashes: new Uint8Array(0), ...engine });
    expect(empty.search(new Uint8Array(HASH_BYTES), HASH_BITS)).toEqual([]);
    const one = randomHashes(1, 1);
    const index = openHammingIndex({ hashes: one, ...engine });
    expect(index.search(one, 0)).toEqual([{ at: 0, distance: 0 }]);
    expect(index.search(flipped(one, 32, 5), 31)).toEqual([]);
    expect(index.search(flipped(one, 31, 5), 31)).toEqual([{ at: 0, distance: 31 }]);
  });

  it("a batch of eight answers as eight searches do", () => {
    const hashes = LISTS.clustered(9_000, 5);
    const index = openHammingIndex({ hashes, ...engine });
    const queries = Array.from({ length: 8 }, (_, k) => flipped(hashes.subarray(k * 320, k * 320 + 32), 3 * k, 7));
    expect(index.searchBatch(queries, 31)).toEqual(queries.map((query) => bruteForce(hashes, query, 31)));
    expect(index.searchBatch([], 31)).toEqual([]);
  });

  it("what has been replaced is left out from the moment on that it has", () => {
    const hashes = LISTS.duplicates(300, 2);
    const dead = new Set<number>();
    const index = openHammingIndex({ hashes, isLive: (at) => !dead.has(at), ...engine });
    const query = hashes.subarray(0, HASH_BYTES);
    const before = index.search(query, 0);
    dead.add(0).add(299);
    expect(index.search(query, 0)).toEqual(before.filter(({ at }) => at !== 0 && at !== 299));
  });

  it("hashes come from a file as well, in parts, and from bytes that lie askew", () => {
    const hashes = randomHashes(40_000, 4);
    const reads: number[] = [];
    const read = (offset: number, length: number) => {
      reads.push(length);
      return hashes.subarray(offset, offset + length);
    };
    const query = hashes.subarray(32 * 39_999);
    expect(openHammingIndex({ hashes: { count: 40_000, read }, ...engine }).search(query, 3)).toEqual([
      { at: 39_999, distance: 0 },
    ]);
    expect(Math.max(...reads)).toBeLessThan(hashes.length);
    const askew = new Uint8Array(hashes.length + 1).subarray(1);
    askew.set(hashes);
    expect(openHammingIndex({ hashes: askew, ...engine }).search(query, 3)).toEqual([{ at: 39_999, distance: 0 }]);
  });

  it("what is no whole hash, no radius or too short a file is refused", () => {
    expect(() => openHammingIndex({ hashes: new Uint8Array(33), ...engine })).toThrow(RangeError);
    expect(() => openHammingIndex({ hashes: { count: -1, read: () => new Uint8Array(0) }, ...engine })).toThrow(
      RangeError,
    );
    expect(() => openHammingIndex({ hashes: { count: 9, read: () => new Uint8Array(8) }, ...engine })).toThrow(
      RangeError,
    );
    const index = openHammingIndex({ hashes: randomHashes(1, 1), ...engine });
    expect(() => index.search(new Uint8Array(31), 31)).toThrow(RangeError);
    for (const radius of [-1, 257, 1.5, Number.NaN])
      expect(() => index.search(new Uint8Array(32), radius)).toThrow(RangeError);
  });
});

describe.each([{ wasm: false }, { wasm: true }])("work a query, wasm $wasm", ({ wasm }) => {
  it("a list piled up in a table's places is scanned instead, and the answer is the same", () => {
    const hashes = LISTS.hostile(40_000, 11);
    const index = openHammingIndex({ hashes, tier: "multi", wasm });
    const query = hashes.subarray(0, HASH_BYTES);
    expect(index.search(query, 31)).toEqual(bruteForce(hashes, query, 31));
    expect(index.capped).toBe(1);
    expect(index.search(randomHashes(1, 99), 31)).toEqual([]);
    expect(index.capped).toBe(1);
  });

  it("a wide radius, which would ask for more places than there are hashes, is scanned", () => {
    const hashes = randomHashes(20_000, 12);
    const index = openHammingIndex({ hashes, tier: "multi", wasm });
    const query = flipped(hashes.subarray(0, HASH_BYTES), 64, 3);
    expect(index.search(query, 64)).toEqual(bruteForce(hashes, query, 64));
    expect(index.capped).toBe(1);
  });

  it("more hits than one call can tell are all told", () => {
    const hashes = LISTS.duplicates(15_000, 13);
    const index = openHammingIndex({ hashes, tier: "multi", wasm });
    expect(index.search(hashes.subarray(0, HASH_BYTES), 31).length).toBe(5_000);
  });
});

it("the tier follows the size, and memory stays under what is promised", () => {
  const small = openHammingIndex({ hashes: randomHashes(MULTI_FROM_COUNT - 1, 1) });
  expect([small.tier, small.wasm]).toEqual(["flat", true]);
  const large = openHammingIndex({ hashes: randomHashes(MULTI_FROM_COUNT, 1) });
  expect([large.tier, large.wasm]).toEqual(["multi", true]);
  expect(large.memoryBytes / MULTI_FROM_COUNT).toBeLessThanOrEqual(MAX_BYTES_PER_HASH);
  expect(openHammingIndex({ hashes: randomHashes(10, 1) }).wasm).toBe(false);
});

describe("the rule for chunks", () => {
  it.each([50_000, 100_000, 1_000_000, 6_999_999, 7_000_000, 19_999_999, 20_000_000, 30_000_000])(
    "%i hashes: the pieces do not overlap and stay within the memory",
    (count) => {
      const chunks = chunksFor(count);
      const places = chunks.reduce((sum, { width }) => sum + 2 ** width + 1, 0);
      expect(HASH_BYTES + chunks.length * 4 + (places * 4) / count).toBeLessThanOrEqual(MAX_BYTES_PER_HASH);
      for (const [k, { start, width }] of chunks.entries()) {
        expect(width).toBeLessThanOrEqual(24);
        expect(start + width).toBeLessThanOrEqual(chunks[k + 1]?.start ?? HASH_BITS);
      }
    },
  );

  it.each([11, 12, 16])("%i chunks: whatever lies within the radius is near in one of them", (m) => {
    const chunks = cutChunks(m, HASH_BITS);
    expect(chunks.reduce((sum, { width }) => sum + width, 0)).toBe(HASH_BITS);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 64 }),
        fc.array(fc.nat(HASH_BITS - 1), { maxLength: 64 }),
        (radius, bits) => {
          const differing = new Uint8Array(HASH_BYTES);
          for (const bit of bits.slice(0, radius))
            differing[bit >> 3] = (differing[bit >> 3] as number) | (1 << (bit & 7));
          const near = chunks.some((chunk, k) => {
            const ones = chunkOf(differing, 0, chunk).toString(2).replaceAll("0", "").length;
            return ones <= chunkRadius(k, m, radius);
          });
          expect(near).toBe(true);
        },
      ),
    );
  });

  it("masks are all numbers of a width with so many bits, each once", () => {
    for (const [width, bits, count] of [
      [16, 0, 1],
      [16, 1, 16],
      [16, 2, 120],
      [22, 3, 1_540],
      [4, 4, 1],
      [4, 5, 0],
    ] as const) {
      const masks = [...masksOf(width, bits)];
      expect(new Set(masks).size).toBe(count);
      for (const mask of masks) {
        expect(mask).toBeLessThan(2 ** width);
        expect(mask.toString(2).replaceAll("0", "").length).toBe(bits);
      }
    }
  });
});
