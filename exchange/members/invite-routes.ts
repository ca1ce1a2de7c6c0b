/** Making invites and deciding on them. */
import { Invite, InviteId, InviteList, NewInvite } from "@breakwater/shared/wire/members.ts";
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { Env } from "../platform/deps.ts";
import { describe, jsonBody, params, type RouteText } from "../platform/http.ts";
import { inviteAnswer } from "./answers.ts";
import { requireCaller } from "./auth.ts";
import { createInvite, decideInvite, type ListedInvite, listInvites } from "./invites.ts";

const text: Pick<RouteText, "tag" | "auth"> = { tag: "devices", auth: ["key", "person"] };
const ById = z.object({ id: InviteId });
const inviter = requireCaller({ scopes: ["hotline", "operator"], roles: ["administrator", "operator"] });
// A hotline's key makes invites but does not approve them: then one stolen key could let devices in.
const approver = requireCaller({ scopes: ["operator"], roles: ["administrator", "operator"] });

export const inviteRoutes = new Hono<Env>()
  .post(
    "/v1/invites",
    describe({
      ...text,
      summary: "Register an invite by the digest of its secret",
      answers: { 201: Invite },
      problems: ["not_found", "invite_exists", "rate_limited"],
    }),
    inviter,
    jsonBody(NewInvite),
    async (c) =>
      c.json(answer(c, { ...(await createInvite(c.var.deps, c.var.caller, c.req.valid("json"))), device: null }), 201),
  )
  .get(
    "/v1/invites",
    describe({ ...text, summary: "Invites that the caller answers for", answers: { 200: InviteList } }),
    inviter,
    async (c) => {
      const rows = await listInvites(c.var.deps, c.var.caller);
      return c.json({ invites: rows.map((row) => answer(c, row)) });
    },
  )
  .post(
    "/v1/invites/:id/approve",
    describe({
      ...text,
      summary: "Approve an invite that somebody else made",
      answers: { 200: Invite },
      problems: ["not_found", "invite_own", "invite_expired", "invite_refused"],
    }),
    approver,
    params(ById),
    async (c) => c.json(answer(c, await decideInvite(c.var.deps, c.var.caller, c.req.valid("param").id, "approved"))),
  )
  .post(
    "/v1/invites/:id/refuse",
    describe({
      ...text,
      summary: "Refuse an invite; a device that waits on it is switched off",
      answers: { 200: Invite },
      problems: ["not_found", "invite_own", "invite_expired", "invite_used", "conflict"],
    }),
    approver,
    params(ById),
    async (c) => c.json(answer(c, await decideInvite(c.var.deps, c.var.caller, c.req.valid("param").id, "refused"))),
  );

function answer(c: Context<Env>, listed: ListedInvite): Invite {
  const { caller, deps } = c.var;
  return inviteAnswer(listed, { personId: caller.kind === "person" ? caller.personId : undefined, now: deps.now() });
}
