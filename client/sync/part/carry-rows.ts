/** Rows of segments that a new snapshot has as well: taken over from the part that holds them, under their new numbers. */

import type { SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { STATE_BUCKETS } from "@breakwater/shared/state.ts";
import type { PartSegment } from "./part-file.ts";
import type { PartReader } from "./read-part.ts";
import { type BucketPiece, ID_BYTES, PDQ_ROW_BYTES, ROW_BYTES, type ScannedRows } from "./scan-rows.ts";
import { isSorted, type PartWriter, recordBytesOf } from "./write-part.ts";

const BUCKET_BYTES = recordBytesOf("buckets");
const LAST_BUCKET = STATE_BUCKETS - 1;
const RECORDS_AT_ONCE = 16_384;
const NOT_CARRIED = -1;
const HEX = 16;

export class RowCarrier {
  readonly #part: PartReader;
  /** By number in the new index: which segment of the part it is. */
  readonly #from: readonly (number | undefined)[];
  /** By segment of the part: the new number of its first row. */
  readonly #newRows: number[];
  /** Buckets with rows of segments that are not taken over, on either side. */
  readonly #dirty: ReadonlySet<number>;
  #lastClean = -1;

  /**
   * @param part - its files digested, each segment verified when it was built
   * @param isWanted - which of its segments may be taken over
   */
  constructor(part: PartReader, index: SnapshotIndex, isWanted: (at: number) => boolean) {
    this.#part = part;
    this.#from = matchSegments(part, index, isWanted);
    this.#newRows = part.part.segments.map(() => NOT_CARRIED);
    this.#dirty = dirtyBuckets(part, index, this.#from);
  }

  /** Rows that are taken over. */
  get rows(): number {
    return this.#from.reduce((sum: number, at) => sum + (at === undefined ? 0 : this.#segment(at).entries), 0);
  }

  /** The segment of the part that stands at this place of the index. */
  find(at: number): PartSegment | undefined {
    const from = this.#from[at];
    return from === undefined ? undefined : this.#segment(from);
  }

  /** Its rows, as a scan would have given them; those of sorted files are left to {@link addSorted}. In order. */
  take(at: number, firstRow: number): ScannedRows {
    const from = this.#from[at] as number;
    this.#newRows[from] = firstRow;
    const old = this.#part.firstRows[from] as number;
    const { entries: count } = this.#segment(from);
    const ids = this.#part.read("ids", old, count, ID_BYTES);
    return {
      count,
      ids,
      locations: this.#part.read("locations", old, count, ROW_BYTES),
      records: this.#recordsOf(old, count, firstRow),
      // What a local brake would stop in them is held already, line for line.
      faults: [],
      pieces: this.#piecesOf(from, ids),
    };
  }

  /** After the last {@link take}: the files that are sorted by what they hold. */
  async addSorted(writer: PartWriter): Promise<void> {
    for (const name of this.#names()) if (isSorted(name)) await this.#addSortedFile(writer, name);
  }

  async #addSortedFile(writer: PartWriter, name: string): Promise<void> {
    const width = recordBytesOf(name);
    for (let at = 0; at < this.#part.countOf(name); at += RECORDS_AT_ONCE) {
      const count = Math.min(RECORDS_AT_ONCE, this.#part.countOf(name) - at);
      const records = this.#part.read(name, at, count, width);
      const view = new DataView(records.buffer);
      let kept = 0;
      for (let from = 0; from < records.length; from += width) {
        const row = this.#newRowOf(view.getUint32(from + width - ROW_BYTES));
        if (row === NOT_CARRIED) continue;
        records.copyWithin(kept, from, from + width);
        view.setUint32(kept + width - ROW_BYTES, row);
        kept += width;
      }
      await writer.append(name, records.subarray(0, kept));
    }
  }

  #newRowOf(row: number): number {
    const { firstRows } = this.#part;
    let [low, high] = [0, firstRows.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((firstRows[middle] as number) <= row) low = middle;
      else high = middle;
    }
    const first = this.#newRows[low] as number;
    return first === NOT_CARRIED ? NOT_CARRIED : first + row - (firstRows[low] as number);
  }

  /** Records that stand in the order of their rows, which is the number each begins with. */
  #recordsOf(old: number, count: number, firstRow: number): ScannedRows["records"] {
    const records: ScannedRows["records"] = {};
    for (const name of this.#names()) {
      const isPdq = name === "pdq-rows";
      if (!isPdq && !name.startsWith("rows-")) continue;
      const width = isPdq ? PDQ_ROW_BYTES : ROW_BYTES;
      const [from, until] = [this.#firstRecord(name, width, old), this.#firstRecord(name, width, old + count)];
      if (from === until) continue;
      const found = this.#part.read(name, from, until - from, width);
      const view = new DataView(found.buffer);
      for (let at = 0; at < found.length; at += width) view.setUint32(at, view.getUint32(at) - old + firstRow);
      records[name] = found;
      if (isPdq) records.pdq = this.#part.read("pdq", from, until - from, recordBytesOf("pdq"));
    }
    return records;
  }

  #firstRecord(name: string, width: number, row: number): number {
    let [low, high] = [0, this.#part.countOf(name)];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = new DataView(this.#part.read(name, middle, 1, width).buffer).getUint32(0);
      if (found < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A bucket whose rows are all taken over keeps its digest; of another, the bytes are wanted. */
  #piecesOf(from: number, ids: Uint8Array): BucketPiece[] {
    const pieces: BucketPiece[] = [];
    const old = this.#part.firstRows[from] as number;
    const count = ids.length / ID_BYTES;
    for (let row = 0; row < count; ) {
      const bucket = ids[row * ID_BYTES] as number;
      let next = row;
      while (next < count && ids[next * ID_BYTES] === bucket) next += 1;
      if (this.#dirty.has(bucket)) {
        pieces.push({ bucket, bytes: this.#part.linesOf(from, old + row, old + next) });
      } else if (bucket !== this.#lastClean) {
        this.#lastClean = bucket;
        pieces.push({ bucket, digest: this.#part.read("buckets", bucket, 1, BUCKET_BYTES) });
      }
      row = next;
    }
    return pieces;
  }

  #names(): string[] {
    return Object.keys(this.#part.part.files);
  }

  #segment(at: number): PartSegment {
    return this.#part.part.segments[at] as PartSegment;
  }
}

/** The same digest is the same bytes; whether they belong at this place the index says anew. */
function matchSegments(
  part: PartReader,
  index: SnapshotIndex,
  isWanted: (at: number) => boolean,
): (number | undefined)[] {
  const held = new Map(part.part.segments.map(({ digest }, at) => [digest, at]));
  let last = -1;
  return index.map(({ segment, size, plain, entries, from }, place) => {
    const at = held.get(segment);
    const found = at === undefined ? undefined : part.part.segments[at];
    if (at === undefined || found === undefined || at <= last || !isWanted(at)) return undefined;
    if (found.size !== size || found.plain !== plain || found.entries !== entries) return undefined;
    const until = index[place + 1]?.from;
    const [first, end] = idsOf(part, at);
    if (first < from || (until !== undefined && end >= until)) return undefined;
    last = at;
    return at;
  });
}

/** The first and the last id of a segment that has rows. */
function idsOf(part: PartReader, at: number): [first: string, last: string] {
  const [from, until] = [part.firstRows[at] as number, part.firstRows[at + 1] as number];
  return [part.idAt(from), part.idAt(until - 1)];
}

function dirtyBuckets(
  part: PartReader,
  index: SnapshotIndex,
  carried: readonly (number | undefined)[],
): ReadonlySet<number> {
  const dirty = new Set<number>();
  const add = (first: string, last: string | undefined) => {
    const end = last === undefined ? LAST_BUCKET : bucketOf(last);
    for (let bucket = bucketOf(first); bucket <= end; bucket++) dirty.add(bucket);
  };
  for (const [place, at] of carried.entries()) {
    if (at === undefined) add(index[place]?.from ?? "", index[place + 1]?.from);
  }
  const kept = new Set(carried);
  for (const [at, { entries }] of part.part.segments.entries()) {
    if (!kept.has(at) && entries > 0) add(...idsOf(part, at));
  }
  return dirty;
}

function bucketOf(id: string): number {
  return Number.parseInt(id.slice(0, 2), HEX);
}
