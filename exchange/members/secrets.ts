/** Secrets: made here once, kept as digests, compared in constant time. */
import { base64urlOf, equalBytes, hexOf, parseHex, sha256, utf8Of } from "@breakwater/shared/bytes.ts";

export const SECRET_BYTES = 32;
export const KEY_ID_BYTES = 8;

type Random = { random: (byteLength: number) => Uint8Array };

/** 43 characters of base64url: too many bits to guess, so a plain digest is enough to keep. */
export function newSecret({ random }: Random): string {
  return base64urlOf(random(SECRET_BYTES));
}

export function newKeyId({ random }: Random): string {
  return hexOf(random(KEY_ID_BYTES));
}

export async function digestSecret(secret: string): Promise<string> {
  return hexOf(await sha256(utf8Of(secret)));
}

// Compared against when there is no row, so that an unknown id takes the time of a known one.
const NO_DIGEST = "0".repeat(64);

/** True if the secret has the digest; false, after the same work, when there is none to compare with. */
export async function isSecretOf(digest: string | undefined, secret: string): Promise<boolean> {
  const same = equalBytes(parseHex(digest ?? NO_DIGEST), await sha256(utf8Of(secret)));
  return same && digest !== undefined;
}
