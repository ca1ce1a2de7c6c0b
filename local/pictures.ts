// The demo's pictures: drawn from integers when they are asked for, so that nothing here is or resembles a photograph and the tree holds no image.

import { drawRgb, type Generator } from "../test/drawings/draw.ts";
import { encodePng } from "../test/drawings/png.ts";

const SIDE_PIXELS = 256;

type Picture = { name: string; title: string; generator: Generator; params: readonly number[]; listed: boolean };

/** `listed` pictures are in the seeded hash set; the others are there to be reported. */
export const PICTURES: readonly Picture[] = [
  { name: "tide", title: "Tide", generator: "value", params: [11, 48], listed: true },
  { name: "stones", title: "Stones", generator: "rects", params: [12, 40], listed: true },
  { name: "ripples", title: "Ripples", generator: "rings", params: [3, 5, 7, 8], listed: true },
  { name: "boathouse", title: "Boathouse", generator: "rects", params: [29, 60], listed: false },
  { name: "fog", title: "Fog", generator: "value", params: [30, 64], listed: false },
  { name: "nets", title: "Nets", generator: "value", params: [31, 24], listed: false },
];

export function drawPicture({ generator, params }: Picture): { rgb: Uint8Array; width: number; height: number } {
  return drawRgb(generator, params, SIDE_PIXELS, SIDE_PIXELS);
}

export function formatPicture(picture: Picture): Uint8Array {
  return encodePng(drawPicture(picture));
}
