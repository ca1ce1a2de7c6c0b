/** What a Hamming index runs on: the same two searches in WASM and in plain JavaScript. */
import { HASH_BYTES } from "./chunk-rule.ts";

/** @property at - which hash, in the order of the file; @property distance - differing bits */
export type HammingHit = { at: number; distance: number };

/** All hashes as bytes, or a way to read any part of them. A returned array is only read before the next call. */
export type HashSource = Uint8Array | { count: number; read: (offset: number, length: number) => Uint8Array };

export type HammingEngine = {
  readonly memoryBytes: number;
  /** Adds every hash of `[from, to)` within the radius, ascending. */
  scan(query: Uint8Array, radius: number, from: number, to: number, found: HammingHit[]): void;
  /**
   * Adds every hash within the radius, in no order and each once.
   *
   * @returns false when more than `cap` candidates would have to be looked at; then nothing was added
   */
  probe(query: Uint8Array, radius: number, cap: number, found: HammingHit[]): boolean;
};

const READ_HASHES = 32_768;

export function hashCount(source: HashSource): number {
  const count = source instanceof Uint8Array ? source.length / HASH_BYTES : source.count;
  if (!(Number.isSafeInteger(count) && count >= 0)) throw new RangeError("hamming: not a whole number of hashes");
  return count;
}

/** Copies all hashes into `into`, a part at a time, so that a file never lies in memory twice. */
export function copyHashes(source: HashSource, into: Uint8Array): void {
  if (source instanceof Uint8Array) {
    into.set(source);
    return;
  }
  for (let at = 0; at < into.length; at += READ_HASHES * HASH_BYTES) {
    const length = Math.min(READ_HASHES * HASH_BYTES, into.length - at);
    const part = source.read(at, length);
    if (part.length !== length) throw new RangeError("hamming: the file is shorter than its hashes");
    into.set(part, at);
  }
}
