/** Reading over HTTP: the catalogue, heads and releases, blobs, the plain feed, acknowledgements. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { AckRequest, CatalogueAnswer, ENVELOPE_CONTENT_TYPE, SetAnswer } from "@breakwater/shared/wire/sets.ts";
import { Hono } from "hono";
import { z } from "zod";
import { requireCaller, requireKey } from "../members/index.ts";
import type { Env } from "../platform/deps.ts";
import { describe, jsonBody, params, query } from "../platform/http.ts";
import {
  BlobPath,
  catalogueRows,
  findRelease,
  getReadableSet,
  noteReader,
  ReleaseNumber,
  SetPath,
  saveAck,
  setAnswer,
} from "../sets/index.ts";
import { blobResponse } from "./blobs.ts";
import { listCatalogue } from "./catalogue.ts";
import { CursorText } from "./cursor.ts";
import { envelopeResponse } from "./envelopes.ts";
import { openEvents } from "./events.ts";
import { plainFeed } from "./plain-routes.ts";

const reader = requireCaller({ scopes: ["read"], roles: "any" });
const CatalogueQuery = z.object({ cursor: CursorText });
const EVENT_STREAM = "text/event-stream";

export const feed = new Hono<Env>()
  .get(
    "/v1/sets",
    describe({
      tag: "reading",
      summary: "The sets that you may read",
      auth: ["key", "person"],
      answers: { 200: CatalogueAnswer },
      problems: ["cursor_invalid", "query_invalid"],
    }),
    reader,
    query(CatalogueQuery),
    async (c) => {
      const { rows, cursor } = await listCatalogue(c.var.deps, c.var.caller, c.req.valid("query").cursor);
      return c.json({ sets: await catalogueRows(c.var.deps, rows), ...(cursor === undefined ? {} : { cursor }) });
    },
  )
  .get(
    "/v1/sets/:publisher/:set",
    describe({
      tag: "reading",
      summary: "One set",
      auth: ["key", "person"],
      answers: { 200: SetAnswer },
      problems: ["not_found"],
    }),
    reader,
    params(SetPath),
    async (c) => {
      const row = await getReadableSet(c.var.deps, c.var.caller, c.req.valid("param"));
      return c.json(await setAnswer(c.var.deps, c.var.caller, row));
    },
  )
  .get(
    "/v1/sets/:publisher/:set/head",
    describe({
      tag: "reading",
      summary: "The newest release's envelope, byte for byte; a header names the newest recall",
      auth: ["key", "person"],
      answers: { 200: ENVELOPE_CONTENT_TYPE, 304: null },
      problems: ["not_found"],
    }),
    reader,
    params(SetPath),
    async (c) => {
      const row = await getReadableSet(c.var.deps, c.var.caller, c.req.valid("param"));
      noteReader(c.var.deps, c.var.caller, row);
      const release = await findRelease(c.var.deps, row.id, row.headRelease);
      return envelopeResponse(c, release, { immutable: false, recall: row.headRecall });
    },
  )
  .get(
    "/v1/sets/:publisher/:set/releases/:release",
    describe({
      tag: "reading",
      summary: "One release's envelope, byte for byte",
      auth: ["key", "person"],
      answers: { 200: ENVELOPE_CONTENT_TYPE, 304: null },
      problems: ["not_found"],
    }),
    reader,
    params(SetPath.extend({ release: ReleaseNumber })),
    async (c) => {
      const { release, ...setId } = c.req.valid("param");
      const row = await getReadableSet(c.var.deps, c.var.caller, setId);
      return envelopeResponse(c, await findRelease(c.var.deps, row.id, release), { immutable: true });
    },
  )
  .get(
    "/v1/blobs/sha256/:hex",
    describe({
      tag: "reading",
      summary: "A blob that a set of yours names, or that you uploaded; HEAD tells whether it is here",
      auth: ["key", "person"],
      answers: { 200: "application/octet-stream", 304: null },
      problems: ["blob_gone", "not_found"],
    }),
    requireCaller({ scopes: ["read", "publish"], roles: "any" }),
    params(BlobPath),
    (c) => blobResponse(c, c.req.valid("param").hex),
  )
  .route("/", plainFeed)
  .post(
    "/v1/sets/:publisher/:set/acks",
    describe({
      tag: "reading",
      summary: "Say which release your copy has reached, and up to which number it applies recalls",
      auth: ["key", "person"],
      answers: { 204: null },
      problems: ["not_found", "recall_gap", "release_fork", "release_gap", "request_invalid"],
    }),
    reader,
    params(SetPath),
    jsonBody(AckRequest),
    async (c) => {
      const { deps, caller } = c.var;
      const row = await getReadableSet(deps, caller, c.req.valid("param"));
      const { release, statement, recall = 0 } = c.req.valid("json");
      const held = await findRelease(deps, row.id, release);
      if (held === undefined) throw new ExchangeError("release_gap", { have: row.headRelease, got: release });
      if (held.digest !== statement) throw new ExchangeError("release_fork", { got: release });
      if (recall > row.headRecall) throw new ExchangeError("recall_gap", { have: row.headRecall, got: recall });
      await saveAck(deps, { setId: row.id, memberId: caller.memberId, release, statement, recall, at: deps.now() });
      return c.body(null, 204);
    },
  )
  .get(
    "/v1/events",
    describe({
      tag: "reading",
      summary:
        "Server-sent events: which set is at which release or recall, as it happens; the data comes through head",
      auth: ["key"],
      answers: { 200: EVENT_STREAM },
      problems: ["busy", "rate_limited"],
    }),
    requireKey("read"),
    async (c) => {
      const headers = { "Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no" };
      if (c.req.method === "HEAD") return c.body(null, 200, headers);
      return c.body(await openEvents(c.var.deps, c.var.caller), 200, headers);
    },
  ) as unknown as Hono<Env>;
