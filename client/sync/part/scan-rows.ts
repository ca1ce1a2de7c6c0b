/** All rows of one segment in one pass: ids, places, what indexes hold, what local brakes want to see, and the state's buckets. */

import { createHash } from "node:crypto";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { SEGMENT_MAX_LINES } from "@breakwater/shared/segment.ts";
import { SIGNALS, type SignalAlg } from "@breakwater/shared/signals/index.ts";
import { PDQ_BYTES } from "@breakwater/shared/signals/pdq.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { type BenignLine, makeBenign } from "../benign-lines.ts";
import { degenerateFault, type RowFault } from "../row-faults.ts";
import { type IndexView, levelsFrom } from "./index-view.ts";
import { LineScanner } from "./scan-line.ts";

export const ID_BYTES = 16;
export const ROW_BYTES = 4;
export const PDQ_ROW_BYTES = 8;
const BYTE_MAX = 255;

export type ScanOptions = {
  kind: SetKind;
  view: IndexView;
  /** Entries that are over by then are in no index. */
  nowMs: number;
  benign: readonly BenignLine[];
};
/** Where the rows belong: the number of the first one, and the range of ids (`until` exclusive). */
export type ScanPlace = { firstRow: number; from: string; until: string | undefined };

/** Part of a state bucket: digested when the whole bucket lies in the segment, else its bytes. */
export type BucketPiece = { bucket: number } & (
  | { digest: Uint8Array<ArrayBuffer>; bytes?: never }
  | { bytes: Uint8Array<ArrayBuffer>; digest?: never }
);

export type ScannedRows = {
  count: number;
  ids: Uint8Array<ArrayBuffer>;
  /** u32be each: where a row's line begins in its segment. */
  locations: Uint8Array<ArrayBuffer>;
  /** By index file: records in row order. */
  records: Record<string, Uint8Array<ArrayBuffer>>;
  faults: { row: number; fault: RowFault }[];
  pieces: BucketPiece[];
};

/**
 * @param plain - lines, each with its LF
 * @param firstLine - where the first entry's line begins
 * @throws ExchangeError `segment_line`, `segment_order`, `segment_size`
 */
export function scanRows(
  plain: Uint8Array,
  firstLine: number,
  { firstRow, from, until }: ScanPlace,
  options: ScanOptions,
): ScannedRows {
  const scanner = new LineScanner(plain);
  const ids = new Uint8Array(SEGMENT_MAX_LINES * ID_BYTES);
  const locations = new DataView(new ArrayBuffer(SEGMENT_MAX_LINES * ROW_BYTES));
  const indexed = new RowRecords(plain, scanner, options);
  let count = 0;
  for (let at = firstLine; at < plain.length; count++) {
    if (count === SEGMENT_MAX_LINES) throw new ExchangeError("segment_size", { lines: count + 1 });
    locations.setUint32(count * ROW_BYTES, at);
    at = scanner.read(at);
    readId(plain, scanner, ids, count * ID_BYTES);
    if (count > 0 && !isAfter(ids, count)) throw new ExchangeError("segment_order", { at: count });
    indexed.add(firstRow + count);
  }
  const kept = ids.slice(0, count * ID_BYTES);
  checkRange(kept, from, until);
  return {
    count,
    ids: kept,
    locations: new Uint8Array(locations.buffer.slice(0, count * ROW_BYTES)),
    records: indexed.take(),
    faults: indexed.faults,
    pieces: cutBuckets(plain, kept, locations),
  };
}

function checkRange(ids: Uint8Array, from: string, until: string | undefined): void {
  if (ids.length === 0) return;
  const first = hexAt(ids, 0);
  const last = hexAt(ids, ids.length - ID_BYTES);
  // A line outside its segment's range would be a second copy of an id.
  if (first < from || (until !== undefined && last >= until)) throw new ExchangeError("segment_order");
}

export function hexAt(ids: Uint8Array, at: number): string {
  return Buffer.from(ids.buffer, ids.byteOffset + at, ID_BYTES).toString("hex");
}

const NIBBLES = Int8Array.from({ length: 256 }, (_, byte) => "0123456789abcdef".indexOf(String.fromCharCode(byte)));

/** Lower-case hex only: one value has one spelling. @returns false when it is anything else */
function readHex(text: Uint8Array, from: number, bytes: number, into: Uint8Array, at: number): boolean {
  let wrong = 0;
  for (let i = 0; i < bytes; i++) {
    const high = NIBBLES[text[from + 2 * i] as number] as number;
    const low = NIBBLES[text[from + 2 * i + 1] as number] as number;
    wrong |= high | low;
    into[at + i] = (high << 4) | low;
  }
  return wrong >= 0;
}

export function readId(plain: Uint8Array, scanner: LineScanner, ids: Uint8Array, at: number): void {
  const from = scanner.fromOf("id");
  if (scanner.untilOf("id") - from !== 2 * ID_BYTES || from === 0 || !readHex(plain, from, ID_BYTES, ids, at)) {
    throw new ExchangeError("segment_line", { reason: "id" });
  }
}

function isAfter(ids: Uint8Array, row: number): boolean {
  for (let at = row * ID_BYTES, end = at + ID_BYTES; at < end; at++) {
    const difference = (ids[at] as number) - (ids[at - ID_BYTES] as number);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** Grows with what is put into it: most sets have one or two algorithms. */
class Records {
  bytes = new Uint8Array(0);
  used = 0;

  /** @returns where a record of so many bytes may be written; `bytes` may be another array from then on */
  next(recordBytes: number): number {
    if (this.used + recordBytes > this.bytes.length) {
      const grown = new Uint8Array(Math.max(recordBytes * 256, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    const at = this.used;
    this.used += recordBytes;
    return at;
  }
}

class RowRecords {
  readonly faults: ScannedRows["faults"] = [];
  readonly #plain: Uint8Array;
  readonly #scanner: LineScanner;
  readonly #options: ScanOptions;
  readonly #levels: ReadonlySet<string> | undefined;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #benign: ReturnType<typeof makeBenign>;
  readonly #byName = new Map<string, Records>();

  constructor(plain: Uint8Array, scanner: LineScanner, options: ScanOptions) {
    this.#plain = plain;
    this.#scanner = scanner;
    this.#options = options;
    const { only, min_verification: min } = options.view;
    this.#only = only && new Set<string>(only);
    this.#levels = min && levelsFrom(min);
    this.#benign = makeBenign(options.benign);
  }

  add(row: number): void {
    if (this.#options.kind === "hash") this.#addHash(row);
    else if (this.#options.kind === "url") this.#addUrl(row);
  }

  take(): ScannedRows["records"] {
    return Object.fromEntries([...this.#byName].map(([name, { bytes, used }]) => [name, bytes.slice(0, used)]));
  }

  #addHash(row: number): void {
    const scanner = this.#scanner;
    const alg = scanner.textOf("alg");
    if (alg === undefined || !scanner.has("value")) throw new ExchangeError("segment_line", { reason: "alg" });
    const isFound = this.#isFound() && (this.#only === undefined || this.#only.has(alg));
    const type = Object.hasOwn(SIGNALS, alg) ? SIGNALS[alg as SignalAlg] : undefined;
    if (type?.handling === "exact") this.#addExact(row, alg, type.bytes, isFound);
    else if (alg === "pdq") this.#addPdq(row, isFound);
    // The name becomes a file's: only those that are ours, never a text of the publisher's.
    else if (isFound && type !== undefined) this.#addRow(`rows-${alg}`, row);
    if (this.#benign.files > 0 && this.#benign.collides(alg, scanner.textOf("value") ?? "")) {
      this.faults.push({ row, fault: "benign" });
    }
  }

  #addExact(row: number, alg: string, digestBytes: number, isFound: boolean): void {
    const records = this.#of(`exact-${alg}`);
    const at = records.next(digestBytes + ROW_BYTES);
    this.#readValue(digestBytes, records.bytes, at);
    if (isFound) writeRow(records.bytes, at + digestBytes, row);
    else records.used = at;
  }

  #addPdq(row: number, isFound: boolean): void {
    const [hashes, rows] = [this.#of("pdq"), this.#of("pdq-rows")];
    const at = hashes.next(PDQ_BYTES);
    this.#readValue(PDQ_BYTES, hashes.bytes, at);
    const ambiguous = this.#scanner.numberOf("ambiguous_bits", 0);
    const fault = degenerateFault(hashes.bytes.subarray(at, at + PDQ_BYTES), ambiguous);
    if (fault !== undefined) this.faults.push({ row, fault });
    if (!isFound) {
      hashes.used = at;
      return;
    }
    const rowAt = rows.next(PDQ_ROW_BYTES);
    writeRow(rows.bytes, rowAt, row);
    rows.bytes[rowAt + 4] = Math.min(BYTE_MAX, this.#scanner.numberOf("quality", 0));
    rows.bytes[rowAt + 5] = Math.min(BYTE_MAX, ambiguous);
  }

  #addUrl(row: number): void {
    const scanner = this.#scanner;
    const url = scanner.textOf("url");
    const digest = url === undefined ? scanner.textOf("url_digest") : `sha256:${hashOf(url).digest("hex")}`;
    const scope = scanner.textOf("scope");
    if (digest === undefined || scope === undefined) throw new ExchangeError("segment_line", { reason: "url" });
    if (!this.#isFound()) return;
    const key = hashOf(`${scope}\n${digest}`).digest();
    const records = this.#of("url");
    const at = records.next(key.length + ROW_BYTES);
    records.bytes.set(key, at);
    writeRow(records.bytes, at + key.length, row);
  }

  #addRow(name: string, row: number): void {
    const records = this.#of(name);
    const at = records.next(ROW_BYTES);
    writeRow(records.bytes, at, row);
  }

  #readValue(bytes: number, into: Uint8Array, at: number): void {
    const from = this.#scanner.fromOf("value");
    const isWhole = this.#scanner.untilOf("value") - from === 2 * bytes;
    if (!isWhole || !readHex(this.#plain, from, bytes, into, at)) {
      throw new ExchangeError("segment_line", { reason: "value" });
    }
  }

  #isFound(): boolean {
    const scanner = this.#scanner;
    const isKnownLevel = this.#levels?.has(scanner.text(scanner.levelFrom, scanner.levelUntil)) ?? true;
    if (!isKnownLevel) return false;
    return !scanner.has("expires_at") || Date.parse(scanner.textOf("expires_at") ?? "") > this.#options.nowMs;
  }

  #of(name: string): Records {
    const found = this.#byName.get(name);
    if (found !== undefined) return found;
    const records = new Records();
    this.#byName.set(name, records);
    return records;
  }
}

function writeRow(bytes: Uint8Array, at: number, row: number): void {
  bytes[at] = row >>> 24;
  bytes[at + 1] = row >>> 16;
  bytes[at + 2] = row >>> 8;
  bytes[at + 3] = row;
}

function hashOf(text: string) {
  return createHash("sha256").update(text);
}

/** A bucket at either end may go on in the neighbouring segment, so whoever has both finishes it. */
function cutBuckets(plain: Uint8Array, ids: Uint8Array, locations: DataView): BucketPiece[] {
  const pieces: BucketPiece[] = [];
  const count = ids.length / ID_BYTES;
  for (let row = 0; row < count; ) {
    const bucket = ids[row * ID_BYTES] as number;
    let next = row;
    while (next < count && ids[next * ID_BYTES] === bucket) next += 1;
    const end = next < count ? locations.getUint32(next * ROW_BYTES) : plain.length;
    const bytes = plain.subarray(locations.getUint32(row * ROW_BYTES), end);
    const isEdge = row === 0 || next === count;
    if (isEdge) pieces.push({ bucket, bytes: new Uint8Array(bytes) });
    else pieces.push({ bucket, digest: new Uint8Array(createHash("sha256").update(bytes).digest()) });
    row = next;
  }
  return pieces;
}
