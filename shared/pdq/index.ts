/**
 * PDQ: a 256-bit perceptual hash of a picture's pixels, in the `full` pipeline (no scaling before the tent filter).
 *
 * Written from the specification and the behaviour of the reference implementation in facebook/ThreatExchange, pdq/cpp
 * (Meta Platforms, BSD-3-Clause); every float32 operation is done in the reference's order, so that the hash of the
 * same pixels is the same hash. Do not reorder a sum, merge two roundings or turn a division into a multiplication.
 */
import { choosePath } from "./choose-path.ts";
import { hashPicture, type PdqResult } from "./hash.ts";
import { FULL_RANGE, LIMITED_RANGE } from "./pixels.ts";

export { PDQ_MIN_SIDE, type PdqResult } from "./hash.ts";

/**
 * Hashes decoded pixels. Never resize, rotate or colour-manage before this: it changes the hash.
 *
 * @param rgba - 4 bytes a pixel, row by row, alpha not premultiplied and not used
 * @param width - pixels a row
 * @param height - rows
 * @throws RangeError unless `rgba` holds exactly `width * height` pixels
 */
export function hashPdq(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): PdqResult {
  return hashPicture({ pixels: rgba, bytesPerPixel: 4, width, height }, choosePath().spectrum);
}

/**
 * Hashes the Y plane of a video frame.
 *
 * @param luma - 1 byte a pixel, row by row without padding
 * @param isFullRange - whether black is 0 and white 255; otherwise 16 and 235, as in most videos. Only quality sees it
 * @throws RangeError unless `luma` holds exactly `width * height` pixels
 */
export function hashPdqLuma(
  luma: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  isFullRange = true,
): PdqResult {
  const lumaRange = isFullRange ? FULL_RANGE : LIMITED_RANGE;
  return hashPicture({ pixels: luma, bytesPerPixel: 1, width, height, lumaRange }, choosePath().spectrum);
}
