/** The imagery gate: finds text that carries a picture. It reads decoded strings, and it must not eat real reports. */

import { findMediaText } from "./media/sniff-text.ts";
import { ExchangeError } from "./problem.ts";
import { isReportedUrl } from "./reported-url.ts";

/** A run of this many base64 or hex characters in free text is no sentence; a thumbnail begins at about that size. */
export const FREE_TEXT_RUN_MAX = 511;
/** Base64 wrapped into lines counts as one run when each piece is at least this long. */
const WRAPPED_PIECE_MIN = 32;

export type ImageryRule = "data_address" | "base64_magic" | "hex_magic" | "binary_magic" | "long_run";
export type ImageryFinding = { pointer: string; rule: ImageryRule };

const DATA_ADDRESS = /data:[^,\s]{0,200};\s{0,4}base64|data:(?:image|video|audio)\/[^,\s]{0,200},/i;
// The same bytes when somebody put them into a string as they are, one character a byte, or badly decoded.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these control characters are what a picture starts with
const BINARY_MAGIC = /[\u0089\ufffd]PNG\r?\n|\u00ff\u00d8\u00ff|GIF8[79]a[\u0000-\u001f\ufffd]|RIFF[\s\S]{4}WEBP/;
const URL_IN_TEXT = /\bh(?:tt|xx)ps?:\/\/\S{1,2083}/gi;
const RUN_CHARACTERS = /^[0-9A-Za-z+/_=-]+$/;

// Fields with a form of their own, by path. Each is spared only while it has that form.
const URL_FIELD = /(?:^|\/)(?:url|url_canonical|profile_url)$/;
const TYPED_FIELDS: [path: RegExp, form: RegExp][] = [
  [/(?:^|\/)hashes\/\d+\/value$/, /^[0-9A-Fa-f]{0,128}$/],
  [/(?:^|\/)(?:url_digest|build_hash)$/, /^[0-9a-f]{0,64}$/],
  [/(?:^|\/)(?:sealed_digest|body_sha256)$/, /^sha256:[0-9a-f]{64}$/],
];
const SEALED_FIELD =
  /(?:^|\/)(?:sealed|note_sealed|jwe)\/(?:ciphertext|iv|tag|protected|recipients\/\d+\/(?:encrypted_key|header\/\w+))$/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;
// Ciphertext is random: only a beginning of four fixed bytes or more is proof that nothing was encrypted.
const CIPHERTEXT_MAGIC = /^(?:iVBORw0KGg|_9j_[4-7]|R0lGOD[dl]h|UklGR|AAAA.[GWm2]Z0eX)/;

/** Does free text carry a picture? The same check runs in the form, so that nobody is surprised after signing. */
export function findImageryInText(text: string): ImageryRule | undefined {
  if (DATA_ADDRESS.test(text)) return "data_address";
  if (BINARY_MAGIC.test(text)) return "binary_magic";
  // An address pasted into a sentence may hold a long signature; its length is bounded by the pattern.
  const words = text.replace(URL_IN_TEXT, " ");
  const media = findMediaText(words);
  if (media !== undefined) return media.encoding === "hex" ? "hex_magic" : "base64_magic";
  return longestRun(words) > FREE_TEXT_RUN_MAX ? "long_run" : undefined;
}

function longestRun(text: string): number {
  let longest = 0;
  let wrapped = 0;
  for (const word of text.split(/[^0-9A-Za-z+/_=-]+/)) longest = Math.max(longest, word.length);
  for (const piece of text.split(/\s+/)) {
    wrapped = piece.length >= WRAPPED_PIECE_MIN && RUN_CHARACTERS.test(piece) ? wrapped + piece.length : 0;
    longest = Math.max(longest, wrapped);
  }
  return longest;
}

/**
 * The first string in a decoded document that looks like a picture.
 *
 * @param value - what JSON.parse returned; member names are looked at too
 * @returns where and by which rule, never the text
 */
export function findImagery(value: unknown): ImageryFinding | undefined {
  return walk(value, "");
}

function walk(value: unknown, path: string): ImageryFinding | undefined {
  if (typeof value === "string") {
    const rule = findInField(value, path);
    return rule === undefined ? undefined : { pointer: path, rule };
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const rule = Array.isArray(value) ? undefined : findImageryInText(name);
    // The name itself is the finding: the pointer stops above it, so that it is not repeated in the refusal.
    if (rule !== undefined) return { pointer: path, rule };
    const found = walk(member, `${path}/${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findInField(text: string, path: string): ImageryRule | undefined {
  if (URL_FIELD.test(path) && isReportedUrl(text)) return undefined;
  if (TYPED_FIELDS.some(([field, form]) => field.test(path) && form.test(text))) return undefined;
  if (SEALED_FIELD.test(path) && BASE64URL.test(text)) {
    return CIPHERTEXT_MAGIC.test(text) ? "base64_magic" : undefined;
  }
  return findImageryInText(text);
}

/** @throws ExchangeError `imagery_suspected` with the rule; neither text nor place, since names can be made up too */
export function refuseImagery(value: unknown): void {
  const found = findImagery(value);
  if (found !== undefined) throw new ExchangeError("imagery_suspected", { rule: found.rule });
}
