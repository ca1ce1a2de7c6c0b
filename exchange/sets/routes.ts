/** Publishing over HTTP: sets, blobs and releases. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { ENVELOPE_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import { Publisher, SetName } from "@breakwater/shared/ids.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import {
  AdmissionAnswer,
  AdmissionPointer,
  BlobAnswer,
  ENVELOPE_CONTENT_TYPE,
  ReleaseAnswer,
  SetAnswer,
  SetRequest,
  STATEMENT_CONTENT_TYPE,
} from "@breakwater/shared/wire/sets.ts";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { requireCaller } from "../members/index.ts";
import { actorOf } from "../platform/caller.ts";
import type { Env } from "../platform/deps.ts";
import { describe, jsonBody, mediaTypeOf, params, readBody, requireType } from "../platform/http.ts";
import { acceptRelease, acceptStatement, type Brought, type Outcome } from "./accept.ts";
import { findAdmission } from "./admission-store.ts";
import { admissionAnswer, setAnswer } from "./answers.ts";
import { BLOB_MAX_BYTES, checkBlobFormat } from "./blob-format.ts";
import { storeBlob, wasUploadedBy } from "./blob-store.ts";
import { findRelease } from "./reading.ts";
import { rootRoutes } from "./root-routes.ts";
import { getSet, putSet, requirePublisher } from "./sets.ts";

const publisher = requireCaller({ scopes: ["publish"], roles: ["publisher"] });

export const SetPath = z.object({ publisher: Publisher, set: SetName });
export const ReleaseNumber = z
  .string()
  .regex(/^[1-9][0-9]{0,8}$/)
  .transform(Number);
const ReleasePath = SetPath.extend({ release: ReleaseNumber });
export const BlobPath = z.object({
  hex: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .transform((hex): Digest => `sha256:${hex}`),
});

const ADMISSION_PROBLEMS: ProblemCode[] = [
  "about_invalid",
  "admission_pending",
  "audience_too_wide",
  "blob_missing",
  "blob_size_mismatch",
  "category_not_hashable",
  "content_type_unsupported",
  "custody_mismatch",
  "entry_invalid",
  "envelope_format",
  "envelope_header",
  "envelope_kid_unknown",
  "envelope_too_large",
  "envelope_typ",
  "index_invalid",
  "jcs_invalid",
  "manifest_invalid",
  "manifest_mismatch",
  "publisher_mismatch",
  "publisher_suspended",
  "release_chain",
  "release_closed",
  "release_expired",
  "release_fork",
  "release_gap",
  "release_invalid",
  "release_rollback",
  "release_root",
  "release_time",
  "root_expired",
  "root_missing",
  "segment_digest",
  "segment_gzip",
  "segment_header",
  "segment_line",
  "segment_order",
  "segment_size",
  "set_kind",
  "signal_invalid",
  "signature_invalid",
  "signature_threshold",
  "signer_refused",
  "state_count",
  "state_digest",
];

export const publishing = new Hono<Env>()
  .route("/", rootRoutes)
  .put(
    "/v1/sets/:publisher/:set",
    describe({
      tag: "publishing",
      summary: "Open a set, or change who may read it",
      auth: ["key", "person"],
      answers: { 200: SetAnswer, 201: SetAnswer },
      problems: ["audience_too_wide", "publisher_mismatch", "set_exists", "stream_role"],
    }),
    publisher,
    params(SetPath),
    jsonBody(SetRequest),
    async (c) => {
      const setId = c.req.valid("param");
      const { created } = await putSet(c.var.deps, c.var.caller, setId, c.req.valid("json"));
      const answer = await setAnswer(c.var.deps, c.var.caller, await getSet(c.var.deps, setId));
      return c.json(answer, created ? 201 : 200);
    },
  )
  .put(
    "/v1/blobs/sha256/:hex",
    describe({
      tag: "publishing",
      summary: "Upload a segment, index or manifest by its digest; kept for a day until a release names it",
      auth: ["key", "person"],
      answers: { 200: BlobAnswer, 201: BlobAnswer },
      problems: [
        "blob_digest_mismatch",
        "blob_format",
        "blob_size_mismatch",
        "blob_too_large",
        "length_required",
        "publisher_mismatch",
      ],
    }),
    publisher,
    params(BlobPath),
    async (c) => {
      const digest = c.req.valid("param").hex;
      const { status, size } = await putBlob(c, digest);
      return c.json({ digest, size }, status);
    },
  )
  .post(
    "/v1/sets/:publisher/:set/releases",
    describe({
      tag: "publishing",
      summary: "Publish a release: its signed envelope, or its statement when the exchange holds the release key",
      auth: ["key", "person"],
      answers: { 200: ReleaseAnswer, 201: ReleaseAnswer, 202: AdmissionPointer },
      problems: ADMISSION_PROBLEMS,
    }),
    publisher,
    params(SetPath),
    requireType(ENVELOPE_CONTENT_TYPE, STATEMENT_CONTENT_TYPE),
    async (c) => {
      const setId = c.req.valid("param");
      requirePublisher(c.var.caller, setId.publisher);
      const bytes = await readBody(c, ENVELOPE_MAX_BYTES, "envelope_too_large");
      const { memberId } = c.var.caller;
      const via: Brought = { kind: "publisher", memberId, actor: actorOf(c.var.caller), setId };
      const accept = mediaTypeOf(c) === ENVELOPE_CONTENT_TYPE ? acceptRelease : acceptStatement;
      return answerOutcome(c, setId, await accept(c.var.deps, bytes, via));
    },
  )
  .get(
    "/v1/sets/:publisher/:set/releases/:release/admission",
    describe({
      tag: "publishing",
      summary: "How the admission of a release goes; for its publisher",
      auth: ["key", "person"],
      answers: { 200: AdmissionAnswer },
      problems: ["not_found"],
    }),
    publisher,
    params(ReleasePath),
    async (c) => {
      const { release, ...setId } = c.req.valid("param");
      if (c.var.caller.publisher !== setId.publisher) throw new ExchangeError("not_found");
      const set = await getSet(c.var.deps, setId);
      const admission = await findAdmission(c.var.deps, set.id, release);
      const held = admission === undefined ? await findRelease(c.var.deps, set.id, release) : undefined;
      return c.json(admissionAnswer(admission, held));
    },
  ) as unknown as Hono<Env>;

async function putBlob(c: Context<Env>, digest: Digest): Promise<{ status: 200 | 201; size: number }> {
  const { deps, caller } = c.var;
  if (caller.publisher === undefined) throw new ExchangeError("publisher_mismatch", { needs_role: "publisher" });
  const size = declaredLength(c);
  const { memberId } = caller;
  const before = await wasUploadedBy(deps, digest, memberId);
  if (before !== undefined) return { status: 200, size: before.size };
  const source = c.req.raw.body;
  if (source === null || size === 0) throw new ExchangeError("blob_format", { reason: "empty" });
  const blob = await checkBlobFormat(source, size);
  // Whose it says it is: nobody stores another publisher's documents, however they came by them.
  if (blob.publisher !== undefined && blob.publisher !== caller.publisher)
    throw new ExchangeError("publisher_mismatch", { needs: blob.publisher });
  const { created } = await storeBlob(deps, { digest, size, memberId, blob });
  return { status: created ? 201 : 200, size };
}

/** Chunked uploads have no length to hold the bytes to. @throws `length_required`, `blob_too_large` */
function declaredLength(c: Context<Env>): number {
  const text = c.req.header("content-length");
  if (text === undefined || !/^[0-9]{1,15}$/.test(text)) throw new ExchangeError("length_required");
  const size = Number(text);
  if (size > BLOB_MAX_BYTES) throw new ExchangeError("blob_too_large", { max_bytes: BLOB_MAX_BYTES });
  return size;
}

function answerOutcome(c: Context<Env>, { publisher, set }: z.infer<typeof SetPath>, outcome: Outcome): Response {
  if (outcome.kind === "accepted") return c.json(outcome.answer, 201);
  if (outcome.kind === "repeated") return c.json(outcome.answer, 200);
  const admission = `${c.var.deps.config.origin}/v1/sets/${publisher}/${set}/releases/${outcome.release}/admission`;
  return c.json({ admission }, 202, { Location: admission });
}
