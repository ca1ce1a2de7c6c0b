/** What a statement proposes: its manifest and index, held against the set's history and the blobs that are here. No row is touched. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import type { Change } from "@breakwater/shared/delta.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import {
  type Manifest,
  parseIndex,
  parseManifest,
  type SegmentRow,
  type SnapshotIndex,
} from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { ReleaseStatement } from "@breakwater/shared/release.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { floorOfAbout, requireAudience } from "./audience.ts";
import { type BlobRow, findBlobs, readBlob } from "./blob-store.ts";
import { findRelease } from "./reading.ts";
import type { SetRow } from "./tables.ts";

export type Proposal = {
  set: SetRow;
  statement: ReleaseStatement;
  digest: Digest;
  manifest: Manifest;
  index: SnapshotIndex;
  /** The segments of this release's own delta; empty for release 1 and for a recovery, whose rows come from the snapshot. */
  ownDelta: SegmentRow[];
  /** True when the rows are to become what the snapshot holds: release 1, and a recovery (no deltas). */
  replaces: boolean;
  /** True unless the release before named this very snapshot, which was checked then. */
  newSnapshot: boolean;
  /** Every blob that the manifest keeps alive, itself and its index included. */
  references: Digest[];
  blobs: Map<Digest, BlobRow>;
  /** After a restore: what the releases after the snapshot change in it, by id. Its rows then come from both. */
  overlay?: ReadonlyMap<string, Change>;
};

/** How many lines an admission of this proposal reads and writes, as its progress counts them. */
export function rowsOf({ index, replaces, newSnapshot }: Proposal, deltaLines: number): number {
  const snapshotRows = replaces || newSnapshot ? index.reduce((sum, row) => sum + row.entries, 0) : 0;
  return deltaLines + snapshotRows;
}

/**
 * @throws ExchangeError `blob_missing`, `blob_size_mismatch`, `blob_digest_mismatch`, `manifest_invalid`, `manifest_mismatch`,
 *   `index_invalid`, `set_kind`, `snapshot_missing`, `audience_too_wide`
 */
export async function openProposal(
  deps: Deps,
  { set, statement, digest }: { set: SetRow; statement: ReleaseStatement; digest: Digest },
): Promise<Proposal> {
  await requireBlobs(deps, [{ digest: statement.manifest, size: statement.manifest_size }]);
  const manifest = await parseManifest(await readBlob(deps, statement.manifest, statement.manifest_size), statement);
  const { about, snapshot } = manifest;
  if (about.kind !== set.kind) throw new ExchangeError("set_kind", { have: set.kind, got: about.kind });
  if (about.stream !== set.stream) throw new ExchangeError("set_kind", { have: set.stream, got: about.stream });
  requireAudience(set.audienceTier, floorOfAbout(set, about));

  const previous = statement.release === 1 ? undefined : await findRelease(deps, set.id, statement.release - 1);
  await requireHistory(deps, set.id, manifest);
  const own = manifest.deltas.find((row) => row.release === statement.release);
  const replaces = own === undefined;
  const newSnapshot = previous === undefined || jcs(previous.snapshot) !== jcs(snapshot);
  requireSnapshotNumber(manifest, newSnapshot, previous?.snapshot);

  await requireBlobs(deps, [{ digest: snapshot.index, size: snapshot.index_size }]);
  const index = await parseIndex(await readBlob(deps, snapshot.index, snapshot.index_size), snapshot);
  const segments = [...index, ...manifest.deltas.flatMap((row) => row.segments)];
  const blobs = await requireBlobs(
    deps,
    segments.map(({ segment, size }) => ({ digest: segment, size })),
  );
  const references = [statement.manifest, snapshot.index, ...segments.map(({ segment }) => segment)];
  const ownDelta = own?.segments ?? [];
  return { set, statement, digest, manifest, index, ownDelta, replaces, newSnapshot, references, blobs };
}

// A snapshot at an older release may only be the one held, re-packed by an erasure; at this release it is a new one.
function requireSnapshotNumber(
  manifest: Manifest,
  isNew: boolean,
  previous: Record<string, unknown> | undefined,
): void {
  const { release } = manifest.snapshot;
  if (!isNew || release === manifest.release || release === previous?.release) return;
  throw new ExchangeError("manifest_mismatch", { path: "/snapshot/release" });
}

/** What a manifest says of past releases is what those releases were: their statements and their segments. */
async function requireHistory({ sql }: Queries, setId: number, { deltas, release }: Manifest): Promise<void> {
  const past = deltas.filter((row) => row.release !== release);
  if (past.length === 0) return;
  const rows = await sql<{ release: number; digest: Digest; delta: SegmentRow[] }[]>`
    select release, digest, delta from releases
    where set_id = ${setId} and release >= ${past[0]?.release ?? 0} and release < ${release}`;
  const held = new Map(rows.map((row) => [row.release, row]));
  for (const row of past) {
    const known = held.get(row.release);
    if (known === undefined || known.digest !== row.statement || jcs(known.delta) !== jcs(row.segments)) {
      throw new ExchangeError("manifest_mismatch", { path: "/deltas", release: row.release });
    }
  }
}

/** @throws ExchangeError `blob_missing`, `blob_size_mismatch` */
async function requireBlobs(
  queries: Queries,
  wanted: readonly { digest: Digest; size: number }[],
): Promise<Map<Digest, BlobRow>> {
  const blobs = await findBlobs(
    queries,
    wanted.map(({ digest }) => digest),
  );
  for (const { digest, size } of wanted) {
    const blob = blobs.get(digest);
    if (blob === undefined || (blob.state !== "pending" && blob.state !== "kept")) {
      throw new ExchangeError("blob_missing", { digest });
    }
    if (blob.size !== size) throw new ExchangeError("blob_size_mismatch", { digest, size: blob.size });
  }
  return blobs;
}
