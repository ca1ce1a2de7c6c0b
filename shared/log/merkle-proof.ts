/** Proofs over the tree of RFC 6962: that an entry is in it (§2.1.1), and that a larger tree begins with a smaller (§2.1.2). */

import { equalBytes } from "../bytes.ts";
import { ExchangeError } from "../problem.ts";
import { EMPTY_ROOT, type Frontier, HASH_BYTES, nodeHash } from "./merkle.ts";

/** A full subtree: the 2^level leaves from `index * 2^level`. Level 0 is a leaf's hash. */
export type HashPlace = { level: number; index: number };
/** Reads hashes of full subtrees, as many as are asked for at once, so that tiles are fetched together. */
export type HashReader = (places: readonly HashPlace[]) => Promise<readonly Uint8Array[]>;

/** A tree below 2^53 leaves has no longer path. */
export const PATH_MAX_HASHES = 53;

/** The leaves from `start` up to and without `end`: what one hash of a proof stands for. */
type Range = { start: number; end: number };

/**
 * The hashes that lead from a leaf to the root: the leaf's sibling first (RFC 6962 §2.1.1, PATH).
 *
 * @throws RangeError unless the tree has such a leaf
 */
export async function inclusionProof(read: HashReader, index: number, size: number): Promise<Uint8Array[]> {
  checkSize(size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new RangeError("No such leaf");
  const siblings: Range[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    siblings.push(index < middle ? { start: middle, end } : { start, end: middle });
    [start, end] = index < middle ? [start, middle] : [middle, end];
  }
  return readRanges(read, siblings.reverse());
}

/**
 * The hashes that show a tree of `size` to begin with the tree of `oldSize` (RFC 6962 §2.1.2, PROOF). Empty when there
 * is nothing to show: from the empty tree, or between equal sizes.
 */
export async function consistencyProof(read: HashReader, oldSize: number, size: number): Promise<Uint8Array[]> {
  checkSize(size);
  if (!Number.isSafeInteger(oldSize) || oldSize < 0 || oldSize > size) throw new RangeError("A log only grows");
  if (oldSize === 0 || oldSize === size) return [];
  const ranges: Range[] = [];
  let [start, end] = [0, size];
  // Until the old tree ends where this subtree ends: SUBPROOF, from the root down.
  while (oldSize < end) {
    const middle = start + splitOf(end - start);
    ranges.push(oldSize <= middle ? { start: middle, end } : { start, end: middle });
    [start, end] = oldSize <= middle ? [start, middle] : [middle, end];
  }
  // The old root itself is known to whoever checks; any lesser subtree is not.
  if (start > 0) ranges.push({ start, end });
  return readRanges(read, ranges.reverse());
}

/** The state of a tree, from its stored hashes. */
export async function readFrontier(read: HashReader, size: number): Promise<Frontier> {
  checkSize(size);
  return { size, hashes: await readPlaces(read, subtreesOf({ start: 0, end: size })) };
}

/**
 * Is the leaf the one at `index` of the tree with this root (RFC 9162 §2.1.3.2)?
 *
 * @param leaf - its hash, as {@link leafHash} makes it
 * @throws ExchangeError `not_logged`
 */
export function verifyInclusion(
  { leaf, index, path }: { leaf: Uint8Array; index: number; path: readonly Uint8Array[] },
  { size, root }: { size: number; root: Uint8Array },
): void {
  const refused = new ExchangeError("not_logged", { index, size });
  const isIndex = Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size;
  // A leaf "hash" of another length could be bytes that hash like a node.
  if (!isIndex || leaf.length !== HASH_BYTES) throw refused;
  let hash = leaf;
  let [node, last] = [index, size - 1];
  for (const sibling of path) {
    if (last === 0 || sibling.length !== HASH_BYTES) throw refused;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      // A right edge without a sibling at some level moves up unhashed.
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0 || !equalBytes(hash, root)) throw refused;
}

/**
 * Does the newer tree begin with the older (RFC 9162 §2.1.4.2)?
 *
 * @throws ExchangeError `cp_inconsistent`
 */
export function verifyConsistency(
  older: { size: number; root: Uint8Array },
  newer: { size: number; root: Uint8Array },
  proof: readonly Uint8Array[],
): void {
  const refused = new ExchangeError("cp_inconsistent", { have: older.size, got: newer.size });
  const areSizes = Number.isSafeInteger(older.size) && Number.isSafeInteger(newer.size) && older.size >= 0;
  if (!areSizes || older.size > newer.size || proof.some((hash) => hash.length !== HASH_BYTES)) throw refused;
  // The RFC leaves size 0 open; every tree begins with the empty one (C2SP tlog-witness takes the empty proof).
  if (older.size === 0) {
    if (proof.length > 0 || !equalBytes(older.root, EMPTY_ROOT)) throw refused;
    if (newer.size === 0 && !equalBytes(newer.root, EMPTY_ROOT)) throw refused;
    return;
  }
  if (older.size === newer.size) {
    if (proof.length > 0 || !equalBytes(older.root, newer.root)) throw refused;
    return;
  }
  if (!foldsToBoth(older, newer, proof)) throw refused;
}

function foldsToBoth(
  older: { size: number; root: Uint8Array },
  newer: { size: number; root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  // An old tree that is one full subtree is its own first hash, and the proof leaves it out.
  const [first, ...rest] = isPowerOfTwo(older.size) ? [older.root, ...proof] : proof;
  if (first === undefined) return false;
  let [node, last] = [older.size - 1, newer.size - 1];
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  let [oldHash, newHash] = [first, first];
  for (const hash of rest) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldHash = nodeHash(hash, oldHash);
      newHash = nodeHash(hash, newHash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = nodeHash(newHash, hash);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(oldHash, older.root) && equalBytes(newHash, newer.root);
}

async function readRanges(read: HashReader, ranges: readonly Range[]): Promise<Uint8Array[]> {
  const parts = ranges.map(subtreesOf);
  const hashes = await readPlaces(read, parts.flat());
  return parts.map((part) => treeHashOf(hashes.splice(0, part.length)));
}

// Subtrees of falling size fold from the right, each joined to all that stand right of it.
function treeHashOf(hashes: readonly Uint8Array[]): Uint8Array {
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

async function readPlaces(read: HashReader, places: readonly HashPlace[]): Promise<Uint8Array[]> {
  const hashes = places.length === 0 ? [] : await read(places);
  if (hashes.length !== places.length) throw new RangeError("The reader gave another number of hashes");
  return [...hashes];
}

/** The full subtrees that make up a range, largest first; the range begins where its largest may begin. */
function subtreesOf({ start, end }: Range): HashPlace[] {
  const places: HashPlace[] = [];
  for (let at = start; at < end; ) {
    let [level, width] = [0, 1];
    while (width * 2 <= end - at) [level, width] = [level + 1, width * 2];
    places.push({ level, index: at / width });
    at += width;
  }
  return places;
}

// RFC 6962 §2.1: the largest power of two smaller than the number of leaves.
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

function isPowerOfTwo(size: number): boolean {
  return splitOf(size) * 2 === size || size === 1;
}

// Sizes go past 2^32, where the bit operators stop.
const half = (number: number) => Math.floor(number / 2);
const isOdd = (number: number) => number % 2 === 1;

function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError("No such size");
}
