/** Every 256-bit hash within a radius of a query: always all of them, at a bounded cost, whatever the list holds. */
import { chunksFor, HASH_BITS, HASH_BYTES } from "./chunk-rule.ts";
import { type HammingEngine, type HammingHit, type HashSource, hashCount } from "./hamming-engine.ts";
import { openPlainEngine } from "./hamming-plain.ts";
import { openWasmEngine } from "./hamming-wasm.ts";

export type { HammingHit, HashSource } from "./hamming-engine.ts";

/** `flat`: reads all hashes for each query, builds nothing. `multi`: tables of what each hash contains, up to 110 bytes a hash. */
export type HammingTier = "flat" | "multi";

/** Below this a scan takes less time than the tables are worth. */
export const MULTI_FROM_COUNT = 50_000;
/** Each kernel reserves gigabytes of addresses: for fewer hashes than this the plain scan is as good. */
const WASM_FROM_COUNT = 2_048;
/** Row numbers and memory both end before this. */
export const HAMMING_MAX_COUNT = 30_000_000;
/** Looking up one candidate costs as much as scanning about this many hashes: past that the scan is quicker. */
const SCANNED_PER_CANDIDATE = 16;
const WORK_CAP_MIN = 1_024;
/** Hashes that a batch reads together, so that they come from memory once for all of its queries. */
const SCAN_TOGETHER = 4_096;

export type HammingIndexOptions = {
  /** n × 32 bytes, in any order, duplicates included. Not to be changed while the index is used. */
  hashes: HashSource;
  /** Chosen by the number of hashes unless given: `flat` where memory is short. */
  tier?: HammingTier | undefined;
  /** false for plain JavaScript, true for WASM where the platform allows it; by the number of hashes unless given. */
  wasm?: boolean | undefined;
  /** Asked of each hit at the time of the search: the base does not change, what a patch replaced is left out here. */
  isLive?: ((at: number) => boolean) | undefined;
};

export type HammingIndex = {
  readonly count: number;
  readonly tier: HammingTier;
  readonly wasm: boolean;
  readonly memoryBytes: number;
  /** How many queries were answered by a scan because tables would have cost more: a sign of piled-up hashes. */
  readonly capped: number;
  /**
   * @param query - 32 bytes
   * @param radius - 0 to 256, inclusive
   * @returns every live hash within the radius, ascending by `at`
   */
  search(query: Uint8Array, radius: number): HammingHit[];
  /** The same for several, as the eight turned and mirrored hashes of one picture. */
  searchBatch(queries: readonly Uint8Array[], radius: number): HammingHit[][];
};

/** @throws RangeError when the bytes are not whole hashes or are more than {@link HAMMING_MAX_COUNT} */
export function openHammingIndex({ hashes, tier, wasm, isLive }: HammingIndexOptions): HammingIndex {
  const count = hashCount(hashes);
  if (count > HAMMING_MAX_COUNT) throw new RangeError(`hamming: ${count} hashes are too many for one index`);
  const chosen = tier ?? (count >= MULTI_FROM_COUNT ? "multi" : "flat");
  const chunks = chosen === "multi" ? chunksFor(count) : [];
  const cap = WORK_CAP_MIN + Math.floor(count / SCANNED_PER_CANDIDATE);
  const wantsWasm = wasm ?? count >= WASM_FROM_COUNT;
  const kernel = wantsWasm ? openWasmEngine(hashes, chunks, cap) : undefined;
  const engine: HammingEngine = kernel ?? openPlainEngine(hashes, chunks);
  let capped = 0;

  function finish(found: HammingHit[]): HammingHit[] {
    const live = isLive === undefined ? found : found.filter(({ at }) => isLive(at));
    return live.sort((a, b) => a.at - b.at);
  }

  function searchBatch(queries: readonly Uint8Array[], radius: number): HammingHit[][] {
    for (const query of queries) requireQuery(query, radius);
    const found: HammingHit[][] = queries.map(() => []);
    const scanned: { query: Uint8Array; found: HammingHit[] }[] = [];
    for (const [i, query] of queries.entries()) {
      const own = found[i] as HammingHit[];
      if (chosen === "multi" && engine.probe(query, radius, cap, own)) continue;
      if (chosen === "multi") capped += 1;
      scanned.push({ query, found: own });
    }
    for (let from = 0; from < count && scanned.length > 0; from += SCAN_TOGETHER) {
      const to = Math.min(count, from + SCAN_TOGETHER);
      for (const each of scanned) engine.scan(each.query, radius, from, to, each.found);
    }
    return found.map(finish);
  }

  return {
    count,
    tier: chosen,
    wasm: kernel !== undefined,
    memoryBytes: engine.memoryBytes,
    get capped() {
      return capped;
    },
    search: (query, radius) => searchBatch([query], radius)[0] as HammingHit[],
    searchBatch,
  };
}

function requireQuery(query: Uint8Array, radius: number): void {
  if (query.length !== HASH_BYTES) throw new RangeError(`hamming: ${query.length} bytes are not a hash`);
  if (!(Number.isSafeInteger(radius) && radius >= 0 && radius <= HASH_BITS)) throw new RangeError("hamming: radius");
}
