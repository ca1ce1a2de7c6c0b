/** Publishers and their roots over HTTP. */

import { ENVELOPE_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import { Publisher } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { ENVELOPE_CONTENT_TYPE, PublisherAnswer, RootAnswer } from "@breakwater/shared/wire/sets.ts";
import { Hono } from "hono";
import { z } from "zod";
import { findPublisher, requireCaller } from "../members/index.ts";
import { actorOf, type Caller } from "../platform/caller.ts";
import type { Deps, Env } from "../platform/deps.ts";
import { describe, params, query, readBody, requireType } from "../platform/http.ts";
import { acceptRoot, findNewestRootRow, findRootRow } from "./roots.ts";
import { requirePublisher } from "./sets.ts";

const anybody = requireCaller({ scopes: ["read", "publish", "hotline", "operator"], roles: "any" });
const PublisherPath = z.object({ publisher: Publisher });
/** `custody=exchange`: the publisher's own question for the key that a root would list to hand custody over. */
const CustodyQuery = z.object({ custody: z.literal("exchange").optional() });
const RootPath = PublisherPath.extend({
  version: z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/)
    .transform(Number),
});
const IMMUTABLE = "private, max-age=31536000, immutable";

export const rootRoutes = new Hono<Env>()
  .get(
    "/v1/publishers/:publisher",
    describe({
      tag: "publishing",
      summary: "A publisher, its newest root, and its release key where the exchange holds it",
      auth: ["key", "person"],
      answers: { 200: PublisherAnswer },
      problems: ["not_found", "query_invalid", "signer_unavailable"],
    }),
    anybody,
    params(PublisherPath),
    query(CustodyQuery),
    async (c) => {
      const { publisher } = c.req.valid("param");
      const { custody } = c.req.valid("query");
      return c.json(await publisherAnswer(c.var.deps, c.var.caller, publisher, custody !== undefined));
    },
  )
  .post(
    "/v1/publishers/:publisher/roots",
    describe({
      tag: "publishing",
      summary: "Publish a root: the keys that speak for the publisher from here on",
      auth: ["key", "person"],
      answers: { 200: RootAnswer, 201: RootAnswer },
      problems: [
        "admission_pending",
        "envelope_format",
        "envelope_header",
        "envelope_kid_unknown",
        "envelope_too_large",
        "envelope_typ",
        "jcs_invalid",
        "key_invalid",
        "publisher_mismatch",
        "publisher_suspended",
        "root_chain",
        "root_expired",
        "root_fork",
        "root_gap",
        "root_invalid",
        "root_rollback",
        "root_time",
        "signature_invalid",
        "signature_threshold",
      ],
    }),
    requireCaller({ scopes: ["publish"], roles: ["publisher"] }),
    params(PublisherPath),
    requireType(ENVELOPE_CONTENT_TYPE),
    async (c) => {
      const { publisher } = c.req.valid("param");
      requirePublisher(c.var.caller, publisher);
      const bytes = await readBody(c, ENVELOPE_MAX_BYTES, "envelope_too_large");
      if ((await findPublisher(c.var.deps, publisher))?.suspended !== false)
        throw new ExchangeError("publisher_suspended");
      const { answer, repeated } = await acceptRoot(c.var.deps, publisher, bytes, actorOf(c.var.caller));
      return c.json(answer, repeated ? 200 : 201);
    },
  )
  .get(
    "/v1/publishers/:publisher/roots/:version",
    describe({
      tag: "publishing",
      summary: "A root envelope, byte for byte as it was accepted",
      auth: ["key", "person"],
      answers: { 200: ENVELOPE_CONTENT_TYPE },
      problems: ["not_found"],
    }),
    anybody,
    params(RootPath),
    async (c) => {
      const { publisher, version } = c.req.valid("param");
      const row = await findRootRow(c.var.deps, publisher, version);
      if (row === undefined) throw new ExchangeError("not_found");
      const headers = { "Content-Type": ENVELOPE_CONTENT_TYPE, "Cache-Control": IMMUTABLE, ETag: `"${row.digest}"` };
      return c.body(Uint8Array.from(row.envelope), 200, headers);
    },
  );

async function publisherAnswer(
  deps: Deps,
  caller: Caller,
  publisher: Publisher,
  handsOver: boolean,
): Promise<PublisherAnswer> {
  const found = await findPublisher(deps, publisher);
  if (found === undefined) throw new ExchangeError("not_found");
  const root = await findNewestRootRow(deps, publisher);
  const answer: PublisherAnswer = {
    publisher,
    name: found.title,
    custody: found.custody,
    root_version: root?.version ?? 0,
    root_digest: root?.digest ?? null,
  };
  const isOwn = caller.publisher === publisher;
  if (found.custody !== "exchange" && !(isOwn && handsOver)) return answer;
  // Made when its publisher first asks, which is when it writes the root that will name it.
  const key = isOwn ? await deps.signer.createReleaseKey(publisher) : await deps.signer.releaseKey(publisher);
  return key === undefined ? answer : { ...answer, release_key: key };
}
