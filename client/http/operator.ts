/** What an operator, and who may invite, asks of an exchange: members, keys, people, invites, audit, retention. */

import {
  ApiKeyList,
  Invite,
  InviteList,
  MadeApiKey,
  MadePerson,
  Member,
  MemberList,
  type NewApiKey,
  type NewInvite,
  type NewMember,
  type NewPerson,
  PersonList,
  RotatedApiKey,
  SignInLink,
} from "@breakwater/shared/wire/members.ts";
import { AuditPage, RetentionPage } from "@breakwater/shared/wire/operations.ts";
import type { z } from "zod";
import type { Call } from "./call.ts";

export function makeOperator(call: Call) {
  const member = (name: string) => `/v1/operator/members/${encodeURIComponent(name)}`;
  return {
    addMember: (request: z.input<typeof NewMember>) =>
      call.json({ method: "POST", path: "/v1/operator/members", json: request }, Member),
    listMembers: async () => (await call.json({ path: "/v1/operator/members" }, MemberList)).members,

    /** The answer holds the key itself, this once. */
    createKey: (name: string, request: z.input<typeof NewApiKey>) =>
      call.json({ method: "POST", path: `${member(name)}/keys`, json: request }, MadeApiKey),
    listKeys: async (name: string) => (await call.json({ path: `${member(name)}/keys` }, ApiKeyList)).keys,
    rotateKey: (name: string, keyId: string) =>
      call.json({ method: "POST", path: `${member(name)}/keys/${keyId}/rotate` }, RotatedApiKey),
    async revokeKey(name: string, keyId: string): Promise<void> {
      await call.bytes({ method: "DELETE", path: `${member(name)}/keys/${keyId}` });
    },

    addPerson: (name: string, request: z.input<typeof NewPerson>) =>
      call.json({ method: "POST", path: `${member(name)}/people`, json: request }, MadePerson),
    listPeople: async (name: string) => (await call.json({ path: `${member(name)}/people` }, PersonList)).people,
    /** One-time, 15 minutes. */
    makeSignInLink: (personId: string) =>
      call.json({ method: "POST", path: `/v1/operator/people/${personId}/sign-in-link` }, SignInLink),

    /** Made with the secret's digest only; the same invite again is answered as `invite_exists`. */
    createInvite: (request: NewInvite) => call.json({ method: "POST", path: "/v1/invites", json: request }, Invite),
    listInvites: async () => (await call.json({ path: "/v1/invites" }, InviteList)).invites,
    async decideInvite(inviteId: string, decision: "approve" | "refuse"): Promise<void> {
      await call.bytes({ method: "POST", path: `/v1/invites/${inviteId}/${decision}` });
    },

    listAudit: (cursor?: string) =>
      call.json(
        { path: `/v1/operator/audit${cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`}` },
        AuditPage,
      ),
    listRetention: async () => (await call.json({ path: "/v1/operator/retention" }, RetentionPage)).rules,
  };
}
