/** Signing in and out at the console. The link's page shows a button that posts, so that no prefetcher uses the link up. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { Session, SignIn } from "@breakwater/shared/wire/members.ts";
import { type Context, Hono } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import type { PersonCaller } from "../platform/caller.ts";
import type { Env } from "../platform/deps.ts";
import { describe, jsonBody, type RouteText } from "../platform/http.ts";
import { addressOf, checkOrigin, requirePerson } from "./auth.ts";
import { allowedRoles } from "./rights.ts";
import { describeSession, endSession, SESSION_COOKIE, startSession } from "./sessions.ts";
import type { MemberRow } from "./tables.ts";

const text: Pick<RouteText, "tag" | "auth"> = { tag: "session", auth: ["person"] };

export const sessionRoutes = new Hono<Env>()
  .post(
    "/v1/session",
    describe({
      tag: "session",
      auth: ["open"],
      summary: "Sign in with a one-time link's token; sets the cookie",
      answers: { 201: Session },
      problems: ["sign_in_link_invalid", "origin_mismatch", "rate_limited"],
    }),
    jsonBody(SignIn),
    async (c) => {
      // Otherwise another site could sign a browser in as somebody else and read what is then typed.
      checkOrigin(c);
      const { cookie, expiresAt, person, member } = await startSession(
        c.var.deps,
        c.req.valid("json").token,
        addressOf(c),
      );
      setCookie(c, SESSION_COOKIE, cookie, cookieOptions(c, expiresAt));
      const roles = allowedRoles(member.roles, person.roles);
      return c.json(sessionAnswer(c, { id: person.id, name: person.name, roles }, member, expiresAt), 201);
    },
  )
  .get(
    "/v1/session",
    describe({ ...text, summary: "Who is signed in", answers: { 200: Session } }),
    requirePerson(),
    async (c) => {
      const caller = personOf(c);
      const { member, expiresAt } = await describeSession(c.var.deps, caller);
      return c.json(
        sessionAnswer(c, { id: caller.personId, name: caller.personName, roles: caller.roles }, member, expiresAt),
      );
    },
  )
  .delete(
    "/v1/session",
    describe({ ...text, summary: "Sign out", answers: { 204: null } }),
    requirePerson(),
    async (c) => {
      await endSession(c.var.deps, personOf(c));
      deleteCookie(c, SESSION_COOKIE, cookieOptions(c));
      return c.body(null, 204);
    },
  );

function personOf(c: Context<Env>): PersonCaller {
  if (c.var.caller.kind !== "person") throw new ExchangeError("unauthenticated");
  return c.var.caller;
}

function cookieOptions(c: Context<Env>, expires?: Date) {
  const { secure } = c.var.deps.config;
  return {
    httpOnly: true,
    sameSite: "Strict",
    path: "/",
    secure,
    ...(expires === undefined ? {} : { expires }),
  } as const;
}

function sessionAnswer(c: Context<Env>, person: Session["person"], member: MemberRow, expiresAt: Date): Session {
  return {
    person,
    member: {
      name: member.name,
      title: member.title,
      roles: member.roles,
      ...(member.publisher === null
        ? {}
        : { publisher: member.publisher as NonNullable<Session["member"]["publisher"]> }),
    },
    exchange: c.var.deps.config.name,
    expires_at: expiresAt.toISOString(),
  };
}
