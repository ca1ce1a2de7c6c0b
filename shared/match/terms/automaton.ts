/**
 * One deterministic automaton over all terms (Aho and Corasick 1975), its columns classes of characters: a table from
 * 16-bit units to classes does folding, look-alikes, separators and repeats in the same step that reads the text.
 */

import { looseClass } from "./alike.ts";
import { BY_CODE_POINT, classTable, LISTED, NONE, SKIP, UNITS } from "./class-table.ts";
import { buildTrie, giveColumns, linkSuffixes, renumber } from "./trie.ts";

/** Texts from here on are read as two halves. */
const HALF_MIN_CHARS = 16_384;
/** How far before the middle the second half's first state is looked for. */
const RUN_UP_CHARS = 4_096;

/** Where a candidate ends, behind its last unit, and the state that says which terms end there. */
export type Candidates = { ends: number[]; states: number[] };

export type Automaton = {
  /**
   * Reads a part of a text on from a state (0 at the beginning) to the next; candidates are appended, their ends moved by
   * `shift`. No pair of surrogates may be cut in two.
   */
  scan(text: string, from: number, to: number, state: number, shift: number, found: Candidates): number;
  /** The terms that end at a state, whatever order. */
  termsAt(state: number): readonly number[];
  states: number;
  columns: number;
};

/** @property second - the state at the middle */
type Halves = { from: number; middle: number; to: number; state: number; second: number };

function add({ ends, states }: Candidates, end: number, state: number): void {
  ends.push(end);
  states.push(state);
}

const isSecondHalf = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;

/** The classes of a folded text's characters, repeats collapsed. */
export function looseKey(characters: readonly number[]): number[] {
  return characters.map(looseClass).filter((own, at, all) => own !== all[at - 1]);
}

/** @param keys - one for each term, see {@link looseKey}; none is empty */
export function buildAutomaton(keys: readonly (readonly number[])[]): Automaton {
  const { columns, symbolsOf } = giveColumns(keys);
  const trie = buildTrie(keys, columns, symbolsOf);
  const order = linkSuffixes(trie, columns);
  const { delta, labels, termsOf, firstHit } = renumber(trie, order, columns, symbolsOf);
  const { table, starts, parts, byCodePoint } = classTable(symbolsOf);

  /** Feeds a list: three numbers a character, its class and its two columns, {@link NONE} for one that it has not. */
  function feed(state: number, list: Int32Array, from: number, to: number): number {
    let at = state;
    for (let part = from; part < to; part += 3) {
      const first = list[part + 1] as number;
      const second = list[part + 2] as number;
      if (first === NONE) at = 0;
      else if (labels[at] !== list[part]) {
        at = delta[at * columns + first] as number;
        // From the root the second half of a character leads nowhere.
        if (second !== NONE && at !== 0) at = delta[at * columns + second] as number;
      }
    }
    return at;
  }

  const longest = keys.reduce((most, key) => Math.max(most, key.length), 1);
  // Between terms the automaton is at its root: there a Hangul syllable or a rare character is one step again.
  const fromRoot = Int32Array.from({ length: starts.length - 1 }, (_, list) =>
    feed(0, parts, starts[list] as number, starts[list + 1] as number),
  );

  /** A list's step, or -1 for a character that is passed over. */
  function stepListed(own: number, codePoint: number, state: number): number {
    if (own !== BY_CODE_POINT) {
      const list = own - LISTED;
      return state === 0
        ? (fromRoot[list] as number)
        : feed(state, parts, starts[list] as number, starts[list + 1] as number);
    }
    const list = byCodePoint(codePoint);
    return list === undefined ? -1 : feed(state, list, 0, list.length);
  }

  function scanOne(text: string, from: number, to: number, first: number, shift: number, found: Candidates): number {
    const { ends, states } = found;
    let state = first;
    for (let at = from; at < to; at++) {
      const own = table[text.charCodeAt(at)] as number;
      if (own < LISTED) {
        state = delta[state * columns + own] as number;
        if (state >= firstHit && own !== SKIP) {
          ends.push(at + 1 + shift);
          states.push(state);
        }
        continue;
      }
      const codePoint = own === BY_CODE_POINT ? (text.codePointAt(at) as number) : 0;
      const next = stepListed(own, codePoint, state);
      if (codePoint >= UNITS) at += 1;
      if (next < 0) continue;
      state = next;
      if (state >= firstHit) {
        ends.push(at + 1 + shift);
        states.push(state);
      }
    }
    return state;
  }

  /**
   * Two halves in turns: each step waits for the memory that the one before it asked for, and two that do not wait for
   * each other take little longer than one.
   */
  function scanTwo(text: string, halves: Halves, shift: number, found: Candidates): number {
    const { middle, to } = halves;
    let { from: at, state: here, second: there } = halves;
    let beyond = middle;
    const later: Candidates = { ends: [], states: [] };
    while (at < middle && beyond < to) {
      const own = table[text.charCodeAt(at)] as number;
      const other = table[text.charCodeAt(beyond)] as number;
      if (own < LISTED) {
        here = delta[here * columns + own] as number;
        at += 1;
        if (here >= firstHit && own !== SKIP) add(found, at + shift, here);
      } else {
        const codePoint = own === BY_CODE_POINT ? (text.codePointAt(at) as number) : 0;
        const next = stepListed(own, codePoint, here);
        at += codePoint >= UNITS ? 2 : 1;
        if (next >= 0) here = next;
        if (next >= firstHit) add(found, at + shift, next);
      }
      if (other < LISTED) {
        there = delta[there * columns + other] as number;
        beyond += 1;
        if (there >= firstHit && other !== SKIP) add(later, beyond + shift, there);
      } else {
        const codePoint = other === BY_CODE_POINT ? (text.codePointAt(beyond) as number) : 0;
        const next = stepListed(other, codePoint, there);
        beyond += codePoint >= UNITS ? 2 : 1;
        if (next >= 0) there = next;
        if (next >= firstHit) add(later, beyond + shift, next);
      }
    }
    scanOne(text, at, middle, here, shift, found);
    const last = scanOne(text, beyond, to, there, shift, later);
    for (const [index, end] of later.ends.entries()) add(found, end, later.states[index] as number);
    return last;
  }

  /**
   * The state in the middle of a text, read from a little before: once more characters have gone by than the longest term
   * has, what came earlier plays no part. Undefined where too few do.
   */
  function stateAt(text: string, from: number, middle: number): number | undefined {
    let begin = Math.max(from, middle - RUN_UP_CHARS);
    if (isSecondHalf(text.charCodeAt(begin))) begin += 1;
    let different = 0;
    let before = SKIP;
    for (let at = begin; at < middle; at++) {
      const own = table[text.charCodeAt(at)] as number;
      if (own === SKIP || own === before) continue;
      different += 1;
      before = own;
    }
    // A character of two may count for the last one's repeat; three times the longest leaves no doubt.
    return different < 3 * longest ? undefined : scanOne(text, begin, middle, 0, 0, { ends: [], states: [] });
  }

  function scan(text: string, from: number, to: number, state: number, shift: number, found: Candidates): number {
    if (to - from >= 2 * HALF_MIN_CHARS) {
      const half = from + ((to - from) >> 1);
      const middle = isSecondHalf(text.charCodeAt(half)) ? half + 1 : half;
      const second = stateAt(text, from, middle);
      if (second !== undefined) return scanTwo(text, { from, middle, to, state, second }, shift, found);
    }
    return scanOne(text, from, to, state, shift, found);
  }

  return { scan, termsAt: (state) => termsOf[state] ?? [], states: labels.length, columns };
}
