/** A publisher's own set on its own machine: by the exchange's head and the chain of statements, ahead of any checkpoint. */

import { join } from "node:path";
import { digestOf } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type OpenedRelease, openRelease, parseStatement, type ReleaseLink } from "@breakwater/shared/release.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import type { Pin } from "../profile/pins.ts";
import { writePrivateFile } from "../profile/private-files.ts";
import { findHeldLink, type Held } from "./copy.ts";
import { evidenceDir, setDir } from "./paths.ts";
import { updateRoots } from "./roots.ts";
import { walkStatements } from "./statements.ts";
import type { SetStatus } from "./status.ts";
import { findExpired, isUpToDate, openIfSound, type SyncContext, type Synced } from "./sync-set.ts";
import { settle, takeRelease } from "./take-release.ts";

export async function takeOwn(context: SyncContext, pin: Pin, status: SetStatus | undefined): Promise<Synced> {
  const { source, stateDir, setId, now } = context;
  const root = await updateRoots(source, stateDir, setId.publisher, pin);
  const held = context.fresh ? undefined : await findHeldLink(stateDir, setId);
  const head = await openHead(context, await source.getHead(setId), root, held);
  const copy = context.fresh ? undefined : await openIfSound(stateDir, setId);
  await keepingEvidence(context, head, copy, () => walkStatements(source, setId, held, head));
  // Only the head decides about time: what came before it need not be valid any more.
  const expired = findExpired(root.root, head.statement, now);
  const offer = { head, root, held, copy, status, expired, notices: [], known: knownOf(held) };
  return isUpToDate(context, copy, head) ? settle(context, { ...offer, copy }) : takeRelease(context, offer);
}

function knownOf(held: ReleaseLink | undefined): ReadonlyMap<number, string> {
  return new Map(held === undefined ? [] : [[held.statement.release, held.digest]]);
}

/**
 * The head by the newest root; the very statement that is held was verified when it was taken, and one that this machine
 * noted before it sent it is its own: both stay good when the keys have changed since, or a publisher that stopped between
 * a release and its own copy could not go on after a rotation. Any other statement by older keys may be a thief's.
 */
async function openHead(
  { isOwn }: SyncContext,
  bytes: Uint8Array,
  root: OpenedRoot,
  held: ReleaseLink | undefined,
): Promise<OpenedRelease> {
  const { payloadBytes } = parseEnvelope(bytes);
  const digest = await digestOf(payloadBytes);
  if (held !== undefined && held.digest === digest) return { ...held, bytes: Uint8Array.from(bytes), kids: [] };
  if (isOwn?.(digest)) {
    return { statement: parseStatement(payloadBytes), digest, bytes: Uint8Array.from(bytes), kids: [] };
  }
  return openRelease(bytes, root, { strict: false });
}

async function keepingEvidence<T>(
  { stateDir, setId }: SyncContext,
  head: OpenedRelease,
  copy: Held | undefined,
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
