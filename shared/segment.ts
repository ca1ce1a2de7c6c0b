/** Segments: content-addressed, one gzip member of NDJSON, opened by a salted header line. */

import { z } from "zod";
import { type Bytes, type Digest, digestOf, findUtf8, utf8Of } from "./bytes.ts";
import { gunzipExactly, gzip } from "./gzip.ts";
import { Publisher, SetName } from "./ids.ts";
import { jcs, parseJcsText } from "./jcs.ts";
import { createLineBuffer, type LineBuffer } from "./line-buffer.ts";
import { ExchangeError } from "./problem.ts";
import { Counter, closed, type ObjectOf, open, type ParseOptions, parseWith } from "./schema.ts";

export const LINE_MAX_BYTES = 16 * 1024;
/** Lines after the header. */
export const SEGMENT_MAX_LINES = 16_384;
/** Unpacked, header included: no Worker ever holds more of a release than this at once. */
export const SEGMENT_MAX_PLAIN_BYTES = 8 * 1024 * 1024;
/** As stored: content that does not compress grows by a few bytes a block. */
export const SEGMENT_MAX_BYTES = SEGMENT_MAX_PLAIN_BYTES + 64 * 1024;
/** The header line stands within this many unpacked bytes, so an upload can be told apart from anything else early. */
export const SEGMENT_HEADER_MAX_BYTES = 1024;
export const SALT_BYTES = 32;
const UTF8_MAX_BYTES_A_CHAR = 3; // per UTF-16 unit

function headerSchema(object: ObjectOf) {
  return object({
    kind: z.enum(["delta", "snapshot"]),
    publisher: Publisher,
    release: Counter,
    // 256 random bits: once the segment is destroyed, its digest proves nothing about what it held.
    salt: z.string().regex(/^[0-9a-f]{64}$/),
    set: SetName,
    v: z.literal(1),
  });
}

export const SegmentHeader = headerSchema(closed);
export type SegmentHeader = z.output<typeof SegmentHeader>;
const TolerantHeader = headerSchema(open);

/** What a manifest or index states about a segment. */
export type SegmentRef = { size: number; plain: number; digest: Digest };
/** What a segment must say about itself. */
export type SegmentPlace = Omit<SegmentHeader, "salt" | "v">;
export type EncodedSegment = SegmentRef & { bytes: Bytes };

/** Makes one gzip member without name, comment or other flags: the platform's, or one that runs beside the main thread. */
export type Compress = (plain: Bytes) => Promise<Bytes>;

/** @param lines - JCS texts without their LF; a delta's and a snapshot's are sorted by id */
export async function encodeSegment(
  header: SegmentHeader,
  lines: readonly string[],
  compress: Compress = gzip,
): Promise<EncodedSegment> {
  const gathered = gatherSegment(createLineBuffer(SEGMENT_MAX_PLAIN_BYTES), header);
  for (const line of lines) {
    if (!gathered.add(line)) throw new ExchangeError("segment_size", { lines: lines.length });
  }
  return gathered.encode(compress);
}

export type GatheredSegment = {
  /** @returns false when the segment is full. @throws ExchangeError `segment_line` */
  add(line: string): boolean;
  /** The buffer is free again when it resolves. */
  encode(compress?: Compress): Promise<EncodedSegment>;
};

/** A segment in the making, in a buffer of at most {@link SEGMENT_MAX_PLAIN_BYTES} that may be used for the next one. */
export function gatherSegment(buffer: LineBuffer, header: SegmentHeader): GatheredSegment {
  buffer.clear();
  buffer.add(jcs(parseWith(SegmentHeader, header, "segment_header")));
  let count = 0;
  return {
    add(line) {
      checkLine(line);
      if (count === SEGMENT_MAX_LINES || !buffer.add(line)) return false;
      count++;
      return true;
    },
    async encode(compress = gzip) {
      const plain = buffer.length();
      const bytes = await compress(buffer.bytes());
      return { bytes, digest: await digestOf(bytes), size: bytes.length, plain };
    },
  };
}

/**
 * A segment's header and lines: digest first, then exactly one bounded gzip member, then lines.
 *
 * @param place - when given, the header must say the same
 * @returns lines without their LF; what they hold is not looked at here
 * @throws ExchangeError `segment_size`, `segment_digest`, `segment_gzip`, `segment_line`, `segment_header`
 */
export async function decodeSegment(
  bytes: Uint8Array,
  ref: SegmentRef,
  place?: SegmentPlace,
  { strict = true }: ParseOptions = {},
): Promise<{ header: SegmentHeader; lines: string[] }> {
  if (bytes.length !== ref.size || bytes.length > SEGMENT_MAX_BYTES) throw new ExchangeError("segment_size");
  if (!Number.isSafeInteger(ref.plain) || ref.plain > SEGMENT_MAX_PLAIN_BYTES || ref.plain < 1) {
    throw new ExchangeError("segment_size", { max_bytes: SEGMENT_MAX_PLAIN_BYTES });
  }
  if ((await digestOf(bytes)) !== ref.digest) throw new ExchangeError("segment_digest");
  const text = findUtf8(await gunzipExactly(bytes, ref.plain));
  if (text === undefined) throw new ExchangeError("segment_line", { reason: "utf8" });
  if (!text.endsWith("\n")) throw new ExchangeError("segment_line", { reason: "no final LF" });
  const lines = text.split("\n");
  lines.pop();
  const header = parseSegmentHeader(lines.shift() as string, { strict });
  if (lines.length > SEGMENT_MAX_LINES) throw new ExchangeError("segment_size", { lines: lines.length });
  for (const line of lines) checkLine(line);
  if (place !== undefined) checkSegmentPlace(header, place);
  return { header, lines };
}

/** A segment's first line. @throws ExchangeError `segment_header` */
export function parseSegmentHeader(line: string, { strict = true }: ParseOptions = {}): SegmentHeader {
  if (line.length > SEGMENT_HEADER_MAX_BYTES) throw new ExchangeError("segment_header", { reason: "length" });
  let value: unknown;
  try {
    value = strict ? parseJcsText(line) : JSON.parse(line);
  } catch {
    throw new ExchangeError("segment_header", { reason: "json" });
  }
  return parseWith(strict ? SegmentHeader : TolerantHeader, value, "segment_header");
}

// A segment of another set, release or kind with a right digest is still the wrong segment (mix and match).
export function checkSegmentPlace(header: SegmentHeader, place: SegmentPlace): void {
  for (const member of ["kind", "publisher", "release", "set"] as const) {
    if (header[member] !== place[member]) throw new ExchangeError("segment_header", { path: `/${member}` });
  }
}

function checkLine(line: string): void {
  if (line === "") throw new ExchangeError("segment_line", { reason: "empty" });
  // Count exactly only where the cheap bound does not decide: most lines are short.
  if (line.length * UTF8_MAX_BYTES_A_CHAR > LINE_MAX_BYTES && utf8Of(line).length > LINE_MAX_BYTES) {
    throw new ExchangeError("segment_line", { reason: "length", max_bytes: LINE_MAX_BYTES });
  }
  if (line.includes("\n")) throw new ExchangeError("segment_line", { reason: "LF" });
}
