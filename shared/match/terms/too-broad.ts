/** Which terms may not be published: those that hold nothing to look for, and those that nearly every text holds. */

import type { TermMatch } from "../../vocab/terms.ts";
import { holdsEmoji } from "./emoji.ts";
import { CHARACTER, foldText, KIND_MASK, kindOf, UNSPACED } from "./fold.ts";
import { patternOf } from "./pattern.ts";

/** A part of a word needs so many characters, a word so many. */
const SUBSTRING_MIN_CHARACTERS = 3;
const WORD_MIN_CHARACTERS = 2;
/** Where a character is a syllable or a word, two say what three letters do. */
const SYLLABLES_MIN = 2;
const IS_SYLLABLE = /\p{Script=Hangul}/u;

export type TermFault = {
  code: "term_empty" | "term_too_broad";
  member: "text" | "requires_with" | "not_with";
};

type Published = {
  text?: string | undefined;
  match: TermMatch;
  requires_with?: readonly string[] | undefined;
  not_with?: readonly string[] | undefined;
};

/**
 * What speaks against publishing a term, by its text alone. A keyed digest shows nothing and passes.
 *
 * @returns undefined when nothing does
 */
export function findTermFault({ text, match, requires_with = [], not_with = [] }: Published): TermFault | undefined {
  if (text !== undefined) {
    const code = match === "emoji" ? emojiFault(text) : textFault(text, match);
    if (code !== undefined) return { code, member: "text" };
  }
  for (const [member, companions] of [
    ["requires_with", requires_with],
    ["not_with", not_with],
  ] as const) {
    if (companions.some((companion) => patternOf(companion, "phrase", false) === undefined))
      return { code: "term_empty", member };
  }
  return undefined;
}

/** An emoji is as rare as people make it; a digit or a letter marked as one is not. */
function emojiFault(text: string): TermFault["code"] | undefined {
  if (patternOf(text, "emoji", false) === undefined) return "term_empty";
  return holdsEmoji(text) ? undefined : "term_too_broad";
}

function textFault(text: string, match: TermMatch): TermFault["code"] | undefined {
  if (patternOf(text, match, false) === undefined) return "term_empty";
  // One emoji or symbol is no word; whoever wants it says so by `match`, and emoji rules hold.
  if (holdsEmoji(text)) return undefined;
  // Composed again: a syllable of three letters is one, and so is a letter with its voicing mark.
  const characters = [...foldText(text).normalize("NFC")].filter(
    (part) => (kindOf(part.codePointAt(0) as number) & KIND_MASK) === CHARACTER,
  );
  if (characters.some(isSyllable)) return characters.length < SYLLABLES_MIN ? "term_too_broad" : undefined;
  // `eee` is one letter drawn out: by sight it is `e`.
  const isOneLetter = new Set(characters).size < 2;
  if (match === "substring")
    return isOneLetter || characters.length < SUBSTRING_MIN_CHARACTERS ? "term_too_broad" : undefined;
  return characters.length < WORD_MIN_CHARACTERS ? "term_too_broad" : undefined;
}

function isSyllable(character: string): boolean {
  return IS_SYLLABLE.test(character) || (kindOf(character.codePointAt(0) as number) & UNSPACED) !== 0;
}
