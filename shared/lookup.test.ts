import { describe, expect, it } from "vitest";
import { hexOf, parseHex } from "./bytes.ts";
import {
  findInBucket,
  LOOKUP_CODE,
  lookupBits,
  lookupPad,
  lookupPrefix,
  lookupTag,
  RECORD_BYTES,
  readLookupCode,
  slotsOf,
  TAG_BYTES,
} from "./lookup.ts";

describe("a tag", () => {
  it("is the first half of SHA-256 over domain, algorithm and the digest's bytes", async () => {
    // sha256sum of "bw-lookup-v1\nsha256\n" and 32 bytes ab, its first 16 bytes.
    expect(hexOf(await lookupTag("sha256", parseHex("ab".repeat(32))))).toBe("0e7da7d96241e8e2264b6806dda10ccc");
  });

  it("of the same bytes under another algorithm is another", async () => {
    const digest = parseHex("00".repeat(16));
    expect(await lookupTag("md5", digest)).not.toEqual(await lookupTag("sha256", digest));
  });
});

describe("how many buckets, and how full", () => {
  it.each([
    [100_000, 8, 512],
    [1_000_000, 11, 640],
    [10_000_000, 15, 448],
    [100_000_000, 16, 1_792],
  ])("%i entries: %i bits, padded to %i records", (entries, bits, pad) => {
    expect([lookupBits(entries), lookupPad(entries, bits)]).toEqual([bits, pad]);
  });

  it("a small list is one bucket, an empty one too", () => {
    expect([0, 1, 255, 511].map(lookupBits)).toEqual([0, 0, 0, 0]);
    expect(lookupPad(0, 0)).toBe(64);
    expect(lookupPad(500, 0)).toBeGreaterThanOrEqual(500);
  });

  it("never more than 16 bits", () => {
    expect(lookupBits(1e12)).toBe(16);
  });

  it("the prefix is the tag's first bits", () => {
    const tag = Uint8Array.of(0b1010_1100, 0b0101_0011, ...new Array<number>(14).fill(0));
    expect([0, 1, 4, 8, 11, 16].map((bits) => lookupPrefix(tag, bits))).toEqual([
      0, 1, 0b1010, 0b1010_1100, 0b101_0110_0010, 0b1010_1100_0101_0011,
    ]);
  });
});

describe("a code", () => {
  it("has room for every word and no two facts in one bit", () => {
    const taken = new Set<number>();
    for (const field of Object.values(LOOKUP_CODE)) {
      for (let bit = field.shift; bit < field.shift + field.bits; bit++) {
        expect(taken.has(bit)).toBe(false);
        taken.add(bit);
      }
      if ("words" in field) expect(field.words.length).toBeLessThan(2 ** field.bits);
    }
  });

  it("of nothing but zeros knows nothing, and nothing is recalled", () => {
    expect(readLookupCode(0)).toEqual({ recalled: false, test: false, group: 0 });
  });

  it("names sets beyond the first 32 by group", () => {
    expect(slotsOf({ mask: 0x8000_0001, code: (2 << 16) >>> 0 })).toEqual([64, 95]);
  });
});

describe("a bucket", () => {
  const record = (first: number, last: number, mask = 1, code = 5) => {
    const bytes = new Uint8Array(RECORD_BYTES);
    bytes[0] = first;
    bytes[TAG_BYTES - 1] = last;
    const view = new DataView(bytes.buffer);
    view.setUint32(16, mask);
    view.setUint32(20, code);
    return bytes;
  };
  const bucketOf = (...records: Uint8Array[]) => Uint8Array.from(records.flatMap((bytes) => [...bytes]));
  const tag = (bytes: Uint8Array) => bytes.slice(0, TAG_BYTES);
  const [a, b, c] = [record(0x80, 1), record(0x80, 2, 3), record(0x80, 2, 4, 6)];
  const bucket = bucketOf(a, b, c);
  const place = { size: bucket.length, bits: 1, prefix: 1 };

  it("answers every record of the whole tag, and none of a near one", () => {
    expect(findInBucket(bucket, [tag(b), tag(record(0x80, 3))], place)).toEqual([
      [
        { mask: 3, code: 5 },
        { mask: 4, code: 6 },
      ],
      [],
    ]);
  });

  it("is refused when it is cut short, padded otherwise, not sorted, or another bucket", () => {
    const refused =
      (bytes: Uint8Array, change = {}) =>
      () =>
        findInBucket(bytes, [tag(a)], { ...place, ...change });
    expect(refused(bucket.slice(0, -1))).toThrow("answer_invalid");
    expect(refused(bucket, { size: bucket.length + RECORD_BYTES })).toThrow("answer_invalid");
    expect(refused(bucketOf(b, a, c))).toThrow("answer_invalid");
    expect(refused(bucket, { prefix: 0 })).toThrow("answer_invalid");
  });
});
