/** Builds a part: scanned segments in the order of their ids become sorted fixed-width files and a state digest. */

import { createHash, type Hash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { PDQ_BYTES, SHA256_BYTES, SIGNALS, type SignalAlg } from "@breakwater/shared/signals/index.ts";
import { STATE_BUCKETS, stateDigestOfBuckets } from "@breakwater/shared/state.ts";
import { PRIVATE_DIR_MODE, syncDir } from "../../profile/private-files.ts";
import type { RowFault } from "../row-faults.ts";
import { FileWriter, type WrittenFile } from "./file-writer.ts";
import { type PartFile, type PartRef, type PartSegment, writePartFile } from "./part-file.ts";
import { type BucketPiece, ID_BYTES, PDQ_ROW_BYTES, ROW_BYTES, type ScannedRows } from "./scan-rows.ts";
import { SortedFile } from "./sorted-file.ts";

const FIXED_BYTES: Record<string, number> = {
  ids: ID_BYTES,
  locations: ROW_BYTES,
  pdq: PDQ_BYTES,
  "pdq-rows": PDQ_ROW_BYTES,
  url: SHA256_BYTES + ROW_BYTES,
  origins: ID_BYTES + ROW_BYTES,
  buckets: SHA256_BYTES,
};
const EXACT = "exact-";

/** Size of an index file's records. */
export function recordBytesOf(name: string): number {
  if (name.startsWith(EXACT)) {
    const type = SIGNALS[name.slice(EXACT.length) as SignalAlg];
    return (type.handling === "carried" ? 0 : type.bytes) + ROW_BYTES;
  }
  return FIXED_BYTES[name] ?? ROW_BYTES;
}

/** Records in the order of their bytes, not of their rows; the row stands at a record's end. */
export const isSorted = (name: string) => name.startsWith(EXACT) || name === "url";

export type BuiltPart = {
  ref: PartRef;
  part: PartFile;
  state: Digest;
  /** Rows that a local brake may hold, in the order of their ids. */
  faults: { row: number; fault: RowFault }[];
};

export class PartWriter {
  readonly #setDir: string;
  readonly #dir: string;
  readonly #stored: PartFile["stored"];
  readonly #segments: PartSegment[] = [];
  readonly #plain = new Map<string, FileWriter>();
  readonly #sorted = new Map<string, SortedFile>();
  readonly #state = new StateFold();
  readonly #faults: BuiltPart["faults"] = [];
  rows = 0;

  private constructor(setDir: string, dir: string, stored: PartFile["stored"]) {
    this.#setDir = setDir;
    this.#dir = dir;
    this.#stored = stored;
  }

  /** @param dir - the part's own new folder below the set's */
  static async open(setDir: string, dir: string, stored: PartFile["stored"]): Promise<PartWriter> {
    await mkdir(join(setDir, dir), { recursive: true, mode: PRIVATE_DIR_MODE });
    const writer = new PartWriter(setDir, dir, stored);
    await writer.#append("ids", new Uint8Array(0));
    await writer.#append("locations", new Uint8Array(0));
    return writer;
  }

  get path(): string {
    return join(this.#setDir, this.#dir);
  }

  async add(scanned: ScannedRows, segment: Omit<PartSegment, "entries">): Promise<void> {
    this.#segments.push({ ...segment, entries: scanned.count });
    await this.#append("ids", scanned.ids);
    await this.#append("locations", scanned.locations);
    for (const [name, records] of Object.entries(scanned.records)) await this.append(name, records);
    for (const piece of scanned.pieces) this.#state.add(piece);
    for (const fault of scanned.faults) this.#faults.push(fault);
    this.rows += scanned.count;
  }

  /** Further records of an index file. */
  async append(name: string, records: Uint8Array): Promise<void> {
    if (!isSorted(name)) return this.#append(name, records);
    let sorted = this.#sorted.get(name);
    if (sorted === undefined) {
      sorted = new SortedFile(join(this.path, name), recordBytesOf(name));
      this.#sorted.set(name, sorted);
    }
    await sorted.add(records);
  }

  async finish(): Promise<BuiltPart> {
    const buckets = this.#state.buckets();
    // With them a later snapshot that differs in a few segments is checked without reading the others.
    if (this.#stored === "blobs") await this.#append("buckets", Buffer.concat(buckets));
    const written: [string, WrittenFile][] = [];
    for (const [name, file] of this.#plain) written.push([name, await file.close()]);
    for (const [name, file] of this.#sorted) written.push([name, await file.finish()]);
    const files = Object.fromEntries(
      written.map(([name, file]) => [name, { ...file, count: file.size / recordBytesOf(name) }]),
    );
    const part: PartFile = { v: 1, rows: this.rows, stored: this.#stored, segments: this.#segments, files };
    const ref = await writePartFile(this.#setDir, this.#dir, part);
    await syncDir(this.#setDir);
    return { ref, part, state: await stateDigestOfBuckets(buckets), faults: this.#faults };
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    for (const file of this.#plain.values()) await file.abandon();
    for (const file of this.#sorted.values()) await file.abandon();
    await rm(this.path, { recursive: true, force: true });
  }

  async #append(name: string, records: Uint8Array): Promise<void> {
    let file = this.#plain.get(name);
    if (file === undefined) {
      file = await FileWriter.open(join(this.path, name));
      this.#plain.set(name, file);
    }
    await file.write(records);
  }
}

/** The state digest (shared/state.ts) from pieces of buckets that come in order. */
class StateFold {
  readonly #digests = new Array<Uint8Array | undefined>(STATE_BUCKETS);
  #bucket = -1;
  #hash: Hash | undefined;

  add({ bucket, bytes, digest }: BucketPiece): void {
    if (bucket < this.#bucket || (digest !== undefined && bucket === this.#bucket)) {
      throw new ExchangeError("segment_order", { bucket });
    }
    if (bucket > this.#bucket) this.#finish();
    this.#bucket = bucket;
    if (digest !== undefined) {
      this.#digests[bucket] = digest;
      return;
    }
    this.#hash ??= createHash("sha256");
    this.#hash.update(bytes);
  }

  buckets(): Uint8Array[] {
    this.#finish();
    const empty = createHash("sha256").digest();
    return Array.from(this.#digests, (digest) => digest ?? empty);
  }

  #finish(): void {
    if (this.#hash !== undefined) this.#digests[this.#bucket] = this.#hash.digest();
    this.#hash = undefined;
  }
}
