/** Proofs: every true one verifies, and nothing changed in it does. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { growLog, numberedEntry, type TestLog } from "../testing/log.ts";
import { outcome } from "../testing/refusal.ts";
import { appendLeaves, EMPTY_FRONTIER, EMPTY_ROOT, leafHash, nodeHash, rootOf } from "./merkle.ts";
import { consistencyProof, inclusionProof, readFrontier, verifyConsistency, verifyInclusion } from "./merkle-proof.ts";

const SMALL = 70;
// Sizes around the places where tiles, levels and paths change shape.
const LARGE = [255, 256, 257, 511, 513, 1000, 65_535, 65_536, 65_537, 70_000];
const LARGEST = 70_000;

const small = Array.from({ length: SMALL + 1 }, (_, size) => growLog(size));
const at = (size: number) => small[size] as TestLog;
const largest = growLog(...LARGE);
const rootAt = async (size: number) => rootOf(await readFrontier(largest.read, size));

/** A proof with one thing about it changed. */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant("bit"), where: fc.nat(), bit: fc.nat(255) }),
  fc.record({ kind: fc.constantFrom("drop", "double", "swap", "add", "shorten"), where: fc.nat(), bit: fc.nat(255) }),
);
type Mutation = { kind: string; where: number; bit: number };

function mutate(path: readonly Uint8Array[], { kind, where, bit }: Mutation): Uint8Array[] | undefined {
  const changed: Uint8Array[] = path.map((hash) => hash.slice());
  const index = changed.length === 0 ? 0 : where % changed.length;
  if (kind === "add") return changed.toSpliced(index, 0, EMPTY_ROOT);
  const hash = changed[index];
  if (hash === undefined) return undefined;
  if (kind === "drop") return changed.toSpliced(index, 1);
  if (kind === "double") return changed.toSpliced(index, 0, hash);
  if (kind === "shorten") return changed.with(index, hash.subarray(1));
  if (kind === "swap") {
    const next = changed[index + 1];
    return next === undefined ? undefined : changed.with(index, next).with(index + 1, hash);
  }
  hash[bit >> 3] = (hash[bit >> 3] as number) ^ (1 << (bit & 7));
  return changed;
}

describe("inclusion", () => {
  it("is proven for every leaf of every small tree, and for no other leaf or place", async () => {
    for (let size = 1; size <= SMALL; size++) {
      const { read, checkpoint } = at(size);
      for (let index = 0; index < size; index++) {
        const path = await inclusionProof(read, index, size);
        const leaf = leafHash(numberedEntry(index));
        verifyInclusion({ leaf, index, path }, checkpoint);
        for (const other of [index - 1, index + 1, index + size, index + 0.5, Number.NaN]) {
          expect(await outcome(() => verifyInclusion({ leaf, index: other, path }, checkpoint))).toBe("not_logged");
        }
        const wrongLeaf = { leaf: leafHash(numberedEntry(size)), index, path };
        expect(await outcome(() => verifyInclusion(wrongLeaf, checkpoint))).toBe("not_logged");
      }
    }
  });

  it("is proven in large trees, and any change is found", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...LARGE), fc.nat(), mutation, async (size, any, change) => {
        const index = any % size;
        const path = await inclusionProof(largest.read, index, size);
        const root = await rootAt(size);
        const leaf = leafHash(numberedEntry(index));
        verifyInclusion({ leaf, index, path }, { size, root });
        const changed = mutate(path, change);
        if (changed === undefined) return;
        expect(await outcome(() => verifyInclusion({ leaf, index, path: changed }, { size, root }))).toBe("not_logged");
      }),
      { numRuns: 200 },
    );
  });

  it("is not proven under another root, or for a node in place of a leaf", async () => {
    const { read, checkpoint } = at(8);
    const path = await inclusionProof(read, 0, 8);
    const leaf = leafHash(numberedEntry(0));
    expect(await outcome(() => verifyInclusion({ leaf, index: 0, path }, at(9).checkpoint))).toBe("not_logged");
    // The node above leaves 0 and 1 would be "leaf" 0 of a tree of 4: the size says that the path is too short.
    const node = nodeHash(leaf, path[0] as Uint8Array);
    const short = { leaf: node, index: 0, path: path.slice(1) };
    expect(await outcome(() => verifyInclusion(short, checkpoint))).toBe("not_logged");
  });

  it("is not proven in the empty tree, nor at a size that is none", async () => {
    const given = { leaf: EMPTY_ROOT, index: 0, path: [] };
    for (const size of [0, -1, 1.5, Number.POSITIVE_INFINITY]) {
      expect(await outcome(() => verifyInclusion(given, { size, root: EMPTY_ROOT }))).toBe("not_logged");
    }
    await expect(inclusionProof(at(5).read, 5, 5)).rejects.toThrow(RangeError);
    await expect(inclusionProof(at(5).read, -1, 5)).rejects.toThrow(RangeError);
  });
});

describe("consistency", () => {
  it("is proven between any two sizes of a small tree, and with no other root", async () => {
    for (let size = 0; size <= SMALL; size++) {
      const newer = at(size);
      for (let oldSize = 0; oldSize <= size; oldSize++) {
        const older = at(oldSize).checkpoint;
        const proof = await consistencyProof(newer.read, oldSize, size);
        verifyConsistency(older, newer.checkpoint, proof);
        const forged = { ...older, root: nodeHash(older.root, older.root) };
        expect(await outcome(() => verifyConsistency(forged, newer.checkpoint, proof))).toBe("cp_inconsistent");
        if (oldSize === size) continue;
        expect(await outcome(() => verifyConsistency(newer.checkpoint, older, proof))).toBe("cp_inconsistent");
        if (oldSize === 0) continue;
        const wrong = { ...newer.checkpoint, root: forged.root };
        expect(await outcome(() => verifyConsistency(older, wrong, proof))).toBe("cp_inconsistent");
      }
    }
  });

  it("is proven in large trees, and any change is found", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...LARGE), fc.nat(), mutation, async (size, any, change) => {
        const older = { size: 1 + (any % size), root: await rootAt(1 + (any % size)) };
        const newer = { size, root: await rootAt(size) };
        const proof = await consistencyProof(largest.read, older.size, size);
        verifyConsistency(older, newer, proof);
        const changed = mutate(proof, change);
        if (changed === undefined) return;
        expect(await outcome(() => verifyConsistency(older, newer, changed))).toBe("cp_inconsistent");
      }),
      { numRuns: 200 },
    );
  });

  it("is not proven to whoever was shown another entry", async () => {
    const leaves = Array.from({ length: 30 }, (_, index) => leafHash(numberedEntry(index)));
    const fork = appendLeaves(EMPTY_FRONTIER, leaves.with(10, leafHash(numberedEntry(99))));
    const held = { size: 30, root: rootOf(fork) };
    const { read, checkpoint } = at(60);
    const proof = await consistencyProof(read, 30, 60);
    expect(await outcome(() => verifyConsistency(held, checkpoint, proof))).toBe("cp_inconsistent");
    verifyConsistency({ size: 30, root: rootOf(appendLeaves(EMPTY_FRONTIER, leaves)) }, checkpoint, proof);
  });

  it("of the empty tree needs nothing, and takes nothing", async () => {
    const empty = { size: 0, root: EMPTY_ROOT };
    verifyConsistency(empty, at(9).checkpoint, []);
    verifyConsistency(empty, empty, []);
    const proof = await consistencyProof(at(9).read, 4, 9);
    expect(await outcome(() => verifyConsistency(empty, at(9).checkpoint, proof))).toBe("cp_inconsistent");
    const rooted = { size: 0, root: at(9).checkpoint.root };
    expect(await outcome(() => verifyConsistency(rooted, at(9).checkpoint, []))).toBe("cp_inconsistent");
    expect(await outcome(() => verifyConsistency(rooted, rooted, []))).toBe("cp_inconsistent");
  });

  it("is not made backwards", async () => {
    await expect(consistencyProof(at(9).read, 10, 9)).rejects.toThrow(RangeError);
  });
});

describe("readFrontier", () => {
  it("gives back the tree that was appended to, at every size it had", async () => {
    expect(await readFrontier(largest.read, LARGEST)).toEqual(largest.frontier);
    for (const size of [0, 1, 300, 65_536]) {
      expect(await readFrontier(largest.read, size)).toEqual(growLog(size).frontier);
    }
  });
});
