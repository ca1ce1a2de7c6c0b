/** Private lookup over HTTP: which indexes there are, their buckets, and what operators see of their use. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import {
  BUCKET_CONTENT_TYPE,
  LookupIndexes,
  LookupIndexName,
  OperatorLookups,
} from "@breakwater/shared/wire/lookup.ts";
import { Hono, type MiddlewareHandler } from "hono";
import { z } from "zod";
import { type Allowed, type KeyCaller, requireCaller, requireKey } from "../members/index.ts";
import type { Env } from "../platform/deps.ts";
import { describe, params } from "../platform/http.ts";
import { isRestoring, RETRY_AFTER_SECONDS } from "../platform/restore-state.ts";
import { takeBucket } from "./answer.ts";
import { listLookups } from "./indexes.ts";
import { findLeaseholder, settleAll } from "./lease.ts";
import { listUses } from "./operator.ts";
import { parseIndexName } from "./sources.ts";

const Whole = (digits: number) =>
  z
    .string()
    .regex(new RegExp(`^(0|[1-9]\\d{0,${digits - 1}})$`))
    .transform(Number);
const BucketPath = z.object({ index: LookupIndexName, epoch: Whole(9), prefix: Whole(5) });

/** An API key; for the next few buckets of a batch, the lease that it was given seconds ago. */
function keyOrLease(): MiddlewareHandler<Env> & { allowed: Allowed } {
  const key = requireKey("read");
  const middleware: MiddlewareHandler<Env> = async (c, next) => {
    const index = parseIndexName(c.req.param("index") ?? "")?.name ?? "";
    const holder = await findLeaseholder(c.var.deps, c.req.header("authorization"), index);
    if (holder === undefined) {
      // The gate before this takes an answer of seconds ago for buckets; whom rows let in is asked of rows that count.
      if (await isRestoring(c.var.deps)) throw new ExchangeError("restoring", { retry_after: RETRY_AFTER_SECONDS });
      return key(c, next);
    }
    c.set("caller", holder);
    await next();
  };
  return Object.assign(middleware, { allowed: (key as { allowed?: Allowed }).allowed ?? {} });
}

export const lookup = new Hono<Env>()
  .get(
    "/v1/lookup",
    describe({
      tag: "reading",
      summary: "The indexes of exact hashes that you may look up in, whose sets they name, and your day's budget",
      auth: ["key"],
      answers: { 200: LookupIndexes },
    }),
    requireKey("read"),
    async (c) => {
      await settleAll(c.var.deps, c.var.caller as KeyCaller);
      return c.json(await listLookups(c.var.deps, c.var.caller));
    },
  )
  .get(
    "/v1/lookup/:index/:epoch/:prefix",
    describe({
      tag: "reading",
      summary: "One padded bucket: the same bytes for everybody; which of its hashes you look for stays with you",
      auth: ["key"],
      answers: { 200: BUCKET_CONTENT_TYPE },
      problems: ["busy", "lookup_budget", "lookup_epoch", "lookup_probing", "lookup_tier", "not_found"],
    }),
    keyOrLease(),
    params(BucketPath),
    async (c) => {
      const { deps } = c.var;
      const caller = c.var.caller as KeyCaller;
      const authorization = c.req.header("authorization") ?? "";
      const { bytes, endsAt } = await takeBucket(deps, caller, authorization, c.req.valid("param"));
      const seconds = Math.max(0, Math.floor((endsAt.getTime() - deps.now().getTime()) / 1000));
      return c.body(bytes, 200, {
        "Content-Type": BUCKET_CONTENT_TYPE,
        "Cache-Control": `private, max-age=${seconds}, immutable`,
        Vary: "Authorization",
      });
    },
  )
  .get(
    "/v1/operator/lookups",
    describe({
      tag: "operations",
      summary: "Who looks up how much, those who seem to copy a list first; counts only",
      auth: ["key", "person"],
      answers: { 200: OperatorLookups },
    }),
    requireCaller({ scopes: ["operator"], roles: ["operator"] }),
    async (c) => {
      await settleAll(c.var.deps);
      return c.json(await listUses(c.var.deps));
    },
  ) as unknown as Hono<Env>;
