/** From a picture to its hash, by whichever path computes the spectrum. */
import type { Bytes } from "../bytes.ts";
import { countAmbiguous, HASH_BYTES, hashBits, lowerMedian } from "./bits.ts";
import { FREQUENCIES } from "./dct.ts";
import type { Picture, SpectrumPath } from "./pixels.ts";
import { qualityOf } from "./quality.ts";

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

/** @throws RangeError unless `pixels` holds exactly `width * height` pixels */
export function hashPicture(picture: Picture, path: SpectrumPath): PdqResult {
  const { pixels, bytesPerPixel, width, height } = picture;
  if (!isSide(width) || !isSide(height) || pixels.length !== width * height * bytesPerPixel) {
    const form = bytesPerPixel === 4 ? "RGBA" : "luma";
    throw new RangeError(`pdq: ${pixels.length} bytes are not ${width}x${height} ${form} pixels`);
  }
  if (width < PDQ_MIN_SIDE || height < PDQ_MIN_SIDE) {
    return { hash: new Uint8Array(HASH_BYTES), quality: 0, ambiguousBits: FREQUENCIES * FREQUENCIES };
  }
  const { coefficients, gradients } = path(picture);
  const median = lowerMedian(coefficients);
  return {
    hash: hashBits(coefficients, median),
    quality: qualityOf(gradients),
    ambiguousBits: countAmbiguous(coefficients, median),
  };
}

function isSide(pixels: number): boolean {
  return Number.isSafeInteger(pixels) && pixels > 0;
}
