/** A log's entries in order, bundle by bundle, with the frontier that they make (§2.13 step 6). */

import type { Bytes } from "@breakwater/shared/bytes.ts";
import { appendLeaves, decodeBundle, type Frontier, leafHash, TILE_WIDTH } from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Exchange } from "../../http/index.ts";

/** Fetched at once: enough to hide the way, few enough to hold in memory. */
const BUNDLES_AT_ONCE = 8;

export type BundleSource = Pick<Exchange, "getBundle">;
/** @property frontier - after these entries */
export type LeafRun = { from: number; entries: Uint8Array[]; frontier: Frontier };

/**
 * The entries from the frontier's size up to `size`. Nothing of them is to be believed before the frontier at the end
 * has the root of a signed checkpoint.
 *
 * @throws ExchangeError `bundle_invalid`, and what a request throws
 */
export async function* readLeaves(
  source: BundleSource,
  url: string,
  from: Frontier,
  size: number,
  past?: "caches",
): AsyncGenerator<LeafRun> {
  let frontier = from;
  const last = Math.ceil(size / TILE_WIDTH);
  for (let first = Math.floor(from.size / TILE_WIDTH); first < last; first += BUNDLES_AT_ONCE) {
    const indexes = Array.from({ length: Math.min(BUNDLES_AT_ONCE, last - first) }, (_, at) => first + at);
    const bundles = await Promise.all(indexes.map((index) => fetchBundle(source, url, index, size, past)));
    for (const [at, bundle] of bundles.entries()) {
      const start = (first + at) * TILE_WIDTH;
      // What is held already was judged already; its bytes are not compared, since the root speaks for them.
      const entries = bundle.slice(Math.max(0, frontier.size - start));
      const begin = frontier.size;
      frontier = appendLeaves(frontier, entries.map(leafHash));
      yield { from: begin, entries, frontier };
    }
  }
}

async function fetchBundle(
  source: BundleSource,
  url: string,
  index: number,
  size: number,
  past: "caches" | undefined,
): Promise<Uint8Array[]> {
  const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
  const bytes = await fetchBytes(source, url, index, width, past);
  if (bytes !== undefined) return decodeBundle(bytes, width);
  // A partial bundle may be gone once the whole one is there (tlog-tiles, "Partial Tiles"): its beginning is the same.
  const whole = width < TILE_WIDTH ? await fetchBytes(source, url, index, TILE_WIDTH, past) : undefined;
  if (whole === undefined) throw new ExchangeError("bundle_invalid", { reason: "missing", index });
  return decodeBundle(whole, TILE_WIDTH).slice(0, width);
}

async function fetchBytes(
  source: BundleSource,
  url: string,
  index: number,
  width: number,
  past: "caches" | undefined,
): Promise<Bytes | undefined> {
  try {
    return await source.getBundle(url, index, width, past);
  } catch (error) {
    if (error instanceof ExchangeError && (error.code === "not_found" || error.code === "blob_gone")) return undefined;
    // More bytes than so many entries can have is a lie about the log, not a busy network.
    if (error instanceof ExchangeError && error.code === "answer_too_large")
      throw new ExchangeError("bundle_invalid", { reason: "long", index }, { cause: error });
    throw error;
  }
}
