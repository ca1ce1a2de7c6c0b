/** From a trusted statement to a switched copy: manifest, entries, brakes, switch, purge, acknowledgement (§2.13, 13 to 19). */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { type Manifest, parseManifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import { recallCovers } from "@breakwater/shared/recall.ts";
import type { ReleaseLink } from "@breakwater/shared/release.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import { openBenign } from "./benign.ts";
import { obtainBlob, purgeBlobs } from "./blobs.ts";
import type { LoadContext } from "./build-base.ts";
import { type Change, differences, findNewFault } from "./compare.ts";
import { type Held, openRows, readManifestBytes, removeParts, switchCopy } from "./copy.ts";
import type { Current } from "./current.ts";
import { checkGuards, type IsRecalled, isRemovalHeld } from "./guards.ts";
import { type Base, type Loaded, loadEntries, referencedBlobs } from "./load.ts";
import { OpenedRows } from "./open-rows.ts";
import { originOf } from "./origins.ts";
import { type IndexView, WHOLE_VIEW } from "./part/index-view.ts";
import { blobsDir, setDir } from "./paths.ts";
import { listInForce, readRecalls } from "./recalls.ts";
import type { SetStatus } from "./status.ts";
import type { Notice, SyncContext, Synced } from "./sync-set.ts";
import { removeWithdrawn } from "./withdrawn.ts";

export type Offer = {
  /** Verified: by the log, or for a publisher's own set by its own root. */
  head: ReleaseLink & { bytes: Uint8Array };
  root: Pick<OpenedRoot, "digest"> & { root: { version: number } };
  held: ReleaseLink | undefined;
  copy: Held | undefined;
  status: SetStatus | undefined;
  expired: ProblemCode | undefined;
  notices: Notice[];
  /** Digests of past statements, by number: what the manifest lists must agree. */
  known: ReadonlyMap<number, string>;
  /** The copy is of another chain: compared with, but not gone on from. */
  reload?: boolean;
  publisherSince?: string;
};

export async function takeRelease(context: SyncContext, offer: Offer): Promise<Synced> {
  const { source, stateDir, setId } = context;
  const { head, copy } = offer;
  const dir = setDir(stateDir, setId);
  const { manifest: digest, manifest_size: size } = head.statement;
  const isHeld = copy?.link.digest === head.digest;
  const manifestBytes = isHeld ? await readManifestBytes(copy) : await obtainBlob(source, blobsDir(dir), digest, size);
  const manifest = await parseManifest(manifestBytes, head.statement, { strict: false });
  checkListed(manifest, offer.known);
  const rows = copy && (await openRows(copy, { verify: false, hold: false }));
  try {
    const load = await loadContextOf(context, manifest, viewOf(context, copy));
    const base = rows && copy && !offer.reload ? baseOf(copy, rows) : undefined;
    const loaded = await loadEntries(load, base);
    return await take(context, offer, { manifest, manifestBytes, load, loaded, rows });
  } finally {
    rows?.close();
  }
}

type Taking = {
  manifest: Manifest;
  manifestBytes: Uint8Array;
  load: LoadContext;
  loaded: Loaded;
  /** What is held, to be compared with. */
  rows: OpenedRows | undefined;
};

/** Behind the brakes the loaded parts become the copy; in front of them they leave nothing. */
async function take(context: SyncContext, offer: Offer, taking: Taking): Promise<Synced> {
  const { stateDir, setId, now } = context;
  const { manifest, load, loaded } = taking;
  const { head, root } = offer;
  let isTaken = false;
  try {
    const change = await brake(context, offer, taking);
    const current = await switchCopy(
      stateDir,
      {
        setId,
        link: head,
        envelope: head.bytes,
        manifestBytes: taking.manifestBytes,
        root: { version: root.root.version, digest: root.digest },
        entries: loaded.entries,
        state: loaded.state,
        rows: loaded.rows,
        index: loaded.index,
        view: load.scan.view,
      },
      now,
    );
    isTaken = true;
    const purged = await purgeBlobs(load.blobsDir, await referencedBlobs(manifest, load.blobsDir));
    return finish(context, offer, { current, switched: true, change, purged, about: manifest.about });
  } finally {
    if (!isTaken) await removeParts(load.dir, loaded.made);
  }
}

async function loadContextOf(context: SyncContext, manifest: Manifest, view: IndexView): Promise<LoadContext> {
  const { source, stateDir, setId, now, onProgress } = context;
  const dir = setDir(stateDir, setId);
  const { lines: benign } = await openBenign(stateDir);
  const scan = { kind: manifest.about.kind, view, nowMs: now.getTime(), benign };
  return { source, setId, manifest, dir, blobsDir: blobsDir(dir), scan, ...(onProgress && { onProgress }) };
}

/** As chosen for this run, or as the copy was made. */
export function viewOf({ view }: Pick<SyncContext, "view">, copy: Held | undefined): IndexView {
  return view ?? (copy?.current.v === 2 ? copy.current.view : WHOLE_VIEW);
}

function baseOf({ current, link, manifest }: Held, rows: OpenedRows): Base {
  return { release: link.statement.release, current: current.v === 2 ? current : undefined, manifest, rows };
}

/** The head is held already: nothing to load, but what the manifest no longer references may still lie here. */
export async function settle(context: SyncContext, offer: Offer & { copy: Held }): Promise<Synced> {
  const { copy } = offer;
  const dir = blobsDir(copy.dir);
  const purged = await purgeBlobs(dir, await referencedBlobs(copy.manifest, dir));
  const change = { added: 0, changed: 0, removed: 0 };
  return finish(context, offer, {
    current: copy.current,
    switched: false,
    change,
    purged,
    about: copy.manifest.about,
  });
}

type Ending = Pick<Synced, "switched" | "change" | "purged" | "about"> & { current: Current };

async function finish(context: SyncContext, offer: Offer, { current, ...ending }: Ending): Promise<Synced> {
  const acked = await acknowledge(context, offer);
  return {
    ...ending,
    ...(offer.expired === undefined ? {} : { expired: offer.expired }),
    release: current.release,
    entries: current.entries,
    state: current.state,
    acknowledged: acked !== undefined,
    ...(acked === undefined ? {} : { acked }),
    notices: offer.notices,
    ...(offer.publisherSince === undefined ? {} : { publisherSince: offer.publisherSince }),
  };
}

/** What a person let through passes; what a brake stops is held, and its withdrawals take effect all the same. */
async function brake(context: SyncContext, offer: Offer, taking: Taking): Promise<Change> {
  const { head, copy } = offer;
  const { manifest, loaded, load, rows } = taking;
  const after = await OpenedRows.open(load.dir, loaded.rows, { verify: false, hold: false });
  try {
    const isRecalled = await findRecalled(context, copy, rows);
    const { change, unannounced } = count(rows, after, isRecalled);
    if (context.trusted || offer.status?.released_statement === head.digest) return change;
    try {
      checkGuards({
        before: rows?.entries ?? 0,
        after: after.entries,
        unannounced,
        kindBefore: copy?.manifest.about.kind,
        about: manifest.about,
        findFault: () => findNewFault(rows, after, loaded.faults),
      });
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      const mayRemove = error.code !== "policy_type" && !isRemovalHeld(rows?.entries ?? 0, unannounced);
      const withdrawn =
        copy === undefined || rows === undefined || !mayRemove
          ? 0
          : await removeWithdrawn(context, { copy, rows, after, removed: change.removed, manifest, head, load });
      // A brake names the statement it stopped, so that a person lets through this one and no other.
      const held = { held_statement: head.digest, held_release: head.statement.release, withdrawn };
      throw new ExchangeError(error.code, { ...error.detail, ...held }, { cause: error });
    }
    return change;
  } finally {
    after.close();
  }
}

function count(rows: OpenedRows | undefined, after: OpenedRows, isRecalled: IsRecalled) {
  if (rows === undefined) return { change: { added: after.entries, changed: 0, removed: 0 }, unannounced: 0 };
  const change: Change = { added: 0, changed: 0, removed: 0 };
  let unannounced = 0;
  for (const { kind, id } of differences(rows, after)) {
    change[kind] += 1;
    if (kind === "removed" && !isRecalled(id)) unannounced += 1;
  }
  return { change, unannounced };
}

/** A list that was not fetched yet names nothing here: in doubt a hit is for review, and a removal waits. */
async function findRecalled(
  { stateDir, setId, now }: SyncContext,
  copy: Held | undefined,
  rows: OpenedRows | undefined,
): Promise<IsRecalled> {
  if (copy === undefined || rows === undefined) return () => false;
  const recalls = (await listInForce(stateDir, setId, now)).filter(
    ({ recall, listed }) => recall.list === undefined || listed !== undefined,
  );
  if (recalls.length === 0) return () => false;
  return (id) => recalls.some(({ recall, listed }) => recallCovers(recall, originOf(rows.origins, id), listed));
}

/** The manifest lists past statements by digest: those that are known must be among them, or the two do not agree. */
function checkListed({ deltas }: Manifest, known: ReadonlyMap<number, string>): void {
  for (const { release, statement } of deltas) {
    const digest = known.get(release);
    if (statement !== undefined && digest !== undefined && statement !== digest) {
      throw new ExchangeError("manifest_mismatch", { reason: "statement", release });
    }
  }
}

/**
 * The publisher counts who has applied a withdrawal or a recall. That it could not be told does not undo the switch.
 *
 * @returns what it knows now; undefined when it could not be told
 */
async function acknowledge(
  { source, setId, stateDir }: SyncContext,
  { head, status }: Offer,
): Promise<Synced["acked"]> {
  const recall = (await readRecalls(stateDir, setId)).newest;
  const acked: Synced["acked"] = { statement: head.digest, recall };
  if (status?.acked?.statement === acked.statement && status.acked.recall === recall) return acked;
  try {
    const { release } = head.statement;
    await source.acknowledge(setId, { release, statement: head.digest as Digest, ...(recall > 0 && { recall }) });
    return acked;
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}
