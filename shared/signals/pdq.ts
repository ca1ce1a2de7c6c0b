/** PDQ as a signal: a 256-bit perceptual hash of a picture, compared in differing bits (facebook/ThreatExchange, pdq). */
import type { Bytes } from "../bytes.ts";
import { formatHexDigest, hexPattern, parseHexDigest, requireLength } from "./hex-digest.ts";

export const PDQ_BYTES = 32;
export const PDQ_BITS = 256;
export const PDQ_PATTERN = hexPattern(PDQ_BYTES);

/** Inclusive bound in bits. The reference's matchers disagree between `<` and `<=`; here it is `<=` everywhere. */
export const PDQ_MATCH_THRESHOLD = 31;
/** Below this quality a PDQ says nothing and must not match: flat pictures share hashes that are not all zero. */
export const PDQ_QUALITY_FLOOR = 50;
export const PDQ_QUALITY_MAX = 100;

/** @throws ExchangeError `signal_invalid` unless `text` is 64 lower-case hex characters */
export function parsePdq(text: unknown): Bytes {
  return parseHexDigest("pdq", PDQ_BYTES, text);
}

export function formatPdq(bytes: Uint8Array): string {
  return formatHexDigest("pdq", PDQ_BYTES, bytes);
}

/**
 * Distance between two PDQ signals, in differing bits.
 *
 * @param a - 32 bytes (256 bits), as {@link parsePdq} returns them
 * @param b - 32 bytes, same bit order as `a`
 * @returns 0..256; 31 or less is a match by the reference threshold
 * @throws RangeError unless both are 32 bytes
 * @see facebook/ThreatExchange, pdq/README.md, "Matching"
 */
export function distancePdq(a: Uint8Array, b: Uint8Array): number {
  requireLength("pdq", PDQ_BYTES, a);
  requireLength("pdq", PDQ_BYTES, b);
  let bits = 0;
  for (let i = 0; i < PDQ_BYTES; i++) {
    let differing = (a[i] as number) ^ (b[i] as number);
    for (; differing !== 0; differing &= differing - 1) bits++;
  }
  return bits;
}
