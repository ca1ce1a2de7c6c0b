/** Entry bundles: up to 256 log entries, each behind its length (C2SP tlog-tiles, "Log entries"). */

import { concatBytes } from "../bytes.ts";
import { ExchangeError } from "../problem.ts";
import { TILE_WIDTH } from "./tiles.ts";

/** What a big-endian uint16 can say. */
export const ENTRY_MAX_BYTES = 0xffff;
const LENGTH_BYTES = 2;
export const BUNDLE_MAX_BYTES: number = TILE_WIDTH * (LENGTH_BYTES + ENTRY_MAX_BYTES);

/** @throws ExchangeError `bundle_invalid` */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length === 0 || entries.length > TILE_WIDTH) throw new ExchangeError("bundle_invalid");
  return concatBytes(
    entries.flatMap((entry) => {
      if (entry.length > ENTRY_MAX_BYTES) throw new ExchangeError("bundle_invalid", { reason: "entry length" });
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry];
    }),
  );
}

/**
 * @param count - how many entries the bundle has by its path and the checkpoint: 1..256
 * @throws ExchangeError `bundle_invalid` unless it is exactly these and nothing after them
 */
export function decodeBundle(bytes: Uint8Array, count: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (entries.length < count) {
    const [high, low] = bytes.subarray(at, at + LENGTH_BYTES);
    if (high === undefined || low === undefined) throw new ExchangeError("bundle_invalid", { reason: "short" });
    const end = at + LENGTH_BYTES + ((high << 8) | low);
    if (end > bytes.length) throw new ExchangeError("bundle_invalid", { reason: "short" });
    entries.push(bytes.slice(at + LENGTH_BYTES, end));
    at = end;
  }
  if (at !== bytes.length) throw new ExchangeError("bundle_invalid", { reason: "long" });
  return entries;
}
