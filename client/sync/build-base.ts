/** A snapshot's segments, fetched several at a time and verified in threads, as the base of a copy (§2.13 step 15). */

import { statSync } from "node:fs";
import { join } from "node:path";
import { type Digest, digestHex } from "@breakwater/shared/bytes.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { type Manifest, parseIndex, type SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import { type BlobSource, obtainBlob, useBlob } from "./blobs.ts";
import type { RowCarrier } from "./part/carry-rows.ts";
import type { ScannedRows, ScanOptions } from "./part/scan-rows.ts";
import { buffersOf, LARGE_BYTES, type SegmentDone } from "./part/segment-job.ts";
import { openSegmentPool, type SegmentPool } from "./part/segment-pool.ts";
import { type BuiltPart, PartWriter } from "./part/write-part.ts";
import { checkSegmentPlace } from "./segment-place.ts";

/** Segments on their way for each thread: one that it works on, one that is ready, and one that is being fetched. */
const SEGMENTS_A_THREAD = 3;

// A network that failed, or an exchange that is busy, would fail on any other path as well: the next run goes on.
const PASSING = new Set<ProblemCode>(["fetch_failed", "busy", "rate_limited", "internal", "blob_gone"]);

export function isPassing({ code }: ExchangeError): boolean {
  return PASSING.has(code);
}

export type LoadContext = {
  source: BlobSource;
  setId: SetId;
  manifest: Manifest;
  /** The set's folder. */
  dir: string;
  blobsDir: string;
  scan: ScanOptions;
  /** Told after each segment: entries read so far, and how many there will be. */
  onProgress?: (done: number, total: number) => void;
};

/**
 * @param name - of the new folder for the part
 * @param addLast - what else belongs into it, once all rows are there
 * @param carrierOf - gives the rows that need not be scanned, once it is known which segments are wanted
 * @throws ExchangeError for the first segment that is not what was signed, `state_count`, `state_digest`
 */
export async function buildBase(
  context: LoadContext,
  name: string,
  addLast: (writer: PartWriter) => Promise<void>,
  carrierOf?: (index: SnapshotIndex) => Promise<RowCarrier | undefined>,
): Promise<BuiltPart> {
  const { source, blobsDir, manifest, dir } = context;
  const { index: digest, index_size: size } = manifest.snapshot;
  const bytes = await obtainBlob(source, blobsDir, digest, size);
  const index = await parseIndex(bytes, manifest.snapshot, { strict: false });
  const carrier = await carrierOf?.(index);
  const writer = await PartWriter.open(dir, name, "blobs");
  const pool = openSegmentPool(manifest.snapshot.entries - (carrier?.rows ?? 0), context.scan);
  try {
    await addSegments(context, index, { pool, carrier }, writer);
    await carrier?.addSorted(writer);
    await addLast(writer);
    const built = await writer.finish();
    checkState(manifest, built);
    return built;
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await pool.close();
  }
}

async function addSegments(
  context: LoadContext,
  index: SnapshotIndex,
  { pool, carrier }: { pool: SegmentPool; carrier: RowCarrier | undefined },
  writer: PartWriter,
): Promise<void> {
  const ahead: Promise<ScannedRows & { packed?: Uint8Array }>[] = [];
  const rowsOf = async (at: number, firstRow: number) =>
    carrier?.find(at) === undefined ? obtainRows(context, index, at, firstRow, pool) : carrier.take(at, firstRow);
  let [next, firstRow] = [0, 0];
  try {
    for (const [at, row] of index.entries()) {
      while (next < index.length && ahead.length < pool.width * SEGMENTS_A_THREAD) {
        const one = rowsOf(next, firstRow);
        one.catch(() => undefined); // told where it is waited for, in the order of the index
        ahead.push(one);
        firstRow += (index[next] as SnapshotIndex[number]).entries;
        next += 1;
      }
      const rows = await (ahead.shift() as (typeof ahead)[number]);
      await writer.add(rows, carrier?.find(at) ?? storedAs(context.blobsDir, row.segment, row.plain));
      context.onProgress?.(writer.rows, context.manifest.entries);
      // As in segment-job.ts: what is written down is let go of now, not when the collector finds it.
      for (const buffer of buffersOf(rows)) if (buffer.byteLength >= LARGE_BYTES) buffer.transfer(0);
    }
  } finally {
    // After a refusal nothing may still be written behind our back.
    await Promise.allSettled(ahead);
  }
}

async function obtainRows(
  { source, blobsDir, manifest, setId }: LoadContext,
  index: SnapshotIndex,
  at: number,
  firstRow: number,
  pool: SegmentPool,
): Promise<SegmentDone> {
  const { segment: digest, size, plain, from, entries } = index[at] as SnapshotIndex[number];
  const place = { firstRow, from, until: index[at + 1]?.from };
  const ref = { digest, size, plain };
  const done = await useBlob(source, blobsDir, digest, size, async (packed) => {
    const result = await pool.run({ packed, ref, place });
    return { result, bytes: result.packed };
  });
  checkSegmentPlace(done.header, setId, "snapshot", manifest.snapshot.release);
  if (done.count !== entries) throw new ExchangeError("segment_order", { segment: at });
  return done;
}

function storedAs(blobsDir: string, digest: Digest, plain: number) {
  const { size, mtimeMs } = statSync(join(blobsDir, digestHex(digest)));
  return { digest, size, plain, mtime_ms: mtimeMs };
}

function checkState({ snapshot }: Manifest, { ref, state }: BuiltPart): void {
  if (ref.rows !== snapshot.entries) {
    throw new ExchangeError("state_count", { expected: snapshot.entries, got: ref.rows });
  }
  if (state !== snapshot.state) throw new ExchangeError("state_digest", { release: snapshot.release });
}
