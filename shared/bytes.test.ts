/** Spellings of bytes: one value, one text. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  base64urlOf,
  concatBytes,
  digestOf,
  equalBytes,
  findBase64url,
  findUtf8,
  hexOf,
  isDigest,
  parseDigest,
  parseHex,
  utf8Of,
} from "./bytes.ts";
import { outcome } from "./testing/refusal.ts";

describe("hex", () => {
  it("round-trips every array of bytes", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => equalBytes(parseHex(hexOf(bytes)), bytes)));
  });

  it.each(["A0", "0", "0g", " 00", "00\n"])("refuses %j", async (text) => {
    expect(await outcome(() => parseHex(text))).toBe("id_invalid");
  });
});

describe("base64url", () => {
  it("round-trips every array of bytes, also beyond one call's arguments", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => hexOf(findBase64url(base64urlOf(bytes)) as Uint8Array) === hexOf(bytes)),
    );
    const large = new Uint8Array(100_000).fill(7);
    expect(findBase64url(base64urlOf(large))?.length).toBe(large.length);
  });

  it.each(["AA==", "A", "AB", "a b", "a+b/", "AAA\n", "é"])(
    "refuses %j: padded, impossible, or a second spelling",
    (text) => {
      expect(findBase64url(text)).toBeUndefined();
    },
  );

  it("never gives two texts one value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 12 }), (text) => {
        const bytes = findBase64url(text);
        return bytes === undefined || base64urlOf(bytes) === text;
      }),
    );
  });
});

describe("utf8", () => {
  it("refuses what is not UTF-8 and keeps a byte order mark", () => {
    expect(findUtf8(Uint8Array.of(0xc3))).toBeUndefined();
    expect(findUtf8(Uint8Array.of(0xed, 0xa0, 0x80))).toBeUndefined();
    expect(findUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))).toBe("\ufeffA");
  });
});

describe("digest", () => {
  it("is SHA-256 in lower-case hex behind its name", async () => {
    expect(await digestOf(utf8Of("abc"))).toBe(
      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  it.each([
    "sha256:AB",
    `sha256:${"A".repeat(64)}`,
    `sha256:${"a".repeat(63)}`,
    `sha256:${"a".repeat(65)}`,
    `sha1:${"a".repeat(64)}`,
    `sha256:${"a".repeat(64)}\n`,
    7,
    null,
  ])("refuses %j", async (value) => {
    expect(isDigest(value)).toBe(false);
    expect(await outcome(() => parseDigest(value))).toBe("digest_invalid");
  });
});

describe("equalBytes", () => {
  it("compares content and length", () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
  });
});

describe("concatBytes", () => {
  it("joins in order", () => {
    expect(hexOf(concatBytes([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]))).toBe("010203");
  });
});
