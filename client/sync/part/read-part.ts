/** A part as it lies on the disk: rows found by id, lines read from verified segments, index files handed out open. */

import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync } from "node:fs";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Digest } from "@breakwater/shared/bytes.ts";
import { FIRST_ENTRY_ID } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { isFileError } from "../../profile/private-files.ts";
import { type IdsFile, readFully, searchId } from "./find-id.ts";
import { digestNow, openSegment } from "./open-segment.ts";
import { indexPath, type PartFile, type PartRef, type PartSegment, readPartFile, segmentPath } from "./part-file.ts";
import { hexAt, ID_BYTES, ROW_BYTES } from "./scan-rows.ts";
import { SegmentCache } from "./segment-cache.ts";

const LF = 0x0a;
const VERIFY_CHUNK_BYTES = 1024 * 1024;

/** One for the process: however many sets are open, unpacked segments take no more than this. */
const cache = new SegmentCache();
/** Files that were digested by this process and are the same since; a base stays while patches come and go. */
const verified = new Set<string>();
const VERIFIED_MAX = 10_000;

export type PartOptions = {
  /** Digest every index file now. A sync that only adds to a part leaves that to whoever reads from it. */
  verify: boolean;
  /** Keep segments open too, so that a purge takes none away from a reader. */
  hold: boolean;
};

/** A row in the order of ids. Its line is read only when it is asked for. */
export type LiveRow = { id: string; row: number; segment: Digest; line: () => string };
export const FIRST_ID = FIRST_ENTRY_ID;

/** Rows of one segment, in order. */
type RowChunk = {
  firstRow: number;
  count: number;
  ids: Uint8Array;
  segment: Digest;
  lineOf: (at: number) => string;
};

export class PartReader {
  readonly ref: PartRef;
  readonly part: PartFile;
  readonly #setDir: string;
  readonly #fds = new Map<string, number>();
  readonly #segmentFds: (number | undefined)[] = [];
  readonly #firstRows: number[];

  private constructor(setDir: string, ref: PartRef, part: PartFile) {
    this.#setDir = setDir;
    this.ref = ref;
    this.part = part;
    this.#firstRows = [0];
    for (const { entries } of part.segments) this.#firstRows.push((this.#firstRows.at(-1) as number) + entries);
  }

  /** @throws ExchangeError `copy_damaged` */
  static async open(setDir: string, ref: PartRef, options: PartOptions): Promise<PartReader> {
    const reader = new PartReader(setDir, ref, await readPartFile(setDir, ref));
    try {
      for (const name of Object.keys(reader.part.files)) reader.#fds.set(name, openOrDamaged(reader.pathOf(name)));
      if (options.hold) for (const at of reader.part.segments.keys()) reader.#openSegmentFile(at);
      await reader.#check(options.verify);
    } catch (error) {
      reader.close();
      throw error;
    }
    return reader;
  }

  get rows(): number {
    return this.part.rows;
  }

  close(): void {
    for (const fd of this.#fds.values()) closeSync(fd);
    for (const fd of this.#segmentFds) if (fd !== undefined) closeSync(fd);
    this.#fds.clear();
    this.#segmentFds.length = 0;
  }

  pathOf(name: string): string {
    return indexPath(this.#setDir, this.ref, name);
  }

  fdOf(name: string): number {
    const fd = this.#fds.get(name);
    if (fd === undefined) throw new ExchangeError("copy_damaged", { reason: "closed" });
    return fd;
  }

  countOf(name: string): number {
    return this.part.files[name]?.count ?? 0;
  }

  search(id: string | Uint8Array): { row: number; found: boolean } {
    const ids: IdsFile = { fd: this.fdOf("ids"), count: this.rows };
    return searchId(ids, typeof id === "string" ? Buffer.from(id, "hex") : id);
  }

  /** Records of an index file. */
  read(name: string, from: number, count: number, recordBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(count * recordBytes);
    readFully(this.fdOf(name), bytes, from * recordBytes, bytes.length);
    return bytes;
  }

  /** @throws ExchangeError `copy_damaged` */
  lineAt(row: number): string {
    const at = this.#segmentOf(row);
    const location = this.read("locations", row, 1, ROW_BYTES);
    return lineIn(this.#linesOf(at, true), new DataView(location.buffer).getUint32(0));
  }

  /** Number of each segment's first row, and of all rows at the end. */
  get firstRows(): readonly number[] {
    return this.#firstRows;
  }

  /** Lines of rows of one segment, each with its LF. @throws ExchangeError `copy_damaged` */
  linesOf(at: number, fromRow: number, untilRow: number): Uint8Array<ArrayBuffer> {
    const lines = this.#linesOf(at, false);
    const startOf = (row: number) => new DataView(this.read("locations", row, 1, ROW_BYTES).buffer).getUint32(0);
    const end = untilRow === this.#firstRows[at + 1] ? lines.length : startOf(untilRow);
    return new Uint8Array(lines.subarray(startOf(fromRow), end));
  }

  idAt(row: number): string {
    return hexAt(this.read("ids", row, 1, ID_BYTES), 0);
  }

  /** Row by row, from an id on. @param firstRow - what is added to row numbers */
  *live(from: string = FIRST_ID, firstRow = 0): Generator<LiveRow> {
    const start = from === FIRST_ID ? 0 : this.search(from).row;
    for (const chunk of this.#chunks(start)) {
      for (let n = 0; n < chunk.count; n++) {
        const id = hexAt(chunk.ids, n * ID_BYTES);
        yield { id, row: firstRow + chunk.firstRow + n, segment: chunk.segment, line: () => chunk.lineOf(n) };
      }
    }
  }

  *#chunks(fromRow: number): Generator<RowChunk> {
    for (let at = fromRow < this.rows ? this.#segmentOf(fromRow) : this.part.segments.length; ; at++) {
      if (at >= this.part.segments.length) return;
      const firstRow = Math.max(fromRow, this.#firstRows[at] as number);
      const count = (this.#firstRows[at + 1] as number) - firstRow;
      if (count > 0) yield this.#chunk(at, firstRow, count);
    }
  }

  #chunk(at: number, firstRow: number, count: number): RowChunk {
    const locations = new DataView(this.read("locations", firstRow, count, ROW_BYTES).buffer);
    let lines: Buffer | undefined;
    const lineOf = (n: number) => {
      // Unpacked only when a line of it is wanted: a comparison skips segments that both sides have.
      lines ??= this.#linesOf(at, false);
      return lineIn(lines, locations.getUint32(n * ROW_BYTES));
    };
    const segment = (this.part.segments[at] as PartSegment).digest;
    return { firstRow, count, segment, ids: this.read("ids", firstRow, count, ID_BYTES), lineOf };
  }

  #segmentOf(row: number): number {
    let [low, high] = [0, this.part.segments.length];
    if (!(row >= 0 && row < this.rows)) throw new RangeError("no such row");
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#firstRows[middle] as number) <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  #linesOf(at: number, keep: boolean): Buffer {
    const segment = this.part.segments[at] as PartSegment;
    const held = cache.get(segment.digest);
    if (held !== undefined) return held;
    const fd = this.#segmentFds[at] ?? this.#openSegmentFile(at);
    const bytes = new Uint8Array(segment.size);
    readFully(fd, bytes, 0, bytes.length);
    const lines = this.#verifyLines(bytes, segment);
    if (keep) cache.put(segment.digest, lines);
    return lines;
  }

  #verifyLines(bytes: Uint8Array, segment: PartSegment): Buffer {
    if (this.part.stored === "plain") {
      if (digestNow(bytes) !== segment.digest) throw new ExchangeError("copy_damaged", { reason: "digest" });
      return bufferOf(bytes);
    }
    try {
      return bufferOf(openSegment(bytes, segment).plain);
    } catch (cause) {
      throw new ExchangeError("copy_damaged", { reason: "segment" }, { cause });
    }
  }

  #openSegmentFile(at: number): number {
    const fd = openOrDamaged(segmentPath(this.#setDir, this.ref, this.part, at));
    this.#segmentFds[at] = fd;
    return fd;
  }

  async #check(verify: boolean): Promise<void> {
    for (const [name, { size, digest }] of Object.entries(this.part.files)) {
      const fd = this.fdOf(name);
      const { size: found, ino, dev, mtimeMs, ctimeMs } = fstatSync(fd);
      if (found !== size) throw new ExchangeError("copy_damaged", { reason: "size" });
      const seen = `${dev}:${ino}:${mtimeMs}:${ctimeMs}:${digest}`;
      if (!verify || verified.has(seen)) continue;
      if ((await digestOfFile(fd, size)) !== digest) throw new ExchangeError("copy_damaged", { reason: "digest" });
      if (verified.size >= VERIFIED_MAX) verified.clear();
      verified.add(seen);
    }
  }
}

function openOrDamaged(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    if (!isFileError(cause, "ENOENT")) throw cause;
    throw new ExchangeError("copy_damaged", { reason: "file_missing" }, { cause });
  }
}

async function digestOfFile(fd: number, size: number): Promise<string> {
  const hash = createHash("sha256");
  const chunk = new Uint8Array(Math.min(size, VERIFY_CHUNK_BYTES));
  for (let at = 0; at < size; at += chunk.length) {
    const bytes = Math.min(chunk.length, size - at);
    readFully(fd, chunk, at, bytes);
    hash.update(chunk.subarray(0, bytes));
    await yieldToOthers(); // hundreds of megabytes of a large set, while the same process answers requests
  }
  return `sha256:${hash.digest("hex")}`;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function lineIn(lines: Buffer, from: number): string {
  const end = lines.indexOf(LF, from);
  if (end < 0) throw new ExchangeError("copy_damaged", { reason: "location" });
  return lines.toString("utf8", from, end);
}
