/** Gzip members made without a compressor, so that vectors are the same bytes on every machine. */

import { crc32 } from "node:zlib";
import { type Bytes, concatBytes } from "../../shared/bytes.ts";

const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
const STORED_MAX = 65_535;

function littleEndian(value: number, bytes: 2 | 4): Bytes {
  return Uint8Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 0xff);
}

export function trailer(plain: Uint8Array, statedLength = plain.length): Bytes {
  return concatBytes([littleEndian(crc32(plain), 4), littleEndian(statedLength, 4)]);
}

/** One member of stored (uncompressed) deflate blocks (RFC 1951 §3.2.4). */
export function storedGzip(plain: Uint8Array): Bytes {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < plain.length; at += STORED_MAX) {
    const part = plain.subarray(at, at + STORED_MAX);
    const isLast = at + STORED_MAX >= plain.length;
    blocks.push(
      Uint8Array.of(isLast ? 1 : 0),
      littleEndian(part.length, 2),
      littleEndian(~part.length & 0xffff, 2),
      part,
    );
  }
  return concatBytes([HEADER, ...blocks, trailer(plain)]);
}

/** One member of zeros in a fixed Huffman block (RFC 1951 §3.2.6): a literal, then matches of 258 at distance 1. */
export function zerosGzip(matches: number, statedLength: number): Bytes {
  const bits: number[] = [1, 1, 0]; // last block, fixed Huffman codes
  const code = (value: number, length: number) => {
    for (let i = length - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  code(0x30, 8); // literal 0
  for (let i = 0; i < matches; i++) {
    code(0xc5, 8); // length 258
    code(0, 5); // distance 1
  }
  code(0, 7); // end of block
  const body = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => {
    body[i >> 3] = (body[i >> 3] as number) | (bit << (i & 7));
  });
  return concatBytes([HEADER, body, trailer(new Uint8Array(1 + matches * 258), statedLength)]);
}
