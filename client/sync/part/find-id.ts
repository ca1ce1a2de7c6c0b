/** An id's row in the sorted ids file: random ids are spread evenly, so a guess is off by little and two reads find it. */

import { readSync } from "node:fs";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { ID_BYTES } from "./scan-rows.ts";

/** One page: what the system reads anyway. */
const BLOCK_IDS = 256;
const KEY_BYTES = 6;
const KEY_END = 2 ** (8 * KEY_BYTES);

export type IdsFile = { fd: number; count: number };

/** @returns the row, and whether it is the id's own or where the id would stand */
export function searchId({ fd, count }: IdsFile, id: Uint8Array): { row: number; found: boolean } {
  const key = keyAt(id, 0);
  let [low, lowKey] = [0, 0];
  let [high, highKey] = [count, KEY_END];
  const block = new Uint8Array(BLOCK_IDS * ID_BYTES);
  for (let step = 0; high - low > BLOCK_IDS; step++) {
    // Ids that somebody chose lie anywhere: every other guess halves, so that those cost no more than a search by halves.
    const share = step % 2 === 0 && highKey > lowKey ? (key - lowKey) / (highKey - lowKey) : 0.5;
    const guess = low + Math.floor(share * (high - low)) - BLOCK_IDS / 2;
    const start = Math.min(Math.max(guess, low), high - BLOCK_IDS);
    readFully(fd, block, start * ID_BYTES, block.length);
    if (compareIds(id, 0, block, 0) < 0) [high, highKey] = [start, keyAt(block, 0)];
    else if (compareIds(id, 0, block, block.length - ID_BYTES) > 0) {
      [low, lowKey] = [start + BLOCK_IDS, keyAt(block, block.length - ID_BYTES)];
    } else return searchBlock(block, BLOCK_IDS, id, start);
  }
  const rest = high - low;
  readFully(fd, block, low * ID_BYTES, rest * ID_BYTES);
  return searchBlock(block, rest, id, low);
}

function searchBlock(block: Uint8Array, count: number, id: Uint8Array, first: number): { row: number; found: boolean } {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareIds(block, middle * ID_BYTES, id, 0);
    if (order === 0) return { row: first + middle, found: true };
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return { row: first + low, found: false };
}

export function compareIds(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const difference = (a[aAt + i] as number) - (b[bAt + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function keyAt(ids: Uint8Array, at: number): number {
  let key = 0;
  for (let i = 0; i < KEY_BYTES; i++) key = key * 256 + (ids[at + i] as number);
  return key;
}

/** @throws ExchangeError `copy_damaged` when the file ends before that */
export function readFully(fd: number, into: Uint8Array, position: number, length: number): void {
  for (let at = 0; at < length; ) {
    const bytes = readSync(fd, into, at, length - at, position + at);
    if (bytes === 0) throw new ExchangeError("copy_damaged", { reason: "cut" });
    at += bytes;
  }
}
