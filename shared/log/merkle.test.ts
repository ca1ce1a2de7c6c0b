/** The tree: RFC 6962's definition, word by word, against the frontier. */

import { sha256 as hash } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, hexOf, utf8Of } from "../bytes.ts";
import { numberedEntry } from "../testing/log.ts";
import { outcome } from "../testing/refusal.ts";
import {
  appendLeaf,
  appendLeaves,
  checkFrontier,
  EMPTY_FRONTIER,
  EMPTY_ROOT,
  type Frontier,
  leafHash,
  nodeHash,
  rootOf,
  treeHash,
} from "./merkle.ts";

/** RFC 6962 §2.1, as it stands there. */
function mth(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length === 0) return hash(new Uint8Array());
  if (entries.length === 1) return hash(concatBytes([Uint8Array.of(0), entries[0] as Uint8Array]));
  let k = 1;
  while (k * 2 < entries.length) k *= 2;
  return hash(concatBytes([Uint8Array.of(1), mth(entries.slice(0, k)), mth(entries.slice(k))]));
}

const entries = Array.from({ length: 300 }, (_, at) => numberedEntry(at));

describe("the tree", () => {
  it("has the hashes that are known for the empty tree, an empty leaf and a node", () => {
    expect(hexOf(EMPTY_ROOT)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(hexOf(leafHash(new Uint8Array()))).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    expect(nodeHash(EMPTY_ROOT, EMPTY_ROOT)).toEqual(hash(concatBytes([Uint8Array.of(1), EMPTY_ROOT, EMPTY_ROOT])));
  });

  it("has at every size the root that RFC 6962 defines", () => {
    let frontier: Frontier = EMPTY_FRONTIER;
    expect(rootOf(frontier)).toEqual(EMPTY_ROOT);
    for (const [at, entry] of entries.entries()) {
      frontier = appendLeaf(frontier, leafHash(entry));
      expect(frontier.size).toBe(at + 1);
      expect(hexOf(rootOf(frontier))).toBe(hexOf(mth(entries.slice(0, at + 1))));
    }
  });

  it("is the same however its leaves come", () => {
    const leaves = entries.map(leafHash);
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 5 }), (cuts) => {
        const ends = [...cuts, 300].sort((a, b) => a - b);
        let frontier: Frontier = EMPTY_FRONTIER;
        for (const end of ends) frontier = appendLeaves(frontier, leaves.slice(frontier.size, end));
        expect(frontier).toEqual(appendLeaves(EMPTY_FRONTIER, leaves));
      }),
      { numRuns: 40 },
    );
  });

  it("leaves a frontier as it was when another grows from it", () => {
    const one = appendLeaf(EMPTY_FRONTIER, leafHash(utf8Of("a")));
    const copy = structuredClone(one);
    appendLeaf(one, leafHash(utf8Of("b")));
    expect(one).toEqual(copy);
    expect(EMPTY_FRONTIER).toEqual({ size: 0, hashes: [] });
  });

  it("counts past 2 to the 32", () => {
    const leaf = leafHash(utf8Of("a"));
    const hashes = Array.from({ length: 40 }, () => leaf);
    const full: Frontier = { size: 2 ** 40 - 1, hashes };
    const grown = appendLeaf(full, leaf);
    expect(grown.size).toBe(2 ** 40);
    expect(grown.hashes.length).toBe(1);
    expect(grown.hashes[0]).toEqual(hashes.reduce((right, left) => nodeHash(left, right), leaf));
  });

  it("takes leaves by their hash only, and has no tree hash of nothing", () => {
    expect(() => appendLeaf(EMPTY_FRONTIER, utf8Of("entry"))).toThrow(RangeError);
    expect(() => treeHash([])).toThrow(RangeError);
  });

  it("is not read back from a frontier that was changed", async () => {
    const sound = appendLeaves(EMPTY_FRONTIER, entries.slice(0, 5).map(leafHash));
    expect(checkFrontier(sound)).toBe(sound);
    for (const wrong of [
      { ...sound, size: 6.5 },
      { ...sound, size: -1 },
      { ...sound, size: 7 },
      { ...sound, hashes: [] },
      { ...sound, hashes: [EMPTY_ROOT, EMPTY_ROOT.subarray(1)] },
    ]) {
      expect(await outcome(() => checkFrontier(wrong))).toBe("copy_damaged");
      expect(await outcome(() => appendLeaf(wrong, EMPTY_ROOT))).toBe("copy_damaged");
    }
  });
});
