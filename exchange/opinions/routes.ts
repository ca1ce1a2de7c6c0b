/** Opinions over HTTP: members send them, the set's publisher reads them, the operator sees floods. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import {
  OPINIONS_PAGE_DEFAULT,
  OPINIONS_PAGE_MAX,
  OperatorFloods,
  OpinionsAnswer,
  OpinionsPage,
  OpinionsRequest,
} from "@breakwater/shared/wire/opinions.ts";
import { Hono } from "hono";
import { z } from "zod";
import { requireCaller, requireKey } from "../members/index.ts";
import type { Env } from "../platform/deps.ts";
import { describe, jsonBody, params, query } from "../platform/http.ts";
import { getReadableSet, getSet, SetPath } from "../sets/index.ts";
import { operatorFloods, opinionsPage } from "./show.ts";
import { takeOpinions } from "./take.ts";

const PageQuery = z.strictObject({
  cursor: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(OPINIONS_PAGE_MAX).default(OPINIONS_PAGE_DEFAULT),
  only: z.enum(["rejected"]).optional(),
});

export const opinions = new Hono<Env>()
  .post(
    "/v1/sets/:publisher/:set/opinions",
    describe({
      tag: "reading",
      summary: "A batch of opinions, sightings, daily outcomes and floods about a set's entries; twice is once",
      auth: ["key"],
      answers: { 200: OpinionsAnswer },
      problems: ["not_found", "opinion_own", "opinions_batch", "rate_limited", "request_invalid"],
    }),
    requireKey("read"),
    params(SetPath),
    jsonBody(OpinionsRequest),
    async (c) => {
      const { deps, caller } = c.var;
      const set = await getReadableSet(deps, caller, c.req.valid("param"));
      return c.json(await takeOpinions(deps, caller, set, c.req.valid("json")));
    },
  )
  .get(
    "/v1/sets/:publisher/:set/opinions",
    describe({
      tag: "publishing",
      summary: "What members say of a set's entries, for the set's own publisher: counts, small ones as `few`",
      auth: ["key", "person"],
      answers: { 200: OpinionsPage },
      problems: ["cursor_invalid", "not_found", "query_invalid"],
    }),
    requireCaller({ scopes: ["publish"], roles: ["publisher"] }),
    params(SetPath),
    query(PageQuery),
    async (c) => {
      const setId = c.req.valid("param");
      // What members think of an entry is nobody else's to know, and neither is whether the set is there.
      if (c.var.caller.publisher !== setId.publisher) throw new ExchangeError("not_found");
      return c.json(await opinionsPage(c.var.deps, await getSet(c.var.deps, setId), c.req.valid("query")));
    },
  )
  .get(
    "/v1/operator/floods",
    describe({
      tag: "operations",
      summary: "What members' guards turned to review because it hit far more than it used to",
      auth: ["key", "person"],
      answers: { 200: OperatorFloods },
    }),
    requireCaller({ scopes: ["operator"], roles: ["operator"] }),
    async (c) => c.json(await operatorFloods(c.var.deps)),
  ) as unknown as Hono<Env>;
