/** SHA-512 (FIPS 180-4) of a file's original bytes as a signal: exact, 64 bytes. Carried for lists that hold it. */
import type { Bytes } from "../bytes.ts";
import { equalDigests, formatHexDigest, hexPattern, parseHexDigest } from "./hex-digest.ts";

export const SHA512_BYTES = 64;
export const SHA512_PATTERN = hexPattern(SHA512_BYTES);

/** @throws ExchangeError `signal_invalid` unless `text` is 128 lower-case hex characters */
export function parseSha512(text: unknown): Bytes {
  return parseHexDigest("sha512", SHA512_BYTES, text);
}

export function formatSha512(bytes: Uint8Array): string {
  return formatHexDigest("sha512", SHA512_BYTES, bytes);
}

export function equalSha512(a: Uint8Array, b: Uint8Array): boolean {
  return equalDigests("sha512", SHA512_BYTES, a, b);
}
