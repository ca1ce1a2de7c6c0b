/** Composing a release: the one function behind the command, the console and the exchange's own signer. */

import { type About, parseAbout } from "./about.ts";
import { type Bytes, type Digest, digestOf, hexOf } from "./bytes.ts";
import { type Change, formatDeltaLine } from "./delta.ts";
import { createEntryChecker, type EntryChecker } from "./entries/checker.ts";
import { parseEntryId, parsePublisher, parseSetName } from "./ids.ts";
import {
  DELTAS_MAX,
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
import { type Blob, countOf, type EntrySource, packSnapshot } from "./snapshot.ts";
import { bucketOf, findCarrier, type HeldSnapshot, type IsGone, repackSnapshot } from "./snapshot-repack.ts";
import { entryIdOf } from "./state.ts";
import type { DeletionReason } from "./vocab/reasons.ts";
import type { SetKind } from "./vocab/sets.ts";

/** Deltas since the snapshot may weigh this share of it before a new snapshot is made. */
const SNAPSHOT_RENEWAL_SHARE = 4; // a quarter

export type { Blob, EntrySource } from "./snapshot.ts";
export type NewChange = { op: "put"; line: string } | { op: "del"; id: string; why: DeletionReason };

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
   * erasure: nothing that holders keep still has an earlier line of what changes here, or any line of what the set no
   * longer has; and they have a day to purge.
   * recovery: a fresh snapshot and no delta at all, which makes every holder load it (after a stolen key).
   * last: nothing may follow.
   */
  purpose?: "erasure" | "recovery" | "last";
  /** For an erasure: only what held the lines is packed anew. Without it the snapshot is made anew as a whole. */
  held?: HeldSnapshot | undefined;
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
  const erasure = await planErasure(input);
  const rows = previous === undefined ? [] : listDeltas(input, previous, { release: place.release, segments }, erasure);
  const snapshot = !needsSnapshot(input, rows)
    ? yield* keepSnapshot(input, erasure)
    : (findUnchanged(input, place.release, segments) ??
      (yield* packSnapshot(input, place, isUnchecked(input) ? checker : undefined)));
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

type Erasure = { isGone: IsGone; touched: ReadonlySet<number>; held: HeldSnapshot; carrier: number };

/**
 * What goes is what changes here, and whatever was withdrawn before: a value that was listed again since, under another
 * id, may still stand there under the old one.
 *
 * @returns undefined when the snapshot is not to be packed anew in part
 */
async function planErasure(input: ComposeInput): Promise<Erasure | undefined> {
  const { purpose, previous, entries, changes, held } = input;
  if (purpose !== "erasure" || previous === undefined || held === undefined) return undefined;
  const changed = new Set<string>();
  for await (const change of "sorted" in changes ? changes.sorted() : changes) {
    changed.add(change.op === "put" ? entryIdOf(change.line) : change.id);
  }
  const touched = new Set([...changed].map(bucketOf));
  for await (const id of held.lackedIds()) {
    if (entries instanceof Map && entries.has(id) && !changed.has(id)) {
      throw new ExchangeError("delta_invalid", { reason: "erased and still there" });
    }
    touched.add(bucketOf(id));
  }
  const isGone = (id: string) => changed.has(id) || held.lacks(id);
  return { isGone, touched, held, carrier: await findCarrier(manifestOf(previous).deltas, held, isGone) };
}

function listDeltas(
  { purpose }: ComposeInput,
  previous: NonNullable<ComposeInput["previous"]>,
  own: Manifest["deltas"][number],
  erasure: Erasure | undefined,
): Manifest["deltas"] {
  if (purpose === "recovery") return [];
  if (purpose === "erasure" && erasure === undefined) return [own];
  const before = manifestOf(previous).deltas.map((row) =>
    row.release === previous.statement.release ? { ...row, statement: previous.digest } : row,
  );
  return [...before.filter(({ release }) => release > (erasure?.carrier ?? 0)), own].slice(-DELTAS_MAX);
}

function needsSnapshot({ previous, purpose, held }: ComposeInput, rows: Manifest["deltas"]): boolean {
  if (previous === undefined || purpose === "recovery" || (purpose === "erasure" && held === undefined)) return true;
  const { release, bytes } = manifestOf(previous).snapshot;
  // Also when a delta that came after the snapshot carried what an erasure takes away: the list begins behind it.
  if ((rows[0]?.release ?? 0) > release + 1) return true;
  const since = rows.filter((row) => row.release > release).flatMap((row) => row.segments);
  return since.reduce((total, { size }) => total + size, 0) * SNAPSHOT_RENEWAL_SHARE > bytes;
}

/**
 * A list that no longer reaches back asks for a snapshot of a later release. Where no release since changed an entry it is
 * the one that everybody holds: an older segment may stand in a later snapshot.
 */
function findUnchanged(
  { previous, purpose }: ComposeInput,
  release: number,
  own: readonly SegmentRow[],
): Manifest["snapshot"] | undefined {
  if (previous === undefined || purpose === "erasure" || purpose === "recovery" || own.length > 0) return undefined;
  const { snapshot, deltas } = manifestOf(previous);
  const isChanged = deltas.some((row) => row.release > snapshot.release && row.segments.length > 0);
  return isChanged ? undefined : { ...snapshot, release };
}

/** Entries that no earlier release has brought past the exchange's checks are checked here line by line. */
function isUnchecked({ previous, purpose }: ComposeInput): boolean {
  return previous === undefined || purpose === "recovery";
}

async function* keepSnapshot(
  { previous, publisher, set, random, packing }: ComposeInput,
  erasure: Erasure | undefined,
): AsyncGenerator<Blob, Manifest["snapshot"], undefined> {
  const { snapshot } = manifestOf(previous as NonNullable<ComposeInput["previous"]>);
  if (erasure === undefined) return snapshot;
  return yield* repackSnapshot({ ...erasure, snapshot, publisher, set, random, packing });
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
