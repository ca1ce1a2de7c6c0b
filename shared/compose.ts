/** Composing a release: the one function behind the command, the console and the exchange's own signer. */

import { type About, parseAbout } from "./about.ts";
import { type Bytes, type Digest, digestOf, hexOf } from "./bytes.ts";
import { type Change, formatDeltaLine } from "./delta.ts";
import { createEntryChecker, type EntryChecker } from "./entries/checker.ts";
import { parseEntryId, parsePublisher, parseSetName } from "./ids.ts";
import {
  DELTAS_MAX,
  FIRST_ENTRY_ID,
  indexBytes,
  type Manifest,
  manifestBytes,
  PURGE_ERASURE_SECONDS,
  PURGE_SECONDS,
  type SegmentRow,
} from "./manifest.ts";
import { type Packing, packLines } from "./pack.ts";
import { ExchangeError } from "./problem.ts";
import {
  checkNext,
  RELEASE_LIFETIME_MAX_SECONDS,
  type ReleaseLink,
  type ReleaseStatement,
  statementBytes,
} from "./release.ts";
import { SALT_BYTES, type SegmentHeader } from "./segment.ts";
import { createStateDigest, entryIdOf } from "./state.ts";
import type { DeletionReason } from "./vocab/reasons.ts";
import type { SetKind } from "./vocab/sets.ts";

/** Deltas since the snapshot may weigh this share of it before a new snapshot is made. */
const SNAPSHOT_RENEWAL_SHARE = 4; // a quarter

export type Blob = { digest: Digest; bytes: Bytes };
export type NewChange = { op: "put"; line: string } | { op: "del"; id: string; why: DeletionReason };

/** A set's entries after the change: a map, or rows that a database or file gives in the order of their ids. */
export type EntrySource =
  | ReadonlyMap<string, string>
  | { count: number; lines: () => Iterable<string> | AsyncIterable<string> };

/** What the release changes: in any order, or given one by one in the order of ids. Release 1 needs none. */
export type ChangeSource = readonly NewChange[] | { sorted: () => Iterable<NewChange> | AsyncIterable<NewChange> };

export type ComposeInput = {
  /** What it continues. A recovery continues a thief's statement, whose manifest need not be there any more. */
  previous?: ReleaseLink & { manifest?: Manifest };
  /** Read only for its size unless a snapshot is made. */
  entries: EntrySource;
  changes: ChangeSource;
  about: About;
  publisher: string;
  set: string;
  rootVersion: number;
  /** Integer seconds. */
  now: number;
  random: (length: number) => Uint8Array;
  /**
   * erasure: a fresh snapshot, no delta but this one, and a day to purge, so that nothing keeps what was deleted.
   * recovery: a fresh snapshot and no delta at all, which makes every holder load it (after a stolen key).
   * last: nothing may follow.
   */
  purpose?: "erasure" | "recovery" | "last";
  packing?: Packing;
};

/** A release without its blobs: those went out one by one. */
export type Composed = {
  manifest: Manifest;
  manifestBytes: Bytes;
  statement: ReleaseStatement;
  statementBytes: Bytes;
  digest: Digest;
};

export type ComposedRelease = Composed & {
  /** To be uploaded before the release; the manifest is among them. */
  blobs: Blob[];
};

/**
 * Everything of the next release but its signature, in memory. Pure: the same input and random bytes give the same release.
 *
 * @throws ExchangeError `delta_invalid`, `release_closed`, `release_time`, and what entries, about and segments refuse
 */
export async function composeRelease(input: ComposeInput): Promise<ComposedRelease> {
  const blobs: Blob[] = [];
  const composing = composeBlobs(input);
  for (;;) {
    const step = await composing.next();
    if (step.done) return { ...step.value, blobs };
    blobs.push(step.value);
  }
}

/**
 * As {@link composeRelease}, a blob at a time: nothing of the set is held but what is being packed.
 *
 * @returns when it ends, what is to be signed; until then nothing that was yielded means anything
 */
export async function* composeBlobs(input: ComposeInput): AsyncGenerator<Blob, Composed, undefined> {
  const { previous, now } = input;
  const about = parseAbout(input.about);
  const checker = createEntryChecker(about.kind);
  const place = {
    publisher: parsePublisher(input.publisher),
    set: parseSetName(input.set),
    release: (previous?.statement.release ?? 0) + 1,
  };
  const segments = yield* packDelta(input, place, checker);
  const rows = previous === undefined ? [] : listDeltas(input, previous, place.release, segments);
  const snapshot =
    previous !== undefined && !needsSnapshot(input, rows)
      ? manifestOf(previous).snapshot
      : yield* packSnapshot(input, place, checker);
  const manifest: Manifest = {
    about,
    deltas: rows,
    entries: countOf(input.entries),
    purge_by: now + (input.purpose === "erasure" ? PURGE_ERASURE_SECONDS : PURGE_SECONDS),
    snapshot,
    v: 1,
    ...place,
  };
  const bytes = fitManifest(manifest);
  const statement = makeStatement(input, place, { digest: await digestOf(bytes), size: bytes.length });
  const signed = statementBytes(statement);
  const digest = await digestOf(signed);
  checkNext(previous, { statement, digest });
  yield { digest: statement.manifest, bytes };
  return { manifest, manifestBytes: bytes, statement, statementBytes: signed, digest };
}

type Place = Pick<SegmentHeader, "publisher" | "set" | "release">;
type Checker = EntryChecker<SetKind>;

// The publisher's last look before a signature: what the exchange would refuse is refused here, before anything is sent.
async function* deltaLines({ changes, entries, previous }: ComposeInput, checker: Checker): AsyncGenerator<string> {
  let last = "";
  for await (const change of sortedChanges(changes, checker)) {
    const put = change.op === "put" ? checker.check(change.line) : undefined;
    const id = put?.id ?? parseEntryId((change as { id: string }).id);
    if (id <= last) throw new ExchangeError("delta_invalid", { reason: "an id twice" });
    last = id;
    if (previous === undefined && put === undefined) {
      throw new ExchangeError("delta_invalid", { reason: "nothing to delete from" });
    }
    if (entries instanceof Map && entries.get(id) !== put?.line) {
      throw new ExchangeError("delta_invalid", { reason: "entries differ" });
    }
    yield put === undefined ? formatDeltaLine({ ...change, id } as Change) : checker.formatPut(put);
  }
}

function sortedChanges(changes: ChangeSource, checker: Checker): Iterable<NewChange> | AsyncIterable<NewChange> {
  if ("sorted" in changes) return changes.sorted();
  const idOf = (change: NewChange) => (change.op === "put" ? checker.check(change.line).id : change.id);
  return changes
    .map((change) => ({ change, id: idOf(change) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ change }) => change);
}

function countOf(entries: EntrySource): number {
  return entries instanceof Map ? entries.size : (entries as { count: number }).count;
}

function manifestOf({ manifest }: NonNullable<ComposeInput["previous"]>): Manifest {
  if (manifest === undefined)
    throw new ExchangeError("manifest_mismatch", { reason: "the manifest before is missing" });
  return manifest;
}

/** Release 1 has no delta: its changes are only looked at. */
async function* packDelta(
  input: ComposeInput,
  place: Place,
  checker: Checker,
): AsyncGenerator<Blob, SegmentRow[], undefined> {
  const { random, packing, previous } = input;
  const rows: SegmentRow[] = [];
  const lines = deltaLines(input, checker);
  if (previous === undefined) {
    for await (const _ of lines);
    return rows;
  }
  const header = () => ({ ...place, kind: "delta" as const, salt: hexOf(random(SALT_BYTES)), v: 1 as const });
  for await (const { segment } of packLines(header, lines, packing)) {
    rows.push({ plain: segment.plain, segment: segment.digest, size: segment.size });
    yield { digest: segment.digest, bytes: segment.bytes };
  }
  return rows;
}

function listDeltas(
  { purpose }: ComposeInput,
  previous: NonNullable<ComposeInput["previous"]>,
  release: number,
  segments: SegmentRow[],
): Manifest["deltas"] {
  if (purpose === "recovery") return [];
  if (purpose === "erasure") return [{ release, segments }];
  const before = manifestOf(previous).deltas.map((row) =>
    row.release === previous.statement.release ? { ...row, statement: previous.digest } : row,
  );
  return [...before, { release, segments }].slice(-DELTAS_MAX);
}

function needsSnapshot({ previous, purpose }: ComposeInput, rows: Manifest["deltas"]): boolean {
  if (previous === undefined || purpose === "erasure" || purpose === "recovery") return true;
  const { release, bytes } = manifestOf(previous).snapshot;
  if ((rows[0]?.release ?? 0) > release + 1) return true;
  const since = rows.filter((row) => row.release > release).flatMap((row) => row.segments);
  return since.reduce((total, { size }) => total + size, 0) * SNAPSHOT_RENEWAL_SHARE > bytes;
}

/** Entries that no earlier release has brought past the exchange's checks are checked here line by line. */
async function* packSnapshot(
  { entries, random, packing, previous, purpose }: ComposeInput,
  place: Place,
  checker: Checker,
): AsyncGenerator<Blob, Manifest["snapshot"], undefined> {
  const isNew = previous === undefined || purpose === "recovery";
  const state = createStateDigest();
  const index: { entries: number; from: string; plain: number; segment: Digest; size: number }[] = [];
  const header = () => ({ ...place, kind: "snapshot" as const, salt: hexOf(random(SALT_BYTES)), v: 1 as const });
  async function* watched(): AsyncGenerator<string> {
    for await (const line of sortedLines(entries)) {
      if (isNew) checker.check(line);
      state.add(line);
      yield line;
    }
  }
  for await (const { segment, first, lines } of packLines(header, watched(), packing)) {
    const from = index.length === 0 ? FIRST_ENTRY_ID : entryIdOf(first);
    index.push({ entries: lines, from, plain: segment.plain, segment: segment.digest, size: segment.size });
    yield { digest: segment.digest, bytes: segment.bytes };
  }
  if (state.count() !== countOf(entries)) throw new ExchangeError("state_count", { have: state.count() });
  const bytes = indexBytes(index as Parameters<typeof indexBytes>[0]);
  const row: Manifest["snapshot"] = {
    bytes: index.reduce((total, { size }) => total + size, 0),
    entries: state.count(),
    index: await digestOf(bytes),
    index_size: bytes.length,
    release: place.release,
    state: await state.digest(),
  };
  yield { digest: row.index, bytes };
  return row;
}

function sortedLines(entries: EntrySource): Iterable<string> | AsyncIterable<string> {
  if (!(entries instanceof Map)) return (entries as { lines: () => Iterable<string> }).lines();
  return [...entries.keys()].sort().map((id) => entries.get(id) as string);
}

// Very large deltas make a long list; rows from before the snapshot only save some holders a reload, so they go first.
function fitManifest(manifest: Manifest): Bytes {
  for (;;) {
    try {
      return manifestBytes(manifest);
    } catch (error) {
      const isTooLarge = error instanceof ExchangeError && error.code === "manifest_too_large";
      const oldest = manifest.deltas[0]?.release;
      if (!isTooLarge || oldest === undefined || oldest > manifest.snapshot.release || oldest === manifest.release) {
        throw error;
      }
      manifest.deltas.shift();
    }
  }
}

function makeStatement(
  { previous, now, rootVersion, purpose }: ComposeInput,
  place: Place,
  manifest: { digest: Digest; size: number },
): ReleaseStatement {
  return {
    ...(purpose === "last" ? { closed: true as const } : {}),
    exp: now + RELEASE_LIFETIME_MAX_SECONDS,
    iat: now,
    manifest: manifest.digest,
    manifest_size: manifest.size,
    prev: previous?.digest ?? null,
    root: rootVersion,
    ...place,
  };
}
