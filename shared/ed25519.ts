/**
 * One verdict on an Ed25519 signature (RFC 8032) on every runtime.
 *
 * WebCrypto's engines differ on signatures that only a malicious signer makes: Node 24 follows the Web Crypto text and
 * refuses a key or an R of small order, workerd and Go take some of them. A signature that half of all subscribers take
 * would split their views, so what they differ on is refused here before they are asked; on the rest they agree.
 */

import { type Bytes, base64urlOf } from "./bytes.ts";
import { importPublic, isSmallOrder, type PublicJwk, SIGNING_ALG } from "./keys.ts";

export const ED25519_SIGNATURE_BYTES = 64;
const POINT_BYTES = 32;

/** Is R, the signature's first half, of small order or written with a coordinate not below 2^255 − 19? */
export function hasSmallOrderR(signature: Uint8Array): boolean {
  return isSmallOrder(base64urlOf(signature.subarray(0, POINT_BYTES)));
}

/** @throws ExchangeError `key_invalid` when the platform does not take the key at all */
export async function isEd25519Signature(jwk: PublicJwk, signature: Bytes, message: Bytes): Promise<boolean> {
  if (signature.length !== ED25519_SIGNATURE_BYTES) return false;
  if (isSmallOrder(jwk.x) || hasSmallOrderR(signature)) return false;
  return crypto.subtle.verify(SIGNING_ALG, await importPublic(jwk), signature, message);
}
