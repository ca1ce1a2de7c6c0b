/** Taking back over HTTP: recalls in and out, and who has applied what. */

import { findUtf8 } from "@breakwater/shared/bytes.ts";
import { ENVELOPE_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import {
  APPLIED_DEFAULT_RELEASES,
  APPLIED_MAX_RELEASES,
  AppliedAnswer,
  RecallAnswer,
  RecallsAnswer,
} from "@breakwater/shared/wire/recalls.ts";
import { ENVELOPE_CONTENT_TYPE, RECALL_HEADER, STATEMENT_CONTENT_TYPE } from "@breakwater/shared/wire/sets.ts";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { requireCaller } from "../members/index.ts";
import { actorOf } from "../platform/caller.ts";
import type { Deps, Env } from "../platform/deps.ts";
import { describe, isCurrent, mediaTypeOf, params, query, readBody, requireType } from "../platform/http.ts";
import {
  findSet,
  getNewestRoot,
  getReadableSet,
  getSet,
  noteReader,
  ReleaseNumber,
  requirePublisher,
  SetPath,
  type SetRow,
} from "../sets/index.ts";
import { type Accepted, acceptRecall, acceptRecallStatement, type Brought } from "./accept.ts";
import { appliedAnswer } from "./applied.ts";
import { findRecall, isVouchedFor, listUnexpired, noteRefusal, type RecallRow } from "./store.ts";

const publisher = requireCaller({ scopes: ["publish"], roles: ["publisher"] });
const reader = requireCaller({ scopes: ["read"], roles: "any" });
const AppliedQuery = z.object({
  releases: z.coerce.number().int().min(1).max(APPLIED_MAX_RELEASES).default(APPLIED_DEFAULT_RELEASES),
});
const REVALIDATE = "private, no-cache";
const IMMUTABLE = "private, max-age=31536000, immutable";

const RECALL_PROBLEMS: ProblemCode[] = [
  "blob_missing",
  "blob_size_mismatch",
  "content_type_unsupported",
  "custody_mismatch",
  "envelope_format",
  "envelope_header",
  "envelope_kid_unknown",
  "envelope_too_large",
  "envelope_typ",
  "jcs_invalid",
  "log_behind",
  "not_found",
  "publisher_mismatch",
  "rate_limited",
  "recall_entries",
  "recall_expired",
  "recall_fork",
  "recall_gap",
  "recall_invalid",
  "recall_key_revoked",
  "recall_lifetime",
  "recall_list",
  "recall_rollback",
  "recall_root",
  "recall_time",
  "root_missing",
  "segment_gzip",
  "segment_size",
  "signature_invalid",
  "signature_threshold",
  "signer_refused",
  "signer_unavailable",
];

export const recalls = new Hono<Env>()
  .post(
    "/v1/sets/:publisher/:set/recalls",
    describe({
      tag: "publishing",
      summary: "Recall entries at once: for at most 72 hours hits on them ask for review and never block",
      auth: ["key", "person"],
      answers: { 200: RecallAnswer, 201: RecallAnswer },
      problems: RECALL_PROBLEMS,
    }),
    publisher,
    params(SetPath),
    requireType(ENVELOPE_CONTENT_TYPE, STATEMENT_CONTENT_TYPE),
    async (c) => {
      const { answer, repeated } = await bring(c, c.req.valid("param"));
      return c.json(answer, repeated ? 200 : 201);
    },
  )
  .get(
    "/v1/sets/:publisher/:set/recalls",
    describe({
      tag: "reading",
      summary: "The recalls that are in force, each envelope's exact text, and the newest number",
      auth: ["key", "person"],
      answers: { 200: RecallsAnswer, 304: null },
      problems: ["not_found"],
    }),
    reader,
    params(SetPath),
    async (c) => {
      const { deps, caller } = c.var;
      const set = await getReadableSet(deps, caller, c.req.valid("param"));
      noteReader(deps, caller, set);
      const rows = await listInForce(deps, set);
      const tag = `${set.headRecall}-${rows.map(({ recall }) => recall).join(".")}`;
      const headers = { ETag: `"${tag}"`, "Cache-Control": REVALIDATE, [RECALL_HEADER]: String(set.headRecall) };
      if (isCurrent(c.req.header("if-none-match"), tag)) return c.body(null, 304, headers);
      const answer = RecallsAnswer.parse({
        recall: set.headRecall,
        recalls: rows.map(({ recall, digest, logIndex, envelope }) => ({
          recall,
          digest,
          log_index: logIndex,
          envelope: findUtf8(envelope),
        })),
      });
      return c.json(answer, 200, headers);
    },
  )
  .get(
    "/v1/sets/:publisher/:set/recalls/:recall",
    describe({
      tag: "reading",
      summary: "One recall's envelope, byte for byte, in force or not",
      auth: ["key", "person"],
      answers: { 200: ENVELOPE_CONTENT_TYPE, 304: null },
      problems: ["not_found"],
    }),
    reader,
    params(SetPath.extend({ recall: ReleaseNumber })),
    async (c) => {
      const { recall, ...setId } = c.req.valid("param");
      const set = await getReadableSet(c.var.deps, c.var.caller, setId);
      const row = await findRecall(c.var.deps, set.id, recall);
      if (row === undefined) throw new ExchangeError("not_found");
      const headers = { ETag: `"${row.digest}"`, "Cache-Control": IMMUTABLE, [RECALL_HEADER]: String(recall) };
      if (isCurrent(c.req.header("if-none-match"), row.digest)) return c.body(null, 304, headers);
      return c.body(Uint8Array.from(row.envelope), 200, { ...headers, "Content-Type": ENVELOPE_CONTENT_TYPE });
    },
  )
  .get(
    "/v1/sets/:publisher/:set/applied",
    describe({
      tag: "publishing",
      summary: "Who has applied which release and recall, and who has not; for the set's publisher",
      auth: ["key", "person"],
      answers: { 200: AppliedAnswer },
      problems: ["not_found", "query_invalid"],
    }),
    publisher,
    params(SetPath),
    query(AppliedQuery),
    async (c) => {
      const setId = c.req.valid("param");
      // Who subscribes to whom is nobody else's to know, and neither is whether the set is there.
      if (c.var.caller.publisher !== setId.publisher) throw new ExchangeError("not_found");
      const set = await getSet(c.var.deps, setId);
      return c.json(await appliedAnswer(c.var.deps, set, c.req.valid("query").releases));
    },
  ) as unknown as Hono<Env>;

/** A recall that is refused leaves a trace for the set's publisher, whoever brought it. */
async function bring(c: Context<Env>, setId: z.infer<typeof SetPath>): Promise<Accepted> {
  const { deps, caller } = c.var;
  try {
    requirePublisher(caller, setId.publisher);
    const bytes = await readBody(c, ENVELOPE_MAX_BYTES, "envelope_too_large");
    const via: Brought = { kind: "publisher", memberId: caller.memberId, actor: actorOf(caller), setId };
    const accepting = mediaTypeOf(c) === ENVELOPE_CONTENT_TYPE ? acceptRecall : acceptRecallStatement;
    return await accepting(deps, bytes, via);
  } catch (error) {
    if (error instanceof ExchangeError && error.status < 500) {
      const set = await findSet(deps, setId);
      const trace = { code: error.code, memberId: caller.memberId, now: deps.now() };
      if (set !== undefined) await noteRefusal(deps, { setId: set.id, ...trace });
    }
    throw error;
  }
}

async function listInForce(deps: Deps, set: SetRow): Promise<RecallRow[]> {
  if (set.headRecall === 0) return [];
  const rows = await listUnexpired(deps, set.id, deps.now());
  if (rows.length === 0) return [];
  const root = await getNewestRoot(deps, set.publisher);
  return rows.filter((row) => isVouchedFor(row, root));
}
