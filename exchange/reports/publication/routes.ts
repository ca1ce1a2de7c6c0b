/** Routes by which verified cases become entries of the hotline's next release. */
import {
  PreviewAnswer,
  PreviewRequest,
  PublicationAnswer,
  PublicationRequest,
  ReadyAnswer,
} from "@breakwater/shared/wire/publication.ts";
import { Hono } from "hono";
import { requireCaller, requirePerson } from "../../members/index.ts";
import type { PersonCaller } from "../../platform/caller.ts";
import type { Env } from "../../platform/deps.ts";
import { describe, jsonBody } from "../../platform/http.ts";
import { listReady, previewPublication, publish } from "./publish.ts";

export const publicationRoutes = new Hono<Env>()
  .get(
    "/v1/hotline/ready",
    describe({
      tag: "hotline",
      summary: "Verified cases with the entries they would become",
      auth: ["person"],
      answers: { 200: ReadyAnswer },
    }),
    requireCaller({ roles: ["publisher", "analyst"] }),
    async (c) => c.json(await listReady(c.var.deps, c.var.caller as PersonCaller)),
  )
  .post(
    "/v1/hotline/publications/preview",
    describe({
      tag: "hotline",
      summary: "What publishing these cases would change; nothing is stored",
      auth: ["person"],
      answers: { 200: PreviewAnswer },
      problems: ["not_found", "case_state", "set_kind"],
    }),
    requirePerson("publisher"),
    jsonBody(PreviewRequest),
    async (c) => c.json(await previewPublication(c.var.deps, c.var.caller as PersonCaller, c.req.valid("json"))),
  )
  .post(
    "/v1/hotline/publications",
    describe({
      tag: "hotline",
      summary: "Publish these cases in the set's next release",
      auth: ["person"],
      answers: { 201: PublicationAnswer },
      problems: [
        "not_found",
        "case_state",
        "set_kind",
        "conflict",
        "custody_mismatch",
        "delta_invalid",
        "signer_unavailable",
      ],
    }),
    requirePerson("publisher"),
    jsonBody(PublicationRequest),
    async (c) => c.json(await publish(c.var.deps, c.var.caller as PersonCaller, c.req.valid("json")), 201),
  );
