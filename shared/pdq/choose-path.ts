/** Which path computes spectra here: the kernel where it runs and agrees to the last bit, else plain TypeScript. */
import { openKernelPath } from "./kernel-path.ts";
import { FULL_RANGE, LIMITED_RANGE, type Picture, type Spectrum, type SpectrumPath } from "./pixels.ts";
import { plainSpectrum } from "./plain-path.ts";

export type ChosenPath = { name: "wasm" | "plain"; spectrum: SpectrumPath };

/** Sides that need every part of the kernel: a last band that is not full, rows that end within a vector, each window. */
const CHECKED_SIDES: readonly [number, number][] = [
  [64, 64],
  [131, 75],
  [77, 300],
  [530, 67],
];

let chosen: ChosenPath | undefined;

/** Chosen at the first hash and kept. */
export function choosePath(): ChosenPath {
  chosen ??= choose(openKernelPath());
  return chosen;
}

/** @param kernel - undefined where it cannot run */
export function choose(kernel: SpectrumPath | undefined): ChosenPath {
  if (kernel === undefined || !agrees(kernel)) return { name: "plain", spectrum: plainSpectrum };
  return { name: "wasm", spectrum: (picture) => kernel(picture) };
}

function agrees(kernel: SpectrumPath): boolean {
  return CHECKED_SIDES.every(([width, height]) =>
    ([4, 1] as const).every((bytesPerPixel) => {
      const picture = drawCheck(width, height, bytesPerPixel);
      return isSameSpectrum(kernel(picture), plainSpectrum(picture));
    }),
  );
}

/** Bit by bit, so that -0 is not 0 and NaN is itself. */
export function isSameSpectrum(a: Spectrum, b: Spectrum): boolean {
  const [left, right] = [a, b].map(
    ({ coefficients }) => new Uint32Array(coefficients.buffer, coefficients.byteOffset),
  ) as [Uint32Array, Uint32Array];
  return a.gradients === b.gradients && left.length === right.length && left.every((bits, i) => bits === right[i]);
}

/** Pixels without any symmetry, the same everywhere. */
function drawCheck(width: number, height: number, bytesPerPixel: 4 | 1): Picture {
  let state = width * height;
  const pixels = Uint8Array.from({ length: width * height * bytesPerPixel }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return { pixels, bytesPerPixel, width, height, lumaRange: bytesPerPixel === 4 ? FULL_RANGE : LIMITED_RANGE };
}
