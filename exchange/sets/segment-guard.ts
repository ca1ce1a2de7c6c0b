/** Looks at what a segment unpacks to while it is on its way into the store: one gzip member of text, and nothing else. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { SEGMENT_MAX_PLAIN_BYTES } from "@breakwater/shared/segment.ts";

// As in shared/gzip.ts: a runtime may unpack a whole chunk before it looks at its reader.
const FEED_BYTES = 16 * 1024;

export type SegmentGuard = {
  /** @throws ExchangeError `blob_format` */
  pass(chunk: Uint8Array): Promise<void>;
  /** After the last chunk. @throws ExchangeError `blob_format` */
  end(): Promise<void>;
};

/**
 * A picture may stand behind a valid header line, packed or not. Admission would refuse it, but an upload waits a day for
 * its release, and until then the exchange would hold it and give it back to its uploader.
 *
 * Whether the lines are lines, and how long, admission says: it has the codes for that.
 */
export function guardSegment(): SegmentGuard {
  const gunzip = new DecompressionStream("gzip");
  const writer = gunzip.writable.getWriter();
  const read = readText(gunzip.readable.getReader());
  // It may fail between two chunks; whoever passes the next one is told.
  read.catch(() => {});
  const orFailed = <T>(work: Promise<T>): Promise<unknown> =>
    Promise.race([work.catch((cause: unknown) => read.then(() => Promise.reject(asRefusal(cause)))), read]);
  return {
    async pass(chunk) {
      for (let at = 0; at < chunk.length; at += FEED_BYTES) {
        await orFailed(writer.write(chunk.slice(at, at + FEED_BYTES)));
      }
    },
    async end() {
      await writer.close().catch(() => {});
      await read;
    },
  };
}

async function readText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > SEGMENT_MAX_PLAIN_BYTES) throw new ExchangeError("blob_format", { reason: "length" });
      if (decoder.decode(value, { stream: true }).includes("\0"))
        throw new ExchangeError("blob_format", { reason: "text" });
    }
    decoder.decode();
  } catch (cause) {
    throw asRefusal(cause);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function asRefusal(cause: unknown): ExchangeError {
  return cause instanceof ExchangeError ? cause : new ExchangeError("blob_format", { reason: "content" }, { cause });
}
