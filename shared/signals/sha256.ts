/** SHA-256 (FIPS 180-4) of a file's original bytes as a signal: exact, 32 bytes. The exact signal of choice. */
import type { Bytes } from "../bytes.ts";
import { equalDigests, formatHexDigest, hexPattern, parseHexDigest } from "./hex-digest.ts";

export const SHA256_BYTES = 32;
export const SHA256_PATTERN = hexPattern(SHA256_BYTES);

/** @throws ExchangeError `signal_invalid` unless `text` is 64 lower-case hex characters */
export function parseSha256(text: unknown): Bytes {
  return parseHexDigest("sha256", SHA256_BYTES, text);
}

export function formatSha256(bytes: Uint8Array): string {
  return formatHexDigest("sha256", SHA256_BYTES, bytes);
}

export function equalSha256(a: Uint8Array, b: Uint8Array): boolean {
  return equalDigests("sha256", SHA256_BYTES, a, b);
}
