/** Decoded pixels as PDQ takes them, and what of them the hash is made of. */

/** How far black and white lie apart in a luma byte: in pictures, and in most videos (BT.601, BT.709: 16 to 235). */
export const FULL_RANGE = 255;
export const LIMITED_RANGE = 219;

/** A picture as RGBA, or one luma byte a pixel (the Y plane of a video frame), row by row without gaps. */
export type Picture = {
  pixels: Uint8Array | Uint8ClampedArray;
  bytesPerPixel: 4 | 1;
  width: number;
  height: number;
  /** {@link FULL_RANGE} unless given. Only quality depends on it: bits compare with their median. */
  lumaRange?: typeof FULL_RANGE | typeof LIMITED_RANGE;
};

/** @property coefficients - 16x16, row by row; @property gradients - what {@link qualityOf} makes the quality of */
export type Spectrum = { coefficients: Float32Array; gradients: number };

/** The same picture always gives the same spectrum, to the last bit, whichever path computes it. */
export type SpectrumPath = (picture: Picture) => Spectrum;
