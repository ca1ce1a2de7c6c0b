/** Blobs as they were verified: fetched once, kept by digest, so that an interrupted sync goes on where it stopped. */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, type Digest, digestHex, digestOf } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Exchange } from "../http/index.ts";
import { isFileError, readIfThere, writePrivateFile } from "../profile/private-files.ts";

export type BlobSource = Pick<Exchange, "getBlob">;

/**
 * A blob's bytes, from the folder or the exchange, with the digest and the size that a signed document gave it.
 *
 * @throws ExchangeError `blob_digest_mismatch`, `blob_size_mismatch`, `answer_too_large`, `blob_gone`, `fetch_failed`
 */
export async function obtainBlob(source: BlobSource, dir: string, digest: Digest, size: number): Promise<Bytes> {
  // The file may have been cut by a full disk or changed by somebody: its name proves nothing.
  const held = await findHeldBlob(dir, digest);
  if (held?.length === size) return held;
  const bytes = await source.getBlob(digest, size);
  if (bytes.length !== size) throw new ExchangeError("blob_size_mismatch", { size, got: bytes.length });
  if ((await digestOf(bytes)) !== digest) throw new ExchangeError("blob_digest_mismatch");
  await writePrivateFile(join(dir, digestHex(digest)), bytes);
  return bytes;
}

/** A blob that is kept already; undefined also when its file is no longer the bytes that its name says. */
export async function findHeldBlob(dir: string, digest: Digest): Promise<Bytes | undefined> {
  const held = await readIfThere(join(dir, digestHex(digest)));
  return held !== undefined && (await digestOf(held)) === digest ? Uint8Array.from(held) : undefined;
}

/** Destroys every kept blob that is not named (integrity §2.6: what the newest manifest does not reference goes). */
export async function purgeBlobs(dir: string, keep: ReadonlySet<Digest>): Promise<number> {
  const hexes = new Set([...keep].map(digestHex));
  let purged = 0;
  for (const name of await listDir(dir)) {
    if (hexes.has(name)) continue;
    await rm(join(dir, name), { force: true });
    purged++;
  }
  return purged;
}

async function listDir(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  }
}
