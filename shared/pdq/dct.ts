/** The sixteen lowest frequencies (without the constant one) of a 64x64 picture, by two matrix products in float32. */
import { SAMPLES_PER_SIDE } from "./tent-filter.ts";

export const FREQUENCIES = 16;

/** 16x64: the cosine of vertical or horizontal frequency i + 1 at sample j. */
export const COSINES = cosineMatrix();

/** @returns 16x16 coefficients, row by row: vertical frequency 1..16 by horizontal frequency 1..16 */
export function lowFrequencies(samples: Float32Array): Float32Array {
  const half = new Float32Array(FREQUENCIES * SAMPLES_PER_SIDE);
  // Row k of the samples is added to all 64 sums before row k + 1: each sum keeps the reference's order over k.
  for (let i = 0; i < FREQUENCIES; i++) {
    const sums = half.subarray(i * SAMPLES_PER_SIDE, (i + 1) * SAMPLES_PER_SIDE);
    for (let k = 0; k < SAMPLES_PER_SIDE; k++) {
      const weight = COSINES[i * SAMPLES_PER_SIDE + k] as number;
      const first = k * SAMPLES_PER_SIDE;
      for (let j = 0; j < SAMPLES_PER_SIDE; j++) {
        sums[j] = (sums[j] as number) + Math.fround(weight * (samples[first + j] as number));
      }
    }
  }
  const coefficients = new Float32Array(FREQUENCIES * FREQUENCIES);
  for (let i = 0; i < FREQUENCIES; i++) {
    for (let j = 0; j < FREQUENCIES; j++) {
      let sum = 0;
      for (let k = 0; k < SAMPLES_PER_SIDE; k++) {
        const product = Math.fround(
          (half[i * SAMPLES_PER_SIDE + k] as number) * (COSINES[j * SAMPLES_PER_SIDE + k] as number),
        );
        sum = Math.fround(sum + product);
      }
      coefficients[i * FREQUENCIES + j] = sum;
    }
  }
  return coefficients;
}

function cosineMatrix(): Float32Array {
  const scale = Math.fround(Math.sqrt(2 / SAMPLES_PER_SIDE));
  const step = Math.PI / 2 / SAMPLES_PER_SIDE;
  const matrix = new Float32Array(FREQUENCIES * SAMPLES_PER_SIDE);
  for (let i = 0; i < FREQUENCIES; i++) {
    for (let j = 0; j < SAMPLES_PER_SIDE; j++) {
      matrix[i * SAMPLES_PER_SIDE + j] = scale * Math.cos(step * (i + 1) * (2 * j + 1));
    }
  }
  return matrix;
}
