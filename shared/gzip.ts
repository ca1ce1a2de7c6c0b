/** One gzip member in, bounded bytes out: the only decoder, for every runtime (RFC 1952, DecompressionStream). */

import type { Bytes } from "./bytes.ts";
import { ExchangeError } from "./problem.ts";

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const MAGIC = [0x1f, 0x8b, 0x08] as const;
const FLAGS_AT = 3;
// A runtime may unpack a whole input chunk before it looks at the reader; deflate grows at most 1032 times, so this
// bounds what a bomb can make it hold to about 16 MiB. Chunks of 4 KiB take nearly three times as long.
const FEED_BYTES = 16 * 1024;

export async function gzip(plain: Uint8Array): Promise<Bytes> {
  const stream = new Blob([plain as Bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Unpack exactly one gzip member of exactly the stated length, and never hold more than that.
 *
 * @param plain - bytes of the unpacked content, as its manifest states them
 * @throws ExchangeError `segment_size` (the member's end states another length), `segment_gzip` (not one plain member,
 *   trailing bytes, wrong checksum, or an end that lies)
 */
export async function gunzipExactly(packed: Uint8Array, plain: number): Promise<Bytes> {
  checkFrame(packed, plain);
  const reader = feed(packed).pipeThrough(new DecompressionStream("gzip")).getReader();
  const out = new Uint8Array(plain);
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await read(reader);
      if (done) break;
      // The member's own end states `plain` (checkFrame), so it lies: what a runtime that unpacked more at once finds too.
      if (length + value.length > plain) throw new ExchangeError("segment_gzip", { reason: "length" });
      out.set(value, length);
      length += value.length;
    }
  } finally {
    // On a refusal the rest is never unpacked; after a clean end this does nothing. A stream that already failed
    // rejects again here, and that failure has been told.
    await reader.cancel().catch(() => undefined);
  }
  if (length !== plain) throw new ExchangeError("segment_gzip", { reason: "length" });
  return out;
}

// Flags other than 0 would carry a name, a comment or free bytes that nothing here ever reads, so nobody would see them.
// The last four bytes state the length: a lie is refused before anything is unpacked.
function checkFrame(packed: Uint8Array, plain: number): void {
  if (packed.length < HEADER_BYTES + TRAILER_BYTES || MAGIC.some((byte, i) => packed[i] !== byte)) {
    throw new ExchangeError("segment_gzip", { reason: "header" });
  }
  if (packed[FLAGS_AT] !== 0) throw new ExchangeError("segment_gzip", { reason: "flags" });
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (view.getUint32(packed.length - 4, true) !== plain) throw new ExchangeError("segment_size", { plain });
}

function feed(packed: Uint8Array): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream<Bytes>(
    {
      pull(controller) {
        if (at >= packed.length) return controller.close();
        controller.enqueue(packed.slice(at, at + FEED_BYTES) as Bytes);
        at += FEED_BYTES;
      },
    },
    { highWaterMark: 0 },
  );
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function read(reader: Reader): Promise<Awaited<ReturnType<Reader["read"]>>> {
  try {
    return await reader.read();
  } catch {
    // Engines word this differently; what they all mean is: not one whole member, or bytes after it.
    throw new ExchangeError("segment_gzip", { reason: "content" });
  }
}
