/** The state digest: SHA-256 over 256 bucket digests, so that it can be computed in parallel and checked in part. */

import { type Bytes, concatBytes, type Digest, digestOf, parseHex, sha256 } from "./bytes.ts";
import { createLineBuffer } from "./line-buffer.ts";
import { ExchangeError } from "./problem.ts";

export const STATE_BUCKETS = 256;
const SHA256_BYTES = 32;
const ID_MEMBER = '"id":"';
const ID_CHARS = 32;
const ID_PATTERN = /^[0-9a-f]{32}$/;

/**
 * An entry line's id by position, without parsing the line: a set has a million of them.
 *
 * In JSON text an unescaped quote never stands inside a string, so these characters are the member `id` itself; and no
 * entry schema has a nested member of that name.
 *
 * @throws ExchangeError `segment_line` when the line has no id of the right form
 */
export function entryIdOf(line: string): string {
  const at = line.indexOf(ID_MEMBER) + ID_MEMBER.length;
  const id = line.slice(at, at + ID_CHARS);
  if (at < ID_MEMBER.length || line[at + ID_CHARS] !== '"' || !ID_PATTERN.test(id)) {
    throw new ExchangeError("segment_line", { reason: "id" });
  }
  return id;
}

/** Builds a state digest from entry lines that come sorted by id, holding one bucket's bytes at a time. */
export function createStateDigest(): {
  add: (line: string) => void;
  digest: () => Promise<Digest>;
  count: () => number;
} {
  const digests = new Array<Promise<Bytes> | undefined>(STATE_BUCKETS);
  const bucket = createLineBuffer();
  let bucketPrefix = "";
  let lastId = "";
  let count = 0;

  function finishBucket(): void {
    if (bucket.length() === 0) return;
    // The platform takes its own copy of the bytes before it answers.
    digests[(parseHex(bucketPrefix) as Bytes)[0] as number] = sha256(bucket.bytes());
    bucket.clear();
  }

  return {
    add(line) {
      const id = entryIdOf(line);
      if (id <= lastId) throw new ExchangeError("segment_order", { at: count });
      const prefix = id.slice(0, 2);
      if (prefix !== bucketPrefix) finishBucket();
      bucketPrefix = prefix;
      bucket.add(line);
      lastId = id;
      count += 1;
    },
    async digest() {
      finishBucket();
      const empty = sha256(new Uint8Array(0));
      return stateDigestOfBuckets(await Promise.all(Array.from(digests, (digest) => digest ?? empty)));
    },
    count: () => count,
  };
}

/** @param digests - 256 raw SHA-256 digests in the order of the ids' first byte */
export async function stateDigestOfBuckets(digests: readonly Uint8Array[]): Promise<Digest> {
  if (digests.length !== STATE_BUCKETS || digests.some((digest) => digest.length !== SHA256_BYTES)) {
    throw new ExchangeError("state_digest", { buckets: digests.length });
  }
  return digestOf(concatBytes(digests));
}

/**
 * @param lines - all entry lines of a set, without LF, sorted by id, each id once
 * @throws ExchangeError `segment_order`, `segment_line`
 */
export async function stateDigest(lines: Iterable<string>): Promise<Digest> {
  const state = createStateDigest();
  for (const line of lines) state.add(line);
  return state.digest();
}
