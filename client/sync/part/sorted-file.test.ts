import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { searchId } from "./find-id.ts";
import { SegmentCache } from "./segment-cache.ts";
import { SortedFile, sortRecords } from "./sorted-file.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "breakwater-sorted-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const cut = (bytes: Uint8Array, width: number) =>
  Array.from({ length: bytes.length / width }, (_, n) =>
    Buffer.from(bytes.subarray(n * width, (n + 1) * width)).toString("hex"),
  );

describe("records in a sorted file", () => {
  it.each([
    ["few", 50, 20],
    ["more than wait in memory", 60_000, 36],
  ])("are all there and in order: %s", async (_what, count, width) => {
    const records = randomBytes(count * width);
    const file = new SortedFile(join(dir, "exact-sha256"), width);
    for (let at = 0; at < count; at += 7_000) await file.add(records.subarray(at * width, (at + 7_000) * width));
    const { size, digest } = await file.finish();
    const bytes = await readFile(join(dir, "exact-sha256"));
    expect(size).toBe(bytes.length);
    expect(digest).toMatch(/^sha256:/);
    expect(cut(bytes, width)).toEqual(cut(records, width).sort());
    // What did not fit into memory is gone with its file.
    expect(await readdir(dir)).toEqual(["exact-sha256"]);
  });

  it("with one digest come in the order of their rows, however many there are", () => {
    const width = 12;
    const records = Buffer.alloc(5_000 * width, 7);
    for (let n = 0; n < 5_000; n++) records.writeUInt32BE((n * 7_919) % 5_000, n * width + 8);
    const rows = cut(sortRecords(records, width), width).map((hex) => Number.parseInt(hex.slice(-8), 16));
    expect(rows).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  });
});

describe("an id in a sorted file", () => {
  const spreads: [string, (n: number) => Buffer][] = [
    ["random ones", () => randomBytes(16)],
    ["ones that somebody counted up", (n) => Buffer.from(n.toString(16).padStart(32, "0"), "hex")],
    [
      "ones that crowd at the end",
      (n) => Buffer.concat([Buffer.alloc(8, n === 0 ? 0 : 255), Buffer.from(n.toString(16).padStart(16, "0"), "hex")]),
    ],
  ];
  it.each(spreads)("is found at its row, and a missing one where it would stand: %s", async (_what, make) => {
    const count = 5_000;
    const ids = Array.from({ length: count }, (_, n) => make(n)).sort(Buffer.compare);
    await writeFile(join(dir, "ids"), Buffer.concat(ids));
    const fd = openSync(join(dir, "ids"), "r");
    for (const row of [0, 1, 255, 256, 257, 2_499, 4_998, 4_999]) {
      expect(searchId({ fd, count }, ids[row] as Buffer)).toEqual({ row, found: true });
    }
    for (let n = 0; n < 50; n++) {
      const id = randomBytes(16);
      const row = ids.filter((other) => Buffer.compare(other, id) < 0).length;
      expect(searchId({ fd, count }, id)).toEqual({ row, found: false });
    }
    expect(searchId({ fd, count: 0 }, randomBytes(16))).toEqual({ row: 0, found: false });
    closeSync(fd);
  });
});

describe("unpacked segments", () => {
  it("stay within their bound, the last used ones longest", () => {
    const cache = new SegmentCache(30);
    const digest = (n: number) => `sha256:${n}` as const;
    for (const n of [1, 2, 3]) cache.put(digest(n), Buffer.alloc(10));
    cache.get(digest(1));
    cache.put(digest(4), Buffer.alloc(10));
    expect([1, 2, 3, 4].map((n) => cache.get(digest(n)) !== undefined)).toEqual([true, false, true, true]);
    cache.put(digest(5), Buffer.alloc(100));
    expect([1, 3, 4, 5].map((n) => cache.get(digest(n)) !== undefined)).toEqual([false, false, false, true]);
  });
});
