/** The states of the automaton: a trie of all terms' classes, its rows made whole by what a suffix would do. */

import { FIRST_SYMBOL, SKIP, type Symbols, UNITS } from "./class-table.ts";

/** Characters that many terms share have a column of their own; all others are two steps over columns they share. */
const OWN_COLUMNS_MAX = 96;

export function giveColumns(keys: readonly (readonly number[])[]): { columns: number; symbolsOf: Symbols } {
  const counts = new Map<number, number>();
  for (const key of keys) for (const own of key) counts.set(own, (counts.get(own) ?? 0) + 1);
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || a - b).map(([own]) => own);
  const symbolsOf = new Map<number, readonly number[]>();
  // In order of code points: a text stays within one script, so a row's columns that it needs lie together in the cache.
  const owned = byCount.slice(0, OWN_COLUMNS_MAX).sort((a, b) => a - b);
  for (const [at, own] of owned.entries()) symbolsOf.set(own, [FIRST_SYMBOL + at]);
  const rare = byCount.slice(OWN_COLUMNS_MAX).sort((a, b) => a - b);
  const radix = Math.ceil(Math.sqrt(rare.length));
  const high = FIRST_SYMBOL + owned.length;
  // In the middle of a character only second halves are read, so they share the columns of whole characters.
  for (const [at, own] of rare.entries())
    symbolsOf.set(own, [high + Math.floor(at / radix), FIRST_SYMBOL + (at % radix)]);
  return { columns: high + radix, symbolsOf };
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

export function buildTrie(keys: readonly (readonly number[])[], columns: number, symbolsOf: Symbols): Trie {
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
export function linkSuffixes({ rows, nodes, labels, terms }: Trie, columns: number): Int32Array {
  const order = new Int32Array(nodes);
  const suffix = new Int32Array(nodes);
  let read = 0;
  let written = 1;
  while (read < written) {
    const node = order[read++] as number;
    const own = suffix[node] as number;
    if (node !== 0 && terms[own] !== undefined) terms[node] = [...(terms[node] ?? []), ...(terms[own] as number[])];
    // The root is no middle of a character: what its columns mean for whole ones does not hold for second halves.
    const hasFallback = node !== 0 && (own !== 0 || labels[node] !== MIDDLE);
    for (let symbol = FIRST_SYMBOL; symbol < columns; symbol++) {
      const at = node * columns + symbol;
      const next = rows[at] as number;
      const fallback = hasFallback ? (rows[own * columns + symbol] as number) : 0;
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

type Numbered = {
  delta: Uint16Array | Int32Array;
  labels: Int32Array;
  termsOf: (number[] | undefined)[];
  firstHit: number;
};

/** States at which terms end come last, so that one comparison tells them. */
export function renumber(trie: Trie, order: Int32Array, columns: number, symbolsOf: Symbols): Numbered {
  const { rows, nodes, terms } = trie;
  const numbers = new Int32Array(nodes);
  let next = 0;
  for (const node of order) if (terms[node] === undefined) numbers[node] = next++;
  const firstHit = next;
  for (const node of order) if (terms[node] !== undefined) numbers[node] = next++;
  // Half the size is twice the automaton in the cache, and thousands of terms fit.
  const delta = nodes <= UNITS ? new Uint16Array(nodes * columns) : new Int32Array(nodes * columns);
  const labels = new Int32Array(nodes).fill(MIDDLE);
  const termsOf: (number[] | undefined)[] = [];
  for (let node = 0; node < nodes; node++) {
    const number = numbers[node] as number;
    const row = number * columns;
    for (let symbol = FIRST_SYMBOL; symbol < columns; symbol++) {
      delta[row + symbol] = numbers[rows[node * columns + symbol] as number] as number;
    }
    delta[row + SKIP] = number;
    const label = trie.labels[node] as number;
    labels[number] = label;
    // No term has one character twice in a row here, so the same again leads nowhere else: it is a letter drawn out.
    const symbols = label === MIDDLE ? undefined : symbolsOf.get(label);
    if (symbols?.length === 1) delta[row + (symbols[0] as number)] = number;
    termsOf[number] = terms[node];
  }
  return { delta, labels, termsOf, firstHit };
}
