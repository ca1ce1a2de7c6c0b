/** One set brought up to date: verified from the pinned root to the last entry, switched at once, or left as it was. */

import { join } from "node:path";
import type { About } from "@breakwater/shared/about.ts";
import { type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { type Manifest, parseManifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import { checkReleaseTimes, type OpenedRelease, openRelease, type ReleaseLink } from "@breakwater/shared/release.ts";
import { checkRootTimes, type OpenedRoot } from "@breakwater/shared/root.ts";
import { CLOCK_SKEW_SECONDS } from "@breakwater/shared/schema.ts";
import type { Exchange } from "../http/index.ts";
import type { Pin } from "../profile/pins.ts";
import { writePrivateFile } from "../profile/private-files.ts";
import { obtainBlob, purgeBlobs } from "./blobs.ts";
import { type Copy, findHeldLink, openCopy, switchCopy } from "./copy.ts";
import { type Change, checkGuards, countChange, type GuardInput } from "./guards.ts";
import { loadEntries, referencedBlobs } from "./load.ts";
import { blobsDir, evidenceDir, setDir } from "./paths.ts";
import { updateRoots } from "./roots.ts";
import { walkStatements } from "./statements.ts";
import { readStatus, type SetStatus } from "./status.ts";

export type SyncSource = Pick<Exchange, "findRoot" | "getHead" | "findRelease" | "getBlob" | "acknowledge">;

export type SyncContext = {
  source: SyncSource;
  stateDir: string;
  setId: SetId;
  /** What was agreed on out of band; undefined: the publisher was never pinned, and nothing of it is taken. */
  pin: Pin | undefined;
  now: Date;
  /** Forget what is held and load anew: for a copy that was damaged. */
  fresh?: boolean;
  /** The publisher's own set on the publisher's own machine: nobody else's mistake to brake. */
  trusted?: boolean;
  onProgress?: (done: number, total: number) => void;
};

export type Synced = {
  /** Did the copy change? */
  switched: boolean;
  /** Set when the newest release is held but has run out: the copy is used as stale. */
  expired?: ProblemCode;
  release: number;
  entries: number;
  state: Digest;
  change: Change;
  purged: number;
  acknowledged: boolean;
  about: About;
};

/**
 * @throws ExchangeError for whatever keeps the newest release from being taken; the copy is then as it was before
 */
export async function takeNewest(context: SyncContext): Promise<Synced> {
  const { source, stateDir, setId, pin, now } = context;
  const status = await readStatus(stateDir, setId);
  checkClock(status, now);
  if (pin === undefined) throw new ExchangeError("root_pin", { reason: "not_pinned" });
  const root = await updateRoots(source, stateDir, setId.publisher, pin);
  const held = context.fresh ? undefined : await findHeldLink(stateDir, setId);
  const head = await openHead(await source.getHead(setId), root, held);
  const copy = context.fresh ? undefined : await openIfSound(stateDir, setId);
  const links = await keepingEvidence(context, head, copy, () => walkStatements(source, setId, held, head));
  // Only the head decides about time: what came before it need not be valid any more.
  const expired = findExpired(root, head, now);
  if (links.length === 0 && copy !== undefined) return settle(context, copy, { head, expired });
  return takeRelease(context, { root, head, held, copy, status, expired });
}

/**
 * The head by the newest root; the very statement that is held was verified when it was taken, and stays good when the
 * keys have changed since. Any other statement by older keys may be a thief's.
 */
async function openHead(bytes: Uint8Array, root: OpenedRoot, held: ReleaseLink | undefined): Promise<OpenedRelease> {
  const digest = await digestOf(parseEnvelope(bytes).payloadBytes);
  if (held !== undefined && held.digest === digest) return { ...held, bytes: Uint8Array.from(bytes), kids: [] };
  return openRelease(bytes, root, { strict: false });
}

type Offer = {
  root: OpenedRoot;
  head: OpenedRelease;
  held: ReleaseLink | undefined;
  copy: Copy | undefined;
  status: SetStatus | undefined;
  expired: ProblemCode | undefined;
};

async function takeRelease(context: SyncContext, offer: Offer): Promise<Synced> {
  const { source, stateDir, setId, now } = context;
  const { head, copy, root } = offer;
  const dir = blobsDir(setDir(stateDir, setId));
  const { manifest: manifestDigest, manifest_size: manifestSize } = head.statement;
  const manifestBytes = await obtainBlob(source, dir, manifestDigest, manifestSize);
  const manifest = await parseManifest(manifestBytes, head.statement, { strict: false });
  checkListed(manifest, offer.held);
  const base = copy && { release: copy.link.statement.release, lines: copy.lines };
  const load = { source, setId, manifest, blobsDir: dir };
  const loaded = await loadEntries(context.onProgress ? { ...load, onProgress: context.onProgress } : load, base);
  const before = copy?.lines ?? [];
  const change =
    // A person looked at exactly this statement and let it through.
    context.trusted || offer.status?.released_statement === head.digest
      ? countChange(before, loaded.lines)
      : guardChange(
          { before, after: loaded.lines, kindBefore: copy?.manifest.about.kind, about: manifest.about },
          head,
        );
  const current = await switchCopy(
    stateDir,
    {
      setId,
      link: head,
      envelope: head.bytes,
      manifestBytes,
      root: { version: root.root.version, digest: root.digest },
      lines: loaded.lines,
      state: loaded.state,
    },
    now,
  );
  const purged = await purgeBlobs(dir, await referencedBlobs(manifest, dir));
  return {
    switched: true,
    ...(offer.expired === undefined ? {} : { expired: offer.expired }),
    release: current.release,
    entries: current.entries,
    state: current.state,
    change,
    purged,
    acknowledged: await acknowledge(context, head),
    about: manifest.about,
  };
}

/** A brake names the statement it stopped, so that a person lets through this one and no other. */
function guardChange(input: GuardInput, head: OpenedRelease): Change {
  try {
    return checkGuards(input);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    const held = { held_statement: head.digest, held_release: head.statement.release };
    throw new ExchangeError(error.code, { ...error.detail, ...held }, { cause: error });
  }
}

/** The head is held already: nothing to load, but what the manifest no longer references may still lie here. */
async function settle(
  context: SyncContext,
  copy: Copy,
  { head, expired }: Pick<Offer, "head" | "expired">,
): Promise<Synced> {
  const dir = blobsDir(copy.dir);
  return {
    switched: false,
    ...(expired === undefined ? {} : { expired }),
    release: copy.current.release,
    entries: copy.current.entries,
    state: copy.current.state,
    change: { added: 0, changed: 0, removed: 0 },
    purged: await purgeBlobs(dir, await referencedBlobs(copy.manifest, dir)),
    acknowledged: await acknowledge(context, head),
    about: copy.manifest.about,
  };
}

/** Rows that were damaged or destroyed are loaded again; what proves the order of releases is needed in any case. */
async function openIfSound(stateDir: string, setId: SetId): Promise<Copy | undefined> {
  try {
    return await openCopy(stateDir, setId);
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "copy_damaged") return undefined;
    throw error;
  }
}

// A clock set back would make an old release look fresh (§2.13 step 1).
function checkClock(status: SetStatus | undefined, now: Date): void {
  if (status?.verified_at === undefined) return;
  if (now.getTime() + CLOCK_SKEW_SECONDS * 1000 < Date.parse(status.verified_at))
    throw new ExchangeError("clock_wrong");
}

function findExpired(root: OpenedRoot, head: OpenedRelease, now: Date): ProblemCode | undefined {
  const seconds = Math.floor(now.getTime() / 1000);
  try {
    checkRootTimes(root.root, seconds);
    checkReleaseTimes(head.statement, seconds);
    return undefined;
  } catch (error) {
    // Run out is not false: the state is still the publisher's newest word, only too old to be acted on alone.
    if (error instanceof ExchangeError && (error.code === "release_expired" || error.code === "root_expired"))
      return error.code;
    throw error;
  }
}

/** The manifest lists past statements by digest: the one that is held must be among them, or the two do not agree. */
function checkListed({ deltas }: Manifest, held: ReleaseLink | undefined): void {
  const row = deltas.find(({ release }) => release === held?.statement.release);
  if (row?.statement !== undefined && row.statement !== held?.digest) {
    throw new ExchangeError("manifest_mismatch", { reason: "statement" });
  }
}

async function keepingEvidence<T>(
  { stateDir, setId }: SyncContext,
  head: OpenedRelease,
  copy: Copy | undefined,
  walk: () => Promise<T>,
): Promise<T> {
  try {
    return await walk();
  } catch (error) {
    // Both statements are signed by the publisher: together they prove what neither proves alone.
    if (error instanceof ExchangeError && error.code === "release_fork") {
      const dir = evidenceDir(setDir(stateDir, setId));
      await writePrivateFile(join(dir, `${head.digest.replace(":", "-")}.jws`), head.bytes);
      if (copy !== undefined)
        await writePrivateFile(join(dir, `${copy.link.digest.replace(":", "-")}.jws`), copy.envelope);
    }
    throw error;
  }
}

/** The publisher counts who has applied a withdrawal. That it could not be told does not undo the switch. */
async function acknowledge({ source, setId }: SyncContext, head: OpenedRelease): Promise<boolean> {
  try {
    await source.acknowledge(setId, { release: head.statement.release, statement: head.digest });
    return true;
  } catch (error) {
    if (error instanceof ExchangeError) return false;
    throw error;
  }
}
