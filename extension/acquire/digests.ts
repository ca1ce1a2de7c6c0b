// MD5, SHA-1 and SHA-256 of a file in one pass. Only ever of original bytes.
// In plain code: WebCrypto has no MD5, and no `crypto.subtle` at all in a page without TLS.
import { md5, sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { DIGEST_CHUNK_BYTES } from "./limits.ts";
import type { Hash } from "./reading.ts";

export async function digestFile(
  bytes: Uint8Array,
  giveWay: () => Promise<void> = () => new Promise((resume) => setTimeout(resume)),
): Promise<Hash[]> {
  const running = { md5: md5.create(), sha1: sha1.create(), sha256: sha256.create() };
  for (let at = 0; at < bytes.byteLength; at += DIGEST_CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + DIGEST_CHUNK_BYTES);
    for (const hash of Object.values(running)) hash.update(chunk);
    if (at + DIGEST_CHUNK_BYTES < bytes.byteLength) await giveWay();
  }
  return (["md5", "sha1", "sha256"] as const).map((alg) => ({ alg, value: bytesToHex(running[alg].digest()) }));
}
