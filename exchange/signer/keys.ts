/** The signer's private keys at rest: AES-256-GCM under a key derived from its secret, bound to the name they are kept under. */

import { base64urlOf, findBase64url, findUtf8, utf8Of } from "@breakwater/shared/bytes.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import { generateSigningKey, importSigningKey, PublicJwk, type SigningKey } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import type { SignerState } from "./state.ts";

/** Below this a secret could be guessed; 32 random bytes in any spelling are longer. */
export const SIGNER_SECRET_MIN_CHARS = 32;
const NONCE_BYTES = 12;
const HKDF_INFO = "breakwater signer keys v1";

const KeptKey = z.strictObject({ nonce: z.string(), public: PublicJwk, sealed: z.string() });

export type KeyRing = {
  /** The key kept under a name, or undefined. */
  find(name: string): Promise<HeldKey | undefined>;
  /** The key kept under a name, made when there is none; two makers at once end with the same key. */
  findOrCreate(name: string): Promise<HeldKey>;
};
export type HeldKey = SigningKey & { publicJwk: PublicJwk };

export async function openKeyRing(state: SignerState, secret: string): Promise<KeyRing> {
  if (secret.length < SIGNER_SECRET_MIN_CHARS) throw new ExchangeError("config_invalid", { name: "SIGNER_SECRET" });
  const wrapping = await deriveWrappingKey(secret);

  async function find(name: string): Promise<HeldKey | undefined> {
    const stored = await state.read(name);
    return stored === undefined ? undefined : openKept(wrapping, name, stored.bytes);
  }

  async function findOrCreate(name: string): Promise<HeldKey> {
    const held = await find(name);
    if (held !== undefined) return held;
    const { privateJwk, publicJwk } = await generateSigningKey({ extractable: true });
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = new Uint8Array(
      await crypto.subtle.encrypt(
        { name: "AES-GCM", iv: nonce, additionalData: utf8Of(name) },
        wrapping,
        utf8Of(jcs(privateJwk)),
      ),
    );
    const kept = { nonce: base64urlOf(nonce), public: publicJwk, sealed: base64urlOf(sealed) };
    // Whoever created it first wins, so the key handed out is always the one that is kept.
    await state.create(name, utf8Of(jcs(kept)));
    const settled = await find(name);
    if (settled === undefined) throw new ExchangeError("signer_unavailable", { reason: "state" });
    return settled;
  }

  return { find, findOrCreate };
}

async function deriveWrappingKey(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", utf8Of(secret), "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8Of(HKDF_INFO) },
    material,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

async function openKept(wrapping: CryptoKey, name: string, bytes: Uint8Array): Promise<HeldKey> {
  const result = KeptKey.safeParse(parseJcs(bytes));
  const nonce = result.success ? findBase64url(result.data.nonce) : undefined;
  const sealed = result.success ? findBase64url(result.data.sealed) : undefined;
  // An unreadable key is not an absent one: making a new key here would silently change who the publisher is.
  if (!result.success || nonce === undefined || sealed === undefined) {
    throw new ExchangeError("signer_unavailable", { reason: "kept key" });
  }
  let plain: ArrayBuffer;
  try {
    plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce, additionalData: utf8Of(name) }, wrapping, sealed);
  } catch {
    // The cause is left out: nothing about a private key belongs in a log.
    throw new ExchangeError("signer_unavailable", { reason: "secret" });
  }
  const text = findUtf8(new Uint8Array(plain));
  const key = await importSigningKey(parseJcs(utf8Of(text ?? "")));
  return { ...key, publicJwk: result.data.public };
}
