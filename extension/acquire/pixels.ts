// From an encoded picture to its perceptual hash, by the one decode path that agrees with the reference bit for bit.
import { neutraliseOrientation } from "@breakwater/shared/media/exif.ts";
import { hashPdq } from "@breakwater/shared/pdq/plain.ts";
import { bytesToHex } from "@noble/hashes/utils.js";
import { Unreadable } from "./bytes.ts";
import { ALPHA_MIN, PIXELS_MAX, SIDE_MIN_PX } from "./limits.ts";
import type { Hash } from "./reading.ts";

export type PdqHash = Extract<Hash, { alg: "pdq" }>;
export type Picture = { width: number; height: number; pdq?: PdqHash };

/** Colour management, premultiplied alpha and the EXIF turn each move up to half of the bits. */
const DECODE: ImageBitmapOptions = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/** A pattern drawn and read back: browsers that add noise against fingerprinting would give a hash of the noise. */
const CANARY_SIDE = 8;

function canvasIsFaithful(): boolean {
  const canvas = new OffscreenCanvas(CANARY_SIDE, CANARY_SIDE);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return false;
  const drawn = context.createImageData(CANARY_SIDE, CANARY_SIDE);
  for (let i = 0; i < drawn.data.length; i += 1) drawn.data[i] = i % 4 === 3 ? 255 : (i * 37) % 256;
  context.putImageData(drawn, 0, 0);
  const back = context.getImageData(0, 0, CANARY_SIDE, CANARY_SIDE).data;
  return drawn.data.every((value, i) => value === back[i]);
}

export async function decodePicture(bytes: Uint8Array<ArrayBuffer>, mime: string): Promise<Picture> {
  const upright = neutraliseOrientation(bytes);
  const bitmap = await createImageBitmap(
    new Blob([upright.bytes as Uint8Array<ArrayBuffer>], { type: mime }),
    DECODE,
  ).catch(() => {
    throw new Unreadable("undecodable");
  });
  if (upright.bytes !== bytes) upright.bytes.fill(0);
  try {
    return hashBitmap(bitmap);
  } finally {
    bitmap.close();
  }
}

/** Hashes at full size, or a part of it; any smaller copy made by a canvas is another picture to PDQ. */
export function hashBitmap(bitmap: ImageBitmap): Picture {
  const { width, height } = bitmap;
  if (width < SIDE_MIN_PX || height < SIDE_MIN_PX) throw new Unreadable("too_small");
  if (width * height > PIXELS_MAX) throw new Unreadable("too_large");
  if (!canvasIsFaithful()) return { width, height };
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Unreadable("undecodable");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  try {
    if (isOneColour(data)) throw new Unreadable("blank");
    // A canvas keeps colours multiplied by their opacity: under near-clear pixels they are gone.
    if (hasClearPixels(data)) return { width, height };
    const { hash, quality, ambiguousBits } = hashPdq(data, width, height);
    return { width, height, pdq: { alg: "pdq", value: bytesToHex(hash), quality, ambiguous_bits: ambiguousBits } };
  } finally {
    data.fill(0);
    context.clearRect(0, 0, width, height);
    canvas.width = 0;
  }
}

function isOneColour(rgba: Uint8ClampedArray): boolean {
  for (let i = 4; i < rgba.length; i += 1) if (rgba[i] !== rgba[i % 4]) return false;
  return true;
}

function hasClearPixels(rgba: Uint8ClampedArray): boolean {
  for (let i = 3; i < rgba.length; i += 4) if ((rgba[i] as number) < ALPHA_MIN) return true;
  return false;
}
