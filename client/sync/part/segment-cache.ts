/** The segments that lines were read from last, unpacked, within a bound. */

import type { Digest } from "@breakwater/shared/bytes.ts";

export const SEGMENT_CACHE_BYTES = 64 * 1024 * 1024;

export class SegmentCache {
  readonly #byDigest = new Map<Digest, Buffer>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = SEGMENT_CACHE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(digest: Digest): Buffer | undefined {
    const lines = this.#byDigest.get(digest);
    if (lines === undefined) return undefined;
    // A map keeps the order of insertion: what was used last goes to its end, and the front is given up first.
    this.#byDigest.delete(digest);
    this.#byDigest.set(digest, lines);
    return lines;
  }

  put(digest: Digest, lines: Buffer): void {
    if (this.#byDigest.has(digest)) return;
    this.#byDigest.set(digest, lines);
    this.#bytes += lines.length;
    for (const [oldest, { length }] of this.#byDigest) {
      if (this.#bytes <= this.#maxBytes || oldest === digest) break;
      this.#byDigest.delete(oldest);
      this.#bytes -= length;
    }
  }
}
