/** The log over HTTP: C2SP tlog-tiles, open to everybody. Names, numbers and digests are in it, and nothing about anyone. */

import { digestOf } from "@breakwater/shared/bytes.ts";
import { parseTilePath, tilePath } from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { CHECKPOINT_CONTENT_TYPE, type LogInfo, TILE_CONTENT_TYPE } from "@breakwater/shared/wire/log.ts";
import { type Context, Hono } from "hono";
import type { Deps, Env } from "../platform/deps.ts";
import { describe, isCurrent } from "../platform/http.ts";
import { CHECKPOINT_KEY, objectKey, readObject } from "./published.ts";

const LOG_PATH = "/log";
/** Old for a second at most, wherever it is kept. */
const SHORT = "public, max-age=1, must-revalidate";
/** What lies under a tile's path never changes: a wider tile has another path. */
const IMMUTABLE = "public, max-age=31536000, immutable";

/** Where this exchange's log lies. @throws ExchangeError `signer_unavailable` */
export async function logInfo({ config, logSigner }: Deps): Promise<LogInfo> {
  const vkey = await logSigner.vkey(config.logOrigin);
  return { url: config.origin + LOG_PATH, origin: config.logOrigin, vkey };
}

export const logRoutes = new Hono<Env>()
  .get(
    "/log/checkpoint",
    describe({
      tag: "log",
      summary: "The newest checkpoint: size and root of the log, signed",
      auth: ["open"],
      answers: { 200: CHECKPOINT_CONTENT_TYPE, 304: null },
      problems: ["not_logged_yet"],
    }),
    async (c) => {
      const found = await readObject(c.var.deps.objects, CHECKPOINT_KEY);
      if (found === undefined) throw new ExchangeError("not_logged_yet", { retry_after: 1 });
      const tag = await digestOf(found.bytes);
      const headers = { ETag: `"${tag}"`, "Cache-Control": SHORT };
      if (isCurrent(c.req.header("if-none-match"), tag)) return c.body(null, 304, headers);
      return c.body(Uint8Array.from(found.bytes), 200, { ...headers, "Content-Type": CHECKPOINT_CONTENT_TYPE });
    },
  )
  .get(
    "/log/tile/entries/:index{.+}",
    describe({
      tag: "log",
      summary: "Up to 256 statements as they were accepted, each behind its length",
      auth: ["open"],
      answers: { 200: TILE_CONTENT_TYPE },
      problems: ["not_found"],
    }),
    (c) => tileResponse(c, "entries", c.req.param("index")),
  )
  .get(
    "/log/tile/:level/:index{.+}",
    describe({
      tag: "log",
      summary: "Up to 256 hashes of the log's tree",
      auth: ["open"],
      answers: { 200: TILE_CONTENT_TYPE },
      problems: ["not_found"],
    }),
    (c) => tileResponse(c, c.req.param("level"), c.req.param("index")),
  ) as unknown as Hono<Env>;

/** @throws ExchangeError `not_found` for what is not there and for what no tile is called */
async function tileResponse(c: Context<Env>, level: string, index: string): Promise<Response> {
  const tile = parseTilePath(`tile/${level}/${index}`);
  if (tile === undefined) throw new ExchangeError("not_found");
  // The path is made anew from what was understood: nothing that a caller typed becomes a key.
  const found = await c.var.deps.objects.get(objectKey(tilePath(tile.level, tile.index, tile.width)));
  if (found === undefined) throw new ExchangeError("not_found");
  const headers = {
    "Content-Type": TILE_CONTENT_TYPE,
    "Cache-Control": IMMUTABLE,
    "Content-Length": String(found.size),
  };
  return c.body(found.body as ReadableStream, 200, headers);
}
