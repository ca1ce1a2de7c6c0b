/**
 * One deterministic automaton over all terms (Aho and Corasick 1975), its columns classes of characters: a table from
 * 16-bit units to classes does folding, look-alikes, separators and repeats in the same step that reads the text.
 */

import { looseClass } from "./alike.ts";
import { CHARACTER, foldOf, KIND_MASK, kindOf, kindsOfAllUnits } from "./fold.ts";

const UNITS = 0x1_0000;
const OTHER = 0;
const SKIP = 1;
const FIRST_SYMBOL = 2;
/** A unit's class from here on is a list of characters to feed one after the other. */
const LISTED = 0x8000;
/** Half of a pair, or one list more than the table has room for: looked up by code point. */
const BY_CODE_POINT = 0xffff;
/** Characters outside the table whose classes are remembered; a text of all there are must not grow the matcher. */
const REMEMBERED_MAX = 16_384;
/** Characters that many terms share have a column of their own; all others are two steps over columns they share. */
const OWN_COLUMNS_MAX = 96;

/** Where a candidate ends, behind its last unit, and the state that says which terms end there. */
export type Candidates = { ends: number[]; states: number[] };

/** @property at - how far the text was read: a pair of surrogates cut in two waits for its other half */
export type Scanned = { state: number; at: number };

export type Automaton = {
  /** Reads a text on; candidates are appended. @param isLast - nothing follows, half a pair included */
  scan(text: string, from: number, state: number, found: Candidates, isLast: boolean): Scanned;
  /** The terms that end at a state, whatever order. */
  termsAt(state: number): readonly number[];
  states: number;
  columns: number;
};

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
  const { table, lists, byCodePoint } = classTable(symbolsOf);

  function feed(state: number, list: readonly number[]): number {
    let at = state;
    for (const own of list) {
      const symbols = symbolsOf.get(own);
      if (symbols === undefined) at = 0;
      else if (labels[at / columns] !== own) {
        at = delta[at + (symbols[0] as number)] as number;
        if (symbols.length > 1) at = delta[at + (symbols[1] as number)] as number;
      }
    }
    return at;
  }

  function scan(text: string, from: number, first: number, found: Candidates, isLast: boolean): Scanned {
    const { ends, states } = found;
    const length = text.length;
    let state = first;
    let at = from;
    for (; at < length; at++) {
      const own = table[text.charCodeAt(at)] as number;
      if (own < LISTED) {
        state = delta[state + own] as number;
        if (state >= firstHit && own !== SKIP) {
          ends.push(at + 1);
          states.push(state);
        }
        continue;
      }
      let list: readonly number[] | undefined;
      if (own === BY_CODE_POINT) {
        const codePoint = text.codePointAt(at) as number;
        if (at + 1 === length && isSurrogate(codePoint) && !isLast) break;
        list = byCodePoint(codePoint);
        if (codePoint >= UNITS) at += 1;
        if (list === undefined) continue;
      } else {
        list = lists[own - LISTED] as readonly number[];
      }
      state = feed(state, list);
      if (state >= firstHit) {
        ends.push(at + 1);
        states.push(state);
      }
    }
    return { state, at };
  }

  return { scan, termsAt: (state) => termsOf[state / columns] ?? [], states: delta.length / columns, columns };
}

type Symbols = Map<number, readonly number[]>;

function giveColumns(keys: readonly (readonly number[])[]): { columns: number; symbolsOf: Symbols } {
  const counts = new Map<number, number>();
  for (const key of keys) for (const own of key) counts.set(own, (counts.get(own) ?? 0) + 1);
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || a - b).map(([own]) => own);
  const symbolsOf: Symbols = new Map();
  const owned = byCount.slice(0, OWN_COLUMNS_MAX);
  for (const [at, own] of owned.entries()) symbolsOf.set(own, [FIRST_SYMBOL + at]);
  const rare = byCount.slice(OWN_COLUMNS_MAX);
  const radix = Math.ceil(Math.sqrt(rare.length));
  const high = FIRST_SYMBOL + owned.length;
  for (const [at, own] of rare.entries())
    symbolsOf.set(own, [high + Math.floor(at / radix), high + radix + (at % radix)]);
  return { columns: high + 2 * radix, symbolsOf };
}

type Trie = {
  /** Row after row; 0 is "none" until suffixes are linked, and the root afterwards. */
  rows: Int32Array;
  nodes: number;
  /** The character that each node was reached by; -1 in the middle of one. */
  labels: Int32Array;
  /** Terms that end at each node, then also those that end at its suffixes. */
  terms: (number[] | undefined)[];
};

const MIDDLE = -1;

function buildTrie(keys: readonly (readonly number[])[], columns: number, symbolsOf: Symbols): Trie {
  const most =
    1 + keys.reduce((sum, key) => sum + key.reduce((own, at) => own + (symbolsOf.get(at)?.length ?? 0), 0), 0);
  let rows = new Int32Array(columns * Math.min(most, 1024));
  const labels = new Int32Array(most).fill(MIDDLE);
  const terms: (number[] | undefined)[] = [];
  let nodes = 1;
  for (const [term, key] of keys.entries()) {
    let node = 0;
    for (const own of key) {
      for (const symbol of symbolsOf.get(own) as readonly number[]) {
        let next = rows[node * columns + symbol] as number;
        if (next === 0) {
          next = nodes++;
          if (nodes * columns > rows.length) {
            const larger = new Int32Array(Math.min(rows.length * 2, most * columns));
            larger.set(rows);
            rows = larger;
          }
          rows[node * columns + symbol] = next;
        }
        node = next;
      }
      labels[node] = own;
    }
    terms[node] = [...(terms[node] ?? []), term];
  }
  return { rows: rows.subarray(0, nodes * columns), nodes, labels, terms };
}

/** Makes every row whole: where a term does not go on, its longest suffix that begins a term does. Nodes by depth. */
function linkSuffixes({ rows, nodes, terms }: Trie, columns: number): Int32Array {
  const order = new Int32Array(nodes);
  const suffix = new Int32Array(nodes);
  let read = 0;
  let written = 1;
  while (read < written) {
    const node = order[read++] as number;
    const own = suffix[node] as number;
    if (node !== 0 && terms[own] !== undefined) terms[node] = [...(terms[node] ?? []), ...(terms[own] as number[])];
    for (let symbol = FIRST_SYMBOL; symbol < columns; symbol++) {
      const at = node * columns + symbol;
      const next = rows[at] as number;
      const fallback = node === 0 ? 0 : (rows[own * columns + symbol] as number);
      if (next === 0) {
        rows[at] = fallback;
      } else {
        suffix[next] = fallback;
        order[written++] = next;
      }
    }
  }
  return order;
}

type Numbered = { delta: Int32Array; labels: Int32Array; termsOf: (number[] | undefined)[]; firstHit: number };

/** States at which terms end come last, so that one comparison tells them; a state is the place of its row. */
function renumber(trie: Trie, order: Int32Array, columns: number, symbolsOf: Symbols): Numbered {
  const { rows, nodes, terms } = trie;
  const numbers = new Int32Array(nodes);
  let next = 0;
  for (const node of order) if (terms[node] === undefined) numbers[node] = next++;
  const firstHit = next * columns;
  for (const node of order) if (terms[node] !== undefined) numbers[node] = next++;
  const delta = new Int32Array(nodes * columns);
  const labels = new Int32Array(nodes).fill(MIDDLE);
  const termsOf: (number[] | undefined)[] = [];
  for (let node = 0; node < nodes; node++) {
    const number = numbers[node] as number;
    const row = number * columns;
    for (let symbol = FIRST_SYMBOL; symbol < columns; symbol++) {
      delta[row + symbol] = (numbers[rows[node * columns + symbol] as number] as number) * columns;
    }
    delta[row + SKIP] = row;
    const label = trie.labels[node] as number;
    labels[number] = label;
    // No term has one character twice in a row here, so the same again leads nowhere else: it is a letter drawn out.
    const symbols = label === MIDDLE ? undefined : symbolsOf.get(label);
    if (symbols?.length === 1) delta[row + (symbols[0] as number)] = row;
    termsOf[number] = terms[node];
  }
  return { delta, labels, termsOf, firstHit };
}

type ClassTable = {
  table: Uint16Array;
  lists: (readonly number[])[];
  /** undefined: skipped */
  byCodePoint: (codePoint: number) => readonly number[] | undefined;
};

const isSurrogate = (codePoint: number) => codePoint >= 0xd800 && codePoint <= 0xdfff;

function classTable(symbolsOf: Symbols): ClassTable {
  const table = new Uint16Array(UNITS);
  const lists: (readonly number[])[] = [];
  const kinds = kindsOfAllUnits();
  for (let unit = 0; unit < UNITS; unit++) {
    if (((kinds[unit] as number) & KIND_MASK) !== CHARACTER) table[unit] = SKIP;
    else if (isSurrogate(unit)) table[unit] = BY_CODE_POINT;
    else {
      const classes = classesOf(unit);
      const symbols = classes.map((own) => symbolsOf.get(own));
      if (symbols.every((own) => own === undefined)) table[unit] = OTHER;
      else if (classes.length === 1 && symbols[0]?.length === 1) table[unit] = symbols[0][0] as number;
      else table[unit] = LISTED + lists.length < BY_CODE_POINT ? LISTED + lists.push(classes) - 1 : BY_CODE_POINT;
    }
  }
  const remembered = new Map<number, readonly number[] | undefined>();
  const byCodePoint = (codePoint: number) => {
    if (remembered.has(codePoint)) return remembered.get(codePoint);
    const isSkipped = (kindOf(codePoint) & KIND_MASK) !== CHARACTER;
    const classes = isSkipped ? undefined : classesOf(codePoint);
    if (remembered.size < REMEMBERED_MAX) remembered.set(codePoint, classes);
    return classes;
  };
  return { table, lists, byCodePoint };
}

function classesOf(codePoint: number): number[] {
  return [...foldOf(codePoint)].map((part) => looseClass(part.codePointAt(0) as number));
}
