/** Routes of the hotline's queue, for its analysts. */
import {
  AssessmentAnswer,
  Case,
  CaseFilter,
  CasePage,
  CaseStateAnswer,
  CopiedRequest,
  NextCaseAnswer,
  RejectRequest,
  UnverifiableRequest,
} from "@breakwater/shared/wire/hotline.ts";
import { Hono } from "hono";
import { z } from "zod";
import { requirePerson } from "../../members/index.ts";
import type { PersonCaller } from "../../platform/caller.ts";
import type { Env } from "../../platform/deps.ts";
import { describe, jsonBody, params, query } from "../../platform/http.ts";
import { CaseParams } from "../params.ts";
import { assessCase, closeUnverifiable, rejectCase } from "./assess.ts";
import { acknowledgeCase, logCopied, returnCase, takeCase, takeNextCase } from "./moves.ts";
import { getCase, getQueue } from "./view.ts";

const analyst = requirePerson("analyst");
const STANDING_PROBLEMS = ["not_found", "assessor_same", "assessment_done", "case_state", "case_conflict"] as const;

export const queueRoutes = new Hono<Env>()
  .get(
    "/v1/hotline/cases",
    describe({
      tag: "hotline",
      summary: "The queue, most pressing first",
      auth: ["person"],
      answers: { 200: CasePage },
    }),
    analyst,
    query(z.strictObject({ state: CaseFilter.default("open") })),
    async (c) => c.json(await getQueue(c.var.deps, c.var.caller as PersonCaller, c.req.valid("query").state)),
  )
  .post(
    "/v1/hotline/cases/next",
    describe({
      tag: "hotline",
      summary: "Take the most pressing case",
      auth: ["person"],
      answers: { 200: NextCaseAnswer },
    }),
    analyst,
    async (c) => c.json(await takeNextCase(c.var.deps, c.var.caller as PersonCaller)),
  )
  .get(
    "/v1/hotline/cases/:n",
    describe({
      tag: "hotline",
      summary: "One case",
      auth: ["person"],
      answers: { 200: Case },
      problems: ["not_found"],
    }),
    analyst,
    params(CaseParams),
    async (c) => c.json(await getCase(c.var.deps, c.var.caller as PersonCaller, c.req.valid("param").n)),
  )
  .post(
    "/v1/hotline/cases/:n/take",
    describe({
      tag: "hotline",
      summary: "Take a case",
      auth: ["person"],
      answers: { 200: CaseStateAnswer },
      problems: [...STANDING_PROBLEMS],
    }),
    analyst,
    params(CaseParams),
    async (c) => c.json(await takeCase(c.var.deps, c.var.caller as PersonCaller, c.req.valid("param").n)),
  )
  .post(
    "/v1/hotline/cases/:n/return",
    describe({
      tag: "hotline",
      summary: "Return a case to the queue",
      auth: ["person"],
      answers: { 200: CaseStateAnswer },
      problems: ["not_found", "case_conflict"],
    }),
    analyst,
    params(CaseParams),
    async (c) => c.json(await returnCase(c.var.deps, c.var.caller as PersonCaller, c.req.valid("param").n)),
  )
  .post(
    "/v1/hotline/cases/:n/acknowledge",
    describe({
      tag: "hotline",
      summary: "Acknowledge an urgent report: the hand-over is yours",
      auth: ["person"],
      answers: { 200: CaseStateAnswer },
      problems: ["not_found", "case_state", "case_conflict"],
    }),
    analyst,
    params(CaseParams),
    async (c) => c.json(await acknowledgeCase(c.var.deps, c.var.caller as PersonCaller, c.req.valid("param").n)),
  )
  .post(
    "/v1/hotline/cases/:n/assessments",
    describe({
      tag: "hotline",
      summary: "Save an assessment, the second one without sight of the first",
      auth: ["person"],
      answers: { 201: AssessmentAnswer },
      problems: [...STANDING_PROBLEMS, "assessment_invalid", "imagery_suspected"],
    }),
    analyst,
    params(CaseParams),
    // Any JSON: the assessment's own parser answers with its own code, and looks for imagery first.
    jsonBody(z.unknown()),
    async (c) => {
      const { n } = c.req.valid("param");
      return c.json(await assessCase(c.var.deps, c.var.caller as PersonCaller, n, c.req.valid("json")), 201);
    },
  )
  .post(
    "/v1/hotline/cases/:n/reject",
    describe({
      tag: "hotline",
      summary: "Not to be listed, with a reason",
      auth: ["person"],
      answers: { 200: CaseStateAnswer },
      problems: [...STANDING_PROBLEMS],
    }),
    analyst,
    params(CaseParams),
    jsonBody(RejectRequest),
    async (c) => {
      const { n } = c.req.valid("param");
      return c.json(await rejectCase(c.var.deps, c.var.caller as PersonCaller, n, c.req.valid("json").reason));
    },
  )
  .post(
    "/v1/hotline/cases/:n/unverifiable",
    describe({
      tag: "hotline",
      summary: "Could not be verified at the source, with a reason",
      auth: ["person"],
      answers: { 200: CaseStateAnswer },
      problems: [...STANDING_PROBLEMS],
    }),
    analyst,
    params(CaseParams),
    jsonBody(UnverifiableRequest),
    async (c) => {
      const { n } = c.req.valid("param");
      return c.json(await closeUnverifiable(c.var.deps, c.var.caller as PersonCaller, n, c.req.valid("json").reason));
    },
  )
  .post(
    "/v1/hotline/cases/:n/copied",
    describe({
      tag: "hotline",
      summary: "Note that an address was copied",
      auth: ["person"],
      answers: { 204: null },
      problems: ["not_found"],
    }),
    analyst,
    params(CaseParams),
    jsonBody(CopiedRequest),
    async (c) => {
      await logCopied(c.var.deps, c.var.caller as PersonCaller, c.req.valid("param").n, c.req.valid("json"));
      return c.body(null, 204);
    },
  );
