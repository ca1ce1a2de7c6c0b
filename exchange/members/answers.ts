/** Rows as their answers on the wire. */
import type * as Wire from "@breakwater/shared/wire/members.ts";
import type { z } from "zod";
import { deviceStateOf } from "./devices.ts";
import { inviteStateOf, type ListedInvite } from "./invites.ts";
import type { MadeKey } from "./keys.ts";
import type { ApiKeyRow, DeviceRow, MemberRow, PersonRow } from "./tables.ts";

export function memberAnswer(row: MemberRow & { hotline: string | null }): Wire.Member {
  return {
    name: row.name,
    title: row.title,
    roles: row.roles,
    tier: row.tier,
    ...(row.publisher === null ? {} : { publisher: row.publisher as NonNullable<Wire.Member["publisher"]> }),
    ...(row.custody === null ? {} : { custody: row.custody }),
    ...(row.hotline === null ? {} : { hotline: row.hotline }),
    rung3: row.rung3,
    created_at: row.createdAt.toISOString(),
    ...(row.suspendedAt === null ? {} : { suspended_at: row.suspendedAt.toISOString() }),
  };
}

export function apiKeyAnswer(made: MadeKey): Wire.MadeApiKey {
  return { key_id: made.keyId, api_key: made.apiKey, scopes: made.scopes, expires_at: made.expiresAt.toISOString() };
}

export function apiKeyRowAnswer(row: ApiKeyRow, now: Date): z.infer<typeof Wire.ApiKeyRow> {
  return {
    key_id: row.id,
    scopes: row.scopes,
    state: row.revokedAt !== null ? "revoked" : now >= row.expiresAt ? "expired" : "active",
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    ...(row.lastUsedAt === null ? {} : { last_used_at: row.lastUsedAt.toISOString() }),
    ...(row.replacedBy === null ? {} : { replaced_by: row.replacedBy }),
  };
}

export function personAnswer(row: PersonRow): z.infer<typeof Wire.Person> {
  return { person_id: row.id, name: row.name, roles: row.roles, created_at: row.createdAt.toISOString() };
}

export function inviteAnswer(
  { row, member, device }: ListedInvite,
  viewer: { personId: string | undefined; now: Date },
): Wire.Invite {
  return {
    invite_id: row.id,
    member: member.name,
    member_title: member.title,
    state: inviteStateOf(row, viewer.now),
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    yours: row.createdByKind === "person" && row.createdById === viewer.personId,
    device_waiting: device?.state === "waiting",
  };
}

export function deviceRowAnswer(
  { device, member }: { device: DeviceRow; member: MemberRow },
  now: Date,
): z.infer<typeof Wire.DeviceRow> {
  return {
    device_id: device.id,
    kid: device.kid as z.infer<typeof Wire.DeviceRow>["kid"],
    member: member.name,
    state: deviceStateOf(device, now),
    created_at: device.createdAt.toISOString(),
    expires_at: device.expiresAt.toISOString(),
  };
}
