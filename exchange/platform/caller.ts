/** Who is calling: the shape that routes and the audit record read. Only members/auth.ts makes one. */

export const SCOPES = ["read", "publish", "hotline", "operator"] as const;
export type Scope = (typeof SCOPES)[number];

export const MEMBER_ROLES = [
  "publisher",
  "subscriber",
  "hotline",
  "flagger",
  "sme",
  "authorised_body",
  "operator",
] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

export const PERSON_ROLES = ["analyst", "publisher", "administrator", "operator", "subscriber"] as const;
export type PersonRole = (typeof PERSON_ROLES)[number];

/** From least to most trusted; `named` audiences list members one by one. */
export const TIERS = ["test", "agreed", "vetted"] as const;
export type Tier = (typeof TIERS)[number];

/** The organisation behind a caller. */
export type CallerMember = {
  memberId: string;
  /** The member's unique slug. */
  member: string;
  memberRoles: MemberRole[];
  tier: Tier;
  publisher: string | undefined;
  /** The hotline that the member's flaggers report to; for a hotline itself, its own id. */
  hotlineId: string | undefined;
};

export type KeyCaller = CallerMember & { kind: "key"; keyId: string; scopes: Scope[] };
export type PersonCaller = CallerMember & {
  kind: "person";
  personId: string;
  personName: string;
  roles: PersonRole[];
  sessionId: string;
};
export type DeviceCaller = CallerMember & {
  kind: "device";
  deviceId: string;
  kid: string;
  /** Past its end date and not renewed: its reports are still taken, and marked. */
  expired: boolean;
};
export type Caller = KeyCaller | PersonCaller | DeviceCaller;

/** The caller as the audit record names it. */
export type Actor = { kind: "key" | "person" | "device" | "system"; id: string };

export function actorOf(caller: Caller): Actor {
  if (caller.kind === "key") return { kind: "key", id: caller.keyId };
  if (caller.kind === "person") return { kind: "person", id: caller.personId };
  return { kind: "device", id: caller.deviceId };
}

export const SYSTEM_ACTOR: Actor = { kind: "system", id: "exchange" };
