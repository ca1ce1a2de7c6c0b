/** Which characters are taken for which: look-alikes (UTS #39), and digits and symbols that stand for letters. */

import { CONFUSABLES, CONFUSABLES_VERSION } from "./confusables-table.ts";

/**
 * How far a hit is from the term, loosest last; a hit may need several. `separated`: something stands between its
 * letters; `repeated`: a letter is drawn out.
 */
export const LAYERS = ["exact", "confusable", "leet", "separated", "repeated"] as const;
export type Layer = (typeof LAYERS)[number];
/** A layer's bit; `exact` is none. */
export const CONFUSABLE = 1;
export const LEET = 2;
export const SEPARATED = 4;
export const REPEATED = 8;

/** Letter → what stands for it. */
const LEET_TABLE: Record<string, string> = { a: "4@", e: "3", i: "1!|", l: "1|", o: "0", s: "5$", t: "7+" };

/** Raise it with any change of these tables, of fold.ts, or of a rule in verify.ts: what matches depends on them. */
const RULES_VERSION = 1;
/** Each in a Unicode version of its own; the newest one that this engine knows is the version of its tables. */
const NEWEST: readonly [version: string, letter: string][] = [
  ["17.0", "\ua7ce"],
  ["16.0", "\u1c89"],
  ["15.1", "\u{2ebf0}"],
  ["15.0", "\u{1e030}"],
];
const unicodeVersion = NEWEST.find(([, letter]) => /^\p{L}$/u.test(letter))?.[0] ?? "14";
/**
 * What a match depends on: our rules, Unicode's look-alikes, and the engine's Unicode for NFKD and case. Foldings of
 * characters that a version has do not change in later ones (UAX #15 stability), so only newer characters can differ.
 */
export const TABLES_VERSION = `${RULES_VERSION}/confusables-${CONFUSABLES_VERSION}/unicode-${unicodeVersion}`;

const images = new Map<number, number>();
let image = 0;
for (const word of CONFUSABLES.trim().split(/\s+/)) {
  if (word.endsWith(":")) image = Number.parseInt(word.slice(0, -1), 16);
  else images.set(Number.parseInt(word, 16), image);
}

const codeOf = (character: string) => character.codePointAt(0) as number;
const leetPairs = new Set<number>();
const pairOf = (a: number, b: number) => (a << 8) | b;
/** Letters that one symbol stands for (1 is i and l) are one class to the automaton. */
const leetClasses = new Map<number, number>();
for (const [letter, symbols] of Object.entries(LEET_TABLE)) {
  const shared = [...symbols].map((symbol) => leetClasses.get(codeOf(symbol))).find((known) => known !== undefined);
  const letterClass = shared ?? codeOf(letter);
  leetClasses.set(codeOf(letter), letterClass);
  for (const symbol of symbols) {
    leetClasses.set(codeOf(symbol), letterClass);
    leetPairs.add(pairOf(codeOf(letter), codeOf(symbol)));
    leetPairs.add(pairOf(codeOf(symbol), codeOf(letter)));
  }
}

/** The class of a folded character under all layers together: equal wherever {@link layerOf} allows one for the other. */
export function looseClass(character: number): number {
  const alike = images.get(character) ?? character;
  return leetClasses.get(alike) ?? alike;
}

/** @returns the bits of the layers it takes, 0 for the same character, or -1 where neither is taken for the other */
export function layerOf(met: number, meant: number): number {
  if (met === meant) return 0;
  const seen = images.get(met) ?? met;
  const wanted = images.get(meant) ?? meant;
  if (seen === wanted) return CONFUSABLE;
  if (seen >= 128 || wanted >= 128 || !leetPairs.has(pairOf(seen, wanted))) return -1;
  return seen === met ? LEET : LEET | CONFUSABLE;
}

/** The layers of a mask, loosest last. */
export function layersOf(mask: number): Layer[] {
  return mask === 0 ? ["exact"] : LAYERS.filter((_, at) => at > 0 && (mask & (1 << (at - 1))) !== 0);
}
