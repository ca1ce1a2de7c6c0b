/** Tiles: named, cut and hashed as tlog-tiles says, whatever the steps in which a log grows. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../bytes.ts";
import { growLog, numberedEntry } from "../testing/log.ts";
import { outcome } from "../testing/refusal.ts";
import { appendLeaves, EMPTY_FRONTIER, HASH_BYTES, leafHash, rootOf } from "./merkle.ts";
import { type HashReader, readFrontier } from "./merkle-proof.ts";
import { tileReader } from "./tile-reader.ts";
import { buildTiles, bundlesToWrite, edgeTiles, parseTilePath, tilePath, tilesToWrite } from "./tiles.ts";

const pathsOf = (tiles: ReturnType<typeof tilesToWrite>) => tiles.map((t) => tilePath(t.level, t.index, t.width));

describe("tilePath", () => {
  it.each([
    [0, 0, 256, "tile/0/000"],
    [0, 999, 255, "tile/0/999.p/255"],
    [1, 1000, 1, "tile/1/x001/000.p/1"],
    [63, 1_234_067, 256, "tile/63/x001/x234/067"],
    ["entries" as const, 273, 112, "tile/entries/273.p/112"],
    [0, Number.MAX_SAFE_INTEGER, 256, "tile/0/x009/x007/x199/x254/x740/991"],
  ])("of level %s, index %i, width %i is %s", (level, index, width, path) => {
    expect(tilePath(level, index, width)).toBe(path);
    expect(parseTilePath(path)).toEqual({ level, index, width });
  });

  it.each([
    [64, 0, 256],
    [-1, 0, 256],
    [0, -1, 256],
    [0, 0.5, 256],
    [0, 0, 0],
    [0, 0, 257],
    [0, 2 ** 53, 256],
  ])("of level %d, index %d, width %d does not exist", (level, index, width) => {
    expect(() => tilePath(level, index, width)).toThrow(RangeError);
  });

  it.each([
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/00/000",
    "tile/64/000",
    "tile/0/x000/000",
    "tile/0/001/000",
    "tile/0/x001",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/000.p/",
    "tile/0/000/",
    "/tile/0/000",
    "tile/0/000\n",
    "tile/0/../000",
    "tile/data/000",
    "tile/0/x009/x007/x199/x254/x740/992",
    "tile/0/x001/x001/x001/x001/x001/x001/000",
  ])("is not %j, which names nothing", (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  it("and its reading undo each other", () => {
    const levels = fc.oneof(fc.nat(63), fc.constant("entries" as const));
    fc.assert(
      fc.property(levels, fc.maxSafeNat(), fc.integer({ min: 1, max: 256 }), (level, index, width) => {
        expect(parseTilePath(tilePath(level, index, width))).toEqual({ level, index, width });
      }),
    );
  });
});

describe("the tiles of a log", () => {
  it("of 70,000 entries are those that the specification counts", () => {
    const tiles = tilesToWrite(0, 70_000);
    const count = (level: number, full: boolean) =>
      tiles.filter((tile) => tile.level === level && (tile.width === 256) === full).length;
    expect([count(0, true), count(0, false), count(1, true), count(1, false), count(2, false)]).toEqual([
      273, 1, 1, 1, 1,
    ]);
    expect(pathsOf(edgeTiles(70_000))).toEqual(["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    expect(tiles.length).toBe(277);
  });

  it("of 256 entries are one full tile and the one hash above it", () => {
    expect(pathsOf(tilesToWrite(0, 256))).toEqual(["tile/0/000", "tile/1/000.p/1"]);
    expect(pathsOf(bundlesToWrite(0, 256))).toEqual(["tile/entries/000"]);
  });

  it("that grew are only those that are wider or new", () => {
    expect(pathsOf(tilesToWrite(255, 257))).toEqual(["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]);
    expect(pathsOf(tilesToWrite(257, 258))).toEqual(["tile/0/001.p/2"]);
    expect(pathsOf(bundlesToWrite(250, 513))).toEqual(["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]);
    expect(tilesToWrite(300, 300)).toEqual([]);
    expect(() => tilesToWrite(2, 1)).toThrow(RangeError);
  });

  it("are built exactly as they are listed, and no path ever gets other bytes", () => {
    const steps = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(steps, (widths) => {
        const held = new Map<string, Uint8Array>();
        let size = 0;
        for (const width of widths) {
          const edge = edgeTiles(size).map((t) => held.get(tilePath(t.level, t.index, t.width)) as Uint8Array);
          const leaves = Array.from({ length: width }, (_, at) => leafHash(numberedEntry(size + at)));
          const built = buildTiles(size, edge, leaves);
          expect(built.map(({ path }) => path)).toEqual(pathsOf(tilesToWrite(size, size + width)));
          for (const { path, bytes, tile } of built) {
            expect(held.has(path)).toBe(false);
            expect(bytes.length).toBe(tile.width * HASH_BYTES);
            held.set(path, bytes);
          }
          size += width;
        }
        // Where two publications made one tile, the wider begins with the narrower: nothing was rewritten.
        const whole = growLog(size).tiles;
        for (const [path, bytes] of whole) expect(held.get(path)).toEqual(bytes);
      }),
      { numRuns: 25 },
    );
  });

  it("give the root of a direct computation at sparse sizes up to 70,000", async () => {
    const leaves = Array.from({ length: 70_000 }, (_, at) => leafHash(numberedEntry(at)));
    const sizes = [1, 2, 3, 255, 256, 257, 4095, 12_345, 65_535, 65_536, 65_537, 69_999, 70_000];
    const log = growLog(...sizes);
    let direct = EMPTY_FRONTIER;
    for (const size of sizes) {
      direct = appendLeaves(direct, leaves.slice(direct.size, size));
      expect(rootOf(await readFrontier(log.read, size))).toEqual(rootOf(direct));
      // As a client at that time reads it: only tiles of that size, partial ones included.
      const then = tileReader(size, async (t) => log.tiles.get(tilePath(t.level, t.index, t.width)) as Uint8Array);
      expect(rootOf(await readFrontier(then, size))).toEqual(rootOf(direct));
    }
  });

  it("are not built on an edge that is not the log's", async () => {
    const { tiles } = growLog(300);
    const edge = edgeTiles(300).map((t) => tiles.get(tilePath(t.level, t.index, t.width)) as Uint8Array);
    const leaves = [leafHash(numberedEntry(300))];
    expect(await outcome(() => buildTiles(300, edge, leaves))).toBe("ok");
    expect(await outcome(() => buildTiles(300, edge.slice(1), leaves))).toBe("bundle_invalid");
    expect(await outcome(() => buildTiles(300, [...edge, concatBytes(edge)], leaves))).toBe("bundle_invalid");
    expect(await outcome(() => buildTiles(300, edge.with(0, (edge[0] as Uint8Array).subarray(1)), leaves))).toBe(
      "bundle_invalid",
    );
  });
});

describe("tileReader", () => {
  it("fetches a tile once for all hashes asked for together", async () => {
    const { tiles } = growLog(70_000);
    const fetched: string[] = [];
    const read: HashReader = tileReader(70_000, async (tile) => {
      const path = tilePath(tile.level, tile.index, tile.width);
      fetched.push(path);
      return tiles.get(path) as Uint8Array;
    });
    await readFrontier(read, 70_000);
    expect(fetched.sort()).toEqual(["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
  });

  it("refuses a tile of the wrong length", async () => {
    const read = tileReader(300, async () => new Uint8Array(HASH_BYTES * 43));
    expect(await outcome(() => read([{ level: 0, index: 299 }]))).toBe("bundle_invalid");
  });

  it("has no hash of what the tree does not have", async () => {
    const { read } = growLog(300);
    for (const place of [
      { level: 0, index: 300 },
      { level: 5, index: 9 },
      { level: 8, index: 1 },
      { level: 16, index: 0 },
    ]) {
      await expect(read([place])).rejects.toThrow(RangeError);
    }
  });
});
