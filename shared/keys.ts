/** Ed25519 signing keys and X25519 sealing keys as JWKs (RFC 8037), named by their thumbprint (RFC 7638). */

// jose's own CryptoKey type is the platform's, whichever platform type-checks this.
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from "jose";
import { z } from "zod";
import { base64urlOf, findBase64url, hexOf } from "./bytes.ts";
import { type Kid, parseKid } from "./ids.ts";
import { ExchangeError } from "./problem.ts";

export const SIGNING_ALG = "Ed25519";
const KEY_BYTES = 32;

const is32Bytes = (text: string) => findBase64url(text)?.length === KEY_BYTES;

/** A public signing key: exactly these three members, so that its thumbprint covers all of it. */
export const PublicJwk = z.strictObject({
  crv: z.literal("Ed25519"),
  kty: z.literal("OKP"),
  x: z.string().refine(is32Bytes, "32 bytes, base64url"),
});
export type PublicJwk = z.infer<typeof PublicJwk>;

/** A public key to encrypt to. */
export const SealingJwk = z.strictObject({
  crv: z.literal("X25519"),
  kty: z.literal("OKP"),
  x: z.string().refine(is32Bytes, "32 bytes, base64url"),
});
export type SealingJwk = z.infer<typeof SealingJwk>;

const privateMember = { d: z.string().refine(is32Bytes, "32 bytes, base64url") };
/** A signing key as a key file holds it. */
export const PrivateJwk = PublicJwk.extend(privateMember);
export type PrivateJwk = z.infer<typeof PrivateJwk>;
export const PrivateSealingJwk = SealingJwk.extend(privateMember);
export type PrivateSealingJwk = z.infer<typeof PrivateSealingJwk>;

/** What signs: the private key may live where it cannot be read (browser, key store). */
export type SigningKey = { kid: Kid; privateKey: CryptoKey };

export type NewSigningKey = SigningKey & { publicJwk: PublicJwk; privateJwk?: PrivateJwk };
export type NewSealingKey = { kid: Kid; privateKey: CryptoKey; publicJwk: SealingJwk; privateJwk?: PrivateSealingJwk };

// y coordinates (little-endian, sign bit cleared) of the points of order 1, 2, 4 and 8. A signature by such a "key"
// can hold for many messages. The list is libsodium's; other spellings of these points fail isCanonicalField.
const SMALL_ORDER_Y = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);
// u coordinates of the points of small order on Curve25519 (RFC 7748 §6.1): a shared secret of zeros.
const SMALL_ORDER_U = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);
const TOP_BIT = 0x80;

/**
 * Is the key one that no honest generator makes: of small order, or written with a coordinate not below 2^255 − 19?
 *
 * @param x - 32 bytes, base64url
 */
export function isSmallOrder(x: string, crv: "Ed25519" | "X25519" = "Ed25519"): boolean {
  const bytes = findBase64url(x);
  if (bytes?.length !== KEY_BYTES) throw new ExchangeError("key_invalid", { reason: "length" });
  bytes[KEY_BYTES - 1] = (bytes[KEY_BYTES - 1] as number) & ~TOP_BIT;
  if (!isCanonicalField(bytes)) return true;
  return (crv === "Ed25519" ? SMALL_ORDER_Y : SMALL_ORDER_U).has(hexOf(bytes));
}

// p = 2^255 − 19 is ed ff … ff 7f in little-endian; anything from there up is a second spelling of a small number.
function isCanonicalField(bytes: Uint8Array): boolean {
  if ((bytes[0] as number) < 0xed) return true;
  return bytes[KEY_BYTES - 1] !== 0x7f || bytes.subarray(1, KEY_BYTES - 1).some((byte) => byte !== 0xff);
}

/** @throws ExchangeError `key_invalid` */
export function parsePublicJwk(value: unknown): PublicJwk {
  const result = PublicJwk.safeParse(value);
  if (!result.success) throw new ExchangeError("key_invalid", { reason: "shape" });
  if (isSmallOrder(result.data.x)) throw new ExchangeError("key_invalid", { reason: "small order" });
  return result.data;
}

/** @throws ExchangeError `key_invalid` */
export function parseSealingJwk(value: unknown): SealingJwk {
  const result = SealingJwk.safeParse(value);
  if (!result.success) throw new ExchangeError("key_invalid", { reason: "shape" });
  if (isSmallOrder(result.data.x, "X25519")) throw new ExchangeError("key_invalid", { reason: "small order" });
  return result.data;
}

/** RFC 7638 thumbprint, SHA-256, base64url: 43 characters. */
export async function thumbprint(jwk: PublicJwk | SealingJwk): Promise<Kid> {
  return parseKid(await calculateJwkThumbprint({ crv: jwk.crv, kty: jwk.kty, x: jwk.x }, "sha256"));
}

export async function importPublic(jwk: PublicJwk): Promise<CryptoKey> {
  return importOkp({ crv: jwk.crv, kty: jwk.kty, x: jwk.x }, SIGNING_ALG);
}

/** A key file's contents as something that signs; the imported key cannot be read back. */
export async function importSigningKey(jwk: unknown): Promise<SigningKey> {
  const result = PrivateJwk.safeParse(jwk);
  if (!result.success) throw new ExchangeError("key_invalid", { reason: "shape" });
  const { d, ...publicJwk } = result.data;
  return { kid: await thumbprint(publicJwk), privateKey: await importOkp({ ...publicJwk, d }, SIGNING_ALG) };
}

async function importOkp(jwk: { crv: string; kty: "OKP"; x: string; d?: string }, alg: string): Promise<CryptoKey> {
  try {
    return (await importJWK(jwk, alg)) as CryptoKey;
  } catch {
    // The cause is left out on purpose: an engine's message about a private key belongs in no log.
    throw new ExchangeError("key_invalid", { reason: "import" });
  }
}

/**
 * A new Ed25519 key.
 *
 * @param extractable - false: the private part never leaves the platform's key store and there is no `privateJwk`
 */
export async function generateSigningKey({ extractable }: { extractable: boolean }): Promise<NewSigningKey> {
  const pair = await generateKeyPair(SIGNING_ALG, { extractable });
  const publicJwk = parsePublicJwk(await publicOf(pair.publicKey, "Ed25519"));
  const key: NewSigningKey = { kid: await thumbprint(publicJwk), privateKey: pair.privateKey, publicJwk };
  if (extractable) key.privateJwk = PrivateJwk.parse({ ...publicJwk, d: (await exportJWK(pair.privateKey)).d });
  return key;
}

/** A new X25519 key for ECDH-ES; as {@link generateSigningKey}. */
export async function generateSealingKey({ extractable }: { extractable: boolean }): Promise<NewSealingKey> {
  const pair = await generateKeyPair("ECDH-ES+A256KW", { crv: "X25519", extractable });
  const publicJwk = parseSealingJwk(await publicOf(pair.publicKey, "X25519"));
  const key: NewSealingKey = { kid: await thumbprint(publicJwk), privateKey: pair.privateKey, publicJwk };
  if (extractable) key.privateJwk = PrivateSealingJwk.parse({ ...publicJwk, d: (await exportJWK(pair.privateKey)).d });
  return key;
}

async function publicOf(key: CryptoKey, crv: "Ed25519" | "X25519"): Promise<{ crv: string; kty: "OKP"; x: string }> {
  const { x } = await exportJWK(key);
  if (x === undefined) throw new ExchangeError("key_invalid", { reason: "export" });
  return { crv, kty: "OKP", x };
}

/** The 32 bytes of a public key's `x`. */
export function rawPublicKey(jwk: PublicJwk | SealingJwk): Uint8Array {
  const bytes = findBase64url(jwk.x);
  if (bytes === undefined) throw new ExchangeError("key_invalid", { reason: "shape" });
  return bytes;
}

/** A public signing key from its 32 raw bytes. */
export function publicJwkOf(raw: Uint8Array): PublicJwk {
  return parsePublicJwk({ crv: "Ed25519", kty: "OKP", x: base64urlOf(raw) });
}
