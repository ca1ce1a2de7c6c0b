/** Fixed-width records into one file sorted bytewise, in memory that does not grow with their number. */

import type { FileHandle } from "node:fs/promises";
import { rm } from "node:fs/promises";
import { FileWriter, openNew, type WrittenFile } from "./file-writer.ts";

const BUCKETS = 256;
/** A bucket's records wait here until there are enough of them for one write. */
const BLOCK_BYTES = 16 * 1024;
/** Ties are broken by the row number at a record's end, which makes the order of equal digests the same everywhere. */
const KEY_BASE = 2 ** 21;

type Block = { at: number; bytes: number };

/**
 * Records are dealt out by their first byte and each bucket is sorted by itself. What does not fit into the buckets'
 * blocks waits in a file beside the result.
 */
export class SortedFile {
  readonly #path: string;
  readonly #recordBytes: number;
  readonly #buffers: (Uint8Array | undefined)[] = new Array(BUCKETS);
  readonly #used = new Uint32Array(BUCKETS);
  readonly #blocks: Block[][] = Array.from({ length: BUCKETS }, () => []);
  readonly #blockBytes: number;
  #spill: FileHandle | undefined;
  #spilled = 0;
  count = 0;

  constructor(path: string, recordBytes: number) {
    this.#path = path;
    this.#recordBytes = recordBytes;
    this.#blockBytes = Math.floor(BLOCK_BYTES / recordBytes) * recordBytes;
  }

  async add(records: Uint8Array): Promise<void> {
    const width = this.#recordBytes;
    for (let at = 0; at < records.length; at += width) {
      const bucket = records[at] as number;
      let used = this.#used[bucket] as number;
      if (used === this.#blockBytes) {
        await this.#spillOut(bucket);
        used = 0;
      }
      const buffer = this.#bufferOf(bucket, used + width);
      for (let i = 0; i < width; i++) buffer[used + i] = records[at + i] as number;
      this.#used[bucket] = used + width;
    }
    this.count += records.length / width;
  }

  /** Writes the file. The waiting ones are gone afterwards. */
  async finish(): Promise<WrittenFile> {
    const out = await FileWriter.open(this.#path);
    try {
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const records = await this.#read(bucket);
        if (records.length > 0) await out.write(sortRecords(records, this.#recordBytes));
      }
      return await out.close();
    } finally {
      await out.abandon();
      await this.abandon();
    }
  }

  async abandon(): Promise<void> {
    if (this.#spill === undefined) return;
    await this.#spill.close();
    this.#spill = undefined;
    await rm(this.#spillPath(), { force: true });
  }

  /** Small sets have a few records a bucket: a buffer grows to a block only where there is one to fill. */
  #bufferOf(bucket: number, bytes: number): Uint8Array {
    const held = this.#buffers[bucket];
    if (held !== undefined && held.length >= bytes) return held;
    const grown = new Uint8Array(Math.min(this.#blockBytes, Math.max(bytes, (held?.length ?? 0) * 4)));
    if (held !== undefined) grown.set(held);
    this.#buffers[bucket] = grown;
    return grown;
  }

  async #spillOut(bucket: number): Promise<void> {
    this.#spill ??= await openNew(this.#spillPath());
    const bytes = this.#used[bucket] as number;
    await this.#spill.write(this.#buffers[bucket] as Uint8Array, 0, bytes, this.#spilled);
    this.#blocks[bucket]?.push({ at: this.#spilled, bytes });
    this.#spilled += bytes;
    this.#used[bucket] = 0;
  }

  async #read(bucket: number): Promise<Uint8Array> {
    const blocks = this.#blocks[bucket] as Block[];
    const waiting = (this.#buffers[bucket] ?? new Uint8Array(0)).subarray(0, this.#used[bucket]);
    this.#buffers[bucket] = undefined;
    if (blocks.length === 0) return waiting;
    const spilled = blocks.reduce((total, { bytes }) => total + bytes, 0);
    const records = new Uint8Array(spilled + waiting.length);
    let filled = 0;
    for (const { at, bytes } of blocks) {
      const { bytesRead } = await (this.#spill as FileHandle).read(records, filled, bytes, at);
      if (bytesRead !== bytes) throw new Error("a spilled block is cut short");
      filled += bytes;
    }
    records.set(waiting, filled);
    return records;
  }

  #spillPath(): string {
    return `${this.#path}.spill`;
  }
}

/** @param records - all with the same first byte */
export function sortRecords(records: Uint8Array, width: number): Uint8Array {
  const count = records.length / width;
  const order = count <= KEY_BASE ? orderByPrefix(records, width, count) : orderByBytes(records, width, count);
  const sorted = new Uint8Array(records.length);
  for (let to = 0; to < count; to++) {
    const from = (order[to] as number) * width;
    for (let i = 0, at = to * width; i < width; i++) sorted[at + i] = records[from + i] as number;
  }
  return sorted;
}

/** Four bytes after the first decide nearly always, and with the position fit into one number that sorts natively. */
function orderByPrefix(records: Uint8Array, width: number, count: number): Uint32Array {
  const keys = new Float64Array(count);
  for (let n = 0; n < count; n++) {
    const at = n * width;
    const prefix =
      (((records[at + 1] as number) << 24) |
        ((records[at + 2] as number) << 16) |
        ((records[at + 3] as number) << 8) |
        (records[at + 4] as number)) >>>
      0;
    keys[n] = prefix * KEY_BASE + n;
  }
  keys.sort();
  const order = new Uint32Array(count);
  let tied = 0;
  for (let n = 0; n < count; n++) {
    const key = keys[n] as number;
    order[n] = key % KEY_BASE;
    const isLast = n + 1 === count || Math.floor((keys[n + 1] as number) / KEY_BASE) !== Math.floor(key / KEY_BASE);
    if (!isLast) continue;
    if (n > tied) order.subarray(tied, n + 1).sort((a, b) => compareRecords(records, width, a, b));
    tied = n + 1;
  }
  return order;
}

function orderByBytes(records: Uint8Array, width: number, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, n) => n);
  return order.sort((a, b) => compareRecords(records, width, a, b));
}

function compareRecords(records: Uint8Array, width: number, a: number, b: number): number {
  for (let i = 0; i < width; i++) {
    const difference = (records[a * width + i] as number) - (records[b * width + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
