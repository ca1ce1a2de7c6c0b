/** From a verified statement to the entries it stands for: deltas where they reach, otherwise the snapshot (§2.13, 14 to 16). */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { applyChanges, checkSorted, parseDelta } from "@breakwater/shared/delta.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { type Manifest, manifestBlobs, parseIndex, type SegmentRow } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { decodeSegment } from "@breakwater/shared/segment.ts";
import { entryIdOf, stateDigest } from "@breakwater/shared/state.ts";
import { type BlobSource, findHeldBlob, obtainBlob } from "./blobs.ts";
import type { Origins } from "./origins.ts";

type DeltaRow = Manifest["deltas"][number];

export type LoadContext = {
  source: BlobSource;
  setId: SetId;
  manifest: Manifest;
  blobsDir: string;
  /** Told after each blob: entries read so far, and how many there will be. */
  onProgress?: (done: number, total: number) => void;
};

export type Loaded = { lines: string[]; state: Digest; origins: Origins; via: "deltas" | "snapshot" };

/** The rows that are held, the release they are at, and which release put them there. */
export type Base = { release: number; lines: readonly string[]; origins: Origins };

// A network that failed, or an exchange that is busy, would fail at the snapshot as well: the next run goes on.
const PASSING = new Set(["fetch_failed", "busy", "rate_limited", "internal", "blob_gone"]);

/**
 * @throws ExchangeError from the snapshot path when the deltas did not lead to the signed state either
 */
export async function loadEntries(context: LoadContext, base: Base | undefined): Promise<Loaded> {
  const deltas = base === undefined ? undefined : findDeltas(context.manifest, base.release);
  if (base === undefined || deltas === undefined) return loadSnapshot(context);
  try {
    return await loadDeltas(context, base, deltas);
  } catch (error) {
    if (!(error instanceof ExchangeError) || PASSING.has(error.code)) throw error;
    // A bad delta costs a reload, nothing else: the snapshot's state digest decides.
    return loadSnapshot(context);
  }
}

/** The deltas from the release held to the head, or undefined when the list does not reach back that far. */
function findDeltas({ deltas, release }: Manifest, held: number): DeltaRow[] | undefined {
  const wanted = deltas.filter((delta) => delta.release > held);
  return wanted.length === release - held ? wanted : undefined;
}

async function loadDeltas(context: LoadContext, base: Base, deltas: DeltaRow[]): Promise<Loaded> {
  const { manifest } = context;
  const entries = new Map(base.lines.map((line) => [entryIdOf(line), line]));
  const puts = new Map(base.origins.puts);
  for (const delta of deltas) {
    await applyDelta(context, entries, puts, delta);
    if (delta.release === manifest.snapshot.release) await checkSnapshotState(manifest, sortedLines(entries));
  }
  return finish(context, entries, { base: base.origins.base, puts }, "deltas");
}

async function loadSnapshot(context: LoadContext): Promise<Loaded> {
  const { manifest, source, blobsDir } = context;
  const { index: indexDigest, index_size: indexSize } = manifest.snapshot;
  const index = await parseIndex(await obtainBlob(source, blobsDir, indexDigest, indexSize), manifest.snapshot, {
    strict: false,
  });
  const lines: string[] = [];
  for (const [at, row] of index.entries()) {
    const read = await readSegment(context, row, "snapshot", manifest.snapshot.release);
    const items = read.map((line) => ({ id: entryIdOf(line) }));
    const [from, next] = [row.from, index[at + 1]?.from];
    // Sorted, each once, and inside the range that the index gives: a line elsewhere would be a second copy of an id.
    checkSorted(items, lines.length === 0 ? "" : entryIdOf(lines[lines.length - 1] as string));
    const [first, last] = [items[0]?.id, items[items.length - 1]?.id];
    if (
      read.length !== row.entries ||
      (first !== undefined && first < from) ||
      (next !== undefined && last !== undefined && last >= next)
    ) {
      throw new ExchangeError("segment_order", { segment: at });
    }
    for (const line of read) lines.push(line);
    context.onProgress?.(lines.length, manifest.entries);
  }
  await checkSnapshotState(manifest, lines);
  const entries = new Map(lines.map((line) => [entryIdOf(line), line]));
  const puts = new Map<string, number>();
  for (const delta of manifest.deltas) {
    if (delta.release > manifest.snapshot.release) await applyDelta(context, entries, puts, delta);
  }
  return finish(context, entries, { base: manifest.snapshot.release, puts }, "snapshot");
}

async function applyDelta(
  context: LoadContext,
  entries: Map<string, string>,
  puts: Map<string, number>,
  delta: DeltaRow,
): Promise<void> {
  for (const segment of delta.segments) {
    const lines = await readSegment(context, segment, "delta", delta.release);
    const changes = parseDelta(lines, { strict: false });
    applyChanges(entries, changes);
    for (const { op, id } of changes) {
      if (op === "put") puts.set(id, delta.release);
      else puts.delete(id);
    }
    context.onProgress?.(entries.size, context.manifest.entries);
  }
}

type SegmentRef = Pick<SegmentRow, "segment" | "size" | "plain">;

async function readSegment(
  context: LoadContext,
  ref: SegmentRef,
  kind: "delta" | "snapshot",
  release: number,
): Promise<string[]> {
  const { publisher, set } = context.setId;
  const { segment: digest, size, plain } = ref;
  const bytes = await obtainBlob(context.source, context.blobsDir, digest, size);
  const { header, lines } = await decodeSegment(bytes, { size, plain, digest }, undefined, { strict: false });
  // An untouched segment of an older snapshot is used again, so a snapshot's header may name an older release.
  const fits = kind === "delta" ? header.release === release : header.release <= release;
  if (header.kind !== kind || header.publisher !== publisher || header.set !== set || !fits) {
    throw new ExchangeError("segment_header", { reason: "place" });
  }
  return lines;
}

async function checkSnapshotState({ snapshot }: Manifest, lines: readonly string[]): Promise<void> {
  if (lines.length !== snapshot.entries) {
    throw new ExchangeError("state_count", { expected: snapshot.entries, got: lines.length });
  }
  if ((await stateDigest(lines)) !== snapshot.state)
    throw new ExchangeError("state_digest", { release: snapshot.release });
}

async function finish(
  context: LoadContext,
  entries: Map<string, string>,
  origins: Origins,
  via: Loaded["via"],
): Promise<Loaded> {
  const { manifest } = context;
  if (entries.size !== manifest.entries) {
    throw new ExchangeError("state_count", { expected: manifest.entries, got: entries.size });
  }
  const lines = sortedLines(entries);
  return { lines, state: await stateDigest(lines), origins, via };
}

function sortedLines(entries: ReadonlyMap<string, string>): string[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}

/**
 * Every blob that a manifest references, as far as it is known here: the index names the snapshot's segments, and when
 * it was never fetched none of them lies on this disk for its sake.
 */
export async function referencedBlobs(manifest: Manifest, blobsDir: string): Promise<Set<Digest>> {
  const keep = manifestBlobs(manifest);
  const bytes = await findHeldBlob(blobsDir, manifest.snapshot.index);
  if (bytes === undefined) return keep;
  for (const { segment } of await parseIndex(bytes, manifest.snapshot, { strict: false })) keep.add(segment);
  return keep;
}
