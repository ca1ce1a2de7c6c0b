import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lcg } from "../../test/drawings/draw.ts";
import { hexOf } from "../bytes.ts";
import { openExactIndex, ROW_NUMBER_BYTES } from "./exact.ts";

type Row = { digest: Uint8Array; row: number };

function fileOf(rows: readonly Row[], digestBytes: number): Uint8Array {
  const rowBytes = digestBytes + ROW_NUMBER_BYTES;
  const parts = rows.map(({ digest, row }) => {
    const bytes = new Uint8Array(rowBytes);
    bytes.set(digest);
    new DataView(bytes.buffer).setUint32(digestBytes, row);
    return bytes;
  });
  const sorted = parts.sort((a, b) => (hexOf(a) < hexOf(b) ? -1 : 1));
  const file = new Uint8Array(rows.length * rowBytes);
  for (const [i, part] of sorted.entries()) file.set(part, i * rowBytes);
  return file;
}

function randomRows(count: number, digestBytes: number, seed: number): Row[] {
  const next = lcg(seed);
  return Array.from({ length: count }, (_, row) => ({ digest: Uint8Array.from({ length: digestBytes }, next), row }));
}

function withByte(digest: Uint8Array, at: number, change = 1): Uint8Array {
  const other = Uint8Array.from(digest);
  other[at] = (other[at] as number) ^ change;
  return other;
}

function openOver(rows: readonly Row[], digestBytes: number) {
  return openExactIndex({ rows: fileOf(rows, digestBytes), digestBytes, count: rows.length });
}

describe.each([16, 20, 32, 64])("digests of %i bytes", (digestBytes) => {
  it("are found on their rows, and others are not", () => {
    const rows = randomRows(5_000, digestBytes, digestBytes);
    const index = openOver(rows, digestBytes);
    for (const { digest, row } of rows) {
      expect(index.find(digest)).toEqual([row]);
      expect(index.find(withByte(digest, digestBytes - 1))).toEqual([]);
      expect(index.find(withByte(digest, 0, 0x80))).toEqual([]);
    }
  });
});

it("answers as a map does, in any list: equal digests, equal prefixes, the ends of the range", () => {
  const byte = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff);
  // Few values in the first and the last bytes: many prefixes collide, many digests are the same.
  const digest = fc
    .tuple(fc.array(byte, { minLength: 2, maxLength: 2 }), fc.constantFrom(0, 255), byte)
    .map(([front, middle, last]) => Uint8Array.from({ length: 16 }, (_, i) => front[i] ?? (i === 15 ? last : middle)));
  fc.assert(
    fc.property(fc.array(digest, { maxLength: 300 }), fc.array(digest, { maxLength: 30 }), (listed, asked) => {
      const index = openOver(
        listed.map((each, row) => ({ digest: each, row })),
        16,
      );
      for (const each of [...asked, ...listed]) {
        const rows = listed.flatMap((other, row) => (hexOf(other) === hexOf(each) ? [row] : []));
        expect(index.find(each)).toEqual(rows);
      }
    }),
  );
});

describe("a hostile list", () => {
  it("of digests with the same first 64 bits hits nothing but itself, and costs a search and not a walk", () => {
    const count = 50_000;
    const next = lcg(3);
    const rows = Array.from({ length: count }, (_, row) => ({
      digest: Uint8Array.from({ length: 32 }, (_, i) => (i < 8 ? 7 : next())),
      row,
    }));
    const file = fileOf(rows, 32);
    let reads = 0;
    const read = (offset: number, length: number) => {
      reads++;
      return file.subarray(offset, offset + length);
    };
    const index = openExactIndex({ rows: read, digestBytes: 32, count });
    reads = 0;
    expect(index.find(withByte((rows[77] as Row).digest, 31))).toEqual([]);
    for (const { digest, row } of rows.slice(0, 500)) expect(index.find(digest)).toEqual([row]);
    expect(reads / 501).toBeLessThan(20);
  });

  it("of digests with the same first 32 bits is halved and not walked", () => {
    const next = lcg(4);
    const rows = Array.from({ length: 60_000 }, (_, row) => ({
      digest: Uint8Array.from({ length: 16 }, (_, i) => (i < 4 ? 0xff : next())),
      row,
    }));
    const index = openOver(rows, 16);
    for (const { digest, row } of rows.slice(0, 2_000)) expect(index.find(digest)).toEqual([row]);
    expect(index.find(new Uint8Array(16).fill(0xff))).toEqual([]);
  });
});

it("one digest on several rows gives them all, in order", () => {
  const [{ digest }] = randomRows(1, 32, 9) as [Row];
  const others = randomRows(300, 32, 10);
  const rows = [...others, { digest, row: 4_000_000_000 }, { digest, row: 301 }, { digest, row: 302 }];
  expect(openOver(rows, 32).find(digest)).toEqual([301, 302, 4_000_000_000]);
});

it("an empty list and a list of one", () => {
  const [one] = randomRows(1, 16, 1) as [Row];
  expect(openOver([], 16).find(one.digest)).toEqual([]);
  expect(openOver([one], 16).find(one.digest)).toEqual([0]);
  expect(openOver([one], 16).find(withByte(one.digest, 9))).toEqual([]);
});

it("only prefixes and a directory are held: ten bytes an entry at most", () => {
  for (const count of [1_000, 1_023, 1_024, 65_535, 70_000]) {
    const index = openOver(randomRows(count, 16, count), 16);
    expect(index.memoryBytes / count).toBeLessThanOrEqual(10.01);
  }
});

it("a file is read in parts, and only hits are read again", () => {
  const rows = randomRows(40_000, 20, 6);
  const file = fileOf(rows, 20);
  // As a reader does that fills one buffer again and again.
  const buffer = new Uint8Array(file.length);
  const lengths: number[] = [];
  const read = (offset: number, length: number) => {
    lengths.push(length);
    buffer.set(file.subarray(offset, offset + length));
    return buffer.subarray(0, length);
  };
  const index = openExactIndex({ rows: read, digestBytes: 20, count: rows.length });
  expect(Math.max(...lengths)).toBeLessThan(file.length / 2);
  lengths.length = 0;
  for (const { digest } of rows.slice(0, 1_000)) index.find(withByte(digest, 3));
  expect(lengths).toEqual([]);
  expect(index.find((rows[17] as Row).digest)).toEqual([17]);
});

describe("what is refused", () => {
  const [low, high] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const row = (digest: Uint8Array) => [...digest, 0, 0, 0, 0];

  it.each([
    ["in the first bits", row(high), row(low)],
    ["behind equal first 64 bits", row(withByte(low, 15)).map((byte, i) => (i === 15 ? 2 : byte)), row(low)],
    ["in the rows of one digest", [...low, 0, 0, 0, 2], [...low, 0, 0, 0, 1]],
  ])("rows that are not sorted %s: a search over them would miss", (_, first, second) => {
    const open = (rows: Uint8Array) => () => openExactIndex({ rows, digestBytes: 16, count: 2 });
    expect(open(Uint8Array.from([...first, ...second]))).toThrow("not sorted");
    expect(open(Uint8Array.from([...second, ...first]))).not.toThrow();
  });

  it("a file of another length, a digest of another length, a length that no digest has", () => {
    const rows = fileOf(randomRows(10, 16, 1), 16);
    expect(() => openExactIndex({ rows, digestBytes: 16, count: 11 })).toThrow(RangeError);
    expect(() => openExactIndex({ rows: () => rows.subarray(1), digestBytes: 16, count: 10 })).toThrow(RangeError);
    expect(() => openExactIndex({ rows, digestBytes: 15, count: 10 })).toThrow(RangeError);
    expect(() => openExactIndex({ rows, digestBytes: 16, count: -1 })).toThrow(RangeError);
    expect(() => openExactIndex({ rows, digestBytes: 16, count: 10 }).find(new Uint8Array(20))).toThrow(RangeError);
  });
});
