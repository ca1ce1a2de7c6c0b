/**
 * PDQ: a 256-bit perceptual hash of a picture's pixels, in the `full` pipeline (no scaling before the tent filter).
 *
 * Written from the specification and the behaviour of the reference implementation in facebook/ThreatExchange, pdq/cpp
 * (Meta Platforms, BSD-3-Clause); every float32 operation is done in the reference's order, so that the hash of the
 * same pixels is the same hash. Do not reorder a sum, merge two roundings or turn a division into a multiplication.
 */
import type { Bytes } from "../bytes.ts";
import { countAmbiguous, HASH_BYTES, hashBits, lowerMedian } from "./bits.ts";
import { FREQUENCIES, lowFrequencies } from "./dct.ts";
import { lumaRow } from "./luma.ts";
import { imageQuality } from "./quality.ts";
import { filterAndSample, SAMPLES_PER_SIDE } from "./tent-filter.ts";

/** A picture with a shorter side has no hash: the reference answers zero, quality 0. */
export const PDQ_MIN_SIDE = 5;

export type PdqResult = {
  /** 32 bytes, most significant 16-bit word first, as hex is written. */
  hash: Bytes;
  /** 0..100; below 50 the hash says nothing about the picture. */
  quality: number;
  /** 1..256: coefficients so near the median that another build may give other bits. Symmetric graphics have many. */
  ambiguousBits: number;
};

/**
 * Hashes decoded pixels. Never resize, rotate or colour-manage before this: it changes the hash.
 *
 * @param rgba - 4 bytes a pixel, row by row, alpha not premultiplied and not used
 * @param width - pixels a row
 * @param height - rows
 * @throws RangeError unless `rgba` holds exactly `width * height` pixels
 */
export function hashPdq(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): PdqResult {
  if (!isSide(width) || !isSide(height) || rgba.length !== width * height * 4) {
    throw new RangeError(`pdq: ${rgba.length} bytes are not ${width}x${height} RGBA pixels`);
  }
  if (width < PDQ_MIN_SIDE || height < PDQ_MIN_SIDE) {
    return { hash: new Uint8Array(HASH_BYTES), quality: 0, ambiguousBits: FREQUENCIES * FREQUENCIES };
  }
  const readRow = (y: number, row: Float32Array) => lumaRow(rgba, y * width * 4, row);
  const samples = isSampled(width, height) ? readAll(readRow) : filterAndSample(width, height, readRow);
  const coefficients = lowFrequencies(samples);
  const median = lowerMedian(coefficients);
  return {
    hash: hashBits(coefficients, median),
    quality: imageQuality(samples),
    ambiguousBits: countAmbiguous(coefficients, median),
  };
}

function isSide(pixels: number): boolean {
  return Number.isSafeInteger(pixels) && pixels > 0;
}

// A 64x64 picture is taken as already filtered (video frames are), so the reference does not blur it again.
function isSampled(width: number, height: number): boolean {
  return width === SAMPLES_PER_SIDE && height === SAMPLES_PER_SIDE;
}

function readAll(readRow: (y: number, row: Float32Array) => void): Float32Array {
  const samples = new Float32Array(SAMPLES_PER_SIDE * SAMPLES_PER_SIDE);
  for (let y = 0; y < SAMPLES_PER_SIDE; y++) {
    readRow(y, samples.subarray(y * SAMPLES_PER_SIDE, (y + 1) * SAMPLES_PER_SIDE));
  }
  return samples;
}
