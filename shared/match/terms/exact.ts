/** A term as it is written, met in a text from its last character backwards: case, marks and compatibility forms apart. */

import { CHARACTER, codePointBefore, foldOf, IGNORED, KIND_MASK, kindOf, SPACE, simpleFold, sizeOf } from "./fold.ts";
import type { Pattern } from "./pattern.ts";

/** The longest hit, drawn out and spaced as it may be; what is longer is not found. */
export const HIT_MAX_CHARS = 1_024;

/**
 * Where the term begins when its last character ends at `end`, or -1 where something else stands there. The end may not
 * be inside a character that folds to several.
 */
export function exactStart(text: string, end: number, pattern: Pattern): number {
  const { fold } = pattern;
  return startOf(text, end, fold, fold.length - pattern.tail.length);
}

/** Where these separators begin that end before a place, or -1. */
export function startOfLiteral(text: string, start: number, literal: string): number {
  return literal === "" ? start : startOf(text, start, literal, literal.length);
}

function startOf(text: string, end: number, fold: string, length: number): number {
  const least = Math.max(0, end - HIT_MAX_CHARS);
  let left = length;
  let at = end;
  let start = end;
  while (left > 0) {
    if (at <= least) return -1;
    const unit = text.charCodeAt(at - 1);
    const kind = kindOf(unit) & KIND_MASK;
    if (kind === CHARACTER) {
      const simple = simpleFold(unit);
      // Most characters are one unit and fold to one; surrogates fold to themselves here and are read in full below.
      if (simple !== 0 && (unit < 0xd800 || unit > 0xdfff)) {
        if (simple !== fold.charCodeAt(left - 1)) return -1;
        left -= 1;
        at -= 1;
        start = at;
        continue;
      }
    }
    const codePoint = codePointBefore(text, at);
    const ownKind = kindOf(codePoint) & KIND_MASK;
    if (ownKind === IGNORED) {
      at -= sizeOf(codePoint);
      continue;
    }
    if (ownKind === SPACE) {
      if (fold[left - 1] !== " ") return -1;
      left -= 1;
      at = skipSpace(text, at, least);
      start = at;
      continue;
    }
    const own = foldOf(codePoint);
    if (own.length > left || !fold.endsWith(own, left)) return -1;
    left -= own.length;
    at -= sizeOf(codePoint);
    start = at;
  }
  return start;
}

function skipSpace(text: string, end: number, least: number): number {
  let start = end;
  for (let at = end; at > least; ) {
    const codePoint = codePointBefore(text, at);
    const kind = kindOf(codePoint) & KIND_MASK;
    if (kind !== SPACE && kind !== IGNORED) break;
    at -= sizeOf(codePoint);
    if (kind === SPACE) start = at;
  }
  return start;
}
