/** Hashes a file that is in memory already: for a service that hands over what was uploaded to it. Nothing is written anywhere. */
import { createHash } from "node:crypto";
import type { DecodeOptions } from "./decode-video.ts";
import { type HashedFile, hashRead } from "./hash-file.ts";

/**
 * As hashFile, of bytes. A signal in the options ends a video's decoder.
 *
 * @param bytes - the whole file; overwritten before this returns
 */
export async function hashBytes(bytes: Uint8Array, decode: DecodeOptions = {}): Promise<HashedFile> {
  const digest = (alg: string) => createHash(alg).update(bytes).digest("hex");
  try {
    const digests = { sha256: digest("sha256"), sha1: digest("sha1"), md5: digest("md5") };
    return await hashRead({ digests, byteLength: bytes.length, bytes }, decode);
  } finally {
    bytes.fill(0);
  }
}
