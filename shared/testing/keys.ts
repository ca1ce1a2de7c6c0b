/** Keys that are the same in every run, for tests and vectors only: their private parts are public knowledge. */

import { type Bytes, base64urlOf, concatBytes, findBase64url, parseHex, sha256, utf8Of } from "../bytes.ts";
import { importSigningKey, type PrivateJwk, type PublicJwk, publicJwkOf, type SigningKey } from "../keys.ts";

// PKCS #8 around a 32-byte Ed25519 seed (RFC 8410 §7).
const PKCS8_PREFIX = parseHex("302e020100300506032b657004220420");

export type FixedKey = SigningKey & { publicJwk: PublicJwk; privateJwk: PrivateJwk };

/** The key that a name stands for: its seed is the name's digest. */
export async function fixedKey(name: string): Promise<FixedKey> {
  const seed = await sha256(utf8Of(`breakwater fixed key ${name}`));
  const pkcs8 = concatBytes([PKCS8_PREFIX, seed]);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = (await crypto.subtle.exportKey("jwk", key)) as { x: string };
  const publicJwk = publicJwkOf(findBase64url(x) as Bytes);
  const privateJwk: PrivateJwk = { ...publicJwk, d: base64urlOf(seed) };
  return { ...(await importSigningKey(privateJwk)), publicJwk, privateJwk };
}

/** Bytes that look random and are the same in every run (a 32-bit linear congruential generator). */
export function fixedRandom(seed = 1): (length: number) => Bytes {
  let state = seed >>> 0;
  return (length) =>
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
}
