/** What anybody asks of a log: where it is, its checkpoint, its entries. The API key is never sent along. */

import type { Bytes } from "@breakwater/shared/bytes.ts";
import {
  BUNDLE_MAX_BYTES,
  CHECKPOINT_PATH,
  NOTE_MAX_BYTES,
  TILE_WIDTH,
  tilePath,
} from "@breakwater/shared/log/index.ts";
import { LogInfo } from "@breakwater/shared/wire/log.ts";
import { z } from "zod";
import { type CallOptions, makeCall } from "./call.ts";
import { BLOB_TIMEOUT_MS } from "./limits.ts";

const WellKnown = z.object({ log: LogInfo });
const WELL_KNOWN_MAX_BYTES = 64 * 1024;

/** @property at - the answer's own `Date`, which shows a clock that is wrong by much */
export type CheckpointAnswer = { at: Date | undefined; etag: string | undefined; note: Bytes | "unchanged" };

export function makeLogReading({ apiKey: _, ...open }: CallOptions) {
  // The log may lie on another host than the exchange; its address is a person's or the exchange's own word.
  const callOf = (url: string) => {
    const { origin, pathname } = new URL(url);
    return { call: makeCall({ ...open, origin }), base: pathname.replace(/\/$/, "") };
  };
  return {
    /** Where the exchange says that its log lies. */
    async getLogInfo(): Promise<LogInfo> {
      const call = makeCall(open);
      return (await call.json({ path: "/.well-known/breakwater.json", maxBytes: WELL_KNOWN_MAX_BYTES }, WellKnown)).log;
    },
    /** @param past - "caches" asks past every cache on the way */
    async getCheckpoint(url: string, etag?: string, past?: "caches"): Promise<CheckpointAnswer> {
      const { call, base } = callOf(url);
      const headers: Record<string, string> = etag === undefined ? {} : { "if-none-match": etag };
      if (past !== undefined) headers["cache-control"] = "no-cache";
      const path = `${base}/${CHECKPOINT_PATH}`;
      const answer = await call.bytes({ path, headers, accept: [304], maxBytes: NOTE_MAX_BYTES });
      return {
        at: parseDate(answer.headers.get("date")),
        etag: answer.headers.get("etag") ?? undefined,
        note: answer.status === 304 ? "unchanged" : answer.body,
      };
    },
    /** The bytes of an entry bundle, as they came. */
    async getBundle(url: string, index: number, width: number, past?: "caches"): Promise<Bytes> {
      const { call, base } = callOf(url);
      const path = `${base}/${tilePath("entries", index, width)}`;
      const headers: Record<string, string> = past === undefined ? {} : { "cache-control": "no-cache" };
      const maxBytes = Math.ceil((BUNDLE_MAX_BYTES * width) / TILE_WIDTH);
      return (await call.bytes({ path, headers, maxBytes, timeoutMs: BLOB_TIMEOUT_MS })).body;
    },
  };
}

function parseDate(text: string | null): Date | undefined {
  const ms = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : new Date(ms);
}
