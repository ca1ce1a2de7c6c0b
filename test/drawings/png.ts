/** Drawings as PNG files (W3C PNG), made in memory. */
import { deflateSync } from "node:zlib";
import { joined, pngChunk } from "./chunk.ts";
import type { Drawing } from "./draw.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const BIT_DEPTH = 8;
const COLOUR_TYPES = { 3: 2, 4: 6 };

/** 8 bits a channel, no filter, no colour profile: a decoder gives back exactly the drawing's pixels. */
export function encodePng(drawing: Drawing): Uint8Array<ArrayBuffer> {
  return encode(drawing.rgb, drawing.width, drawing.height, 3);
}

/** The same with alpha, 4 bytes a pixel as given. */
export function encodePngRgba(rgba: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  return encode(rgba, width, height, 4);
}

function encode(pixels: Uint8Array, width: number, height: number, channels: 3 | 4): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([BIT_DEPTH, COLOUR_TYPES[channels]], 8);
  const rowBytes = width * channels;
  const filtered = new Uint8Array((rowBytes + 1) * height);
  for (let y = 0; y < height; y++) {
    filtered.set(pixels.subarray(y * rowBytes, (y + 1) * rowBytes), y * (rowBytes + 1) + 1);
  }
  return joined(
    SIGNATURE,
    pngChunk("IHDR", header),
    pngChunk("IDAT", deflateSync(filtered)),
    pngChunk("IEND", new Uint8Array()),
  );
}
