/** The ends of a hit: word boundaries, characters that belong together, separators of the term itself. */

import { looseClass } from "./alike.ts";
import {
  CHARACTER,
  codePointBefore,
  EXTENDS,
  foldOf,
  IGNORED,
  KIND_MASK,
  kindOf,
  MARK,
  SPACE,
  sizeOf,
  UNSPACED,
  WORD,
} from "./fold.ts";

/** How many ignored characters in a row are looked over; past so many, whatever follows is another word. */
export const IGNORED_RUN_MAX_CHARS = 64;
/** How far separators at an end of a term may stretch in a text, where white space is as long as one likes. */
export const LITERAL_MAX_CHARS = 256;

const START = -1;

/** The nearest character before a place that is not ignored, or {@link START}. */
function before(text: string, at: number): number {
  const least = Math.max(0, at - IGNORED_RUN_MAX_CHARS);
  for (let from = at; from > least; ) {
    const codePoint = codePointBefore(text, from);
    if ((kindOf(codePoint) & KIND_MASK) !== IGNORED) return codePoint;
    from -= sizeOf(codePoint);
  }
  return START;
}

function after(text: string, at: number): number {
  const most = Math.min(text.length, at + IGNORED_RUN_MAX_CHARS);
  for (let from = at; from < most; ) {
    const codePoint = text.codePointAt(from) as number;
    if ((kindOf(codePoint) & KIND_MASK) !== IGNORED) return codePoint;
    from += sizeOf(codePoint);
  }
  return START;
}

function isBoundary(left: number, right: number): boolean {
  if (left === START || right === START) return true;
  const kinds = [kindOf(left), kindOf(right)] as [number, number];
  if ((kinds[0] & WORD) === 0 || (kinds[1] & WORD) === 0) return true;
  return ((kinds[0] | kinds[1]) & UNSPACED) !== 0;
}

export function isWordStart(text: string, start: number): boolean {
  return isBoundary(before(text, start), text.codePointAt(start) as number);
}

/** Whether the character before a place could be the same one drawn out. */
export function isDrawnOutBefore(text: string, start: number, character: number): boolean {
  const own = before(text, start);
  if (own === START) return false;
  const last = [...foldOf(own)].at(-1);
  return last !== undefined && looseClass(last.codePointAt(0) as number) === looseClass(character);
}

export function isWordEnd(text: string, end: number): boolean {
  return isBoundary(before(text, end), after(text, end));
}

/** Whether what follows belongs to the character before: `ka` is not found in `ki` because of the vowel sign behind it. */
export function isCutOff(text: string, end: number): boolean {
  const next = after(text, end);
  return next !== START && (kindOf(next) & EXTENDS) !== 0;
}

/** The end with the marks that are drawn on the last character. */
export function withMarks(text: string, end: number): number {
  const most = Math.min(text.length, end + IGNORED_RUN_MAX_CHARS);
  let last = end;
  for (let at = end; at < most; ) {
    const codePoint = text.codePointAt(at) as number;
    const kind = kindOf(codePoint);
    if ((kind & KIND_MASK) !== IGNORED) break;
    at += sizeOf(codePoint);
    if (kind & MARK) last = at;
  }
  return last;
}

/** Where a text has gone on with these separators, or -1 where it has not. */
export function endOfLiteral(text: string, end: number, literal: string): number {
  const most = Math.min(text.length, end + LITERAL_MAX_CHARS);
  let done = 0;
  let at = end;
  while (done < literal.length) {
    if (at >= most) return -1;
    const codePoint = text.codePointAt(at) as number;
    const kind = kindOf(codePoint) & KIND_MASK;
    if (kind === CHARACTER) return -1;
    at += sizeOf(codePoint);
    if (kind === IGNORED) continue;
    const fold = foldOf(codePoint);
    if (kind === SPACE && done > 0 && literal[done - 1] === " ") continue;
    if (!literal.startsWith(fold, done)) return -1;
    done += fold.length;
  }
  return at;
}
