/** From a verified statement to the rows it stands for: the snapshot as base, later deltas as patch (§2.13, 14 to 16). */

import { createHash, randomBytes } from "node:crypto";
import { type Digest, digestHex } from "@breakwater/shared/bytes.ts";
import { type Manifest, manifestBlobs, parseIndex } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { STATE_BUCKETS } from "@breakwater/shared/state.ts";
import { findHeldBlob } from "./blobs.ts";
import { buildBase, isPassing, type LoadContext } from "./build-base.ts";
import { buildPatch } from "./build-patch.ts";
import type { Faults } from "./compare.ts";
import { removeParts } from "./copy.ts";
import type { CurrentParts } from "./current.ts";
import { carryOrigins, originRecords } from "./known-origins.ts";
import { lowerBound, OpenedRows, type RowsRef } from "./open-rows.ts";
import { RowCarrier } from "./part/carry-rows.ts";
import { isSameView } from "./part/index-view.ts";
import { PartReader } from "./part/read-part.ts";
import type { BuiltPart, PartWriter } from "./part/write-part.ts";
import type { DeltaRow } from "./read-deltas.ts";

/** What is held: rows of a release, and how they were made. */
export type Base = { release: number; current: CurrentParts | undefined; manifest: Manifest; rows: OpenedRows };

type Rows = {
  rows: RowsRef;
  index: Digest;
  entries: number;
  state: Digest;
  faults: Faults;
};
/** @property made - new folders, to be removed unless they are switched to */
export type Loaded = Rows & { made: string[] };

const OPEN = { verify: false, hold: false };
const NAME_BYTES = 6;

/**
 * @param base - what is gone on from; undefined: everything is loaded
 * @throws ExchangeError from the snapshot's path when the deltas did not lead to the signed state either
 */
export async function loadEntries(context: LoadContext, base: Base | undefined): Promise<Loaded> {
  const standing = base?.current;
  if (standing !== undefined && base !== undefined && isBaseOf(standing, context)) {
    try {
      return await cleaningUp(context, (nameOf) => addToBase(context, base, standing, nameOf));
    } catch (error) {
      if (!(error instanceof ExchangeError) || isPassing(error)) throw error;
      // A bad delta, or rows that are not what they were, cost a reload, nothing else: the state digest decides.
    }
  }
  return cleaningUp(context, (nameOf) => loadAnew(context, base, nameOf));
}

/** The very snapshot of the manifest, indexed as it is wanted now. */
function isBaseOf({ index, view }: CurrentParts, { manifest, scan }: LoadContext): boolean {
  return index === manifest.snapshot.index && isSameView(view, scan.view);
}

type NameOf = (kind: "base" | "patch") => string;

async function cleaningUp(context: LoadContext, load: (nameOf: NameOf) => Promise<Rows>): Promise<Loaded> {
  const made: string[] = [];
  const nameOf: NameOf = (kind) => {
    const name = `${kind}-${context.manifest.release}-${randomBytes(NAME_BYTES).toString("hex")}`;
    made.push(name);
    return name;
  };
  try {
    return { ...(await load(nameOf)), made };
  } catch (error) {
    await removeParts(context.dir, made);
    throw error;
  }
}

async function addToBase(
  context: LoadContext,
  { release, rows }: Base,
  { rows: ref, withdrawn }: CurrentParts,
  nameOf: NameOf,
): Promise<Rows> {
  const { manifest } = context;
  const since = findDeltas(manifest, release);
  // What was taken out of a held release is no state of the publisher's: the patch is made again from the snapshot on.
  const goesOn = withdrawn === undefined && since !== undefined && release >= manifest.snapshot.release;
  const before = goesOn ? ref.patch : undefined;
  const deltas = goesOn ? since : deltasAfterSnapshot(manifest);
  const built = await buildPatch(context, rows.base, before, deltas, () => nameOf("patch"));
  return finish(context, { base: ref.base, patch: built?.ref ?? before, origin: ref.origin }, [], built);
}

async function loadAnew(context: LoadContext, base: Base | undefined, nameOf: NameOf): Promise<Rows> {
  const { manifest } = context;
  const between = base && deltasBetween(manifest, base.release);
  const known = base && between && (await carryOrigins(context, base.rows, between));
  const addOrigins = (writer: PartWriter) => writer.append("origins", originRecords(known?.puts ?? new Map()));
  const built =
    (await carryBase(context, base, nameOf, addOrigins)) ?? (await buildBase(context, nameOf("base"), addOrigins));
  const reader = await PartReader.open(context.dir, built.ref, OPEN);
  try {
    const patch = await buildPatch(context, reader, undefined, deltasAfterSnapshot(manifest), () => nameOf("patch"));
    const origin = known?.base ?? manifest.snapshot.release;
    return await finish(context, { base: built.ref, patch: patch?.ref, origin }, built.faults, patch);
  } finally {
    reader.close();
  }
}

/**
 * The new base from the one that is held, where both have segments in common: what an erasure did not touch is neither
 * fetched nor read again.
 *
 * @returns undefined when there is nothing to take over, or what came of it was not what is signed
 */
async function carryBase(
  context: LoadContext,
  base: Base | undefined,
  nameOf: NameOf,
  addLast: (writer: PartWriter) => Promise<void>,
): Promise<BuiltPart | undefined> {
  if (base?.current === undefined || !isOfOneMaking(base.current, base, context)) return undefined;
  const isSameSnapshot = base.manifest.snapshot.release === context.manifest.snapshot.release;
  const { base: held, dead } = base.rows;
  // A row that deltas took away, and that a later snapshot has again, would pass the local brakes unseen.
  const isWanted = (at: number) => isSameSnapshot || !hasDead(dead, held.firstRows[at], held.firstRows[at + 1]);
  let part: PartReader | undefined;
  try {
    return await buildBase(context, nameOf("base"), addLast, async (index) => {
      const digests = new Set(held.part.segments.map(({ digest }) => digest));
      if (!index.some(({ segment }) => digests.has(segment))) return undefined;
      part = await PartReader.open(context.dir, held.ref, { verify: true, hold: false });
      return new RowCarrier(part, index, isWanted);
    });
  } catch (error) {
    const isHeldToBlame = error instanceof ExchangeError && (part !== undefined || error.code === "copy_damaged");
    if (!isHeldToBlame || isPassing(error)) throw error;
    return undefined;
  } finally {
    part?.close();
  }
}

/** Packed by the publisher, indexed as it is wanted now, with what is needed to check a snapshot in part. */
function isOfOneMaking(
  { index, view }: CurrentParts,
  { manifest: was, rows }: Base,
  { manifest, scan }: LoadContext,
): boolean {
  const { base } = rows;
  const isWhole = index !== undefined && base.part.stored === "blobs" && base.countOf("buckets") === STATE_BUCKETS;
  const isLater = manifest.snapshot.release >= was.snapshot.release;
  return isWhole && isLater && isSameView(view, scan.view) && was.about.kind === manifest.about.kind;
}

function hasDead(dead: Uint32Array, from = 0, until = from): boolean {
  return lowerBound(dead, until) > lowerBound(dead, from);
}

/** The deltas from the release held to the head, or undefined when the list does not reach back that far. */
function findDeltas({ deltas, release }: Manifest, held: number): DeltaRow[] | undefined {
  const wanted = deltas.filter((delta) => delta.release > held);
  return wanted.length === release - held ? wanted : undefined;
}

/** Those that tell which release put what the snapshot has and the copy has not. */
function deltasBetween(manifest: Manifest, held: number): DeltaRow[] | undefined {
  const { release } = manifest.snapshot;
  if (held >= release) return [];
  return findDeltas(manifest, held)?.filter((delta) => delta.release <= release);
}

function deltasAfterSnapshot({ deltas, snapshot }: Manifest): DeltaRow[] {
  return deltas.filter((delta) => delta.release > snapshot.release);
}

async function finish(
  { dir, manifest }: LoadContext,
  rows: RowsRef,
  baseFaults: Faults["base"],
  patch: BuiltPart | undefined,
): Promise<Rows> {
  const opened = await OpenedRows.open(dir, rows, OPEN);
  try {
    if (opened.entries !== manifest.entries) {
      throw new ExchangeError("state_count", { expected: manifest.entries, got: opened.entries });
    }
    const state = stateOf(manifest.snapshot.state, opened);
    const faults = { base: baseFaults, patch: patch?.faults ?? [] };
    return { rows, index: manifest.snapshot.index, entries: opened.entries, state, faults };
  } finally {
    opened.close();
  }
}

/** The snapshot's digest was checked over every row; what followed is named by what it put and what it took away. */
function stateOf(snapshot: Digest, { patch }: OpenedRows): Digest {
  if (patch === undefined) return snapshot;
  const hash = createHash("sha256").update(digestHex(snapshot));
  for (const { line } of patch.live()) hash.update(`\n${line()}`);
  hash.update(`\n${digestHex((patch.part.files.dead as { digest: Digest }).digest)}`);
  return `sha256:${hash.digest("hex")}`;
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
