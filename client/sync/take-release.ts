/** From a trusted statement to a switched copy: manifest, entries, brakes, switch, purge, acknowledgement (§2.13, 13 to 19). */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { type Manifest, parseManifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import { recallCovers } from "@breakwater/shared/recall.ts";
import type { ReleaseLink } from "@breakwater/shared/release.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import { entryIdOf, stateDigest } from "@breakwater/shared/state.ts";
import { openBenign } from "./benign.ts";
import { obtainBlob, purgeBlobs } from "./blobs.ts";
import { type Copy, type Current, readManifestBytes, switchCopy } from "./copy.ts";
import { type Change, checkGuards, checkRemoval, countChange, type IsRecalled } from "./guards.ts";
import { type Loaded, loadEntries, referencedBlobs } from "./load.ts";
import { originOf } from "./origins.ts";
import { blobsDir, setDir } from "./paths.ts";
import { listInForce, readRecalls } from "./recalls.ts";
import type { SetStatus } from "./status.ts";
import type { Notice, SyncContext, Synced } from "./sync-set.ts";

export type Offer = {
  /** Verified: by the log, or for a publisher's own set by its own root. */
  head: ReleaseLink & { bytes: Uint8Array };
  root: Pick<OpenedRoot, "digest"> & { root: { version: number } };
  held: ReleaseLink | undefined;
  copy: Copy | undefined;
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
  const { source, stateDir, setId, now } = context;
  const { head, copy, root } = offer;
  const dir = blobsDir(setDir(stateDir, setId));
  const { manifest: manifestDigest, manifest_size: manifestSize } = head.statement;
  const manifestBytes = await obtainBlob(source, dir, manifestDigest, manifestSize);
  const manifest = await parseManifest(manifestBytes, head.statement, { strict: false });
  checkListed(manifest, offer.known);
  const base = copy &&
    !offer.reload && { release: copy.link.statement.release, lines: copy.lines, origins: copy.origins };
  const load = { source, setId, manifest, blobsDir: dir };
  const loaded = await loadEntries(
    context.onProgress ? { ...load, onProgress: context.onProgress } : load,
    base || undefined,
  );
  const change = await brake(context, offer, manifest, loaded);
  const current = await switchCopy(
    stateDir,
    {
      setId,
      link: head,
      envelope: head.bytes,
      manifestBytes,
      root: { version: root.root.version, digest: root.digest },
      lines: loaded.lines,
      origins: loaded.origins,
      state: loaded.state,
    },
    now,
  );
  const purged = await purgeBlobs(dir, await referencedBlobs(manifest, dir));
  return finish(context, offer, { current, switched: true, change, purged, about: manifest.about });
}

/** The head is held already: nothing to load, but what the manifest no longer references may still lie here. */
export async function settle(context: SyncContext, offer: Offer & { copy: Copy }): Promise<Synced> {
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
async function brake(context: SyncContext, offer: Offer, manifest: Manifest, loaded: Loaded): Promise<Change> {
  const { head, copy } = offer;
  const before = copy?.lines ?? [];
  if (context.trusted || offer.status?.released_statement === head.digest) return countChange(before, loaded.lines);
  const isRecalled = await findRecalled(context, copy);
  const input = {
    before,
    isRecalled,
    after: loaded.lines,
    kindBefore: copy?.manifest.about.kind,
    about: manifest.about,
    benign: await openBenign(context.stateDir),
  };
  try {
    return checkGuards(input);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    const removed = await removeWithdrawn(context, offer, manifest, loaded, { code: error.code, isRecalled });
    // A brake names the statement it stopped, so that a person lets through this one and no other.
    const held = { held_statement: head.digest, held_release: head.statement.release, withdrawn: removed };
    throw new ExchangeError(error.code, { ...error.detail, ...held }, { cause: error });
  }
}

/** A hold stops growth, never a withdrawal: what the held release no longer has goes from the copy now. */
async function removeWithdrawn(
  context: SyncContext,
  { head, copy }: Offer,
  manifest: Manifest,
  loaded: Loaded,
  { code, isRecalled }: { code: ProblemCode; isRecalled: IsRecalled },
): Promise<number> {
  if (copy === undefined || code === "policy_type" || !isRemovalAllowed(copy.lines, loaded.lines, isRecalled)) return 0;
  const dir = blobsDir(copy.dir);
  const after = new Set(loaded.lines.map(entryIdOf));
  const lines = copy.lines.filter((line) => after.has(entryIdOf(line)));
  const count = copy.lines.length - lines.length;
  if (count > 0) {
    const { release } = head.statement;
    const withdrawn = { release, statement: head.digest, count: count + (copy.current.withdrawn?.count ?? 0) };
    await switchCopy(
      context.stateDir,
      {
        setId: context.setId,
        link: copy.link,
        envelope: copy.envelope,
        manifestBytes: await readManifestBytes(copy),
        root: copy.current.root,
        lines,
        origins: copy.origins,
        state: await stateDigest(lines),
        withdrawn,
      },
      new Date(copy.current.switched_at),
    );
  }
  await purgeBlobs(dir, await referencedBlobs(manifest, dir));
  return count;
}

/** A list that was not fetched yet names nothing here: in doubt a hit is for review, and a removal waits. */
async function findRecalled({ stateDir, setId, now }: SyncContext, copy: Copy | undefined): Promise<IsRecalled> {
  if (copy === undefined) return () => false;
  const recalls = (await listInForce(stateDir, setId, now)).filter(
    ({ recall, listed }) => recall.list === undefined || listed !== undefined,
  );
  return (id) => recalls.some(({ recall, listed }) => recallCovers(recall, originOf(copy.origins, id), listed));
}

function isRemovalAllowed(before: readonly string[], after: readonly string[], isRecalled: IsRecalled): boolean {
  try {
    checkRemoval(before, after, isRecalled);
    return true;
  } catch (error) {
    if (error instanceof ExchangeError) return false;
    throw error;
  }
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
