/** A term met disguised: look-alikes, digits for letters, separators between letters, letters drawn out; each under rules that spare ordinary words. */

import { layerOf, REPEATED, SEPARATED } from "./alike.ts";
import { isWordStart } from "./edges.ts";
import { HIT_MAX_CHARS, startOfLiteral } from "./exact.ts";
import { CHARACTER, codePointBefore, foldOf, IGNORED, KIND_MASK, kindOf, LETTER, SPACE, sizeOf } from "./fold.ts";
import type { Pattern } from "./pattern.ts";

/** A letter is drawn out from three in a row: no ordinary word has them, and `latter` is not `later`. */
export const REPEATED_MIN_RUN = 3;
/** Most separators between two letters. */
export const SEPARATORS_MAX_CHARS = 3;
/** One separator inside a word is punctuation or a hyphen; from two gaps on it is spelling out. */
export const SEPARATED_MIN_GAPS = 2;
/** From here on a word all in look-alikes is no other script's own word by chance. */
export const WHOLE_SCRIPT_MIN_CHARACTERS = 6;
/** Ways of reading one place that are tried; only text made to be ambiguous has more. */
export const READINGS_MAX_STEPS = 2_000;

export type LooseMatch = { start: number; mask: number };
/** Steps left for all places of a text together, so that no text costs more than its length. */
export type Budget = { steps: number };

/** One folded character of the text, read backwards. */
type Atom = {
  character: number;
  /** Where the code point begins that it comes from, and whether it is the first that this one folds to. */
  start: number;
  isFirst: boolean;
  /** What stands between it and the atom on its right. */
  gap: string;
};

/** Reads atoms as they are asked for: most places differ from the term within a character or two. */
class AtomsBefore {
  readonly #atoms: Atom[] = [];
  readonly #text: string;
  readonly #least: number;
  #at: number;

  constructor(text: string, end: number) {
    this.#text = text;
    this.#at = end;
    this.#least = Math.max(0, end - HIT_MAX_CHARS);
  }

  at(index: number): Atom | undefined {
    while (this.#atoms.length <= index) if (!this.#read()) return undefined;
    return this.#atoms[index];
  }

  #read(): boolean {
    let gap = "";
    while (this.#at > this.#least) {
      const codePoint = codePointBefore(this.#text, this.#at);
      const kind = kindOf(codePoint) & KIND_MASK;
      this.#at -= sizeOf(codePoint);
      if (kind === CHARACTER) {
        const parts = [...foldOf(codePoint)].reverse();
        for (const [index, part] of parts.entries()) {
          const isFirst = index === parts.length - 1;
          const character = part.codePointAt(0) as number;
          this.#atoms.push({ character, start: this.#at, isFirst, gap: index === 0 ? gap : "" });
        }
        return true;
      }
      if (kind === IGNORED || (kind === SPACE && gap.startsWith(" "))) continue;
      gap = foldOf(codePoint) + gap;
      // No term has so much between two characters and no rule allows it.
      if (gap.length > SEPARATORS_MAX_CHARS + TERM_GAP_MAX_CHARS) return false;
    }
    return false;
  }
}
const TERM_GAP_MAX_CHARS = 200;

/** What reading a place as the term has taken so far. */
type Reading = {
  mask: number;
  /** Atoms read for the present run of one letter, and whether it has more of them than the term. */
  run: number;
  isDrawnOut: boolean;
  /** Gaps that the term does not have. */
  gaps: number;
  /** White space where the term has nothing: only in a word that is spelled out letter by letter. */
  hasSpace: boolean;
  hasTouching: boolean;
  /** A letter that is the term's own. */
  hasOwnLetter: boolean;
};
const NOTHING_READ: Reading = {
  mask: 0,
  run: 0,
  isDrawnOut: false,
  gaps: 0,
  hasSpace: false,
  hasTouching: false,
  hasOwnLetter: false,
};

/**
 * The nearest place before `end`, which must be the end of a word, from which the text reads as the term in a disguise
 * that the rules allow; of several ways to read it, the one that takes the least.
 */
export function looseMatch(text: string, end: number, pattern: Pattern, budget: Budget): LooseMatch | undefined {
  const { characters, gaps, letters } = pattern;
  const atoms = new AtomsBefore(text, end);
  let best: LooseMatch | undefined;
  const least = Math.max(0, budget.steps - READINGS_MAX_STEPS);

  function finish(reading: Reading, atom: Atom): void {
    if (!atom.isFirst || !isAllowed(reading, letters) || !isRunAllowed(reading)) return;
    const start = startOfLiteral(text, atom.start, pattern.head);
    if (start < 0 || !isWordStart(text, start)) return;
    if (best === undefined || start > best.start || (start === best.start && reading.mask < best.mask))
      best = { start, mask: reading.mask };
  }

  /** @param next - the character of the term to be met next, going left; the one after it has been met at `met - 1` */
  function read(next: number, met: number, reading: Reading): void {
    if (budget.steps <= least) return;
    budget.steps -= 1;
    const atom = atoms.at(met);
    if (atom === undefined) return;
    const last = characters.length - 1;
    if (next >= 0) {
      const isNewRun = next === last || characters[next] !== characters[next + 1] || gaps[next + 1] !== "";
      if (!isNewRun || isRunAllowed(reading)) {
        const meant = characters[next] as number;
        const termGap = next === last ? undefined : gaps[next + 1];
        const after = step(reading, atom, meant, termGap, isNewRun);
        if (after !== undefined) {
          if (next === 0) finish(after, atom);
          read(next - 1, met + 1, after);
        }
      }
    }
    const current = next + 1;
    if (current > last) return;
    // Only the leftmost of a run in the term may be drawn out: one way to count, not many.
    const isLeftmost = next < 0 || characters[next] !== characters[current] || gaps[current] !== "";
    if (!isLeftmost) return;
    const again = step(
      { ...reading, isDrawnOut: true, mask: reading.mask | REPEATED },
      atom,
      characters[current] as number,
      "",
      false,
    );
    if (again === undefined) return;
    if (next < 0) finish(again, atom);
    read(next, met + 1, again);
  }

  read(characters.length - 1, 0, NOTHING_READ);
  return best;
}

/** One more atom read as a character of the term. @param termGap - undefined for the last character, which has none */
function step(
  reading: Reading,
  atom: Atom,
  meant: number,
  termGap: string | undefined,
  isNewRun: boolean,
): Reading | undefined {
  const layer = layerOf(atom.character, meant);
  if (layer < 0) return undefined;
  const { gap } = atom;
  const after: Reading = {
    ...reading,
    mask: reading.mask | layer,
    run: isNewRun ? 1 : reading.run + 1,
    isDrawnOut: isNewRun ? false : reading.isDrawnOut,
    hasOwnLetter: reading.hasOwnLetter || (layer === 0 && (kindOf(meant) & LETTER) !== 0),
  };
  if (termGap === undefined) return after;
  if (gap === "") after.hasTouching = true;
  if (gap === termGap) return after;
  if (gap.length > SEPARATORS_MAX_CHARS) return undefined;
  after.mask |= SEPARATED;
  if (termGap !== "") return after;
  after.gaps += 1;
  if (gap.includes(" ")) after.hasSpace = true;
  return after;
}

function isRunAllowed({ isDrawnOut, run }: Reading): boolean {
  return !isDrawnOut || run >= REPEATED_MIN_RUN;
}

function isAllowed({ mask, gaps, hasSpace, hasTouching, hasOwnLetter }: Reading, letters: number): boolean {
  if (hasSpace && hasTouching) return false;
  if (gaps > 0 && gaps < SEPARATED_MIN_GAPS) return false;
  // Look-alikes alone, of another script throughout: that script's own word, unless it is too long to be one by chance.
  const isWholeScript = (mask & ~(SEPARATED | REPEATED)) === 1 && letters >= WHOLE_SCRIPT_MIN_CHARACTERS;
  return hasOwnLetter || isWholeScript;
}
