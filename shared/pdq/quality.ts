/** PDQ's quality number: how much of a picture changes visibly from one 64x64 cell to the next. */
import { SAMPLES_PER_SIDE as SIDE } from "./tent-filter.ts";

const GRADIENT_PERCENT = 100;
/** The reference's scaling: gradients summed over both directions, divided by this, capped. */
const GRADIENTS_PER_POINT = 90;
const QUALITY_CAP = 100;

/** @returns 0..100; the reference recommends discarding 49 and less */
export function qualityOf(gradients: number): number {
  return Math.min(QUALITY_CAP, Math.trunc(gradients / GRADIENTS_PER_POINT));
}

/** All gradients between neighbours, down and across, each in whole percents of the range of luma. */
export function sumGradients(samples: Float32Array, range: number): number {
  let gradients = 0;
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const at = y * SIDE + x;
      if (y + 1 < SIDE) gradients += gradient(samples[at] as number, samples[at + SIDE] as number, range);
      if (x + 1 < SIDE) gradients += gradient(samples[at] as number, samples[at + 1] as number, range);
    }
  }
  return gradients;
}

// Truncating to whole percents is the point: many faint gradients must not add up to a strong one.
function gradient(a: number, b: number, range: number): number {
  const percent = Math.fround(Math.fround(Math.fround(a - b) * GRADIENT_PERCENT) / range);
  return Math.abs(Math.trunc(percent));
}
