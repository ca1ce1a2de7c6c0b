/** Decoded pixels as PDQ takes them, and what of them the hash is made of. */

/** A picture as RGBA, or one luma byte a pixel (the Y plane of a video frame), row by row without gaps. */
export type Picture = {
  pixels: Uint8Array | Uint8ClampedArray;
  bytesPerPixel: 4 | 1;
  width: number;
  height: number;
};

/** @property coefficients - 16x16, row by row; @property gradients - what {@link qualityOf} makes the quality of */
export type Spectrum = { coefficients: Float32Array; gradients: number };

/** The same picture always gives the same spectrum, to the last bit, whichever path computes it. */
export type SpectrumPath = (picture: Picture) => Spectrum;
