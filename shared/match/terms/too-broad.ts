/** Which terms may not be published: those that hold nothing to look for, and those that nearly every text holds. */

import type { TermMatch } from "../../vocab/terms.ts";
import { holdsEmoji } from "./emoji.ts";
import { foldText, kindOf, UNSPACED } from "./fold.ts";
import { patternOf } from "./pattern.ts";

/** A part of a word needs so many characters, a word so many. */
const SUBSTRING_MIN_CHARACTERS = 3;
const WORD_MIN_CHARACTERS = 2;
/** Where a character is a syllable or a word, and words have no spaces around them, every match is one of a part. */
const UNSPACED_MIN_CHARACTERS = 2;

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
  const pattern = patternOf(text, match, false);
  if (pattern === undefined) return "term_empty";
  // One emoji or symbol is no word; whoever wants it says so by `match`, and emoji rules hold.
  if (holdsEmoji(text)) return undefined;
  const isUnspaced = pattern.characters.some((codePoint) => (kindOf(codePoint) & UNSPACED) !== 0);
  const least = isUnspaced
    ? UNSPACED_MIN_CHARACTERS
    : match === "substring"
      ? SUBSTRING_MIN_CHARACTERS
      : WORD_MIN_CHARACTERS;
  // `aaa` is one character drawn out: by sound and by sight it is `a`.
  const distinct = new Set(foldText(text)).size;
  return pattern.characters.length < least || (match === "substring" && !isUnspaced && distinct < 2)
    ? "term_too_broad"
    : undefined;
}
