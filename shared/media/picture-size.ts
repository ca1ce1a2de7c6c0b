/** The pixel size that a picture's header states, so that a decompression bomb is refused before it is decoded. */
import { pngChunks, webpChunks } from "./chunks.ts";
import { jpegSegments } from "./jpeg-segments.ts";
import { ascii, uint16, uint32 } from "./read-bytes.ts";
import type { MediaName } from "./sniff.ts";

export type PictureSize = { width: number; height: number };
type FindSize = (bytes: Uint8Array) => PictureSize | undefined;

const FINDERS: Partial<Record<MediaName, FindSize>> = {
  png: ofPng,
  jpeg: ofJpeg,
  gif: (bytes) => sizeOf(uint16(bytes, 6, "little"), uint16(bytes, 8, "little")),
  webp: ofWebp,
  avif: ofHeif,
  heif: ofHeif,
  bmp: ofBmp,
};

// `ispe` lies in the item properties at the front of the file; a crafted one far behind is not worth a scan.
const HEIF_SEARCH_MAX_BYTES = 65_536;

/** @returns undefined where the format's header does not tell or cannot be read; a decoder has the last word */
export function findPictureSize(name: MediaName, bytes: Uint8Array): PictureSize | undefined {
  return FINDERS[name]?.(bytes);
}

function sizeOf(width: number | undefined, height: number | undefined): PictureSize | undefined {
  return width && height ? { width, height } : undefined;
}

function ofPng(bytes: Uint8Array): PictureSize | undefined {
  for (const { type, start } of pngChunks(bytes)) {
    return type === "IHDR" ? sizeOf(uint32(bytes, start, "big"), uint32(bytes, start + 4, "big")) : undefined;
  }
  return undefined;
}

function ofJpeg(bytes: Uint8Array): PictureSize | undefined {
  for (const { marker, start } of jpegSegments(bytes)) {
    // SOF0..SOF15 without DHT (C4), JPG (C8) and DAC (CC), which share the range.
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return sizeOf(uint16(bytes, start + 3, "big"), uint16(bytes, start + 1, "big"));
  }
  return undefined;
}

function ofWebp(bytes: Uint8Array): PictureSize | undefined {
  for (const { type, start } of webpChunks(bytes)) {
    if (type === "VP8X") return sizeOf(plusOne(uint24(bytes, start + 4)), plusOne(uint24(bytes, start + 7)));
    if (type === "VP8 ") {
      const [width, height] = [uint16(bytes, start + 6, "little"), uint16(bytes, start + 8, "little")];
      // The upper two bits are a scaling hint (RFC 6386 §9.1).
      return sizeOf(width && width & 0x3fff, height && height & 0x3fff);
    }
    if (type === "VP8L") {
      const packed = uint32(bytes, start + 1, "little");
      return packed === undefined ? undefined : sizeOf((packed & 0x3fff) + 1, ((packed >>> 14) & 0x3fff) + 1);
    }
  }
  return undefined;
}

// The largest `ispe`: a grid states its whole beside its tiles, and refusing by the largest refuses enough.
function ofHeif(bytes: Uint8Array): PictureSize | undefined {
  let largest: PictureSize | undefined;
  const end = Math.min(bytes.length, HEIF_SEARCH_MAX_BYTES);
  for (let at = bytes.indexOf(0x69); at >= 0 && at < end; at = bytes.indexOf(0x69, at + 1)) {
    if (ascii(bytes, at, 4) !== "ispe") continue;
    const size = sizeOf(uint32(bytes, at + 8, "big"), uint32(bytes, at + 12, "big"));
    if (size && (!largest || size.width * size.height > largest.width * largest.height)) largest = size;
  }
  return largest;
}

function ofBmp(bytes: Uint8Array): PictureSize | undefined {
  const headerSize = uint32(bytes, 14, "little");
  if (headerSize === 12) return sizeOf(uint16(bytes, 18, "little"), uint16(bytes, 20, "little"));
  const [width, height] = [uint32(bytes, 18, "little"), uint32(bytes, 22, "little")];
  // A negative height means rows from top to bottom.
  return sizeOf(width, height && Math.abs(height | 0));
}

function uint24(bytes: Uint8Array, at: number): number | undefined {
  const [low, high] = [uint16(bytes, at, "little"), bytes[at + 2]];
  return low === undefined || high === undefined ? undefined : low + high * 0x10000;
}

function plusOne(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value + 1;
}
