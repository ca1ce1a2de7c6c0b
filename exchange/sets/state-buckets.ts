/** The state digest of a snapshot as its segments pass by: finished buckets are kept with each step, so nothing is read twice. */

import { createHash, type Hash } from "node:crypto";
import { type Bytes, concatBytes, type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import type { SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { STATE_BUCKETS } from "@breakwater/shared/state.ts";
import type { SnapshotLine } from "./lines.ts";

const DIGEST_BYTES = 32;
const NO_MORE = STATE_BUCKETS;

export type StateBuckets = {
  /**
   * Take in the lines of the index's next segment.
   *
   * @returns the digests of the buckets that are finished by it, from the first on: to be stored with its step
   */
  add(at: number, lines: readonly SnapshotLine[]): Promise<Bytes>;
  /** @returns all 256 bucket digests, one after the other */
  finish(): Promise<Bytes>;
};

/**
 * SHA-256 as it goes cannot be stored half-way. What is stored is whole buckets; whoever goes on after a crash reads
 * again only the segments that hold the bucket that was open: one of 62 at a million entries, and all of them if the
 * admission was begun before buckets were kept.
 *
 * @param held - what the last step stored
 * @param read - a segment's lines, verified
 */
export function openStateBuckets(
  index: SnapshotIndex,
  held: Uint8Array,
  read: (at: number) => Promise<readonly SnapshotLine[]>,
): StateBuckets {
  const finished = [new Uint8Array(held)];
  let bucket = held.length / DIGEST_BYTES;
  let hash: Hash | undefined;
  let next: number | undefined;

  // Also the empty buckets between: their digest is that of nothing.
  function closeUntil(until: number): void {
    for (; bucket < until; bucket++) {
      finished.push(Uint8Array.from((hash ?? createHash("sha256")).digest()));
      hash = undefined;
    }
  }

  function take(lines: readonly SnapshotLine[]): void {
    for (let from = 0; from < lines.length; ) {
      const prefix = (lines[from] as SnapshotLine).id.slice(0, 2);
      let to = from + 1;
      while (to < lines.length && lines[to]?.id.startsWith(prefix)) to++;
      const its = Number.parseInt(prefix, 16);
      if (its >= bucket) {
        closeUntil(its);
        hash ??= createHash("sha256");
        hash.update(`${textOf(lines, from, to)}\n`);
      }
      from = to;
    }
  }

  async function catchUp(at: number): Promise<void> {
    next ??= firstWith(index, bucket, at);
    for (; next < at; next++) take(await read(next));
  }

  return {
    async add(at, lines) {
      await catchUp(at);
      take(lines);
      next = at + 1;
      if (next >= index.length) closeUntil(NO_MORE);
      return concatBytes(finished);
    },
    async finish() {
      await catchUp(index.length);
      closeUntil(NO_MORE);
      return concatBytes(finished);
    },
  };
}

/** Of the segments before `at`, the first that may hold a line of the bucket or of one after it. */
function firstWith(index: SnapshotIndex, bucket: number, at: number): number {
  if (bucket >= NO_MORE) return at;
  const begin = bucket.toString(16).padStart(2, "0");
  let first = at;
  while (first > 0 && (index[first]?.from ?? "g") > begin) first--;
  return first;
}

function textOf(lines: readonly SnapshotLine[], from: number, to: number): string {
  let text = (lines[from] as SnapshotLine).line;
  for (let at = from + 1; at < to; at++) text += `\n${(lines[at] as SnapshotLine).line}`;
  return text;
}

/** @param buckets - as {@link StateBuckets.finish} returns them */
export function stateOf(buckets: Bytes): Promise<Digest> {
  return digestOf(buckets);
}
