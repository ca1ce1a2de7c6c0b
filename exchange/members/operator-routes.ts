/** What an operator does: admit members, give keys, add people, print sign-in links. */
import {
  ApiKeyList,
  KeyId,
  MadeApiKey,
  MadePerson,
  Member,
  MemberChange,
  MemberList,
  MemberName,
  NewApiKey,
  NewMember,
  NewPerson,
  PersonList,
  RotatedApiKey,
  RowId,
  SignInLink,
} from "@breakwater/shared/wire/members.ts";
import { Hono } from "hono";
import { z } from "zod";
import { actorOf } from "../platform/caller.ts";
import type { Env } from "../platform/deps.ts";
import { describe, jsonBody, params, type RouteText } from "../platform/http.ts";
import { apiKeyAnswer, apiKeyRowAnswer, memberAnswer, personAnswer } from "./answers.ts";
import { requireCaller } from "./auth.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "./keys.ts";
import { changeMember, createMember, createPerson, listPeople, removePerson } from "./members.ts";
import { createSignInLink } from "./sessions.ts";
import { listMembers } from "./store.ts";

const operator = requireCaller({ scopes: ["operator"], roles: ["operator"] });
const text: Pick<RouteText, "tag" | "auth"> = { tag: "members", auth: ["key", "person"] };
const ByName = z.object({ name: MemberName });
const ByKey = z.object({ name: MemberName, id: KeyId });
const ById = z.object({ id: RowId });

export const operatorRoutes = new Hono<Env>()
  .post(
    "/v1/operator/members",
    describe({ ...text, summary: "Admit a member", answers: { 201: Member }, problems: ["member_exists"] }),
    operator,
    jsonBody(NewMember),
    async (c) => c.json(memberAnswer(await createMember(c.var.deps, actorOf(c.var.caller), c.req.valid("json"))), 201),
  )
  .get(
    "/v1/operator/members",
    describe({ ...text, summary: "All members", answers: { 200: MemberList } }),
    operator,
    async (c) => c.json({ members: (await listMembers(c.var.deps)).map(memberAnswer) }),
  )
  .patch(
    "/v1/operator/members/:name",
    describe({ ...text, summary: "Change or suspend a member", answers: { 204: null }, problems: ["not_found"] }),
    operator,
    params(ByName),
    jsonBody(MemberChange),
    async (c) => {
      await changeMember(c.var.deps, actorOf(c.var.caller), c.req.valid("param").name, c.req.valid("json"));
      return c.body(null, 204);
    },
  )
  .post(
    "/v1/operator/members/:name/keys",
    describe({
      ...text,
      summary: "Make an API key, shown here once",
      answers: { 201: MadeApiKey },
      problems: ["not_found"],
    }),
    operator,
    params(ByName),
    jsonBody(NewApiKey),
    async (c) => {
      const { scopes, expires_at } = c.req.valid("json");
      const expiresAt = expires_at === undefined ? undefined : new Date(expires_at);
      const made = await createKey(c.var.deps, actorOf(c.var.caller), c.req.valid("param").name, { scopes, expiresAt });
      return c.json(apiKeyAnswer(made), 201);
    },
  )
  .get(
    "/v1/operator/members/:name/keys",
    describe({
      ...text,
      summary: "A member's API keys, without their secrets",
      answers: { 200: ApiKeyList },
      problems: ["not_found"],
    }),
    operator,
    params(ByName),
    async (c) => {
      const rows = await listKeys(c.var.deps, c.req.valid("param").name);
      const now = c.var.deps.now();
      return c.json({ keys: rows.map((row) => apiKeyRowAnswer(row, now)) });
    },
  )
  .post(
    "/v1/operator/members/:name/keys/:id/rotate",
    describe({
      ...text,
      summary: "Replace an API key; the old one works for seven more days",
      answers: { 201: RotatedApiKey },
      problems: ["not_found", "conflict"],
    }),
    operator,
    params(ByKey),
    async (c) => {
      const { name, id } = c.req.valid("param");
      const { previous, ...made } = await rotateKey(c.var.deps, actorOf(c.var.caller), name, id);
      const answer = {
        ...apiKeyAnswer(made),
        previous: { key_id: previous.keyId, expires_at: previous.expiresAt.toISOString() },
      };
      return c.json(answer, 201);
    },
  )
  .delete(
    "/v1/operator/members/:name/keys/:id",
    describe({ ...text, summary: "Revoke an API key at once", answers: { 204: null }, problems: ["not_found"] }),
    operator,
    params(ByKey),
    async (c) => {
      const { name, id } = c.req.valid("param");
      await revokeKey(c.var.deps, actorOf(c.var.caller), name, id);
      return c.body(null, 204);
    },
  )
  .post(
    "/v1/operator/members/:name/people",
    describe({
      ...text,
      summary: "Add a person",
      answers: { 201: MadePerson },
      problems: ["not_found", "person_exists"],
    }),
    operator,
    params(ByName),
    jsonBody(NewPerson),
    async (c) => {
      const { personId } = await createPerson(
        c.var.deps,
        actorOf(c.var.caller),
        c.req.valid("param").name,
        c.req.valid("json"),
      );
      return c.json({ person_id: personId }, 201);
    },
  )
  .get(
    "/v1/operator/members/:name/people",
    describe({ ...text, summary: "A member's people", answers: { 200: PersonList }, problems: ["not_found"] }),
    operator,
    params(ByName),
    async (c) => c.json({ people: (await listPeople(c.var.deps, c.req.valid("param").name)).map(personAnswer) }),
  )
  .delete(
    "/v1/operator/people/:id",
    describe({
      ...text,
      summary: "Remove a person; their sessions end",
      answers: { 204: null },
      problems: ["not_found"],
    }),
    operator,
    params(ById),
    async (c) => {
      await removePerson(c.var.deps, actorOf(c.var.caller), c.req.valid("param").id);
      return c.body(null, 204);
    },
  )
  .post(
    "/v1/operator/people/:id/sign-in-link",
    describe({
      ...text,
      summary: "A one-time link, good for 15 minutes",
      answers: { 201: SignInLink },
      problems: ["not_found"],
    }),
    operator,
    params(ById),
    async (c) => {
      const link = await createSignInLink(c.var.deps, actorOf(c.var.caller), c.req.valid("param").id);
      return c.json({ url: link.url, expires_at: link.expiresAt.toISOString() }, 201);
    },
  );
