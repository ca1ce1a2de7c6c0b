/** The log as others see it: checkpoint, tiles and bundles in the object store, written once and never with other bytes. */

import { equalBytes } from "@breakwater/shared/bytes.ts";
import {
  edgeTiles,
  HASH_BYTES,
  type OpenedCheckpoint,
  openCheckpoint,
  parseVkey,
  type Tile,
  tilePath,
  type Vkey,
} from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Deps } from "../platform/deps.ts";
import type { Objects } from "../platform/objects.ts";

const PREFIX = "log/";
export const CHECKPOINT_KEY: string = `${PREFIX}checkpoint`;
export const proofKey = (index: number): string => `${PREFIX}proof/${index}`;
export const objectKey = (path: string): string => PREFIX + path;

/** Which log this is and by which key it is known. */
export type LogIdentity = { origin: string; vkey: Vkey };
export type Published = OpenedCheckpoint & { etag: string };

export async function identify({ config, logSigner }: Pick<Deps, "config" | "logSigner">): Promise<LogIdentity> {
  return { origin: config.logOrigin, vkey: parseVkey(await logSigner.vkey(config.logOrigin)) };
}

export async function readObject(
  objects: Objects,
  key: string,
): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
  const found = await objects.get(key);
  if (found === undefined) return undefined;
  return { bytes: new Uint8Array(await new Response(found.body as BodyInit).arrayBuffer()), etag: found.etag };
}

/** The newest published checkpoint; undefined before the first. @throws ExchangeError `log_conflict` when it is not this log's */
export async function findPublished(objects: Objects, log: LogIdentity): Promise<Published | undefined> {
  const found = await readObject(objects, CHECKPOINT_KEY);
  if (found === undefined) return undefined;
  try {
    return { ...(await openCheckpoint(found.bytes, log)), etag: found.etag };
  } catch (cause) {
    // Another key, another origin, or not a checkpoint: whatever it is, this exchange must not write over it.
    throw new ExchangeError("log_conflict", { reason: "checkpoint" }, { cause });
  }
}

/**
 * Replace the checkpoint that the publication began with.
 *
 * @throws ExchangeError `busy` when somebody else replaced it meanwhile: theirs may be the larger one
 */
export async function replaceCheckpoint(objects: Objects, note: string, before: Published | undefined): Promise<void> {
  const condition = before === undefined ? { ifAbsent: true } : { ifEtag: before.etag };
  const done = await objects.put(CHECKPOINT_KEY, new TextEncoder().encode(note), condition);
  if (done === "exists") throw new ExchangeError("busy", { reason: "checkpoint", retry_after: 1 });
}

/** Write once; the same bytes again are fine. @throws ExchangeError `log_conflict` when other bytes are there */
export async function putImmutable(objects: Objects, key: string, bytes: Uint8Array): Promise<void> {
  if ((await objects.put(key, bytes, { ifAbsent: true })) === "created") return;
  const held = await readObject(objects, key);
  if (held === undefined || !equalBytes(held.bytes, bytes)) {
    throw new ExchangeError("log_conflict", { reason: "object" });
  }
}

/** A hash tile as published. @throws ExchangeError `log_conflict` when it should be there, and whole, and is not */
export async function readTile(objects: Objects, { level, index, width }: Tile): Promise<Uint8Array> {
  const found = await readObject(objects, objectKey(tilePath(level, index, width)));
  if (found?.bytes.length !== width * HASH_BYTES) throw new ExchangeError("log_conflict", { reason: "tile missing" });
  return found.bytes;
}

/** The right edge of a published tree: what a larger one is built on. */
export async function readEdge(objects: Objects, size: number): Promise<Uint8Array[]> {
  return Promise.all(edgeTiles(size).map((tile) => readTile(objects, tile)));
}
