/** Walks the chunks of a PNG (W3C PNG §5.3) and of a WebP (RIFF). */
import { ascii, uint32 } from "./read-bytes.ts";

export type Chunk = { type: string; start: number; end: number };

const PNG_SIGNATURE_BYTES = 8;
const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const PNG_CRC_BYTES = 4;

export function* pngChunks(bytes: Uint8Array): Generator<Chunk> {
  for (let at = PNG_SIGNATURE_BYTES; ; ) {
    const length = uint32(bytes, at, "big");
    const start = at + CHUNK_HEADER_BYTES;
    if (length === undefined || start + length + PNG_CRC_BYTES > bytes.length) return;
    yield { type: ascii(bytes, at + 4, 4), start, end: start + length };
    at = start + length + PNG_CRC_BYTES;
  }
}

/** A last chunk that claims more than there is ends with the bytes: decoders read such files. */
export function* webpChunks(bytes: Uint8Array): Generator<Chunk> {
  for (let at = RIFF_HEADER_BYTES; at + CHUNK_HEADER_BYTES <= bytes.length; ) {
    const length = uint32(bytes, at + 4, "little") ?? 0;
    const start = at + CHUNK_HEADER_BYTES;
    yield { type: ascii(bytes, at, 4), start, end: Math.min(start + length, bytes.length) };
    at = start + length + (length & 1);
  }
}
