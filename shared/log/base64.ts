/** Standard base64 with padding (RFC 4648 §4), as signed notes, checkpoints and proofs are written. */

import { type Bytes, base64urlOf, findBase64url } from "../bytes.ts";

const PADDED = /^[A-Za-z0-9+/]*={0,2}$/;
const DIGITS_PER_GROUP = 4;

export function base64Of(bytes: Uint8Array): string {
  const digits = base64urlOf(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return digits.padEnd(Math.ceil(digits.length / DIGITS_PER_GROUP) * DIGITS_PER_GROUP, "=");
}

/**
 * Strict: padded, no white space, and no second spelling of the same bytes.
 *
 * @returns undefined when the text is not that
 */
export function findBase64(text: string): Bytes | undefined {
  if (text.length % DIGITS_PER_GROUP !== 0 || !PADDED.test(text)) return undefined;
  return findBase64url(text.replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_"));
}
