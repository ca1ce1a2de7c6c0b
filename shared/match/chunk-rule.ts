/**
 * How a 256-bit hash is cut for multi-index search, and how far each piece must be searched so that nothing within the
 * radius is missed (Norouzi, Punjani and Fleet, "Fast exact search in Hamming space with multi-index hashing").
 */

export const HASH_BITS = 256;
export const HASH_BYTES = HASH_BITS / 8;

/** @property start - first bit, counted from bit 0 of byte 0 */
export type Chunk = { start: number; width: number };

/** Hashes, tables and what a search needs beside them stay within this, which is what members plan their memory by. */
export const MAX_BYTES_PER_HASH = 110;
const TABLE_ENTRY_BYTES = 4;
/** Room for what does not grow with the chunks: candidates and hits of one search. */
const SEARCH_BYTES_PER_HASH = 1;

/** Fewer chunks are wider: fewer candidates a query, but a table of 2^width places for each. */
const CHUNKS_BY_COUNT: readonly { from: number; chunks: number }[] = [
  { from: 20_000_000, chunks: 11 },
  { from: 7_000_000, chunks: 12 },
  { from: 0, chunks: 16 },
];

/** How so many hashes are cut: the fewest chunks whose full width fits the memory, or 16 narrower ones. */
export function chunksFor(count: number): Chunk[] {
  const { chunks } = CHUNKS_BY_COUNT.find(({ from }) => count >= from) as { chunks: number };
  const perHash = MAX_BYTES_PER_HASH - HASH_BYTES - SEARCH_BYTES_PER_HASH - chunks * TABLE_ENTRY_BYTES;
  const places = Math.max(1, (perHash * count) / (chunks * TABLE_ENTRY_BYTES));
  return cutChunks(chunks, Math.floor(Math.log2(places)));
}

/**
 * Cuts 256 bits into pieces whose widths differ by one at most, the wider ones first, and leaves away the last bits of
 * each that is wider than `maxWidth`. Nothing is missed by that: what differs little in a piece differs no more in a part
 * of it.
 */
export function cutChunks(chunks: number, maxWidth: number): Chunk[] {
  const narrow = Math.floor(HASH_BITS / chunks);
  const wide = HASH_BITS % chunks;
  return Array.from({ length: chunks }, (_, k) => ({
    start: k * narrow + Math.min(k, wide),
    width: Math.min(maxWidth, narrow + (k < wide ? 1 : 0)),
  }));
}

/**
 * The radius of chunk `k`, or -1 when it need not be searched: with `a = radius mod chunks`, chunks 0 to a are searched
 * to `floor(radius / chunks)` and the others to one less. Were every piece further away than that, the whole would differ
 * by at least `radius + 1` bits.
 */
export function chunkRadius(k: number, chunks: number, radius: number): number {
  return Math.floor(radius / chunks) - (k <= radius % chunks ? 0 : 1);
}

/** The chunk's bits as a number. `bytes` may end with the hash: what lies behind it is not looked at. */
export function chunkOf(bytes: Uint8Array, offset: number, { start, width }: Chunk): number {
  const first = offset + (start >>> 3);
  const word =
    (bytes[first] as number) |
    ((bytes[first + 1] ?? 0) << 8) |
    ((bytes[first + 2] ?? 0) << 16) |
    ((bytes[first + 3] ?? 0) << 24);
  return (word >>> (start & 7)) & (2 ** width - 1);
}

/** Every number of `width` bits with exactly `bits` of them set. */
export function* masksOf(width: number, bits: number): Generator<number> {
  if (bits === 0) yield 0;
  if (bits === 0 || bits > width) return;
  const limit = 2 ** width;
  for (let mask = 2 ** bits - 1; mask < limit; ) {
    yield mask;
    // Gosper: the next higher number with as many bits set.
    const lowest = mask & -mask;
    const ripple = mask + lowest;
    mask = (((mask ^ ripple) >>> 2) / lowest) | ripple;
  }
}
