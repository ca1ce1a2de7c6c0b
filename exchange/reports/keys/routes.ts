/** Routes of a hotline's keys: agent, analysts' sealing keys, signed recipients, re-wrapped seals. */

import { ENVELOPE_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import { UuidV7 } from "@breakwater/shared/ids.ts";
import { ForwardAnswer, ForwardRequest } from "@breakwater/shared/wire/forward.ts";
import {
  AgentAnswer,
  AgentRequest,
  MissingSealsAnswer,
  RecipientsAnswer,
  SealingKeyAnswer,
  SealingKeyRequest,
  SealingKeysAnswer,
  SealRequest,
} from "@breakwater/shared/wire/hotline.ts";
import { Hono } from "hono";
import { z } from "zod";
import { requireCaller, requireKey, requirePerson } from "../../members/index.ts";
import type { KeyCaller, PersonCaller } from "../../platform/caller.ts";
import type { Env } from "../../platform/deps.ts";
import { describe, JOSE_TYPE, jsonBody, params, readBody, requireType } from "../../platform/http.ts";
import { CaseParams } from "../params.ts";
import { acceptRecipients, addSealingKey, getNewestList, listKeys, nameForward, registerAgent } from "./keys.ts";
import { listMissingSeals, storeSeal } from "./seals.ts";

const forHotline = requireCaller({ scopes: ["hotline"], roles: ["analyst"] });
const ReportParams = z.strictObject({ id: UuidV7 });

export const keyRoutes = new Hono<Env>()
  .put(
    "/v1/hotline/agent",
    describe({
      tag: "hotline",
      summary: "Register the hotline's agent, once",
      auth: ["key"],
      answers: { 201: AgentAnswer },
      problems: ["agent_exists", "key_invalid"],
    }),
    requireKey("hotline"),
    jsonBody(AgentRequest),
    async (c) => c.json(await registerAgent(c.var.deps, c.var.caller as KeyCaller, c.req.valid("json")), 201),
  )
  .put(
    "/v1/hotline/forward",
    describe({
      tag: "hotline",
      summary:
        "Name who is told of an urgent report at once, and who takes over when nobody acknowledges it in 15 minutes",
      auth: ["key"],
      answers: { 200: ForwardAnswer },
      problems: ["recipients_missing", "url_invalid"],
    }),
    requireKey("hotline"),
    jsonBody(ForwardRequest),
    async (c) => c.json(await nameForward(c.var.deps, c.var.caller as KeyCaller, c.req.valid("json"))),
  )
  .post(
    "/v1/hotline/sealing-keys",
    describe({
      tag: "hotline",
      summary: "Bring the public key of a browser that shall read reports",
      auth: ["person"],
      answers: { 201: SealingKeyAnswer },
      problems: ["key_invalid", "conflict", "rate_limited"],
    }),
    requirePerson("analyst"),
    jsonBody(SealingKeyRequest),
    async (c) => {
      const { sealing_key } = c.req.valid("json");
      return c.json(await addSealingKey(c.var.deps, c.var.caller as PersonCaller, sealing_key), 201);
    },
  )
  .get(
    "/v1/hotline/sealing-keys",
    describe({
      tag: "hotline",
      summary: "The hotline's sealing keys",
      auth: ["key", "person"],
      answers: { 200: SealingKeysAnswer },
    }),
    forHotline,
    async (c) => c.json(await listKeys(c.var.deps, c.var.caller.memberId)),
  )
  .put(
    "/v1/hotline/recipients",
    describe({
      tag: "hotline",
      summary: "Publish the next signed list of who can read reports",
      auth: ["key"],
      answers: { 200: RecipientsAnswer },
      problems: ["recipients_missing", "recipients_version", "recipients_invalid", "signature_invalid"],
    }),
    requireKey("hotline"),
    requireType("application/json", JOSE_TYPE),
    async (c) => {
      const bytes = await readBody(c, ENVELOPE_MAX_BYTES, "envelope_too_large");
      return c.json(await acceptRecipients(c.var.deps, c.var.caller as KeyCaller, bytes));
    },
  )
  .get(
    "/v1/hotline/recipients",
    describe({
      tag: "hotline",
      summary:
        "The newest signed list, byte for byte; the header Breakwater-Forward says whether anybody is told in the end",
      auth: ["device", "key", "person"],
      answers: { 200: JOSE_TYPE },
      problems: ["recipients_missing"],
    }),
    requireCaller({ scopes: ["hotline"], roles: ["analyst"], device: true }),
    async (c) => {
      const { caller } = c.var;
      const { envelope, passedOn } = await getNewestList(
        c.var.deps,
        caller.kind === "device" ? caller.hotlineId : caller.memberId,
      );
      return c.body(envelope as Uint8Array<ArrayBuffer>, 200, {
        "Content-Type": JOSE_TYPE,
        "Cache-Control": "no-store",
        "Breakwater-Forward": passedOn ? "yes" : "no",
      });
    },
  )
  .get(
    "/v1/hotline/seals/missing",
    describe({
      tag: "hotline",
      summary: "Sealed parts of any report that a listed key cannot open yet and the caller can",
      auth: ["key", "person"],
      answers: { 200: MissingSealsAnswer },
    }),
    forHotline,
    async (c) => c.json({ missing: await listMissingSeals(c.var.deps, c.var.caller as KeyCaller | PersonCaller) }),
  )
  .get(
    "/v1/hotline/cases/:n/seals/missing",
    describe({
      tag: "hotline",
      summary: "The same for one case",
      auth: ["key", "person"],
      answers: { 200: MissingSealsAnswer },
    }),
    forHotline,
    params(CaseParams),
    async (c) => {
      const { n } = c.req.valid("param");
      return c.json({ missing: await listMissingSeals(c.var.deps, c.var.caller as KeyCaller | PersonCaller, n) });
    },
  )
  .post(
    "/v1/hotline/reports/:id/seals",
    describe({
      tag: "hotline",
      summary: "Store a sealed part wrapped again for a listed key",
      auth: ["key", "person"],
      answers: { 204: null },
      problems: ["not_found", "sealed_invalid"],
    }),
    forHotline,
    params(ReportParams),
    jsonBody(SealRequest),
    async (c) => {
      await storeSeal(
        c.var.deps,
        c.var.caller as KeyCaller | PersonCaller,
        c.req.valid("param").id,
        c.req.valid("json"),
      );
      return c.body(null, 204);
    },
  );
