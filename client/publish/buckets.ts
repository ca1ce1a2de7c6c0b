/** Text records in as many files as bytes have values, so that what belongs together is read back together, and little at a time. */

import { appendFileSync, closeSync, fstatSync, mkdirSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { isFileError, PRIVATE_DIR_MODE, PRIVATE_FILE_MODE } from "../profile/private-files.ts";

export const BUCKETS = 256;
/** What a bucket gathers before it is written: 4 MiB for all of them. */
const HELD_BYTES = 16 * 1024;
const UTF8_MAX_BYTES_A_CHAR = 3; // per UTF-16 unit
const LINE_FEED = 0x0a;
const EXACT_HEX_DIGITS = 13;

/** Records as the bytes that they are: a text is made when somebody asks for it. */
export type Records = {
  count: number;
  /** @param from - byte within the record */
  textOf(record: number, from?: number, until?: number): string;
  /** Which record comes where when they are sorted by their first bytes, which are lower-case hex. */
  orderById(idChars: number): Int32Array;
};

export type Buckets = {
  /** @param record - without a line feed */
  add(bucket: number, record: string): void;
  /** All records of a bucket, in the order in which they were added; good until the next bucket is read. */
  read(bucket: number): Records;
  drop(bucket: number): void;
};

/**
 * Synchronous on purpose: a million records are added one by one, and the disk's own cache takes them at once. They are
 * held as bytes, because as strings they would outlive the young generation and the heap would grow with the list.
 *
 * @param dir - made when it is missing, readable by its owner only; whoever gave it removes it
 */
export function openBuckets(dir: string, name: string): Buckets {
  mkdirSync(dir, { recursive: true, mode: PRIVATE_DIR_MODE });
  const held = Buffer.allocUnsafeSlow(BUCKETS * HELD_BYTES);
  const lengths = new Int32Array(BUCKETS);
  let room = Buffer.alloc(0);
  const pathOf = (bucket: number) => join(dir, `${name}-${bucket.toString(16).padStart(2, "0")}`);

  function append(bucket: number, bytes: Uint8Array): void {
    appendFileSync(pathOf(bucket), bytes, { mode: PRIVATE_FILE_MODE });
  }

  function write(bucket: number): void {
    const length = lengths[bucket] as number;
    if (length === 0) return;
    append(bucket, held.subarray(bucket * HELD_BYTES, bucket * HELD_BYTES + length));
    lengths[bucket] = 0;
  }

  return {
    add(bucket, record) {
      const most = record.length * UTF8_MAX_BYTES_A_CHAR + 1;
      if ((lengths[bucket] as number) + most > HELD_BYTES) write(bucket);
      if (most > HELD_BYTES) return append(bucket, Buffer.from(`${record}\n`));
      let at = bucket * HELD_BYTES + (lengths[bucket] as number);
      at += held.write(record, at);
      held[at] = LINE_FEED;
      lengths[bucket] = at + 1 - bucket * HELD_BYTES;
    },
    read(bucket) {
      write(bucket);
      const length = readFileInto(pathOf(bucket), (size) => {
        if (room.length < size) room = Buffer.allocUnsafeSlow(size + size / 2);
        return room;
      });
      return recordsOf(room, length);
    },
    drop(bucket) {
      lengths[bucket] = 0;
      rmSync(pathOf(bucket), { force: true });
    },
  };
}

/** @returns how many bytes there are; 0 when there is no file */
function readFileInto(path: string, roomFor: (size: number) => Buffer): number {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if (isFileError(error, "ENOENT")) return 0;
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const room = roomFor(size);
    let length = 0;
    while (length < size) {
      const read = readSync(file, room, length, size - length, length);
      if (read === 0) throw new ExchangeError("copy_damaged", { reason: "publishing" });
      length += read;
    }
    return length;
  } finally {
    closeSync(file);
  }
}

function recordsOf(bytes: Buffer, length: number): Records {
  const ends: number[] = [];
  for (let at = bytes.indexOf(LINE_FEED); at >= 0 && at < length; at = bytes.indexOf(LINE_FEED, at + 1)) ends.push(at);
  const startOf = (record: number) => (record === 0 ? 0 : (ends[record - 1] as number) + 1);
  return {
    count: ends.length,
    textOf(record, from = 0, until) {
      const start = startOf(record);
      return bytes.toString("utf8", start + from, until === undefined ? (ends[record] as number) : start + until);
    },
    orderById(idChars) {
      // Thirteen digits after the bucket's own two are an exact number; the rest decides only between equals.
      const keys = Float64Array.from(ends, (_, record) => hexNumber(bytes, startOf(record) + 2, EXACT_HEX_DIGITS));
      const rest = (a: number, b: number) =>
        bytes.compare(bytes, startOf(b), startOf(b) + idChars, startOf(a), startOf(a) + idChars);
      return Int32Array.from(ends.keys()).sort((a, b) => (keys[a] as number) - (keys[b] as number) || rest(a, b));
    },
  };
}

function hexNumber(bytes: Buffer, start: number, digits: number): number {
  let number = 0;
  for (let at = start; at < start + digits; at++) {
    const code = bytes[at] as number;
    number = number * 16 + (code <= 0x39 ? code - 0x30 : code - 0x57);
  }
  return number;
}
