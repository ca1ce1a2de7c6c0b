/** Decodes a picture to pixels exactly as stored: not resized, not turned, not colour-managed. Memory only. */
import type { MediaName } from "@breakwater/shared/media/sniff.ts";
import sharp from "sharp";
import { DECODE_TIMEOUT_SECONDS, PICTURE_MAX_PIXELS } from "./limits.ts";

/** Four channels of 32 bits: no decoder gives more, so nothing under the pixel limit reaches the threshold. */
const DECODED_BYTES_PER_PIXEL_MAX = 16;

export type Pixels = { rgba: Uint8Array; width: number; height: number };

// The decoders of these alone are switched on: the others (SVG, PDF, …) run programs or read other files.
const LOADERS: Partial<Record<MediaName, string>> = {
  png: "VipsForeignLoadPng",
  jpeg: "VipsForeignLoadJpeg",
  gif: "VipsForeignLoadNsgif",
  webp: "VipsForeignLoadWebp",
  avif: "VipsForeignLoadHeif",
  heif: "VipsForeignLoadHeif",
  tiff: "VipsForeignLoadTiff",
};
// libvips puts decoded pictures of more than 100 MB (WebP for one) into a temporary file unless told otherwise. It reads
// this once, before its first picture, from the process's own environment: a worker thread must share that (SHARE_ENV).
process.env.VIPS_DISC_THRESHOLD = String(PICTURE_MAX_PIXELS * DECODED_BYTES_PER_PIXEL_MAX);
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: Object.values(LOADERS) });
// libvips keeps recent results for reuse; here that would be pictures that outlive their hash.
sharp.cache(false);

/** Whether there is a decoder for the format; a HEIC of this family may still turn out to need a codec that is not. */
export function isDecodable(name: MediaName): boolean {
  return LOADERS[name] !== undefined;
}

/**
 * Decodes the first frame.
 *
 * @param file - the encoded picture, its kind already known from its first bytes
 * @returns undefined when the picture is truncated, damaged or needs a codec that is missing. Files that decoders only
 *   warn about are decoded, as the reference and browsers decode them.
 */
export async function decodePixels(file: Uint8Array): Promise<Pixels | undefined> {
  const picture = sharp(file, {
    autoOrient: false,
    failOn: "truncated",
    ignoreIcc: true,
    limitInputPixels: PICTURE_MAX_PIXELS,
    pages: 1,
  });
  try {
    const { data, info } = await picture
      .timeout({ seconds: DECODE_TIMEOUT_SECONDS })
      .toColourspace("srgb")
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { rgba: toRgba(data, info.channels), width: info.width, height: info.height };
  } catch {
    // The decoder's message may quote the file; that it failed is all there is to say.
    return undefined;
  }
}

/** Grey pictures come with one channel and its opacity. */
function toRgba(pixels: Uint8Array, channels: number): Uint8Array {
  if (channels === 4) return pixels;
  if (channels !== 2) throw new RangeError(`decoder gave ${channels} channels`);
  const rgba = new Uint8Array(pixels.length * 2);
  for (let from = 0, to = 0; from < pixels.length; from += 2, to += 4) {
    rgba.fill(pixels[from] as number, to, to + 3);
    rgba[to + 3] = pixels[from + 1] as number;
  }
  pixels.fill(0);
  return rgba;
}
