/**
 * How pictures and videos begin when somebody writes their bytes as text: base64, base64url or hex.
 *
 * Each pattern stands for at least four fixed bytes, or has a run behind it that no hash has, so that a hash, a token or
 * a sentence is not taken for a picture.
 */

export type MediaTextPattern = { format: string; encoding: "base64" | "hex"; pattern: RegExp };

// 3 fixed bytes are few: shorter runs behind them are signatures, path pieces or hashes.
const JPEG_RUN = "[A-Za-z0-9+/_-]{24}";
// Behind ffd8ff: longer than the rest of a SHA-512, the longest hash that people paste.
const JPEG_HEX_RUN = "[0-9a-f]{124}";

export const MEDIA_TEXT_PATTERNS: readonly MediaTextPattern[] = [
  { format: "png", encoding: "base64", pattern: /iVBORw0KGg/ },
  // Fourth byte of a real file: a table (db), an application segment (e0..ef), a comment (fe) or a frame (c0..c3).
  { format: "jpeg", encoding: "base64", pattern: new RegExp(`(?<![A-Za-z0-9+/_.-])[/_]9j[/_][24-7w/_]${JPEG_RUN}`) },
  {
    format: "jpeg",
    encoding: "base64",
    pattern: /[/_]9j[/_](?:4AAQSkZJRg|4[Q-Za-f][A-Za-z0-9+/_-]{2}RXhpZg|2wBDA|2wCEA)/,
  },
  { format: "gif", encoding: "base64", pattern: /R0lGOD[dl]h/ },
  { format: "webp", encoding: "base64", pattern: /UklGR[A-Za-z0-9+/_-]{6}XRUJQ/ },
  { format: "avi", encoding: "base64", pattern: /UklGR[A-Za-z0-9+/_-]{6}BVkkg/ },
  { format: "iso", encoding: "base64", pattern: /AAAA[A-Za-z0-9+/_-][GWm2]Z0eX[AB]/ },
  { format: "ebml", encoding: "base64", pattern: /GkXfo[A-Za-z0-9+/_-]{8}/ },
  { format: "tiff", encoding: "base64", pattern: /(?:SUkqA[A-P]|TU0AK[g-v])[A-Za-z0-9+/_-]{8}/ },
  { format: "png", encoding: "hex", pattern: /89504e470d0a1a0a/i },
  {
    format: "jpeg",
    encoding: "hex",
    pattern: /ffd8ff(?:e0[0-9a-f]{4}4a464946|e1[0-9a-f]{4}45786966|db00(?:43|84)00)/i,
  },
  { format: "jpeg", encoding: "hex", pattern: new RegExp(`ffd8ff${JPEG_HEX_RUN}`, "i") },
  { format: "gif", encoding: "hex", pattern: /474946383[79]61/i },
  { format: "webp", encoding: "hex", pattern: /52494646[0-9a-f]{8}57454250/i },
  { format: "iso", encoding: "hex", pattern: /000000[0-9a-f]{2}66747970/i },
  { format: "ebml", encoding: "hex", pattern: /1a45dfa3[0-9a-f]{16}/i },
];

/** @returns the first pattern that the text contains */
export function findMediaText(text: string): MediaTextPattern | undefined {
  return MEDIA_TEXT_PATTERNS.find(({ pattern }) => pattern.test(text));
}
