/** The index files of a copy's parts as records to search; made in memory for a copy that was stored before there were any. */

import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { type EntryByKind, parseEntry } from "@breakwater/shared/entries/index.ts";
import { urlKeyOf } from "@breakwater/shared/match/urls/keys.ts";
import { SIGNALS } from "@breakwater/shared/signals/index.ts";
import { parsePdq } from "@breakwater/shared/signals/pdq.ts";
import type { Copy, RowRef } from "../sync/index.ts";

/** A returned array is only read before the next call. */
export type Records = { count: number; read(offset: number, length: number): Uint8Array };

export type Part = {
  /** The same key, the same bytes: what was built over them can be used again. */
  key: string;
  firstRow: RowRef;
  records: ReadonlyMap<string, Records>;
  /** The same bytes under a new copy's descriptors: what is built over this part goes on reading through them. */
  rebind(fresh: Part): void;
};

const SCRATCH_BYTES = 4_096;
const ROW_BYTES = 4;
const PDQ_ROW_BYTES = 8;
const AMBIGUOUS_CAP = 255;

type FileRecords = Records & { fd: number };

export async function partsOf(copy: Copy): Promise<Part[]> {
  const files = copy.indexFiles();
  if (files.length === 0) return copy.entries === 0 ? [] : [await partInMemory(copy)];
  const parts: Part[] = [];
  for (const name of ["base", "patch"] as const) {
    const own = files.filter(({ part }) => part === name);
    if (own[0] === undefined) continue;
    const key = own.map(({ path, count }) => `${path} ${count}`).join("\n");
    parts.push(partOf(key, own[0].firstRow, new Map(own.map((file) => [file.name, recordsOf(file)]))));
  }
  return parts;
}

function partOf(key: string, firstRow: RowRef, records: ReadonlyMap<string, FileRecords>): Part {
  return {
    key,
    firstRow,
    records,
    rebind(fresh) {
      for (const [name, own] of records) own.fd = (fresh.records.get(name) as FileRecords).fd;
    },
  };
}

function recordsOf({ fd, count }: { fd: number; count: number }): FileRecords {
  const scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  const records: FileRecords = {
    fd,
    count,
    read(offset, length) {
      const into = length <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const bytes = readSync(records.fd, into, filled, length - filled, offset + filled);
        if (bytes === 0) break;
        filled += bytes;
      }
      return into.subarray(0, filled);
    },
  };
  return records;
}

/** Every line is read once: the next sync writes the files that make this needless. */
async function partInMemory(copy: Copy): Promise<Part> {
  const { kind } = copy.manifest.about;
  const rows = new Map<string, Uint8Array[]>();
  const add = (name: string, record: Uint8Array) => {
    const before = rows.get(name);
    if (before === undefined) rows.set(name, [record]);
    else before.push(record);
  };
  for await (const { id, line } of copy.rows()) {
    const row = copy.findRow(id) as RowRef;
    if (kind === "hash") addHash(add, row, parseEntry("hash", line, { strict: false }));
    if (kind === "url") {
      const key = urlKeyOf(parseEntry("url", line, { strict: false }), sha256Native);
      add("url", Buffer.concat([key, rowNumber(row)]));
    }
  }
  const records = new Map<string, Records>();
  for (const [name, own] of rows) {
    const isSorted = name === "url" || name.startsWith("exact-");
    records.set(name, memoryRecords(isSorted ? own.sort(Buffer.compare) : own));
  }
  return { key: `memory ${copy.current.statement} ${copy.current.switched_at}`, firstRow: 0, records, rebind() {} };
}

function addHash(add: (name: string, record: Uint8Array) => void, row: RowRef, entry: EntryByKind["hash"]): void {
  if (entry.alg === "pdq") {
    add("pdq", parsePdq(entry.value));
    add("pdq-rows", pdqRow(row, entry));
  } else if (entry.alg === "vpdq") add("rows-vpdq", rowNumber(row));
  else if (SIGNALS[entry.alg].handling === "exact") {
    add(`exact-${entry.alg}`, Buffer.concat([Buffer.from(entry.value, "hex"), rowNumber(row)]));
  }
}

function sha256Native(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

function rowNumber(row: RowRef): Buffer {
  const bytes = Buffer.alloc(ROW_BYTES);
  bytes.writeUInt32BE(row);
  return bytes;
}

function pdqRow(row: RowRef, { quality = 0, ambiguous_bits = 1 }: EntryByKind["hash"]): Buffer {
  const bytes = Buffer.alloc(PDQ_ROW_BYTES);
  bytes.writeUInt32BE(row);
  bytes.writeUInt8(quality, ROW_BYTES);
  bytes.writeUInt8(Math.min(AMBIGUOUS_CAP, ambiguous_bits), ROW_BYTES + 1);
  return bytes;
}

function memoryRecords(rows: readonly Uint8Array[]): Records {
  const bytes = Buffer.concat(rows);
  return { count: rows.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

export type PdqRow = { row: RowRef; quality: number; ambiguousBits: number };

export function readPdqRow(records: Records, at: number): PdqRow {
  const bytes = records.read(at * PDQ_ROW_BYTES, PDQ_ROW_BYTES);
  return { row: u32(bytes), quality: bytes[ROW_BYTES] as number, ambiguousBits: bytes[ROW_BYTES + 1] as number };
}

export function readRow(records: Records, at: number): RowRef {
  return u32(records.read(at * ROW_BYTES, ROW_BYTES));
}

function u32(bytes: Uint8Array): number {
  return (
    (((bytes[0] as number) << 24) |
      ((bytes[1] as number) << 16) |
      ((bytes[2] as number) << 8) |
      (bytes[3] as number)) >>>
    0
  );
}
