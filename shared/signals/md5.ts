/** MD5 (RFC 1321) of a file's original bytes as a signal: exact, 16 bytes. Broken against collisions; carried because older lists hold nothing else. */
import type { Bytes } from "../bytes.ts";
import { equalDigests, formatHexDigest, hexPattern, parseHexDigest } from "./hex-digest.ts";

export const MD5_BYTES = 16;
export const MD5_PATTERN = hexPattern(MD5_BYTES);

/** @throws ExchangeError `signal_invalid` unless `text` is 32 lower-case hex characters */
export function parseMd5(text: unknown): Bytes {
  return parseHexDigest("md5", MD5_BYTES, text);
}

export function formatMd5(bytes: Uint8Array): string {
  return formatHexDigest("md5", MD5_BYTES, bytes);
}

export function equalMd5(a: Uint8Array, b: Uint8Array): boolean {
  return equalDigests("md5", MD5_BYTES, a, b);
}
