/** Emoji as terms: compared as written, variation selectors apart, skin tones too unless the term has one (UTS #51). */

import { HIT_MAX_CHARS } from "./exact.ts";
import { codePointBefore, sizeOf } from "./fold.ts";

const JOINER = 0x200d;
const isVariation = (codePoint: number) => codePoint === 0xfe0e || codePoint === 0xfe0f;
const isTone = (codePoint: number) => codePoint >= 0x1f3fb && codePoint <= 0x1f3ff;
const isFlagLetter = (codePoint: number) => codePoint >= 0x1f1e6 && codePoint <= 0x1f1ff;
const isTag = (codePoint: number) => codePoint >= 0xe0020 && codePoint <= 0xe007f;
const HAS_EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u;

export type EmojiPattern = { codePoints: number[]; hasTone: boolean };

export const holdsEmoji = (text: string) => HAS_EMOJI.test(text);

export function emojiPatternOf(text: string): EmojiPattern {
  const all = [...text].map((part) => part.codePointAt(0) as number);
  const hasTone = all.some(isTone);
  return { codePoints: all.filter((codePoint) => !isVariation(codePoint) && (hasTone || !isTone(codePoint))), hasTone };
}

/** The end of an emoji whose last base ends here: with its tone, its selector and its tags. */
export function emojiEnd(text: string, end: number): number {
  const most = Math.min(text.length, end + EMOJI_TAIL_MAX_CHARS);
  let at = end;
  while (at < most) {
    const codePoint = text.codePointAt(at) as number;
    if (!isVariation(codePoint) && !isTone(codePoint) && !isTag(codePoint)) break;
    at += sizeOf(codePoint);
  }
  return at;
}
const EMOJI_TAIL_MAX_CHARS = 32;

/** Where the emoji begins that ends here, or -1; a part of a longer sequence is another emoji, and so is half of a flag. */
export function emojiStart(text: string, end: number, { codePoints, hasTone }: EmojiPattern): number {
  if (end < text.length && text.codePointAt(end) === JOINER) return -1;
  const least = Math.max(0, end - HIT_MAX_CHARS);
  let left = codePoints.length;
  let at = end;
  let start = end;
  while (at > least) {
    const codePoint = codePointBefore(text, at);
    const isPassed = isVariation(codePoint) || (!hasTone && isTone(codePoint));
    if (!isPassed && left === 0) break;
    if (!isPassed && codePoint !== codePoints[--left]) return -1;
    at -= sizeOf(codePoint);
    if (!isPassed) start = at;
  }
  if (left > 0) return -1;
  const isJoined = start > 0 && codePointBefore(text, start) === JOINER;
  return isJoined || (isFlagLetter(codePoints[0] as number) && isHalfFlag(text, start)) ? -1 : start;
}

/** Flags are pairs of letters counted from the first of a row. */
function isHalfFlag(text: string, start: number): boolean {
  const least = Math.max(0, start - HIT_MAX_CHARS);
  let letters = 0;
  for (let at = start; at > least; at -= 2) {
    if (!isFlagLetter(codePointBefore(text, at))) break;
    letters += 1;
  }
  return letters % 2 === 1;
}
