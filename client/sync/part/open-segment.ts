/** A stored segment's bytes as the lines they hold: digest, then exactly one bounded gzip member, then UTF-8, all natively. */

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { crc32, inflateRawSync } from "node:zlib";
import type { Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import {
  SEGMENT_HEADER_MAX_BYTES,
  SEGMENT_MAX_BYTES,
  SEGMENT_MAX_PLAIN_BYTES,
  type SegmentRef,
} from "@breakwater/shared/segment.ts";

const LF = 0x0a;
// RFC 1952 §2.3: magic, deflate, no flags; then time, extra flags and system, which say nothing here.
const GZIP_HEADER = [0x1f, 0x8b, 0x08, 0x00] as const;
const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** Lines in memory, and where the first entry's begins. */
export type OpenedSegment = { plain: Uint8Array; header: string; firstLine: number };

/**
 * The same refusals as the one decoder in shared/, in the same order: digest first, nothing unpacked beyond `plain`.
 *
 * @throws ExchangeError `segment_size`, `segment_digest`, `segment_gzip`, `segment_line`, `segment_header`
 */
export function openSegment(packed: Uint8Array, ref: SegmentRef): OpenedSegment {
  if (packed.length !== ref.size || packed.length > SEGMENT_MAX_BYTES) throw new ExchangeError("segment_size");
  if (!Number.isSafeInteger(ref.plain) || ref.plain > SEGMENT_MAX_PLAIN_BYTES || ref.plain < 1) {
    throw new ExchangeError("segment_size", { max_bytes: SEGMENT_MAX_PLAIN_BYTES });
  }
  if (digestNow(packed) !== ref.digest) throw new ExchangeError("segment_digest");
  const plain = inflateExactly(packed, ref.plain);
  if (!isUtf8(plain)) throw new ExchangeError("segment_line", { reason: "utf8" });
  if (plain[plain.length - 1] !== LF) throw new ExchangeError("segment_line", { reason: "no final LF" });
  const headerEnd = plain.indexOf(LF);
  if (headerEnd > SEGMENT_HEADER_MAX_BYTES) throw new ExchangeError("segment_header", { reason: "length" });
  const header = plain.toString("utf8", 0, headerEnd);
  // No Buffer any more: its `slice` would be a view where everybody else's is a copy.
  return { plain: new Uint8Array(plain.buffer, plain.byteOffset, plain.length), header, firstLine: headerEnd + 1 };
}

/** SHA-256 without leaving the thread. */
export function digestNow(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function inflateExactly(packed: Uint8Array, plain: number): Buffer {
  const bodyBytes = packed.length - GZIP_HEADER_BYTES - GZIP_TRAILER_BYTES;
  if (bodyBytes < 0) throw new ExchangeError("segment_gzip", { reason: "header" });
  for (const [at, byte] of GZIP_HEADER.entries()) {
    if (packed[at] !== byte) throw new ExchangeError("segment_gzip", { reason: at === 3 ? "flags" : "header" });
  }
  const trailer = new DataView(packed.buffer, packed.byteOffset + packed.length - GZIP_TRAILER_BYTES);
  if (trailer.getUint32(4, true) !== plain) throw new ExchangeError("segment_size", { plain });
  const { buffer, consumed } = inflate(packed.subarray(GZIP_HEADER_BYTES), plain);
  // Less was consumed: bytes stand between the member's end and what we took for its trailer. More: the trailer is elsewhere.
  if (consumed !== bodyBytes) throw new ExchangeError("segment_gzip", { reason: "trailing" });
  if (buffer.length !== plain) throw new ExchangeError("segment_gzip", { reason: "length" });
  if (crc32(buffer) !== trailer.getUint32(0, true)) throw new ExchangeError("segment_gzip", { reason: "checksum" });
  return buffer;
}

function inflate(body: Uint8Array, plain: number): { buffer: Buffer; consumed: number } {
  try {
    // One chunk for all of it, so that nothing is copied together; `info` is in Node's documentation, not in its types.
    const options = { info: true, maxOutputLength: plain, chunkSize: Math.max(64, plain + 1) };
    const { buffer, engine } = inflateRawSync(body, options) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { buffer, consumed: engine.bytesWritten };
  } catch {
    // zlib's words differ by fault; what they all mean is: not one whole member of this length.
    throw new ExchangeError("segment_gzip", { reason: "content" });
  }
}
