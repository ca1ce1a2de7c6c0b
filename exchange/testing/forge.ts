/** Releases that no honest client makes: the composed one with a part of it changed, digests and signature made to fit. */

import { type Bytes, type Digest, digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import type { ComposedRelease } from "@breakwater/shared/compose.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import { FIRST_ENTRY_ID, type SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { encodeSegment, SEGMENT_MAX_LINES, type SegmentHeader } from "@breakwater/shared/segment.ts";
import { entryIdOf, stateDigest } from "@breakwater/shared/state.ts";

type Json = Record<string, unknown>;
export type Forged = { blobs: { digest: Digest; bytes: Bytes }[]; statement: Json; statementBytes: Bytes };
export type ForgedSegment = { bytes: Bytes; plain: number; size?: number };

async function blobOf(bytes: Bytes) {
  return { digest: await digestOf(bytes), bytes };
}

/** Another manifest, whatever it says; no schema is asked. */
export async function forgeManifest(
  composed: ComposedRelease,
  change: (manifest: Json) => Json | undefined,
  extra: Forged["blobs"] = [],
): Promise<Forged> {
  const copy = structuredClone(composed.manifest) as unknown as Json;
  const bytes = utf8Of(jcs(change(copy) ?? copy));
  const manifest = await blobOf(bytes);
  const statement = { ...composed.statement, manifest: manifest.digest, manifest_size: bytes.length };
  const kept = composed.blobs.filter(({ digest }) => digest !== composed.statement.manifest);
  return { blobs: [...kept, ...extra, manifest], statement, statementBytes: utf8Of(jcs(statement)) };
}

/** The one segment of release 1's snapshot replaced. */
export async function forgeSnapshotSegment(
  composed: ComposedRelease,
  segment: ForgedSegment,
  indexChange: (index: Json[]) => void = () => {},
): Promise<Forged> {
  const { digest } = await blobOf(segment.bytes);
  const indexBlob = composed.blobs.find((blob) => blob.digest === composed.manifest.snapshot.index);
  const index = parseJcs(indexBlob?.bytes ?? new Uint8Array()) as SnapshotIndex;
  const size = segment.size ?? segment.bytes.length;
  const rows = index.map((row) => ({ ...row, segment: digest, size, plain: segment.plain })) as unknown as Json[];
  indexChange(rows);
  const indexBytes = utf8Of(jcs(rows));
  const made = await blobOf(indexBytes);
  const packed = rows.reduce((sum, row) => sum + Number(row.size), 0);
  const entries = rows.reduce((sum, row) => sum + Number(row.entries), 0);
  return forgeManifest(
    composed,
    (manifest) => {
      const snapshot = {
        ...(manifest.snapshot as Json),
        index: made.digest,
        index_size: indexBytes.length,
        bytes: packed,
        entries,
      };
      return { ...manifest, snapshot, entries };
    },
    [made, { digest, bytes: segment.bytes }],
  );
}

/** The one segment of a release's own delta replaced. */
export async function forgeDeltaSegment(composed: ComposedRelease, segment: ForgedSegment): Promise<Forged> {
  const { digest } = await blobOf(segment.bytes);
  return forgeManifest(
    composed,
    (manifest) => {
      const deltas = manifest.deltas as { release: number; segments: Json[] }[];
      const own = deltas.at(-1);
      if (own !== undefined)
        own.segments = [{ segment: digest, size: segment.size ?? segment.bytes.length, plain: segment.plain }];
      return undefined;
    },
    [{ digest, bytes: segment.bytes }],
  );
}

/** A well-made segment of any lines. */
export async function segmentOf(place: Omit<SegmentHeader, "salt" | "v">, lines: string[]): Promise<ForgedSegment> {
  const { bytes, plain } = await encodeSegment({ ...place, salt: "cd".repeat(32), v: 1 } as SegmentHeader, lines);
  return { bytes, plain };
}

/** The whole snapshot of release 1 replaced by these lines, sorted by id, whatever they say: no schema is asked. */
export async function forgeSnapshot(composed: ComposedRelease, lines: readonly string[]): Promise<Forged> {
  const { publisher, set, release } = composed.statement;
  const blobs: Forged["blobs"] = [];
  const index: Json[] = [];
  for (let at = 0; at < lines.length; at += SEGMENT_MAX_LINES) {
    const some = lines.slice(at, at + SEGMENT_MAX_LINES);
    const segment = await segmentOf({ publisher, set, release, kind: "snapshot" }, some);
    const blob = await blobOf(segment.bytes);
    blobs.push(blob);
    const from = at === 0 ? FIRST_ENTRY_ID : entryIdOf(some[0] as string);
    index.push({
      entries: some.length,
      from,
      plain: segment.plain,
      segment: blob.digest,
      size: blob.bytes.length,
    });
  }
  const indexBlob = await blobOf(utf8Of(jcs(index)));
  const snapshot = {
    release,
    entries: lines.length,
    bytes: index.reduce((sum, { size }) => sum + Number(size), 0),
    index: indexBlob.digest,
    index_size: indexBlob.bytes.length,
    state: await stateDigest(lines),
  };
  const forged = await forgeManifest(composed, (manifest) => ({ ...manifest, snapshot, entries: lines.length }));
  return { ...forged, blobs: [...forged.blobs, ...blobs, indexBlob] };
}
