/** A term as the matcher compares it: its characters, what stands between them, and which layers it may be found by. */

import type { TermMatch } from "../../vocab/terms.ts";
import { looseClass } from "./alike.ts";
import { CHARACTER, foldText, KIND_MASK, kindOf, LETTER } from "./fold.ts";

/** Shorter terms are found as they are written only: four letters have too many neighbours. */
export const LOOSE_MIN_CHARACTERS = 4;

export type Pattern = {
  match: TermMatch;
  /** The term folded; emoji as written, see emoji.ts. */
  fold: string;
  /** Separators before the first and behind the last character: compared as they are, in every layer. */
  head: string;
  tail: string;
  /** Code points of the folded term that are characters. */
  characters: number[];
  /** What stands between each character and the one before it; the first is empty. */
  gaps: string[];
  letters: number;
  isLoose: boolean;
  /** No two neighbours differ and are taken for each other all the same: a text falls into the term's runs in one way. */
  hasOneReading: boolean;
};

/** @returns undefined for a text that holds no character, so that nothing could be found by it */
export function patternOf(text: string, match: TermMatch, mayBeLoose: boolean): Pattern | undefined {
  const fold = foldText(text);
  const characters: number[] = [];
  const gaps: string[] = [];
  let head = "";
  let gap = "";
  let letters = 0;
  for (const part of fold) {
    const codePoint = part.codePointAt(0) as number;
    const kind = kindOf(codePoint);
    if ((kind & KIND_MASK) !== CHARACTER) {
      gap += part;
      continue;
    }
    if (characters.length === 0) head = gap;
    gaps.push(characters.length === 0 ? "" : gap);
    characters.push(codePoint);
    gap = "";
    if (kind & LETTER) letters += 1;
  }
  if (characters.length === 0) return undefined;
  const isLoose = mayBeLoose && match !== "emoji" && characters.length >= LOOSE_MIN_CHARACTERS && letters > 0;
  const hasOneReading = characters.every((own, at) => {
    const before = characters[at - 1];
    return before === undefined || before === own || looseClass(before) !== looseClass(own);
  });
  return { match, fold, head, tail: gap, characters, gaps, letters, isLoose, hasOneReading };
}
