/** SHA-1 (FIPS 180-4) of a file's original bytes as a signal: exact, 20 bytes. Broken against collisions; carried because many lists hold it. */
import type { Bytes } from "../bytes.ts";
import { equalDigests, formatHexDigest, hexPattern, parseHexDigest } from "./hex-digest.ts";

export const SHA1_BYTES = 20;
export const SHA1_PATTERN = hexPattern(SHA1_BYTES);

/** @throws ExchangeError `signal_invalid` unless `text` is 40 lower-case hex characters */
export function parseSha1(text: unknown): Bytes {
  return parseHexDigest("sha1", SHA1_BYTES, text);
}

export function formatSha1(bytes: Uint8Array): string {
  return formatHexDigest("sha1", SHA1_BYTES, bytes);
}

export function equalSha1(a: Uint8Array, b: Uint8Array): boolean {
  return equalDigests("sha1", SHA1_BYTES, a, b);
}
