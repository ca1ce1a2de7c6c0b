/** Term matching by its rules, place after place and way after way: slow, and plain enough to be read beside the rules. */

import { layerOf, layersOf, REPEATED, SEPARATED } from "../match/terms/alike.ts";
import {
  CHARACTER,
  EXTENDS,
  foldOf,
  foldText,
  IGNORED,
  KIND_MASK,
  kindOf,
  LETTER,
  MARK,
  UNSPACED,
  WORD,
} from "../match/terms/fold.ts";
import type { MatchableTerm } from "../match/terms/index.ts";
import {
  REPEATED_MIN_RUN,
  SEPARATED_MIN_GAPS,
  SEPARATORS_MAX_CHARS,
  WHOLE_SCRIPT_MIN_CHARACTERS,
} from "../match/terms/loose.ts";
import { LOOSE_MIN_CHARACTERS } from "../match/terms/pattern.ts";

export type OracleHit = { at: number; start: number; end: number; layers: string[] };

const codeOf = (text: string) => text.codePointAt(0) as number;
const kindOfText = (text: string) => kindOf(codeOf(text));
const isKind = (text: string, kind: number) => (kindOfText(text) & KIND_MASK) === kind;
const has = (text: string | undefined, flag: number) => text !== undefined && (kindOfText(text) & flag) !== 0;

type Place = { character: string; start: number; end: number };

/** Hits of token, phrase and substring terms; no companions, no emoji, no digests. */
export function oracleHits(terms: readonly MatchableTerm[], text: string): OracleHit[] {
  const places: Place[] = [];
  let start = 0;
  for (const character of text) {
    places.push({ character, start, end: start + character.length });
    start += character.length;
  }
  const found: (OracleHit & { order: number })[] = [];
  for (const [at, term] of terms.entries()) {
    for (const last of places.keys()) {
      const hit = hitEndingAt(term, text, places, last);
      if (hit !== undefined) found.push({ at, ...hit });
    }
  }
  found.sort((a, b) => a.order - b.order || a.start - b.start || a.at - b.at);
  return found.map(({ order: _, ...hit }) => hit);
}

/** The last character of the term is the one at `last`; what the term has behind it, and marks, come after. */
function hitEndingAt(
  term: MatchableTerm,
  text: string,
  places: Place[],
  last: number,
): (Omit<OracleHit, "at"> & { order: number }) | undefined {
  const fold = foldText(term.text as string);
  const parts = [...fold];
  const firstCharacter = parts.findIndex((part) => isKind(part, CHARACTER));
  if (firstCharacter < 0 || !isKind((places[last] as Place).character, CHARACTER)) return undefined;
  const lastCharacter = parts.findLastIndex((part) => isKind(part, CHARACTER));
  // Whatever the way, it ends in the term's last character or one that is taken for it.
  const lastRead = [...foldOf(codeOf((places[last] as Place).character))].at(-1) as string;
  if (layerOf(codeOf(lastRead), codeOf(parts[lastCharacter] as string)) < 0) return undefined;
  const head = parts.slice(0, firstCharacter).join("");
  const tail = parts.slice(lastCharacter + 1).join("");
  const order = (places[last] as Place).end;
  const end = endOf(text, places, last, tail);
  if (end === undefined) return undefined;
  const next = places.find(({ start, character }) => start >= end && !isKind(character, IGNORED))?.character;
  if (has(next, EXTENDS)) return undefined;
  const before = places.findLast(({ end: to, character }) => to <= end && !isKind(character, IGNORED))?.character;
  const isWordEnd = isBoundary(before, next);
  const starts = places
    .filter(({ character }, index) => index <= last && !isKind(character, IGNORED))
    .map(({ start }) => start);
  // Of several spaces in a row a term's first one is any; terms do not begin with one.
  for (const start of starts) {
    if (isKind(text.slice(start)[0] as string, 3)) continue;
    if (foldText(text.slice(start, order)) !== head + parts.slice(firstCharacter, lastCharacter + 1).join("")) continue;
    if (term.match === "substring" || (isWordEnd && isWordStart(places, start)))
      return { start, end, layers: ["exact"], order };
  }
  const characters = parts.filter((part) => isKind(part, CHARACTER));
  const letters = characters.filter((part) => has(part, LETTER)).length;
  if (term.ambiguity === "high" || characters.length < LOOSE_MIN_CHARACTERS || letters === 0 || !isWordEnd)
    return undefined;
  for (const from of starts.toReversed()) {
    const masks = masksOf(
      parts.slice(firstCharacter, lastCharacter + 1),
      places.filter(({ start, end: to }) => start >= from && to <= order),
      letters,
    );
    if (masks.length === 0) continue;
    const start = places
      .map(({ start: own }) => own)
      .findLast(
        (own) =>
          own <= from &&
          (head === ""
            ? own === from
            : foldText(`x${text.slice(own, from)}x`) === `x${head}x` && !isKind(text.slice(own)[0] as string, IGNORED)),
      );
    if (start === undefined || !isWordStart(places, start)) continue;
    return { start, end, layers: layersOf(Math.min(...masks)), order };
  }
  return undefined;
}

function endOf(text: string, places: Place[], last: number, tail: string): number | undefined {
  const end = (places[last] as Place).end;
  const following = places.slice(last + 1);
  if (tail !== "") {
    return following.find(
      ({ end: to, character }) => !isKind(character, IGNORED) && foldText(`x${text.slice(end, to)}x`) === `x${tail}x`,
    )?.end;
  }
  const run = following.slice(
    0,
    (following.findIndex(({ character }) => !isKind(character, IGNORED)) + following.length + 1) %
      (following.length + 1),
  );
  return run.findLast(({ character }) => has(character, MARK))?.end ?? end;
}

function isWordStart(places: Place[], start: number): boolean {
  const first = places.find(({ start: own }) => own === start) as Place;
  return isBoundary(
    places.findLast(({ end, character }) => end <= start && !isKind(character, IGNORED))?.character,
    first.character,
  );
}

function isBoundary(left: string | undefined, right: string | undefined): boolean {
  return !has(left, WORD) || !has(right, WORD) || has(left, UNSPACED) || has(right, UNSPACED);
}

type Atom = { character: string; gap: string };

function atomsOf(characters: string[]): Atom[] {
  const atoms: Atom[] = [];
  let gap = "";
  for (const character of characters) {
    const fold = foldOf(codeOf(character));
    if (isKind(character, CHARACTER)) {
      for (const [index, part] of [...fold].entries())
        atoms.push({ character: part, gap: index === 0 && atoms.length > 0 ? gap : "" });
      gap = "";
    } else if (fold !== " " || !gap.endsWith(" ")) gap += fold;
  }
  return atoms;
}

type Way = { mask: number; foreign: number; hasSpace: boolean; hasTouching: boolean; hasOwn: boolean };

/** The layers of every way to read these places as the term, from left to right, run of one letter after run. */
function masksOf(termParts: string[], places: Place[], letters: number): number[] {
  const atoms = atomsOf(places.map(({ character }) => character));
  const first = places.find(({ character }) => !isKind(character, IGNORED));
  if (first === undefined || !isKind(first.character, CHARACTER)) return [];
  const term = atomsOf(termParts);
  const runs: { character: string; count: number; gap: string }[] = [];
  for (const { character, gap } of term) {
    const last = runs.at(-1);
    if (last?.character === character && gap === "") last.count += 1;
    else runs.push({ character, count: 1, gap });
  }
  const masks: number[] = [];
  function from(run: number, atom: number, way: Way): void {
    if (run === runs.length) {
      if (atom === atoms.length && isAllowed(way, letters)) masks.push(way.mask);
      return;
    }
    const { character, count, gap } = runs[run] as (typeof runs)[number];
    let own: Way | undefined = way;
    for (let taken = 1; atom + taken <= atoms.length; taken++) {
      own = withAtom(
        own,
        atoms[atom + taken - 1] as Atom,
        character,
        run === 0 && taken === 1 ? undefined : taken === 1 ? gap : "",
      );
      if (own === undefined) return;
      if (taken === count) from(run + 1, atom + taken, own);
      else if (taken > count && taken >= REPEATED_MIN_RUN)
        from(run + 1, atom + taken, { ...own, mask: own.mask | REPEATED });
    }
  }
  from(0, 0, { mask: 0, foreign: 0, hasSpace: false, hasTouching: false, hasOwn: false });
  return masks;
}

function withAtom(way: Way, atom: Atom, meant: string, termGap: string | undefined): Way | undefined {
  const layer = layerOf(codeOf(atom.character), codeOf(meant));
  if (layer < 0) return undefined;
  const own: Way = { ...way, mask: way.mask | layer, hasOwn: way.hasOwn || (layer === 0 && has(meant, LETTER)) };
  if (termGap === undefined) return own;
  if (atom.gap === "") own.hasTouching = true;
  if (atom.gap === termGap) return own;
  if (atom.gap.length > SEPARATORS_MAX_CHARS) return undefined;
  own.mask |= SEPARATED;
  if (termGap === "") {
    own.foreign += 1;
    own.hasSpace ||= atom.gap.includes(" ");
  }
  return own;
}

function isAllowed({ mask, foreign, hasSpace, hasTouching, hasOwn }: Way, letters: number): boolean {
  if (hasSpace && hasTouching) return false;
  if (foreign > 0 && foreign < SEPARATED_MIN_GAPS) return false;
  const isAlikeOnly = (mask & ~(SEPARATED | REPEATED)) === 1;
  return hasOwn || (isAlikeOnly && letters >= WHOLE_SCRIPT_MIN_CHARACTERS);
}
