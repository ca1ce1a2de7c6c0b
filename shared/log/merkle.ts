/** The Merkle tree of RFC 6962 §2.1: hashes of leaves and nodes, and the frontier that a growing tree is kept as. */

// Synchronous on purpose: a node is 65 bytes, for which a promise costs more than the hash.
import { sha256 as hash } from "@noble/hashes/sha2.js";
import { ExchangeError } from "../problem.ts";

export const HASH_BYTES = 32;
/** RFC 6962 §2.1: the hash of an empty list is the hash of an empty string. */
export const EMPTY_ROOT: Uint8Array = hash(new Uint8Array());

// RFC 6962 §2.1: leaf and node hashes are told apart by their first byte, so that no node passes for a leaf.
const LEAF = Uint8Array.of(0x00);
const NODE = Uint8Array.of(0x01);

/**
 * A tree of `size` leaves without what lies inside it: the roots of its full subtrees, left to right, one for each
 * binary digit 1 of `size`. Enough to append and to know the root. It never changes; appending makes another.
 */
export type Frontier = { readonly size: number; readonly hashes: readonly Uint8Array[] };

export const EMPTY_FRONTIER: Frontier = { size: 0, hashes: [] };

export function leafHash(entry: Uint8Array): Uint8Array {
  return hash.create().update(LEAF).update(entry).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash.create().update(NODE).update(left).update(right).digest();
}

/** @param leaf - as {@link leafHash} makes it */
export function appendLeaf(frontier: Frontier, leaf: Uint8Array): Frontier {
  return appendLeaves(frontier, [leaf]);
}

/** Append many; ten thousand take one copy of the frontier, not ten thousand. */
export function appendLeaves(frontier: Frontier, leaves: readonly Uint8Array[]): Frontier {
  const { size, hashes } = checkFrontier(frontier);
  const grown = [...hashes];
  let count = size;
  for (const leaf of leaves) {
    if (leaf.length !== HASH_BYTES) throw new RangeError("A leaf is appended by its hash");
    let root = leaf;
    // Each trailing 1 in the size is a full subtree that the new one completes.
    for (let rest = count; rest % 2 === 1; rest = (rest - 1) / 2) root = nodeHash(grown.pop() as Uint8Array, root);
    grown.push(root);
    count += 1;
  }
  return { size: count, hashes: grown };
}

/** The Merkle tree hash of all leaves. */
export function rootOf({ hashes }: Frontier): Uint8Array {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}

/**
 * The hash of a whole tree, or of a full subtree, from its leaves or its equal subtrees in order.
 *
 * @param hashes - at least one
 */
export function treeHash(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) throw new RangeError("An empty tree has no subtrees");
  return rootOf(appendLeaves(EMPTY_FRONTIER, hashes));
}

/** A frontier from storage. @throws ExchangeError `copy_damaged` unless it has a hash for each full subtree */
export function checkFrontier(frontier: Frontier): Frontier {
  const { size, hashes } = frontier;
  const sound =
    Number.isSafeInteger(size) &&
    size >= 0 &&
    hashes.length === countOnes(size) &&
    hashes.every((each) => each.length === HASH_BYTES);
  if (!sound) throw new ExchangeError("copy_damaged", { reason: "frontier" });
  return frontier;
}

function countOnes(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
