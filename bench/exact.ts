// Is a digest listed? A sorted file with 64-bit prefixes in memory, beside a `Set` of hex strings.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type ExactIndex, openExactIndex, ROW_NUMBER_BYTES } from "@breakwater/shared/match/exact.ts";
import { type Bench, type Measured, peakMb, timed } from "./bench.ts";

const DEFAULT_SIZE = 10_000_000;
const DIGEST_BYTES = 32;
const ROW_BYTES = DIGEST_BYTES + ROW_NUMBER_BYTES;
const QUERIES = 200_000;
/** Of what a service is asked about, one in a hundred is listed. */
const HIT_EVERY = 100;
const SLICE = 5_000;
const ROUNDS = 6;
const GOAL_BYTES = 12;
const GOAL_SMALLER = 10;
const GOAL_FASTER = 2.5;
const READ_BUFFER_BYTES = 1024 ** 2;
const WRITE_BYTES = 16 * 1024 ** 2;
const RANDOM_BYTES_MAX = 65_536;
const NS_PER_SECOND = 1e9;

export const exact: Bench = {
  goal:
    `at most ${GOAL_BYTES} bytes an entry beside the file, ${GOAL_SMALLER} times smaller and ${GOAL_FASTER} times faster ` +
    `than a Set of hex strings: for a stream with one hit in ${HIT_EVERY} and the file on disk, for what is not listed, and ` +
    "for half hits with the file in memory",
  async run({ size = DEFAULT_SIZE, say }): Promise<Measured> {
    const home = mkdtempSync(join(tmpdir(), "breakwater-bench-"));
    const file = makeFile(size);
    const descriptor = openSync(join(home, "exact-sha256"), "w+");
    try {
      for (let at = 0; at < file.length; at += WRITE_BYTES) writeSync(descriptor, file.subarray(at, at + WRITE_BYTES));
      const queries = makeQueries(file, size);
      const startedMs = performance.now();
      const onDisk = openExactIndex({ rows: readerOf(descriptor), digestBytes: DIGEST_BYTES, count: size });
      const buildSeconds = (performance.now() - startedMs) / 1_000;
      const inMemory = openExactIndex({ rows: file, digestBytes: DIGEST_BYTES, count: size });
      say(`Opened in ${buildSeconds.toFixed(2)} s; now the Set.`);
      const heapBefore = collectedHeapBytes();
      const set = new Set<string>();
      for (let at = 0; at < file.length; at += ROW_BYTES) set.add(hexOf(file.subarray(at, at + DIGEST_BYTES)));
      const setBytes = (collectedHeapBytes() - heapBefore) / size;

      const bytes = onDisk.memoryBytes / size;
      const correct =
        isRight(onDisk, set, queries.mixed) &&
        isRight(inMemory, set, queries.halves) &&
        isRight(inMemory, set, queries.hits) &&
        isRight(onDisk, set, queries.misses);
      const mixed = await compare(onDisk, set, queries.mixed);
      const halves = await compare(inMemory, set, queries.halves);
      const hits = await compare(inMemory, set, queries.hits);
      const misses = await compare(onDisk, set, queries.misses);
      const fromDisk = await compare(onDisk, set, queries.hits);
      const isFaster = [mixed, halves, misses].every(({ own, plain }) => plain / own >= GOAL_FASTER);
      return {
        bench: "exact",
        size,
        seconds: mixed.own,
        baseline: "a Set of hex strings, asked the same",
        baselineSeconds: mixed.plain,
        ratio: mixed.own / mixed.plain,
        peakMb: peakMb(),
        correct,
        met: correct && bytes <= GOAL_BYTES && setBytes / bytes >= GOAL_SMALLER && isFaster,
        counts: {
          queries: QUERIES,
          bytes: rounded(bytes),
          "bytes in the Set": rounded(setBytes),
          "ns of either, half hits": nanoseconds(halves.own),
          "ns of either, half hits, of the Set": nanoseconds(halves.plain),
          "ns a miss": nanoseconds(misses.own),
          "ns a miss of the Set": nanoseconds(misses.plain),
          "ns a hit, file in memory": nanoseconds(hits.own),
          "ns a hit, file on disk": nanoseconds(fromDisk.own),
          "ns a hit of the Set": nanoseconds(hits.plain),
          "seconds to open": rounded(buildSeconds),
        },
      };
    } finally {
      closeSync(descriptor);
      rmSync(home, { recursive: true, force: true });
    }
  },
};

const rounded = (value: number): number => Math.round(value * 100) / 100;
const nanoseconds = (seconds: number): number => Math.round((seconds / QUERIES) * NS_PER_SECOND);

/** Sorted digests, each with its position as row number. Random first 53 bits decide the order. */
function makeFile(size: number): Uint8Array {
  const firsts = new Float64Array(size);
  const drawn = new Uint32Array(RANDOM_BYTES_MAX / 4);
  for (let at = 0; at < size; at++) {
    const next = (at * 2) % drawn.length;
    if (next === 0) crypto.getRandomValues(drawn);
    firsts[at] = (drawn[next] as number) * 2 ** 21 + ((drawn[next + 1] as number) >>> 11);
  }
  firsts.sort();
  const file = new Uint8Array(size * ROW_BYTES);
  const view = new DataView(file.buffer);
  const rest = crypto.getRandomValues(new Uint8Array(DIGEST_BYTES));
  for (let at = 0; at < size; at++) {
    const offset = at * ROW_BYTES;
    const first = firsts[at] as number;
    file.set(rest, offset);
    view.setUint32(offset, Math.floor(first / 2 ** 21));
    view.setUint32(offset + 4, (first % 2 ** 21) * 2 ** 11);
    view.setUint32(offset + 8, at);
    view.setUint32(offset + DIGEST_BYTES, at);
  }
  return file;
}

type Queries = Record<"mixed" | "halves" | "hits" | "misses", Uint8Array[]>;

function makeQueries(file: Uint8Array, size: number): Queries {
  const listed = (): Uint8Array => {
    const offset = Math.floor(Math.random() * size) * ROW_BYTES;
    return file.slice(offset, offset + DIGEST_BYTES);
  };
  const unlisted = (): Uint8Array => crypto.getRandomValues(new Uint8Array(DIGEST_BYTES));
  const many = (make: (i: number) => Uint8Array): Uint8Array[] => Array.from({ length: QUERIES }, (_, i) => make(i));
  return {
    mixed: many((i) => (i % HIT_EVERY === 0 ? listed() : unlisted())),
    halves: many((i) => (i % 2 === 0 ? listed() : unlisted())),
    hits: many(listed),
    misses: many(unlisted),
  };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

function readerOf(descriptor: number): (offset: number, length: number) => Uint8Array {
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  return (offset, length) => {
    const into = length <= buffer.length ? buffer.subarray(0, length) : new Uint8Array(length);
    return into.subarray(0, readSync(descriptor, into, 0, length, offset));
  };
}

/** The full digest, its row, and no more than what the set knows. */
function isRight(index: ExactIndex, set: ReadonlySet<string>, queries: readonly Uint8Array[]): boolean {
  return queries.every((digest) => {
    const rows = index.find(digest);
    const row = new DataView(digest.buffer).getUint32(8);
    return set.has(hexOf(digest)) ? rows.length === 1 && rows[0] === row : rows.length === 0;
  });
}

/**
 * Both are asked in turn, a slice at a time, and the quickest round of each slice counts: neighbours on the machine disturb
 * a short slice seldom and both alike, and between two rounds of a slice all others have passed through the caches.
 */
async function compare(index: ExactIndex, set: ReadonlySet<string>, queries: readonly Uint8Array[]) {
  const starts = Array.from({ length: Math.ceil(queries.length / SLICE) }, (_, i) => i * SLICE);
  const own = starts.map(() => Number.POSITIVE_INFINITY);
  const plain = starts.map(() => Number.POSITIVE_INFINITY);
  let found = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, start] of starts.entries()) {
      const slice = queries.slice(start, start + SLICE);
      // Anew each round, since a string remembers its hash once it has been looked up: what is asked for is new.
      const strings = slice.map(hexOf);
      const byIndex = await timed(async () => {
        for (const digest of slice) found += index.find(digest).length;
      });
      const bySet = await timed(async () => {
        for (const hex of strings) found -= set.has(hex) ? 1 : 0;
      });
      own[i] = Math.min(own[i] as number, byIndex);
      plain[i] = Math.min(plain[i] as number, bySet);
    }
  }
  if (found !== 0) throw new Error("the index and the set found different things");
  return { own: sum(own), plain: sum(plain) };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function collectedHeapBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}
