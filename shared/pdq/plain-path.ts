/** The path in plain TypeScript: always there, and what the kernel is checked against. */
import { lowFrequencies } from "./dct.ts";
import { greyRow, lumaRow } from "./luma.ts";
import { FULL_RANGE, type Picture, type Spectrum } from "./pixels.ts";
import { sumGradients } from "./quality.ts";
import { filterAndSample, isSampled, SAMPLES_PER_SIDE } from "./tent-filter.ts";

export function plainSpectrum({ pixels, bytesPerPixel, width, height, lumaRange }: Picture): Spectrum {
  const readLuma = bytesPerPixel === 4 ? lumaRow : greyRow;
  const readRow = (y: number, row: Float32Array) => readLuma(pixels, y * width * bytesPerPixel, row);
  const samples = isSampled(width, height) ? readAll(readRow) : filterAndSample(width, height, readRow);
  return { coefficients: lowFrequencies(samples), gradients: sumGradients(samples, lumaRange ?? FULL_RANGE) };
}

function readAll(readRow: (y: number, row: Float32Array) => void): Float32Array {
  const samples = new Float32Array(SAMPLES_PER_SIDE * SAMPLES_PER_SIDE);
  for (let y = 0; y < SAMPLES_PER_SIDE; y++) {
    readRow(y, samples.subarray(y * SAMPLES_PER_SIDE, (y + 1) * SAMPLES_PER_SIDE));
  }
  return samples;
}
