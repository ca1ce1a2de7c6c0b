/** Which scopes and roles an organisation can give: a key or person never has more than its member. */
import type { MemberRole, PersonRole, Scope } from "../platform/caller.ts";

const SCOPE_NEEDS: Record<Scope, MemberRole | undefined> = {
  read: undefined,
  publish: "publisher",
  hotline: "hotline",
  operator: "operator",
};

const PERSON_NEEDS: Record<PersonRole, MemberRole | undefined> = {
  analyst: "hotline",
  publisher: "publisher",
  administrator: undefined,
  operator: "operator",
  subscriber: undefined,
};

/** Applied when given and again at every use, so that a role taken from the member is gone at once. */
export function allowedScopes(roles: readonly MemberRole[], scopes: readonly Scope[]): Scope[] {
  return scopes.filter((scope) => has(roles, SCOPE_NEEDS[scope]));
}

export function allowedRoles(roles: readonly MemberRole[], wanted: readonly PersonRole[]): PersonRole[] {
  return wanted.filter((role) => has(roles, PERSON_NEEDS[role]));
}

function has(roles: readonly MemberRole[], needed: MemberRole | undefined): boolean {
  return needed === undefined || roles.includes(needed);
}
