// How long it takes to find everything within 31 bits of a hash: tables of chunks, beside a scan of all hashes, both in WebAssembly.
import { type HammingHit, openHammingIndex } from "@breakwater/shared/match/hamming.ts";
import { PDQ_BYTES, PDQ_MATCH_THRESHOLD } from "@breakwater/shared/signals/pdq.ts";
import { type Bench, type Measured, peakMb, timed } from "./bench.ts";

/** The figures hold at both; the last is the one that is printed. */
const DEFAULT_SIZES = [100_000, 1_000_000];
const QUERIES = 100;
const ROUNDS = 5;
/** The quickest counts: neighbours on the machine may hold up any of them. */
const BUILDS = 3;
const RADIUS = PDQ_MATCH_THRESHOLD;
const GOAL_FASTER = 4;
/** Below this the scan takes a tenth of a millisecond, and how much faster tables are says little. */
const FASTER_FROM = 1_000_000;
const GOAL_BYTES = 110;
const GOAL_BUILD_SECONDS_PER_MILLION = 1;
const RANDOM_BYTES_MAX = 65_536;
const US_PER_SECOND = 1e6;

export const pdqIndex: Bench = {
  goal:
    `half of the queries at least ${GOAL_FASTER} times faster than a scan (from ${FASTER_FROM} hashes), all matches found, ` +
    `at most ${GOAL_BYTES} bytes a hash, built in ${GOAL_BUILD_SECONDS_PER_MILLION} s a million`,
  async run({ size, say }): Promise<Measured> {
    let measured: Measured | undefined;
    for (const each of size === undefined ? DEFAULT_SIZES : [size]) {
      const last = measured;
      measured = await measure(each);
      say(`${each} hashes: ${JSON.stringify(measured.counts)}`);
      measured.correct &&= last?.correct ?? true;
      measured.met &&= last?.met ?? true;
    }
    return measured as Measured;
  },
};

async function measure(size: number): Promise<Measured> {
  const hashes = randomBytes(size * PDQ_BYTES);
  const queries = makeQueries(hashes, size);
  const scan = openHammingIndex({ hashes, tier: "flat", wasm: true });
  const build = () => openHammingIndex({ hashes, tier: "multi", wasm: true });
  const buildTimes: number[] = [];
  for (let round = 1; round < BUILDS; round++) buildTimes.push(await timed(async () => build()));
  const startedMs = performance.now();
  const tables = build();
  const buildSeconds = Math.min(...buildTimes, (performance.now() - startedMs) / 1_000);
  const brute = openHammingIndex({ hashes, tier: "flat", wasm: false });
  const correct =
    scan.wasm &&
    tables.wasm &&
    queries.every(({ query, near }) => {
      const all = brute.search(query, RADIUS);
      return isSame(tables.search(query, RADIUS), all) && isSame(scan.search(query, RADIUS), all) && all.length >= near;
    });
  const [own, plain]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const { query } of queries) plain.push(await timed(async () => scan.search(query, RADIUS)));
    for (const { query } of queries) own.push(await timed(async () => tables.search(query, RADIUS)));
  }
  const [seconds, baselineSeconds] = [quantile(own, 0.5), quantile(plain, 0.5)];
  const bytes = tables.memoryBytes / size;
  const isFaster = size < FASTER_FROM || baselineSeconds / seconds >= GOAL_FASTER;
  const isBuilt = buildSeconds <= (GOAL_BUILD_SECONDS_PER_MILLION * size) / 1_000_000;
  return {
    bench: "pdq-index",
    size,
    seconds,
    baseline: "a WebAssembly scan of all hashes (half of the queries take no longer)",
    baselineSeconds,
    ratio: seconds / baselineSeconds,
    peakMb: peakMb(),
    correct,
    met: correct && isFaster && isBuilt && bytes <= GOAL_BYTES,
    counts: {
      bytes: Math.round(bytes * 10) / 10,
      "seconds to build": Math.round(buildSeconds * 1_000) / 1_000,
      "µs p50": microseconds(seconds),
      "µs p99": microseconds(quantile(own, 0.99)),
      "µs p50 of the scan": microseconds(baselineSeconds),
      "queries that fell back to the scan": tables.capped,
    },
  };
}

const microseconds = (seconds: number): number => Math.round(seconds * US_PER_SECOND);

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + RANDOM_BYTES_MAX)));
  }
  return bytes;
}

/** Half of them unlike anything, half of them near copies of a hash, up to the radius itself. */
function makeQueries(hashes: Uint8Array, size: number): { query: Uint8Array; near: 0 | 1 }[] {
  return Array.from({ length: QUERIES }, (_, i) => {
    if (i % 2 === 0) return { query: randomBytes(PDQ_BYTES), near: 0 };
    const at = Math.floor((i / QUERIES) * size) * PDQ_BYTES;
    const query = hashes.slice(at, at + PDQ_BYTES);
    const bits = new Set<number>();
    while (bits.size < (i * 7) % (RADIUS + 1)) bits.add(Math.floor(Math.random() * PDQ_BYTES * 8));
    for (const bit of bits) query[bit >> 3] = (query[bit >> 3] as number) ^ (1 << (bit & 7));
    return { query, near: 1 };
  });
}

function isSame(a: readonly HammingHit[], b: readonly HammingHit[]): boolean {
  return a.length === b.length && a.every(({ at, distance }, i) => at === b[i]?.at && distance === b[i]?.distance);
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] as number;
}
