/** Base and patch of a copy as one: the snapshot's rows, without those that later releases replaced or deleted, and theirs. */

import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Origins } from "./origins.ts";
import type { PartRef } from "./part/part-file.ts";
import { FIRST_ID, type LiveRow, type PartOptions, PartReader } from "./part/read-part.ts";
import { hexAt, ID_BYTES, ROW_BYTES } from "./part/scan-rows.ts";
import { recordBytesOf } from "./part/write-part.ts";
import type { CopyRows, IndexFile, RowRef } from "./rows.ts";

/** Rows between two pauses in which the process does something else. */
const YIELD_EVERY_ROWS = 1024;

export type RowsRef = {
  base: PartRef;
  /** Absent where nothing followed the snapshot. */
  patch?: PartRef | undefined;
  /** Rows of the base that no delta is known to have put are of this release or an earlier one. */
  origin: number;
};

export class OpenedRows implements CopyRows {
  readonly ref: RowsRef;
  readonly base: PartReader;
  readonly patch: PartReader | undefined;
  /** Rows of the base that the patch replaced or deleted, ascending. */
  readonly dead: Uint32Array;
  readonly origins: Origins;

  private constructor(ref: RowsRef, base: PartReader, patch: PartReader | undefined) {
    this.ref = ref;
    this.base = base;
    this.patch = patch;
    this.dead = patch === undefined ? new Uint32Array(0) : readRows(patch, "dead");
    this.origins = { base: ref.origin, puts: { get: (id) => this.#releaseOf(id) } };
  }

  /** @throws ExchangeError `copy_damaged` */
  static async open(setDir: string, ref: RowsRef, options: PartOptions): Promise<OpenedRows> {
    const base = await PartReader.open(setDir, ref.base, options);
    try {
      const patch = ref.patch && (await PartReader.open(setDir, ref.patch, options));
      return new OpenedRows(ref, base, patch);
    } catch (error) {
      base.close();
      throw error;
    }
  }

  get entries(): number {
    return this.base.rows - this.dead.length + (this.patch?.rows ?? 0);
  }

  findRow(id: string): RowRef | undefined {
    const patched = this.patch?.search(id);
    if (patched?.found) return this.base.rows + patched.row;
    const { row, found } = this.base.search(id);
    return found && this.isLive(row) ? row : undefined;
  }

  lineAt(row: RowRef): string {
    return row < this.base.rows ? this.base.lineAt(row) : (this.patch as PartReader).lineAt(row - this.base.rows);
  }

  isLive(row: RowRef): boolean {
    const at = lowerBound(this.dead, row);
    return this.dead[at] !== row;
  }

  async *rows({ from = FIRST_ID, until }: { from?: string; until?: string } = {}) {
    let count = 0;
    for (const { id, line } of this.live(from)) {
      if (until !== undefined && id >= until) return;
      if (++count % YIELD_EVERY_ROWS === 0) await yieldToOthers();
      yield { id, line: line() };
    }
  }

  *live(from = FIRST_ID): Generator<LiveRow> {
    const patched = this.patch === undefined ? [][Symbol.iterator]() : this.patch.live(from, this.base.rows);
    let next = patched.next();
    let dead = -1;
    for (const one of this.base.live(from)) {
      while (!next.done && next.value.id <= one.id) {
        yield next.value;
        next = patched.next();
      }
      if (dead < 0) dead = lowerBound(this.dead, one.row);
      if (this.dead[dead] === one.row) dead += 1;
      else yield one;
    }
    for (; !next.done; next = patched.next()) yield next.value;
  }

  indexFiles(): IndexFile[] {
    const base = filesOf(this.base, "base", 0);
    return this.patch === undefined ? base : [...base, ...filesOf(this.patch, "patch", this.base.rows)];
  }

  close(): void {
    this.base.close();
    this.patch?.close();
  }

  #releaseOf(id: string): number | undefined {
    const patched = this.patch?.search(id);
    if (patched?.found) return uint32At(this.patch as PartReader, "releases", patched.row, ROW_BYTES, 0);
    return findOrigin(this.base, id);
  }
}

function filesOf(part: PartReader, name: IndexFile["part"], firstRow: number): IndexFile[] {
  return Object.entries(part.part.files).map(([file, { count }]) => ({
    name: file,
    part: name,
    firstRow,
    path: part.pathOf(file),
    fd: part.fdOf(file),
    count,
  }));
}

export function readRows(part: PartReader, name: string): Uint32Array {
  const count = part.countOf(name);
  if (count === 0) return new Uint32Array(0);
  const view = new DataView(part.read(name, 0, count, ROW_BYTES).buffer);
  return Uint32Array.from({ length: count }, (_, at) => view.getUint32(at * ROW_BYTES));
}

const ORIGIN_BYTES = recordBytesOf("origins");

function findOrigin(base: PartReader, id: string): number | undefined {
  let [low, high] = [0, base.countOf("origins")];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = hexAt(base.read("origins", middle, 1, ORIGIN_BYTES), 0);
    if (found === id) return uint32At(base, "origins", middle, ORIGIN_BYTES, ID_BYTES);
    if (found < id) low = middle + 1;
    else high = middle;
  }
  return undefined;
}

function uint32At(part: PartReader, name: string, record: number, recordBytes: number, at: number): number {
  return new DataView(part.read(name, record, 1, recordBytes).buffer).getUint32(at);
}

/** Where a number stands in a sorted list, or would. */
export function lowerBound(sorted: Uint32Array, number: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
