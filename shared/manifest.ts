/** The manifest of a release and the index of its snapshot: content-addressed, digests only, replaced and purged. */

import { z } from "zod";
import { About, TolerantAbout } from "./about.ts";
import { type Bytes, digestOf, utf8Of } from "./bytes.ts";
import { Digest, EntryId, Publisher, SetName } from "./ids.ts";
import { jcs, parseJcs } from "./jcs.ts";
import { ExchangeError, type ProblemCode } from "./problem.ts";
import { MANIFEST_MAX_BYTES, type ReleaseStatement } from "./release.ts";
import {
  Count,
  Counter,
  closed,
  DAY_SECONDS,
  type ObjectOf,
  open,
  type ParseOptions,
  parseWith,
  refuse,
  Seconds,
} from "./schema.ts";
import { SEGMENT_MAX_BYTES, SEGMENT_MAX_LINES, SEGMENT_MAX_PLAIN_BYTES } from "./segment.ts";

/** Past releases whose deltas a manifest may list. */
export const DELTAS_MAX = 64;
export const INDEX_MAX_BYTES = 1024 * 1024;
export const PURGE_SECONDS = 7 * DAY_SECONDS;
export const PURGE_ERASURE_SECONDS = DAY_SECONDS;
export const PURGE_MAX_SECONDS = 30 * DAY_SECONDS;
export const FIRST_ENTRY_ID = "0".repeat(32);

const size = z.int().positive().max(SEGMENT_MAX_BYTES);
const plain = z.int().positive().max(SEGMENT_MAX_PLAIN_BYTES);

function manifestSchema(object: ObjectOf, about: typeof About) {
  const segment = object({ plain, segment: Digest, size });
  return object({
    about,
    deltas: z
      .array(object({ release: Counter, segments: z.array(segment), statement: Digest.optional() }))
      .max(DELTAS_MAX),
    entries: Count,
    publisher: Publisher,
    purge_by: Seconds,
    release: Counter,
    set: SetName,
    snapshot: object({
      bytes: Count,
      entries: Count,
      index: Digest,
      index_size: z.int().positive().max(INDEX_MAX_BYTES),
      release: Counter,
      state: Digest,
    }),
    v: z.literal(1),
  }).superRefine(checkManifest);
}

type ManifestShape = {
  deltas: { release: number; statement?: string | undefined }[];
  entries: number;
  release: number;
  snapshot: { release: number; entries: number };
};

function checkManifest({ deltas, entries, release, snapshot }: ManifestShape, context: z.RefinementCtx): void {
  if (snapshot.release > release) refuse(context, "snapshot", "after the release");
  if (snapshot.release === release && snapshot.entries !== entries)
    refuse(context, "entries", "differ from snapshot's");
  if (release === 1 && deltas.length > 0) refuse(context, "deltas", "none in release 1");
  // No row: only the snapshot leads here (release 1, a recovery). Else rows run without a hole up to this release, and
  // begin early enough that the snapshot and they together reach it.
  const first = deltas[0]?.release ?? release + 1;
  if (deltas.length === 0 ? snapshot.release !== release : first > snapshot.release + 1) {
    refuse(context, "deltas", "do not reach from the snapshot");
  }
  deltas.forEach((row, i) => {
    if (row.release !== first + i) refuse(context, "deltas", "a hole");
    // The statement that names this manifest is this release's own; it cannot stand in it.
    if ((row.statement === undefined) !== (row.release === release)) refuse(context, "deltas", "statement");
  });
  if (deltas.length > 0 && first + deltas.length - 1 !== release) refuse(context, "deltas", "do not end here");
}

export const Manifest = manifestSchema(closed, About);
export type Manifest = z.output<typeof Manifest>;
export type SegmentRow = Manifest["deltas"][number]["segments"][number];
const TolerantManifest = manifestSchema(open, TolerantAbout);

/**
 * The manifest that a verified statement names: size and digest first, then parsed, then compared with the statement.
 *
 * @param statement - from openRelease: the digest in it is what makes these bytes the publisher's
 * @throws ExchangeError `blob_size_mismatch`, `blob_digest_mismatch`, `jcs_invalid`, `manifest_invalid`,
 *   `about_invalid`, `manifest_mismatch`
 */
export async function parseManifest(
  bytes: Uint8Array,
  statement: ReleaseStatement,
  { strict = true }: ParseOptions = {},
): Promise<Manifest> {
  if (bytes.length !== statement.manifest_size) throw new ExchangeError("blob_size_mismatch");
  if ((await digestOf(bytes)) !== statement.manifest) throw new ExchangeError("blob_digest_mismatch");
  const manifest = parseManifestShape(parseJcs(bytes), strict);
  for (const member of ["publisher", "release", "set"] as const) {
    if (manifest[member] !== statement[member]) throw new ExchangeError("manifest_mismatch", { path: `/${member}` });
  }
  const before = manifest.deltas.find((row) => row.release === statement.release - 1);
  if (before !== undefined && before.statement !== statement.prev) {
    throw new ExchangeError("manifest_mismatch", { path: "/deltas" });
  }
  if (manifest.purge_by < statement.iat || manifest.purge_by - statement.iat > PURGE_MAX_SECONDS) {
    throw new ExchangeError("manifest_mismatch", { path: "/purge_by" });
  }
  return manifest;
}

function parseManifestShape(value: unknown, strict: boolean): Manifest {
  const schema = strict ? Manifest : TolerantManifest;
  const isAboutOnly = (path: string) => path === "/about" || path.startsWith("/about/");
  try {
    return parseWith(schema, value, "manifest_invalid");
  } catch (error) {
    if (!(error instanceof ExchangeError) || !isAboutOnly(String(error.detail.path))) throw error;
    throw new ExchangeError("about_invalid", error.detail);
  }
}

/** @throws ExchangeError `manifest_invalid`, `manifest_too_large` */
export function manifestBytes(manifest: Manifest): Bytes {
  return boundedJcs(parseWith(Manifest, manifest, "manifest_invalid"), MANIFEST_MAX_BYTES, "manifest_too_large");
}

function indexSchema(object: ObjectOf) {
  return z.array(
    object({ entries: z.int().positive().max(SEGMENT_MAX_LINES), from: EntryId, plain, segment: Digest, size }),
  );
}

/** The segments of a snapshot, by range of id: a segment holds `from` (inclusive) up to the next one's. */
export const SnapshotIndex = indexSchema(closed);
export type SnapshotIndex = z.output<typeof SnapshotIndex>;
const TolerantIndex = indexSchema(open);

/**
 * The index that a manifest names. An empty set has an empty index.
 *
 * @throws ExchangeError `blob_size_mismatch`, `blob_digest_mismatch`, `jcs_invalid`, `index_invalid`
 */
export async function parseIndex(
  bytes: Uint8Array,
  snapshot: Manifest["snapshot"],
  { strict = true }: ParseOptions = {},
): Promise<SnapshotIndex> {
  if (bytes.length !== snapshot.index_size) throw new ExchangeError("blob_size_mismatch");
  if ((await digestOf(bytes)) !== snapshot.index) throw new ExchangeError("blob_digest_mismatch");
  const index = parseWith(strict ? SnapshotIndex : TolerantIndex, parseJcs(bytes), "index_invalid");
  checkIndex(index, snapshot);
  return index;
}

function checkIndex(index: SnapshotIndex, snapshot: Manifest["snapshot"]): void {
  let [last, entries, packed] = ["", 0, 0];
  for (const row of index) {
    // The first range begins at zero, so that every possible id has one segment.
    if (last === "" ? row.from !== FIRST_ENTRY_ID : row.from <= last) {
      throw new ExchangeError("index_invalid", { path: "/from" });
    }
    last = row.from;
    entries += row.entries;
    packed += row.size;
  }
  if (entries !== snapshot.entries) throw new ExchangeError("index_invalid", { path: "/entries" });
  if (packed !== snapshot.bytes) throw new ExchangeError("index_invalid", { path: "/size" });
}

export function indexBytes(index: SnapshotIndex): Bytes {
  return boundedJcs(parseWith(SnapshotIndex, index, "index_invalid"), INDEX_MAX_BYTES, "index_invalid");
}

function boundedJcs(value: unknown, maxBytes: number, code: ProblemCode): Bytes {
  const bytes = utf8Of(jcs(value));
  if (bytes.length > maxBytes) throw new ExchangeError(code, { max_bytes: maxBytes });
  return bytes;
}

/** Every blob that a manifest keeps alive, its own index included; segments of the snapshot stand in the index. */
export function manifestBlobs(manifest: Manifest): Set<Digest> {
  return new Set([
    manifest.snapshot.index,
    ...manifest.deltas.flatMap((row) => row.segments.map(({ segment }) => segment)),
  ]);
}
