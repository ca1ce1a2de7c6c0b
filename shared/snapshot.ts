/** A snapshot packed as a whole, from entries in the order of their ids. */

import { type Bytes, type Digest, digestOf, hexOf } from "./bytes.ts";
import type { EntryChecker } from "./entries/checker.ts";
import { parseEntryId } from "./ids.ts";
import { FIRST_ENTRY_ID, indexBytes, type Manifest, type SnapshotIndex } from "./manifest.ts";
import { type PackedSegment, type Packing, packLines } from "./pack.ts";
import { ExchangeError } from "./problem.ts";
import { SALT_BYTES, type SegmentHeader } from "./segment.ts";
import { createStateDigest, entryIdOf } from "./state.ts";
import type { SetKind } from "./vocab/sets.ts";

export type Blob = { digest: Digest; bytes: Bytes };

/** A set's entries after the change: a map, or rows that a database or file gives in the order of their ids. */
export type EntrySource =
  | ReadonlyMap<string, string>
  | { count: number; lines: () => Iterable<string> | AsyncIterable<string> };

export type SnapshotRow = Manifest["snapshot"];
type Place = Pick<SegmentHeader, "publisher" | "set" | "release">;
type WholeInput = {
  entries: EntrySource;
  random: (length: number) => Uint8Array;
  packing?: Packing | undefined;
};

/** @param checker - for entries that nobody has checked yet */
export async function* packSnapshot(
  { entries, random, packing }: WholeInput,
  place: Place,
  checker: EntryChecker<SetKind> | undefined,
): AsyncGenerator<Blob, SnapshotRow, undefined> {
  const state = createStateDigest();
  const index: SnapshotIndex = [];
  async function* watched(): AsyncGenerator<string> {
    for await (const line of sortedLines(entries)) {
      checker?.check(line);
      state.add(line);
      yield line;
    }
  }
  for await (const packed of packLines(snapshotHeader(place, random), watched(), packing)) {
    index.push(indexRow(packed, index.length === 0 ? FIRST_ENTRY_ID : entryIdOf(packed.first)));
    yield { digest: packed.segment.digest, bytes: packed.segment.bytes };
  }
  if (state.count() !== countOf(entries)) throw new ExchangeError("state_count", { have: state.count() });
  return yield* packIndex(index, { release: place.release, state: await state.digest() });
}

export function countOf(entries: EntrySource): number {
  return entries instanceof Map ? entries.size : (entries as { count: number }).count;
}

function sortedLines(entries: EntrySource): Iterable<string> | AsyncIterable<string> {
  if (!(entries instanceof Map)) return (entries as { lines: () => Iterable<string> }).lines();
  return [...entries.keys()].sort().map((id) => entries.get(id) as string);
}

export function snapshotHeader(place: Place, random: WholeInput["random"]): () => SegmentHeader {
  return () => ({ ...place, kind: "snapshot", salt: hexOf(random(SALT_BYTES)), v: 1 });
}

export function indexRow({ segment, lines }: PackedSegment, from: string): SnapshotIndex[number] {
  return {
    entries: lines,
    from: parseEntryId(from),
    plain: segment.plain,
    segment: segment.digest,
    size: segment.size,
  };
}

export async function* packIndex(
  index: SnapshotIndex,
  { release, state }: Pick<SnapshotRow, "release" | "state">,
): AsyncGenerator<Blob, SnapshotRow, undefined> {
  const bytes = indexBytes(index);
  const digest = await digestOf(bytes);
  yield { digest, bytes };
  return {
    bytes: index.reduce((total, { size }) => total + size, 0),
    entries: index.reduce((total, { entries }) => total + entries, 0),
    index: digest,
    index_size: bytes.length,
    release,
    state,
  };
}
