/** Coefficients to hash bits: which lie above the median, and how many lie so near it that arithmetic decides. */
import type { Bytes } from "../bytes.ts";

export const HASH_BYTES = 32;
/**
 * How near the median a coefficient's bit is arithmetic's and no longer the picture's: builds of the reference that
 * round elsewhere (fused multiply-add, wider floats) give other bits there.
 */
export const AMBIGUITY_MARGIN = 0.01;

/** The lower median (the 128th of 256 from below), which is what the reference's search (Torben) finds. */
export function lowerMedian(coefficients: Float32Array): number {
  const sorted = Float32Array.from(coefficients).sort();
  return sorted[(sorted.length >> 1) - 1] as number;
}

/** Bit k is set when coefficient k is strictly above the median; the last coefficient is the first bit of the hash. */
export function hashBits(coefficients: Float32Array, median: number): Bytes {
  const hash = new Uint8Array(HASH_BYTES);
  for (let k = 0; k < coefficients.length; k++) {
    if ((coefficients[k] as number) > median) {
      const at = HASH_BYTES - 1 - (k >> 3);
      hash[at] = (hash[at] as number) | (1 << (k & 7));
    }
  }
  return hash;
}

/** How many coefficients lie within {@link AMBIGUITY_MARGIN} of the median; the median's own is always one of them. */
export function countAmbiguous(coefficients: Float32Array, median: number): number {
  let count = 0;
  for (const coefficient of coefficients) if (Math.abs(coefficient - median) <= AMBIGUITY_MARGIN) count++;
  return count;
}
