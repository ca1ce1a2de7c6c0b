/** Hamming search in plain JavaScript, for where WASM is not allowed; also what the WASM searches are checked against. */
import { type Chunk, chunkOf, chunkRadius, HASH_BYTES, masksOf } from "./chunk-rule.ts";
import { copyHashes, type HammingEngine, type HammingHit, type HashSource, hashCount } from "./hamming-engine.ts";

const WORDS = HASH_BYTES / 4;

/** @param chunks - what of the hashes is looked up when probing; none for an engine that only scans */
export function openPlainEngine(source: HashSource, chunks: readonly Chunk[]): HammingEngine {
  const words = wordsOf(source);
  const tables = cutTables(words, chunks);
  const tableBytes = tables.reduce((sum, { starts, rows }) => sum + starts.byteLength + rows.byteLength, 0);
  return {
    memoryBytes: words.byteLength + tableBytes,
    scan: (query, radius, from, to, found) => scan(words, wordsOf(query), radius, from, to, found),
    probe: (query, radius, cap, found) => probe(words, tables, query, radius, cap, found),
  };
}

/** The bytes as they lie where they are aligned, else a copy. */
function wordsOf(source: HashSource): Uint32Array {
  if (source instanceof Uint8Array && source.byteOffset % 4 === 0) {
    return new Uint32Array(source.buffer, source.byteOffset, source.length / 4);
  }
  const copy = new Uint8Array(hashCount(source) * HASH_BYTES);
  copyHashes(source, copy);
  return new Uint32Array(copy.buffer);
}

function scan(
  words: Uint32Array,
  query: Uint32Array,
  radius: number,
  from: number,
  to: number,
  found: HammingHit[],
): void {
  const [q0, q1, q2, q3] = query as unknown as [number, number, number, number];
  for (let at = from, i = from * WORDS; at < to; at++, i += WORDS) {
    // Half of the bits tells nearly every hash apart that is not within a small radius.
    const half =
      countBits((words[i] as number) ^ q0) +
      countBits((words[i + 1] as number) ^ q1) +
      countBits((words[i + 2] as number) ^ q2) +
      countBits((words[i + 3] as number) ^ q3);
    if (half > radius) continue;
    const distance = half + distanceOf(words, i, query, WORDS / 2);
    if (distance <= radius) found.push({ at, distance });
  }
}

function distanceOf(words: Uint32Array, first: number, query: Uint32Array, fromWord: number): number {
  let distance = 0;
  for (let k = fromWord; k < WORDS; k++) distance += countBits((words[first + k] as number) ^ (query[k] as number));
  return distance;
}

function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Which hashes have which value in one chunk: rows of value v are `rows[starts[v] … starts[v + 1]]`. */
type Table = { chunk: Chunk; starts: Uint32Array; rows: Uint32Array };

function cutTables(words: Uint32Array, chunks: readonly Chunk[]): Table[] {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const count = words.length / WORDS;
  return chunks.map((chunk) => {
    const starts = new Uint32Array(2 ** chunk.width + 1);
    const rows = new Uint32Array(count);
    for (let at = 0; at < count; at++) bump(starts, chunkOf(bytes, at * HASH_BYTES, chunk));
    for (let value = 0, sum = 0; value < starts.length; value++) {
      sum += starts[value] as number;
      starts[value] = sum;
    }
    // Filled from the back, each place's end moves down to its start and rows stay ascending.
    for (let at = count - 1; at >= 0; at--) {
      const value = chunkOf(bytes, at * HASH_BYTES, chunk);
      const place = (starts[value] as number) - 1;
      starts[value] = place;
      rows[place] = at;
    }
    return { chunk, starts, rows };
  });
}

function bump(counts: Uint32Array, value: number): void {
  counts[value] = (counts[value] as number) + 1;
}

function probe(
  words: Uint32Array,
  tables: readonly Table[],
  queryBytes: Uint8Array,
  radius: number,
  cap: number,
  found: HammingHit[],
): boolean {
  const query = wordsOf(queryBytes);
  const foundBefore = found.length;
  let left = cap;
  for (const [k, { chunk, starts, rows }] of tables.entries()) {
    const own = chunkOf(queryBytes, 0, chunk);
    const reach = chunkRadius(k, tables.length, radius);
    for (let bits = 0; bits <= reach; bits++) {
      for (const mask of masksOf(chunk.width, bits)) {
        const value = own ^ mask;
        const end = starts[value + 1] as number;
        let place = starts[value] as number;
        left -= 1 + end - place;
        if (left < 0) {
          found.length = foundBefore;
          return false;
        }
        for (; place < end; place++) {
          const at = rows[place] as number;
          const distance = distanceOf(words, at * WORDS, query, 0);
          if (distance <= radius && isFirstFound(words, at, tables, queryBytes, k, radius))
            found.push({ at, distance });
        }
      }
    }
  }
  return true;
}

/** Whether no chunk before `k` has led to this hash already. */
function isFirstFound(
  words: Uint32Array,
  at: number,
  tables: readonly Table[],
  query: Uint8Array,
  k: number,
  radius: number,
): boolean {
  const bytes = new Uint8Array(words.buffer, words.byteOffset + at * HASH_BYTES, HASH_BYTES);
  for (let j = 0; j < k; j++) {
    const { chunk } = tables[j] as Table;
    const differing = chunkOf(bytes, 0, chunk) ^ chunkOf(query, 0, chunk);
    if (countBits(differing) <= chunkRadius(j, tables.length, radius)) return false;
  }
  return true;
}
