/** Whether a still format holds more than one frame, where its header or block structure tells. */
import { pngChunks, webpChunks } from "./chunks.ts";
import { ascii } from "./read-bytes.ts";
import type { MediaName } from "./sniff.ts";

const WEBP_ANIMATION_FLAG = 0x02;
const GIF_HEADER_BYTES = 13;
const GIF_IMAGE = 0x2c;
const GIF_EXTENSION = 0x21;

/** @returns undefined for formats that have no frames or do not tell cheaply */
export function isAnimated(name: MediaName, bytes: Uint8Array): boolean | undefined {
  if (name === "gif") return hasSecondGifImage(bytes);
  if (name === "avif") return ascii(bytes, 8, 4) === "avis";
  if (name === "png") return hasChunkBefore(bytes, "acTL", "IDAT");
  if (name === "webp") {
    for (const { type, start } of webpChunks(bytes)) {
      return type === "VP8X" && ((bytes[start] ?? 0) & WEBP_ANIMATION_FLAG) !== 0;
    }
    return false;
  }
  return undefined;
}

function hasChunkBefore(bytes: Uint8Array, wanted: string, end: string): boolean {
  for (const { type } of pngChunks(bytes)) {
    if (type === wanted) return true;
    if (type === end) return false;
  }
  return false;
}

// GIF89a: blocks follow each other; an image is a descriptor, an optional colour table and data sub-blocks.
function hasSecondGifImage(bytes: Uint8Array): boolean {
  let at = GIF_HEADER_BYTES + colourTableBytes(bytes[10] ?? 0);
  for (let images = 0; at < bytes.length; ) {
    const block = bytes[at];
    if (block === GIF_IMAGE) {
      images++;
      if (images === 2) return true;
      at = endOfSubBlocks(bytes, at + 11 + colourTableBytes(bytes[at + 9] ?? 0));
    } else if (block === GIF_EXTENSION) at = endOfSubBlocks(bytes, at + 2);
    else return false;
  }
  return false;
}

function colourTableBytes(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

function endOfSubBlocks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] as number);
  return at + 1;
}
