/** MD5 of a stream, for runtimes whose WebCrypto has none. Only to meet older lists: MD5 proves nothing about a file. */
import { md5 } from "@noble/hashes/legacy.js";
import type { Bytes } from "../bytes.ts";

export type Md5 = { update: (chunk: Uint8Array) => void; digest: () => Bytes };

/** A running digest; `digest` ends it, and either call throws afterwards. */
export function createMd5(): Md5 {
  const hash = md5.create();
  return {
    update: (chunk) => void hash.update(chunk),
    digest: () => new Uint8Array(hash.digest()),
  };
}
