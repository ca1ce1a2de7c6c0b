import { describe, expect, test } from "vitest";
import { EMPTY_DRAFT, layFiles, missing } from "./draft.ts";
import { readSourceHashes, type SourceFile } from "./source-hashes.ts";

const SHA_A = "a".repeat(64);
const SHA_B = "b".repeat(64);
const file = (value: string): SourceFile => [{ alg: "sha256", value, source: "original_bytes" }];

describe("laying files beside items", () => {
  const items = [
    { item_id: "one", hashes: [{ alg: "sha256", value: SHA_A }] },
    { item_id: "two", hashes: [{ alg: "sha256", value: SHA_B }] },
  ];

  test("a file with an item's own hash goes to that item, whatever the order", () => {
    expect(layFiles(items, [file(SHA_B), file(SHA_A)])).toEqual({ one: file(SHA_A), two: file(SHA_B) });
  });

  test("a file with another hash goes to the first open item, where the difference will show", () => {
    const other = "c".repeat(64);
    expect(layFiles(items, [file(other), file(SHA_A)])).toEqual({ one: file(SHA_A), two: file(other) });
  });
});

describe("what is missing", () => {
  test("an empty draft names each answer and each item", () => {
    const fields = missing(EMPTY_DRAFT, [{ item_id: "one", hashes: [] }]).map((fault) => fault.field);
    expect(fields).toEqual(["verdict", "act", "age", "production", "hashes"]);
  });
});

describe("reading the command's output", () => {
  test("one line a file, exact and perceptual hashes", () => {
    const line = JSON.stringify({
      sha256: SHA_A,
      md5: "0".repeat(32),
      pdq: { hash: "1".repeat(64), quality: 92, ambiguous_bits: 0 },
    });
    expect(readSourceHashes(`${line}\n`)).toEqual([
      [
        { alg: "sha256", value: SHA_A, source: "original_bytes" },
        { alg: "md5", value: "0".repeat(32), source: "original_bytes" },
        { alg: "pdq", value: "1".repeat(64), quality: 92, ambiguous_bits: 0, source: "original_bytes" },
      ],
    ]);
  });

  test.each([
    ["", "at least one line"],
    ["not json", "not JSON"],
    [JSON.stringify({ md5: "0".repeat(32) }), "no sha256"],
    [JSON.stringify({ sha256: SHA_A, pdq: { hash: "1".repeat(64) } }), "quality"],
  ])("refuses %j in words", (text, words) => {
    expect(() => readSourceHashes(text)).toThrow(words);
  });

  test("upper-case hex is refused", () => {
    expect(() => readSourceHashes(JSON.stringify({ sha256: "A".repeat(64) }))).toThrow();
  });
});
