import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawRgb, type Generator, toRgba } from "../../test/drawings/draw.ts";
import { hexOf, sha256 } from "../bytes.ts";
import { distancePdq, parsePdq } from "../signals/pdq.ts";
import vectors from "../vectors/pdq.json" with { type: "json" };
import { AMBIGUITY_MARGIN, countAmbiguous, hashBits, lowerMedian } from "./bits.ts";
import { hashPdq } from "./index.ts";
import { filterAndSample, sampledPixels, windowSize } from "./tent-filter.ts";

describe("vectors of the C++ reference", () => {
  for (const { generator, params, width, height, rgbSha256, pdq, quality } of vectors) {
    test(`${generator} ${params} ${width}x${height} has the reference's hash and quality to the bit`, async () => {
      const drawing = drawRgb(generator as Generator, params, width, height);
      expect(hexOf(await sha256(drawing.rgb))).toBe(rgbSha256);
      const result = hashPdq(toRgba(drawing), width, height);
      expect(result.quality).toBe(quality);
      expect(distancePdq(result.hash, parsePdq(pdq))).toBe(0);
    });
  }
});

describe("what has no hash", () => {
  test.each([
    [4, 512],
    [512, 4],
    [1, 1],
  ])("%ix%i: under five pixels a side is zero, quality 0 and all ambiguous", (width, height) => {
    const rgba = toRgba(drawRgb("noise", [1], width, height));
    expect(hashPdq(rgba, width, height)).toEqual({ hash: new Uint8Array(32), quality: 0, ambiguousBits: 256 });
  });

  test("five pixels a side are hashed", () => {
    expect(hashPdq(toRgba(drawRgb("noise", [1], 5, 5)), 5, 5).hash).not.toEqual(new Uint8Array(32));
  });

  test.each([
    [15, 2, 2],
    [17, 2, 2],
    [0, 0, 0],
    [16, -2, -2],
    [16, 1.6, 2.5],
    [16, Number.NaN, 2],
  ])("%i bytes as %dx%d are refused", (length, width, height) => {
    expect(() => hashPdq(new Uint8Array(length), width, height)).toThrow(RangeError);
  });
});

describe("what the hash does not see", () => {
  test("alpha is ignored and the pixels are left as they were", () => {
    const rgba = toRgba(drawRgb("rects", [1, 60], 120, 90));
    const seeThrough = rgba.map((byte, i) => (i % 4 === 3 ? 0 : byte));
    const before = Uint8Array.from(seeThrough);
    expect(hashPdq(seeThrough, 120, 90)).toEqual(hashPdq(rgba, 120, 90));
    expect(seeThrough).toEqual(before);
  });

  test("clamped arrays, as a canvas gives them, hash the same", () => {
    const rgba = toRgba(drawRgb("value", [24, 16], 130, 70));
    expect(hashPdq(new Uint8ClampedArray(rgba), 130, 70)).toEqual(hashPdq(rgba, 130, 70));
  });
});

describe("ambiguity", () => {
  test("a natural-looking drawing has few ambiguous bits and a symmetric one has many", () => {
    expect(hashPdq(toRgba(drawRgb("rects", [1, 60], 512, 512)), 512, 512).ambiguousBits).toBeLessThan(4);
    expect(hashPdq(toRgba(drawRgb("checker", [8], 64, 64)), 64, 64).ambiguousBits).toBeGreaterThan(100);
    expect(hashPdq(toRgba(drawRgb("flat", [0, 0, 0], 128, 128)), 128, 128).ambiguousBits).toBe(256);
  });

  test("the bound is inclusive, counts both sides, and the median counts itself", () => {
    const coefficients = Float32Array.from({ length: 256 }, (_, k) => (k - 127) * 10);
    const median = lowerMedian(coefficients);
    expect(median).toBe(0);
    expect(countAmbiguous(coefficients, median)).toBe(1);
    coefficients[128] = AMBIGUITY_MARGIN / 2;
    coefficients[126] = -AMBIGUITY_MARGIN / 2;
    expect(countAmbiguous(coefficients, median)).toBe(3);
    coefficients[128] = AMBIGUITY_MARGIN * 1.01;
    expect(countAmbiguous(coefficients, median)).toBe(2);
  });

  test("bits are strictly above the lower median, last coefficient first", () => {
    const coefficients = Float32Array.from({ length: 256 }, (_, k) => k);
    const hash = hashBits(coefficients, lowerMedian(coefficients));
    expect(hexOf(hash)).toBe("ff".repeat(16) + "00".repeat(16));
  });
});

describe("row-wise filtering", () => {
  test("gives the samples of filtering whole buffers, bit for bit, at any size", () => {
    const side = fc.oneof(fc.integer({ min: 5, max: 140 }), fc.integer({ min: 250, max: 700 }));
    fc.assert(
      fc.property(side, side, fc.integer(), (width, height, seed) => {
        const luma = noiseLuma(width, height, seed);
        const streamed = filterAndSample(width, height, (y, row) => row.set(luma.subarray(y * width, (y + 1) * width)));
        expect(sameBits(streamed, wholeBufferSamples(luma, width, height))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    [64, 1],
    [128, 1],
    [129, 2],
    [512, 4],
    [1920, 15],
  ])("a side of %i has a window of %i", (side, window) => expect(windowSize(side)).toBe(window));

  test("samples sit at cell centres", () => {
    expect([...sampledPixels(64).slice(0, 3)]).toEqual([0, 1, 2]);
    expect(sampledPixels(512)[0]).toBe(4);
    expect(sampledPixels(512)[63]).toBe(508);
    expect(Math.max(...sampledPixels(5))).toBe(4);
  });
});

function noiseLuma(width: number, height: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: width * height }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 65793;
  });
}

// The specification taken literally: each line a strided vector, each window re-derived from its position.
function wholeBufferSamples(luma: Float32Array, width: number, height: number): Float32Array {
  const image = Float32Array.from(luma);
  for (let pass = 0; pass < 2; pass++) {
    for (let y = 0; y < height; y++) boxLine(image, y * width, 1, width, windowSize(width));
    for (let x = 0; x < width; x++) boxLine(image, x, width, height, windowSize(height));
  }
  const [columns, rows] = [sampledPixels(width), sampledPixels(height)];
  return Float32Array.from({ length: 64 * 64 }, (_, i) => {
    return image[(rows[i >> 6] as number) * width + (columns[i & 63] as number)] as number;
  });
}

function boxLine(image: Float32Array, first: number, stride: number, length: number, window: number): void {
  const line = Float32Array.from({ length }, (_, i) => image[first + i * stride] as number);
  const ahead = Math.floor((window + 2) / 2) - 1;
  let sum = 0;
  let size = 0;
  for (let entering = 0; entering < length + ahead; entering++) {
    const leaving = entering - window;
    if (entering < length) {
      sum = Math.fround(sum + (line[entering] as number));
      size++;
    }
    if (leaving >= 0) {
      sum = Math.fround(sum - (line[leaving] as number));
      size--;
    }
    const centre = entering - ahead;
    if (centre >= 0) image[first + centre * stride] = sum / size;
  }
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  const [left, right] = [new Uint32Array(a.buffer), new Uint32Array(b.buffer)];
  return left.length === right.length && left.every((bits, i) => bits === right[i]);
}
