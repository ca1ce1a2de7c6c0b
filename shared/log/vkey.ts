/** Verifier keys: who signs a note, in one line of text (C2SP signed-note, "Verifier keys"). */

import { sha256 as hash } from "@noble/hashes/sha2.js";
import { concatBytes, hexOf, utf8Of } from "../bytes.ts";
import { isSmallOrder, type PublicJwk, publicJwkOf, rawPublicKey } from "../keys.ts";
import { ExchangeError } from "../problem.ts";
import { base64Of, findBase64 } from "./base64.ts";

/** Signature types assigned in signed-note, "Signature types", of which these two are taken here. */
export const ED25519 = 0x01;
/** A timestamped Ed25519 cosignature of a checkpoint, by a witness (C2SP tlog-cosignature). */
export const COSIGNATURE_V1 = 0x04;
export type SignatureType = typeof ED25519 | typeof COSIGNATURE_V1;

/** @property keyId - 8 hex digits; with the name it says which key and which kind of signature */
export type Vkey = { name: string; keyId: string; type: SignatureType; publicJwk: PublicJwk };

const NAME_MAX_LENGTH = 255;
const KEY_ID_BYTES = 4;
const KEY_ID = /^[0-9a-f]{8}$/;
const PUBLIC_KEY_BYTES = 32;
// signed-note, "Format": no Unicode space (JavaScript's \s lacks U+0085) and no plus. A BOM counts as a space here.
const NAME = /^[^\s\u0085+]+$/u;
const FIRST_PRINTABLE = 0x20;

export function isKeyName(name: string): boolean {
  return name.length <= NAME_MAX_LENGTH && name.isWellFormed() && NAME.test(name) && !hasControl(name);
}

/** Is there an ASCII control character? They are refused in notes, but for the newline that the caller split at. */
export function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < FIRST_PRINTABLE) return true;
  return false;
}

/** The verifier key of a public key; its id is computed. @throws ExchangeError `key_invalid` */
export function vkeyOf(name: string, publicJwk: PublicJwk, type: SignatureType = ED25519): Vkey {
  if (!isKeyName(name)) throw new ExchangeError("key_invalid", { reason: "name" });
  if (isSmallOrder(publicJwk.x)) throw new ExchangeError("key_invalid", { reason: "small order" });
  // signed-note, "Signatures": key ID = SHA-256(key name || 0x0A || signature type || public key)[:4]
  const named = concatBytes([utf8Of(`${name}\n`), Uint8Array.of(type), rawPublicKey(publicJwk)]);
  return { name, keyId: hexOf(hash(named).subarray(0, KEY_ID_BYTES)), type, publicJwk };
}

/** `<name>+<key id>+<base64(type || public key)>`. */
export function formatVkey({ name, keyId, type, publicJwk }: Vkey): string {
  return `${name}+${keyId}+${base64Of(concatBytes([Uint8Array.of(type), rawPublicKey(publicJwk)]))}`;
}

/**
 * @throws ExchangeError `key_invalid`: not a vkey, of a type not taken here, an id that is not the key's, or a key of
 *   small order (which would verify signatures over many texts)
 */
export function parseVkey(text: string): Vkey {
  // The base64 part may hold plus signs of its own; name and id cannot.
  const [name, keyId, ...rest] = text.split("+");
  const material = findBase64(rest.join("+"));
  if (name === undefined || keyId === undefined || !KEY_ID.test(keyId) || material?.length !== 1 + PUBLIC_KEY_BYTES) {
    throw new ExchangeError("key_invalid", { reason: "shape" });
  }
  const type = material[0];
  if (type !== ED25519 && type !== COSIGNATURE_V1) throw new ExchangeError("key_invalid", { reason: "type" });
  const vkey = vkeyOf(name, publicJwkOf(material.subarray(1)), type);
  if (vkey.keyId !== keyId) throw new ExchangeError("key_invalid", { reason: "key id" });
  return vkey;
}

export function sameVkey(a: Vkey, b: Vkey): boolean {
  return a.name === b.name && a.keyId === b.keyId && a.type === b.type && a.publicJwk.x === b.publicJwk.x;
}
