// How long a picture's PDQ takes: the WebAssembly kernel beside the plain TypeScript path, which give the same bits.
import { hexOf } from "@breakwater/shared/bytes.ts";
import { choosePath, isSameSpectrum } from "@breakwater/shared/pdq/choose-path.ts";
import { hashPicture } from "@breakwater/shared/pdq/hash.ts";
import type { Picture, SpectrumPath } from "@breakwater/shared/pdq/pixels.ts";
import { plainSpectrum } from "@breakwater/shared/pdq/plain-path.ts";
import vectors from "@breakwater/shared/vectors/pdq.json" with { type: "json" };
import { drawRgb, type Generator, toRgba } from "../test/drawings/draw.ts";
import { type Bench, type Measured, peakMb, timed } from "./bench.ts";

const DEFAULT_SIZE = 20;
const GOAL_FASTER = 5;
/** 12 MP is as bound by memory as by arithmetic, so it is shown and not part of the goal. */
const PICTURES = [
  { name: "512x512", width: 512, height: 512, isGoal: true },
  { name: "1920x1080", width: 1_920, height: 1_080, isGoal: true },
  { name: "4032x3024", width: 4_032, height: 3_024, isGoal: false },
];
const MS_PER_SECOND = 1_000;

export const pdqHash: Bench = {
  goal: `the plain path's bits on all vectors, at least ${GOAL_FASTER} times faster at 512x512 and at 1920x1080`,
  async run({ size = DEFAULT_SIZE, say }): Promise<Measured> {
    const chosen = choosePath();
    const counts: Record<string, number> = {};
    let correct = chosen.name === "wasm" && vectors.every((vector) => isRight(vector, chosen.spectrum));
    let [seconds, baselineSeconds, met] = [0, 0, true];
    for (const { name, width, height, isGoal } of PICTURES) {
      const pixels = toRgba(drawRgb("noise", [width], width, height));
      const picture: Picture = { pixels, bytesPerPixel: 4, width, height };
      correct &&= isSameSpectrum(chosen.spectrum(picture), plainSpectrum(picture));
      const [own, plain] = await quickest(picture, chosen.spectrum, size);
      counts[`ms for ${name}`] = Math.round(own * MS_PER_SECOND * 100) / 100;
      counts[`ms for ${name} by the plain path`] = Math.round(plain * MS_PER_SECOND * 100) / 100;
      say(`${name}: ${(plain / own).toFixed(1)} times faster than the plain path.`);
      if (isGoal) met &&= plain / own >= GOAL_FASTER;
      if (seconds === 0) [seconds, baselineSeconds] = [own * size, plain * size];
    }
    return {
      bench: "pdq-hash",
      size,
      seconds,
      baseline: "the plain TypeScript path, 512x512",
      baselineSeconds,
      ratio: seconds / baselineSeconds,
      peakMb: peakMb(),
      correct,
      met: correct && met,
      counts,
    };
  },
};

type Vector = (typeof vectors)[number];

function isRight({ generator, params, width, height, pdq, quality }: Vector, spectrum: SpectrumPath): boolean {
  const pixels = toRgba(drawRgb(generator as Generator, params, width, height));
  const picture: Picture = { pixels, bytesPerPixel: 4, width, height };
  return [spectrum, plainSpectrum].every((path) => {
    const hashed = hashPicture(picture, path);
    return hexOf(hashed.hash) === pdq && hashed.quality === quality;
  });
}

/** Of so many rounds of each, taken in turn: neighbours on the machine disturb both alike. */
async function quickest(picture: Picture, spectrum: SpectrumPath, rounds: number): Promise<[number, number]> {
  let [own, plain] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    own = Math.min(own, await timed(async () => spectrum(picture)));
    plain = Math.min(plain, await timed(async () => plainSpectrum(picture)));
  }
  return [own, plain];
}
