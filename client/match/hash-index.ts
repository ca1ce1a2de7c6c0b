/** One part of a copy as something that digests and perceptual hashes are compared with; what was built stays while the bytes do. */

import { DIGEST_MAX_BYTES, type ExactIndex, openExactIndex } from "@breakwater/shared/match/exact.ts";
import { type HammingIndex, openHammingIndex } from "@breakwater/shared/match/hamming.ts";
import { SIGNALS } from "@breakwater/shared/signals/index.ts";
import { PDQ_BYTES } from "@breakwater/shared/signals/pdq.ts";
import type { RowRef } from "../sync/index.ts";
import { type Part, type PdqRow, readPdqRow } from "./parts.ts";

export const EXACT_ALGS = ["md5", "sha1", "sha256", "sha512"] as const;
export type ExactAlg = (typeof EXACT_ALGS)[number];
/** `url`: SHA-256 over scope and canonical address. */
const URL_DIGEST_BYTES = 32;

export type PartIndex = {
  part: Part;
  /** Row numbers within the copy. */
  findExact(name: ExactAlg | "url", digest: Uint8Array): RowRef[];
  searchPdq(query: Uint8Array, radius: number): (PdqRow & { distance: number })[];
  /** What lies in memory beside the files. */
  memoryBytes: number;
};

/** How much work opening would be, in records: what a part that is held already costs is nothing. */
export function countRecords({ records }: Part): number {
  return [...records].reduce((sum, [name, { count }]) => (isBuilt(name) ? sum + count : sum), 0);
}

function isBuilt(name: string): boolean {
  return name === "pdq" || name === "rows-vpdq" || digestBytesOf(name) !== undefined;
}

/** @throws RangeError when the files are not what their names say */
export function openPartIndex(part: Part): PartIndex {
  const exact = new Map<string, ExactIndex>();
  for (const [name, { count, read }] of part.records) {
    const digestBytes = digestBytesOf(name);
    if (digestBytes !== undefined && count > 0) exact.set(name, openExactIndex({ rows: read, digestBytes, count }));
  }
  const pdq = openPdq(part);
  const { firstRow } = part;
  return {
    part,
    findExact(name, digest) {
      const index = exact.get(name === "url" ? name : `exact-${name}`);
      return index === undefined ? [] : index.find(digest).map((row) => row + firstRow);
    },
    searchPdq(query, radius) {
      const rows = part.records.get("pdq-rows");
      if (pdq === undefined || rows === undefined) return [];
      return pdq.search(query, radius).map(({ at, distance }) => {
        const found = readPdqRow(rows, at);
        return { ...found, row: found.row + firstRow, distance };
      });
    },
    memoryBytes: [...exact.values()].reduce((sum, { memoryBytes }) => sum + memoryBytes, pdq?.memoryBytes ?? 0),
  };
}

function digestBytesOf(name: string): number | undefined {
  if (name === "url") return URL_DIGEST_BYTES;
  const alg = EXACT_ALGS.find((one) => name === `exact-${one}`);
  const bytes = alg === undefined ? undefined : SIGNALS[alg].bytes;
  return bytes !== undefined && bytes <= DIGEST_MAX_BYTES ? bytes : undefined;
}

function openPdq(part: Part): HammingIndex | undefined {
  const hashes = part.records.get("pdq");
  const rows = part.records.get("pdq-rows");
  if (hashes === undefined || hashes.count === 0) return undefined;
  if (rows?.count !== hashes.count)
    throw new RangeError(`pdq: ${rows?.count ?? 0} rows for ${hashes.count} hashes of ${PDQ_BYTES} bytes`);
  return openHammingIndex({ hashes: { count: hashes.count, read: hashes.read } });
}
