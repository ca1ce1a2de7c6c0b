/** Proof documents over HTTP: that a release is in the log, for whoever may read its set. */

import { digestOf } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { PROOF_CONTENT_TYPE } from "@breakwater/shared/wire/log.ts";
import { RELEASE_HEADER } from "@breakwater/shared/wire/sets.ts";
import { type Context, Hono } from "hono";
import { proveLeaf } from "../log/index.ts";
import { requireCaller } from "../members/index.ts";
import type { Env } from "../platform/deps.ts";
import { describe, isCurrent, params } from "../platform/http.ts";
import { findRelease, getReadableSet, ReleaseNumber, type ReleaseRow, SetPath } from "../sets/index.ts";

const reader = requireCaller({ scopes: ["read"], roles: "any" });
const REVALIDATE = "private, no-cache";
const IMMUTABLE = "private, max-age=31536000, immutable";

export const proofs = new Hono<Env>()
  .get(
    "/v1/sets/:publisher/:set/proof",
    describe({
      tag: "log",
      summary: "That the newest release is in the log: envelope, path and checkpoint in one text",
      auth: ["key", "person"],
      answers: { 200: PROOF_CONTENT_TYPE, 304: null },
      problems: ["not_found", "not_logged_yet"],
    }),
    reader,
    params(SetPath),
    async (c) => {
      const row = await getReadableSet(c.var.deps, c.var.caller, c.req.valid("param"));
      return proofResponse(c, await findRelease(c.var.deps, row.id, row.headRelease), REVALIDATE);
    },
  )
  .get(
    "/v1/sets/:publisher/:set/releases/:release/proof",
    describe({
      tag: "log",
      summary: "That a release is in the log",
      auth: ["key", "person"],
      answers: { 200: PROOF_CONTENT_TYPE, 304: null },
      problems: ["not_found", "not_logged_yet"],
    }),
    reader,
    params(SetPath.extend({ release: ReleaseNumber })),
    async (c) => {
      const { release, ...setId } = c.req.valid("param");
      const row = await getReadableSet(c.var.deps, c.var.caller, setId);
      return proofResponse(c, await findRelease(c.var.deps, row.id, release), IMMUTABLE);
    },
  ) as unknown as Hono<Env>;

/** @throws ExchangeError `not_found`, `not_logged_yet` */
async function proofResponse(c: Context<Env>, row: ReleaseRow | undefined, caching: string): Promise<Response> {
  if (row === undefined) throw new ExchangeError("not_found");
  const proof = await proveLeaf(c.var.deps, { logIndex: row.logIndex, envelope: new Uint8Array(row.envelope) });
  const tag = await digestOf(proof);
  const headers = { ETag: `"${tag}"`, "Cache-Control": caching, [RELEASE_HEADER]: String(row.release) };
  if (isCurrent(c.req.header("if-none-match"), tag)) return c.body(null, 304, headers);
  return c.body(Uint8Array.from(proof), 200, { ...headers, "Content-Type": PROOF_CONTENT_TYPE });
}
