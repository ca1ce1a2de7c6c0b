/** Segments of a release on its way in, as checked rows: verified bytes, then lines, then entries of the set's kind. */

import { type Digest, sha256, utf8Of } from "@breakwater/shared/bytes.ts";
import { type Change, checkSorted, parseDelta } from "@breakwater/shared/delta.ts";
import { naturalKey, parseEntry } from "@breakwater/shared/entries/index.ts";
import { parseJcsText } from "@breakwater/shared/jcs.ts";
import type { SegmentRow, SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { decodeSegment } from "@breakwater/shared/segment.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";
import type { AudienceTier } from "@breakwater/shared/wire/sets.ts";
import type { Deps } from "../platform/deps.ts";
import { floorOfEntry, narrower } from "./audience.ts";
import { keepBlob, readBlob } from "./blob-store.ts";
import type { Proposal } from "./proposal.ts";
import type { StagedRow } from "./staging.ts";

/** Unpacked bytes that one request works through; beyond that a job does, one segment at a time. */
export const INLINE_MAX_PLAIN_BYTES = 16 * 1024 * 1024;

type SegmentAt = { segment: Digest; size: number; plain: number };
export type SnapshotLine = { id: string; line: string };

/**
 * How many lines the release's own delta has, as far as it matters.
 *
 * @returns `more` when there are more than `limit`, or so many bytes that nobody should wait for them
 */
export async function countDeltaLines(
  deps: Deps,
  proposal: Proposal,
  limit: number,
): Promise<{ counted: number; more: boolean }> {
  const plain = [...proposal.ownDelta, ...(proposal.newSnapshot ? proposal.index : [])];
  if (plain.reduce((sum, segment) => sum + segment.plain, 0) > INLINE_MAX_PLAIN_BYTES)
    return { counted: 0, more: true };
  let counted = 0;
  for (const segment of proposal.ownDelta) {
    if (counted > limit) return { counted, more: true };
    counted += (await readLines(deps, proposal, segment, "delta")).length;
  }
  return { counted, more: counted > limit };
}

/** One segment of a release's delta, its own unless told otherwise, as changes, sorted by id. */
export async function readDeltaSegment(
  deps: Deps,
  proposal: Proposal,
  segment: SegmentRow,
  release: number = proposal.manifest.release,
): Promise<Change[]> {
  return parseDelta(await readLines(deps, proposal, segment, "delta", release));
}

/** One segment of the snapshot, its lines inside its range and as many as the index says. */
export async function readSnapshotSegment(deps: Deps, proposal: Proposal, at: number): Promise<SnapshotLine[]> {
  const row = proposal.index[at] as SnapshotIndex[number];
  const until = proposal.index[at + 1]?.from;
  const texts = await readLines(deps, proposal, row, "snapshot");
  if (texts.length !== row.entries) throw new ExchangeError("index_invalid", { path: "/entries" });
  const lines = texts.map((line) => ({ id: entryIdOf(line), line }));
  checkSorted(lines);
  const first = lines[0]?.id ?? row.from;
  const last = lines.at(-1)?.id ?? row.from;
  if (first < row.from || (until !== undefined && last >= until))
    throw new ExchangeError("segment_order", { reason: "range" });
  return lines;
}

// Digest, frame and header are checked on every reading: the store is not what is trusted, the signed digest is.
async function readLines(
  deps: Deps,
  proposal: Proposal,
  { segment, size, plain }: SegmentAt,
  kind: "delta" | "snapshot",
  release: number = proposal.manifest.release,
) {
  const { publisher, set } = proposal.manifest;
  const bytes = await readBlob(deps, segment, size);
  const ref = { digest: segment, size, plain };
  const { header, lines } = await decodeSegment(bytes, ref);
  // A snapshot's segments may be older than it: those that an erasure did not touch keep their digest.
  const ofRelease = kind === "delta" ? header.release === release : header.release <= release;
  if (header.kind !== kind || header.publisher !== publisher || header.set !== set || !ofRelease) {
    throw new ExchangeError("segment_header", { digest: segment });
  }
  if (proposal.blobs.get(segment)?.state === "pending") await keepBlob(deps, segment, bytes);
  return lines;
}

export type CheckedRows = { rows: StagedRow[]; floor: AudienceTier };

/** Changes as rows, every entry strictly of the set's kind. @throws ExchangeError `entry_invalid`, `set_kind`, `category_not_hashable`, … */
export async function checkChanges({ set }: Proposal, changes: readonly Change[]): Promise<CheckedRows> {
  let floor: AudienceTier = "test";
  const rows = await Promise.all(
    changes.map(async (change): Promise<StagedRow> => {
      if (change.op === "del") return change;
      const entry = parseEntry(set.kind, change.line);
      floor = narrower(floor, floorOfEntry(set, entry));
      return { op: "put", id: change.id, line: change.line, naturalKey: await naturalKeyDigest(set.kind, entry) };
    }),
  );
  return { rows, floor };
}

type Kind = Proposal["set"]["kind"];
type Entry = ReturnType<typeof parseEntry>;

/** What the index over entries holds in place of the natural key, which may be longer than an index takes. */
export async function naturalKeyDigest(kind: Kind, entry: Entry): Promise<Uint8Array> {
  return naturalKeyDigestOf(kind, naturalKey(kind, entry));
}

export async function naturalKeyDigestOf(kind: Kind, key: string): Promise<Uint8Array> {
  return sha256(utf8Of(`${kind}\n${key}`));
}

/** A snapshot's lines are read as text only; where they become rows they are held to JCS like any other. */
export function asPuts(lines: readonly SnapshotLine[]): Change[] {
  return lines.map(({ id, line }) => {
    parseJcsText(line);
    return { op: "put", id, line };
  });
}
