/** Blobs as they were verified: fetched once, kept by digest, so that an interrupted sync goes on where it stopped. */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, type Digest, digestHex, digestOf } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Exchange } from "../http/index.ts";
import { isFileError, readIfThere, writePrivateFile } from "../profile/private-files.ts";

export type BlobSource = Pick<Exchange, "getBlob">;

/** Bytes that are not what was signed are asked for once more: a cache on the way may have had the wrong ones. */
const FETCHES = 2;

/**
 * A blob's bytes, from the folder or the exchange, with the digest and the size that a signed document gave it.
 *
 * @throws ExchangeError `blob_digest_mismatch`, `blob_size_mismatch`, `answer_too_large`, `blob_gone`, `fetch_failed`
 */
export async function obtainBlob(source: BlobSource, dir: string, digest: Digest, size: number): Promise<Bytes> {
  return useBlob(source, dir, digest, size, async (bytes) => {
    await checkDigest(bytes, digest);
    return { result: bytes, bytes };
  });
}

async function checkDigest(bytes: Uint8Array, digest: Digest): Promise<void> {
  if ((await digestOf(bytes)) !== digest) throw new ExchangeError("blob_digest_mismatch");
}

/**
 * As {@link obtainBlob}, for a reader that checks the digest itself. It is given the bytes to keep, and gives them back
 * with its result; what it refuses with `blob_digest_mismatch` or `segment_digest` is fetched again.
 */
export async function useBlob<Result>(
  source: BlobSource,
  dir: string,
  digest: Digest,
  size: number,
  use: (bytes: Bytes) => Promise<{ result: Result; bytes: Bytes }>,
): Promise<Result> {
  const path = join(dir, digestHex(digest));
  // The file may have been cut by a full disk or changed by somebody: its name proves nothing.
  const held = await readIfThere(path);
  if (held?.length === size) {
    const used = await unlessOther(() => use(Uint8Array.from(held)));
    if (used !== undefined) return used.result;
  }
  for (let fetched = 1; ; fetched++) {
    const bytes = await source.getBlob(digest, size);
    const isWhole = bytes.length === size;
    const used = isWhole ? await unlessOther(() => use(bytes)) : undefined;
    if (used !== undefined) {
      await writePrivateFile(path, used.bytes);
      return used.result;
    }
    if (fetched < FETCHES) continue;
    if (!isWhole) throw new ExchangeError("blob_size_mismatch", { size, got: bytes.length });
    throw new ExchangeError("blob_digest_mismatch");
  }
}

/** @returns undefined when the bytes are not those that were signed */
async function unlessOther<Result>(use: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await use();
  } catch (error) {
    const isOther =
      error instanceof ExchangeError && (error.code === "blob_digest_mismatch" || error.code === "segment_digest");
    if (isOther) return undefined;
    throw error;
  }
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
