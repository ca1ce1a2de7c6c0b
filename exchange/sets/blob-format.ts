/** What may be stored as a blob: a gzip whose first line is the header of a segment or of a recall's list, or a JSON manifest or index. Everything else, pictures first of all, is refused. */

import { type Bytes, concatBytes, findUtf8 } from "@breakwater/shared/bytes.ts";
import { parseJcs } from "@breakwater/shared/jcs.ts";
import { Manifest, SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { RecallListHeader } from "@breakwater/shared/recall-list.ts";
import { MANIFEST_MAX_BYTES } from "@breakwater/shared/release.ts";
import { SEGMENT_HEADER_MAX_BYTES, SEGMENT_MAX_BYTES, SegmentHeader } from "@breakwater/shared/segment.ts";
import { guardSegment, type SegmentGuard } from "./segment-guard.ts";

/** How much of an upload is looked at before any of it is stored. */
export const START_MAX_BYTES = 64 * 1024;
export const BLOB_MAX_BYTES = Math.max(SEGMENT_MAX_BYTES, MANIFEST_MAX_BYTES);

const GZIP_MAGIC = [0x1f, 0x8b] as const;
const LINE_FEED = 0x0a;
const JSON_OPENINGS: ReadonlySet<number> = new Set([0x7b, 0x5b]); // { [

export type CheckedBlob = {
  format: "segment" | "json";
  publisher: string | undefined;
  body: Bytes | ReadableStream<Uint8Array>;
};

/**
 * Look at the start of an upload and decide whether its kind is one that is stored.
 *
 * @param size - as announced; the store holds the bytes to it
 * @returns the whole body again (nothing of it is lost), and whose it says it is
 * @throws ExchangeError `blob_format`, `blob_too_large`
 */
export async function checkBlobFormat(source: ReadableStream<Uint8Array>, size: number): Promise<CheckedBlob> {
  if (size > BLOB_MAX_BYTES) throw new ExchangeError("blob_too_large", { max_bytes: BLOB_MAX_BYTES });
  const reader = source.getReader();
  const start = await readAtLeast(reader, START_MAX_BYTES);
  try {
    if (start[0] === GZIP_MAGIC[0] && start[1] === GZIP_MAGIC[1]) {
      const header = parseHeader(await firstLine(start.subarray(0, START_MAX_BYTES)));
      return { format: "segment", publisher: header.publisher, body: rejoin(start, reader, guardSegment()) };
    }
    if (!JSON_OPENINGS.has(start[0] ?? 0)) throw new ExchangeError("blob_format");
    // Bounded, so the whole document is read and checked before a byte is stored.
    if (size > MANIFEST_MAX_BYTES) throw new ExchangeError("blob_too_large", { max_bytes: MANIFEST_MAX_BYTES });
    const bytes = concatBytes([start, await readAtLeast(reader, MANIFEST_MAX_BYTES + 1 - start.length)]);
    return { format: "json", publisher: publisherOfDocument(bytes), body: bytes };
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error;
  }
}

async function readAtLeast(reader: ReadableStreamDefaultReader<Uint8Array>, bytes: number): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  for (let size = 0; size < bytes; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.length;
  }
  return concatBytes(parts);
}

function rejoin(
  start: Uint8Array,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  guard: SegmentGuard,
): ReadableStream<Uint8Array> {
  let pending: Uint8Array | undefined = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = pending === undefined ? await reader.read() : { done: false, value: pending };
        pending = undefined;
        // Before it is handed on: the last bytes of a refused upload never reach the store, so it never becomes an object.
        await (done ? guard.end() : guard.pass(value));
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** The first line of a gzip, never more than {@link SEGMENT_HEADER_MAX_BYTES} of it kept. */
async function firstLine(packed: Bytes): Promise<Uint8Array> {
  const gunzip = new DecompressionStream("gzip");
  const writer = gunzip.writable.getWriter();
  // Not awaited: writing waits for reading. The start of a longer gzip ends in the middle, which is no fault here.
  writer.write(packed).catch(() => {});
  writer.close().catch(() => {});
  const reader = gunzip.readable.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    while (size <= SEGMENT_HEADER_MAX_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      const end = value.indexOf(LINE_FEED);
      parts.push(end === -1 ? value : value.subarray(0, end));
      size += value.length;
      if (end !== -1) return concatBytes(parts);
    }
  } catch (cause) {
    throw new ExchangeError("blob_format", { reason: "gzip" }, { cause });
  } finally {
    await reader.cancel().catch(() => {});
  }
  throw new ExchangeError("blob_format", { reason: "header" });
}

function parseHeader(line: Uint8Array): SegmentHeader | RecallListHeader {
  if (line.length > SEGMENT_HEADER_MAX_BYTES) throw new ExchangeError("blob_format", { reason: "header" });
  const value = parseOrRefuse(line);
  const segment = SegmentHeader.safeParse(value);
  if (segment.success) return segment.data;
  const list = RecallListHeader.safeParse(value);
  if (!list.success) throw new ExchangeError("blob_format", { reason: "header" });
  return list.data;
}

function publisherOfDocument(bytes: Uint8Array): string | undefined {
  const value = parseOrRefuse(bytes);
  const manifest = Manifest.safeParse(value);
  if (manifest.success) return manifest.data.publisher;
  if (SnapshotIndex.safeParse(value).success) return undefined;
  throw new ExchangeError("blob_format", { reason: "document" });
}

function parseOrRefuse(bytes: Uint8Array): unknown {
  if (findUtf8(bytes) === undefined) throw new ExchangeError("blob_format", { reason: "utf8" });
  try {
    return parseJcs(bytes);
  } catch (cause) {
    throw new ExchangeError("blob_format", { reason: "json" }, { cause });
  }
}
