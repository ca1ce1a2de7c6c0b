/** Strict text form of a fixed-length digest: lower-case hex of exactly the right length, one spelling per value. */
import { type Bytes, equalBytes, hexOf } from "../bytes.ts";
import { ExchangeError } from "../problem.ts";

/** The names of the algorithms whose value is a fixed number of bytes written in hex. */
export type DigestAlg = "md5" | "sha1" | "sha256" | "sha512" | "pdq";

export function hexPattern(byteLength: number): RegExp {
  return new RegExp(`^[0-9a-f]{${byteLength * 2}}$`);
}

/**
 * Reads a digest. Upper case is refused rather than folded: an entry's natural key is its text, and two spellings of
 * one hash would be two entries.
 *
 * @throws ExchangeError `signal_invalid` with the algorithm and the length expected; never the value
 */
export function parseHexDigest(alg: DigestAlg, byteLength: number, text: unknown): Bytes {
  if (typeof text !== "string" || text.length !== byteLength * 2) {
    throw new ExchangeError("signal_invalid", { alg, expected: `${byteLength * 2} lower-case hex characters` });
  }
  const bytes = new Uint8Array(byteLength);
  for (let i = 0; i < byteLength; i++) {
    const high = nibble(text.charCodeAt(2 * i));
    const low = nibble(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) {
      throw new ExchangeError("signal_invalid", { alg, expected: `${byteLength * 2} lower-case hex characters` });
    }
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

/** @throws RangeError unless `bytes` has the algorithm's length: a programming error, not bad input */
export function formatHexDigest(alg: DigestAlg, byteLength: number, bytes: Uint8Array): string {
  requireLength(alg, byteLength, bytes);
  return hexOf(bytes);
}

/** @throws RangeError unless both have the algorithm's length: comparing two kinds of hash is a programming error */
export function equalDigests(alg: DigestAlg, byteLength: number, a: Uint8Array, b: Uint8Array): boolean {
  requireLength(alg, byteLength, a);
  requireLength(alg, byteLength, b);
  return equalBytes(a, b);
}

export function requireLength(alg: DigestAlg, byteLength: number, bytes: Uint8Array): void {
  if (bytes.length !== byteLength) throw new RangeError(`${alg}: expected ${byteLength} bytes, got ${bytes.length}`);
}

function nibble(charCode: number): number {
  if (charCode >= 0x30 && charCode <= 0x39) return charCode - 0x30;
  if (charCode >= 0x61 && charCode <= 0x66) return charCode - 0x57;
  return -1;
}
