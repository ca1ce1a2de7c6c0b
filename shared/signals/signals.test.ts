import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExchangeError } from "../problem.ts";
import cases from "../vectors/signals.json" with { type: "json" };
import {
  distancePdq,
  formatPdq,
  isSignalAlg,
  isSignalValue,
  PDQ_MATCH_THRESHOLD,
  parsePdq,
  parseSignal,
  SIGNAL_ALGS,
  SIGNALS,
  type SignalAlg,
  type SignalType,
  TMK_BYTES,
  VPDQ_MAX_CHARS,
} from "./index.ts";

const TYPES: [SignalAlg, SignalType][] = SIGNAL_ALGS.map((alg) => [alg, SIGNALS[alg]]);
const FRAME = `${"a1".repeat(32)},100,0`;

function codeOf(act: () => unknown): string {
  try {
    act();
    return "ok";
  } catch (error) {
    if (error instanceof ExchangeError) return error.code;
    throw error;
  }
}

describe("every signal has one accepted spelling", () => {
  test.each(cases)("$name: $expect", ({ alg, value, expect: expected }) => {
    if (!isSignalAlg(alg)) throw new Error(`no such type in the table: ${alg}`);
    expect(codeOf(() => parseSignal(alg, value))).toBe(expected);
    expect(isSignalValue(alg, value)).toBe(expected === "ok");
    const type: SignalType = SIGNALS[alg];
    // The reader of bytes and the pattern of schemas must agree, or a list and a report would differ.
    if (type.handling !== "carried") expect(codeOf(() => type.parse(value))).toBe(expected);
  });

  test("a value that is not text is refused, whatever it turns into", () => {
    for (const [alg] of TYPES) {
      for (const value of [undefined, null, 7, ["d41d8cd98f00b204e9800998ecf8427e"], { toString: () => FRAME }]) {
        expect(codeOf(() => parseSignal(alg, value))).toBe("signal_invalid");
      }
    }
  });

  test("a refusal names the type and never the value", () => {
    const value = "D41D8CD98F00B204E9800998ECF8427E";
    for (const act of [() => parseSignal("md5", value), () => SIGNALS.md5.parse(value)]) {
      const refusal = (() => {
        try {
          return act();
        } catch (error) {
          return error;
        }
      })();
      expect(refusal).toBeInstanceOf(ExchangeError);
      expect(JSON.stringify([refusal, String(refusal)]).toLowerCase()).not.toContain(value.toLowerCase());
    }
  });

  test("inherited names are no algorithms", () => {
    for (const name of ["toString", "constructor", "__proto__", "MD5", "", undefined]) {
      expect(isSignalAlg(name)).toBe(false);
    }
  });
});

describe("bytes and text of a digest are each other's inverse", () => {
  for (const [alg, type] of TYPES) {
    if (type.handling === "carried") continue;
    test(alg, () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: type.bytes, maxLength: type.bytes }), (bytes) => {
          const text = type.format(bytes);
          expect(type.parse(text)).toEqual(new Uint8Array(bytes));
          expect(type.pattern.test(text)).toBe(true);
        }),
      );
      expect(() => type.format(new Uint8Array(type.bytes + 1))).toThrow(RangeError);
    });
  }

  test("exact digests are equal or not, and only within one length", () => {
    const md5 = SIGNALS.md5.parse("d41d8cd98f00b204e9800998ecf8427e");
    const other = SIGNALS.md5.parse("d41d8cd98f00b204e9800998ecf8427f");
    expect(SIGNALS.md5.equal(md5, Uint8Array.from(md5))).toBe(true);
    expect(SIGNALS.md5.equal(md5, other)).toBe(false);
    expect(() => SIGNALS.md5.equal(md5, new Uint8Array(20))).toThrow(RangeError);
  });
});

describe("PDQ compares in differing bits", () => {
  const zero = new Uint8Array(32);

  test("each flipped bit adds one", () => {
    const flipped = new Uint8Array(32);
    for (let bit = 0; bit < 256; bit++) {
      expect(distancePdq(zero, flipped)).toBe(bit);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) | (1 << (bit & 7));
    }
    expect(distancePdq(zero, flipped)).toBe(256);
  });

  test("31 bits are a match and 32 are not, by the inclusive bound", () => {
    const far = (bits: number) => parsePdq((2n ** BigInt(bits) - 1n).toString(16).padStart(64, "0"));
    expect(distancePdq(zero, far(31))).toBeLessThanOrEqual(PDQ_MATCH_THRESHOLD);
    expect(distancePdq(zero, far(32))).toBeGreaterThan(PDQ_MATCH_THRESHOLD);
  });

  test("distance is symmetric and nothing but 32 bytes has one", () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(hash, hash, (a, b) => {
        expect(distancePdq(a, b)).toBe(distancePdq(b, a));
        expect(distancePdq(parsePdq(formatPdq(a)), a)).toBe(0);
      }),
    );
    expect(() => distancePdq(zero, new Uint8Array(31))).toThrow(RangeError);
    expect(() => distancePdq(new Uint8Array(33), zero)).toThrow(RangeError);
  });
});

describe("carried values hold hashes, not files", () => {
  const base64Of = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
  const features = (value: number) => new Uint8Array(new Float32Array(TMK_BYTES / 4).fill(value).buffer);

  test("tmk carries 256 finite features of plausible size", () => {
    expect(isSignalValue("tmk", base64Of(features(0.25)))).toBe(true);
    expect(isSignalValue("tmk", base64Of(features(Number.NaN)))).toBe(false);
    expect(isSignalValue("tmk", base64Of(features(1e7)))).toBe(false);
    expect(isSignalValue("tmk", base64Of(features(0.25).subarray(4)))).toBe(false);
  });

  test("a picture padded to the length of a tmk feature is refused", () => {
    const picture = new Uint8Array(TMK_BYTES).map((_, i) => (i * 197 + (i >> 3) * 89) & 255);
    picture.set([0xff, 0xd8, 0xff, 0xe0]);
    expect(isSignalValue("tmk", base64Of(picture))).toBe(false);
  });

  test("photodna carries 144 bytes in base64", () => {
    expect(isSignalValue("photodna", base64Of(new Uint8Array(144).fill(7)))).toBe(true);
    expect(isSignalValue("photodna", base64Of(new Uint8Array(147).fill(7)))).toBe(false);
  });

  test("vpdq ends at its ceiling", () => {
    const frames = Math.floor(VPDQ_MAX_CHARS / (FRAME.length + 1));
    expect(isSignalValue("vpdq", Array(frames).fill(FRAME).join(";"))).toBe(true);
    expect(
      isSignalValue(
        "vpdq",
        Array(frames + 1)
          .fill(FRAME)
          .join(";"),
      ),
    ).toBe(false);
  });
});
