/** Segments of a release on its way in: verified bytes, then lines in their order and place. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { type Change, checkSorted, parseDelta } from "@breakwater/shared/delta.ts";
import type { SegmentRow, SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { decodeSegment } from "@breakwater/shared/segment.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";
import type { Deps } from "../platform/deps.ts";
import { keepBlob, readBlob } from "./blob-store.ts";
import type { Proposal } from "./proposal.ts";
import type { CheckedRows, RowChecker } from "./row-checker.ts";

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

/** One segment of a release's delta as changes, sorted by id; the entries in it were checked when it was admitted. */
export async function readDeltaSegment(
  deps: Deps,
  proposal: Proposal,
  segment: SegmentRow,
  release: number,
): Promise<Change[]> {
  return parseDelta(await readLines(deps, proposal, segment, "delta", release));
}

/** One segment of the release's own delta as rows, every entry strictly of the set's kind. */
export async function readOwnSegment(
  deps: Deps,
  proposal: Proposal,
  segment: SegmentRow,
  checker: RowChecker,
): Promise<CheckedRows> {
  const texts = await readLines(deps, proposal, segment, "delta");
  const checked = checker.changes(texts, segment.segment);
  checkSorted(checked.rows);
  return checked;
}

/** One segment of the snapshot, its lines inside its range and as many as the index says. */
export async function readSnapshotSegment(deps: Deps, proposal: Proposal, at: number): Promise<SnapshotLine[]> {
  const row = proposal.index[at] as SnapshotIndex[number];
  const until = proposal.index[at + 1]?.from;
  const texts = await readLines(deps, proposal, row, "snapshot", proposal.manifest.snapshot.release);
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
