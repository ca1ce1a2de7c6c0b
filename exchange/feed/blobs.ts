/** Reading blobs: by whoever uploaded one, and by whoever may read a set that names it. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Context } from "hono";
import type { Caller } from "../platform/caller.ts";
import type { Deps, Env } from "../platform/deps.ts";
import { isCurrent } from "../platform/http.ts";
import { findReadableBlob, openBlob, wasUploadedBy } from "../sets/index.ts";

/** Far below the erasure deadline of a day, and never `public`. */
const CACHE = "private, max-age=3600";

/** @throws ExchangeError `not_found`, `blob_gone` (only to those who could read it) */
export async function blobResponse(c: Context<Env>, digest: Digest): Promise<Response> {
  const { deps, caller } = c.var;
  const { size, format } = await getAccess(deps, caller, digest);
  const headers = {
    ETag: `"${digest}"`,
    "Cache-Control": CACHE,
    // No Content-Encoding: the digest is over these bytes, and nothing on the way may unpack them.
    "Content-Type": format === "segment" ? "application/gzip" : "application/json",
    "Content-Length": String(size),
  };
  if (isCurrent(c.req.header("if-none-match"), digest)) {
    return c.body(null, 304, { ETag: headers.ETag, "Cache-Control": CACHE });
  }
  if (c.req.method === "HEAD") return c.body(null, 200, headers);
  const stored = await openBlob(deps, digest);
  if (stored === undefined) throw new ExchangeError("busy", { reason: "object" });
  return c.body(stored.body, 200, headers);
}

async function getAccess(
  deps: Deps,
  caller: Caller,
  digest: Digest,
): Promise<{ size: number; format: "segment" | "json" }> {
  const readable = mayRead(caller) ? await findReadableBlob(deps, caller, digest) : undefined;
  if (readable !== undefined && !readable.gone) return readable;
  const uploaded = await wasUploadedBy(deps, digest, caller.memberId);
  if (uploaded !== undefined) return uploaded;
  throw new ExchangeError(readable === undefined ? "not_found" : "blob_gone");
}

// A key that may only publish sees its own uploads and nothing else.
function mayRead(caller: Caller): boolean {
  return caller.kind !== "key" || caller.scopes.includes("read");
}
