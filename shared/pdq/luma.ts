/** Pixels to luma, row by row, in the reference's float32 arithmetic. */

// Reading a product from a table gives the same float32 as multiplying, without an integer conversion per channel.
const RED = weightTable(0.299);
const GREEN = weightTable(0.587);
const BLUE = weightTable(0.114);

/** Writes one row's luma, 0..255. Alpha is ignored, as the reference ignores it: it sees the stored colours. */
export function lumaRow(rgba: Uint8Array | Uint8ClampedArray, firstByte: number, luma: Float32Array): void {
  const width = luma.length;
  for (let x = 0, i = firstByte; x < width; x++, i += 4) {
    const redAndGreen = Math.fround((RED[rgba[i] as number] as number) + (GREEN[rgba[i + 1] as number] as number));
    luma[x] = redAndGreen + (BLUE[rgba[i + 2] as number] as number);
  }
}

/** The same for pixels that are luma already, as the Y plane of a video frame is. */
export function greyRow(grey: Uint8Array | Uint8ClampedArray, firstByte: number, luma: Float32Array): void {
  luma.set(grey.subarray(firstByte, firstByte + luma.length));
}

function weightTable(weight: number): Float32Array {
  const weight32 = Math.fround(weight);
  return Float32Array.from({ length: 256 }, (_, level) => weight32 * level);
}
