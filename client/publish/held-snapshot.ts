/** The own copy's snapshot, of which an erasure reads and packs anew only what it touches. */

import { parseDelta } from "@breakwater/shared/delta.ts";
import { type Manifest, parseIndex, type SegmentRow, type SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { decodeSegment } from "@breakwater/shared/segment.ts";
import type { HeldSnapshot, IsGone } from "@breakwater/shared/snapshot-repack.ts";
import { STATE_BUCKETS, stateDigestOfBuckets } from "@breakwater/shared/state.ts";
import { type BlobSource, obtainBlob } from "../sync/blobs.ts";
import { isPassing } from "../sync/build-base.ts";
import type { Copy } from "../sync/copy.ts";
import { readFully } from "../sync/part/find-id.ts";
import type { PartRef } from "../sync/part/part-file.ts";
import { PartReader } from "../sync/part/read-part.ts";
import { hexAt, ID_BYTES, ROW_BYTES } from "../sync/part/scan-rows.ts";
import { recordBytesOf } from "../sync/part/write-part.ts";
import { blobsDir } from "../sync/paths.ts";

/**
 * @returns undefined when the copy does not stand on the manifest's snapshot, was made without what its state is folded
 *   from, or its index is not to be had: then the snapshot is made anew as a whole
 */
export async function findHeldSnapshot(source: BlobSource, copy: Copy): Promise<HeldSnapshot | undefined> {
  try {
    return await openHeldSnapshot(source, copy);
  } catch (error) {
    if (isForAnotherRun(error)) throw error;
    return undefined;
  }
}

// What the exchange destroyed does not come back: an erasure that waited for it would fail for ever.
function isForAnotherRun(error: unknown): boolean {
  return !(error instanceof ExchangeError) || (isPassing(error) && error.code !== "blob_gone");
}

async function openHeldSnapshot(source: BlobSource, copy: Copy): Promise<HeldSnapshot | undefined> {
  const { current, manifest, dir } = copy;
  const { snapshot } = manifest;
  if (current.v !== 2 || current.index !== snapshot.index) return undefined;
  const buckets = await readBuckets(dir, current.rows.base);
  if (buckets === undefined || (await stateDigestOfBuckets(buckets)) !== snapshot.state) return undefined;
  const blobs = blobsDir(dir);
  const bytes = await obtainBlob(source, blobs, snapshot.index, snapshot.index_size);
  const index = await parseIndex(bytes, snapshot);
  const linesOf = async ({ segment: digest, size, plain }: SegmentRow) => {
    const packed = await obtainBlob(source, blobs, digest, size);
    return (await decodeSegment(packed, { digest, size, plain })).lines;
  };
  return {
    index,
    buckets,
    readLines: (at) => linesOf(index[at] as SnapshotIndex[number]),
    lacks: (id) => copy.findRow(id) === undefined,
    lackedIds: () => lackedIds(copy),
    carries: (delta, isGone) => isCarrying(delta, isGone, linesOf),
  };
}

/** One by one from the open files: nothing of the set is held for it. */
function* lackedIds(copy: Copy): Generator<string> {
  const files = copy.indexFiles();
  const dead = files.find(({ name, part }) => part === "patch" && name === "dead");
  const ids = files.find(({ name, part }) => part === "base" && name === "ids");
  if (dead === undefined || ids === undefined) return;
  const row = new Uint8Array(ROW_BYTES);
  const bytes = new Uint8Array(ID_BYTES);
  for (let at = 0; at < dead.count; at++) {
    readFully(dead.fd, row, at * ROW_BYTES, ROW_BYTES);
    readFully(ids.fd, bytes, new DataView(row.buffer).getUint32(0) * ID_BYTES, ID_BYTES);
    const id = hexAt(bytes, 0);
    // Replaced, or withdrawn and put again, is still there.
    if (copy.findRow(id) === undefined) yield id;
  }
}

async function readBuckets(setDir: string, ref: PartRef): Promise<Uint8Array[] | undefined> {
  const part = await PartReader.open(setDir, ref, { verify: false, hold: false });
  try {
    if (part.countOf("buckets") !== STATE_BUCKETS) return undefined;
    const width = recordBytesOf("buckets");
    return Array.from({ length: STATE_BUCKETS }, (_, at) => part.read("buckets", at, 1, width));
  } finally {
    part.close();
  }
}

async function isCarrying(
  { segments }: Manifest["deltas"][number],
  isGone: IsGone,
  linesOf: (segment: SegmentRow) => Promise<string[]>,
): Promise<boolean> {
  try {
    for (const segment of segments) {
      const changes = parseDelta(await linesOf(segment), { strict: false });
      if (changes.some(({ op, id }) => op === "put" && isGone(id))) return true;
    }
    return false;
  } catch (error) {
    // A delta that nobody can read may carry anything: it goes, and taking back does not wait for it.
    if (isForAnotherRun(error)) throw error;
    return true;
  }
}
