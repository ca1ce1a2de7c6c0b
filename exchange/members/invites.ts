/** Invites: 72 hours, one use, bound to an organisation, approved by somebody who did not make them. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { NewInvite } from "@breakwater/shared/wire/members.ts";
import { and, desc, eq, or } from "drizzle-orm";
import { append } from "../audit/index.ts";
import { actorOf, type Caller } from "../platform/caller.ts";
import { type Queries, type Tx, transaction } from "../platform/db.ts";
import { isUniqueViolation } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import { takeRate } from "../platform/rates.ts";
import { noteTakeAway } from "../platform/take-aways.ts";
import { DEVICE_MS, INVITE_MS, INVITES_MADE } from "./limits.ts";
import { findMember, isHotline } from "./store.ts";
import { type DeviceRow, devices, type InviteRow, invites, type MemberRow, members } from "./tables.ts";

const LIST_MAX = 200;

/** Operators see all; a hotline its own and its flaggers' organisations; an administrator's organisation itself. */
export function isResponsibleFor(caller: Caller, member: Pick<MemberRow, "id" | "hotlineId">): boolean {
  if (isOperator(caller)) return true;
  if (caller.memberId === member.id) return true;
  return isHotline(caller.memberRoles) && member.hotlineId === caller.memberId;
}

export function isOperator(caller: Caller): boolean {
  if (caller.kind === "key") return caller.scopes.includes("operator");
  return caller.kind === "person" && caller.roles.includes("operator");
}

export async function createInvite(
  deps: Deps,
  caller: Caller,
  wanted: NewInvite,
): Promise<{ row: InviteRow; member: MemberRow }> {
  const now = deps.now();
  await takeRate(deps, INVITES_MADE, caller.memberId);
  const actor = actorOf(caller);
  try {
    return await transaction(deps, async (tx) => {
      const member = await findMember(tx, wanted.member);
      if (member === undefined || member.suspendedAt !== null || !isResponsibleFor(caller, member))
        throw new ExchangeError("not_found");
      // Without a hotline there would be nobody to report to.
      if (member.hotlineId === null && !isHotline(member.roles))
        throw new ExchangeError("request_invalid", { fields: ["member"] });
      const [row] = await tx.db
        .insert(invites)
        .values({
          id: wanted.invite_id,
          memberId: member.id,
          secretSha256: wanted.secret_sha256,
          state: "waiting",
          createdAt: now,
          expiresAt: new Date(now.getTime() + INVITE_MS),
          createdByKind: actor.kind,
          createdById: actor.id,
        })
        .returning();
      if (row === undefined) throw new ExchangeError("internal");
      await append(tx, { at: now, actor, action: "invite.created", subject: row.id });
      return { row, member };
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw new ExchangeError("invite_exists", {}, { cause: error });
    throw error;
  }
}

export type ListedInvite = { row: InviteRow; member: MemberRow; device: DeviceRow | null };

export async function listInvites({ db }: Queries, caller: Caller): Promise<ListedInvite[]> {
  return db
    .select({ row: invites, member: members, device: devices })
    .from(invites)
    .innerJoin(members, eq(members.id, invites.memberId))
    .leftJoin(devices, eq(devices.inviteId, invites.id))
    .where(scopeOf(caller))
    .orderBy(desc(invites.createdAt))
    .limit(LIST_MAX);
}

/** The condition on members that {@link isResponsibleFor} states, for lists. */
export function scopeOf(caller: Caller) {
  if (isOperator(caller)) return undefined;
  const own = eq(members.id, caller.memberId);
  return isHotline(caller.memberRoles) ? or(own, eq(members.hotlineId, caller.memberId)) : own;
}

/**
 * Decides an invite, and with it a device that has already shown the code.
 *
 * @throws ExchangeError `not_found` for what the caller may not decide, `invite_own`, `invite_expired`,
 *   `invite_used`, `invite_refused`; deciding the same way again changes nothing
 */
export async function decideInvite(
  deps: Deps,
  caller: Caller,
  id: string,
  decision: "approved" | "refused",
): Promise<ListedInvite> {
  const now = deps.now();
  const actor = actorOf(caller);
  return transaction(deps, async (tx) => {
    const found = await lockInvite(tx, id);
    if (found === undefined || !isResponsibleFor(caller, found.member)) throw new ExchangeError("not_found");
    const { row } = found;
    // One person must not be able to let a device in alone.
    if (caller.kind === "person" && row.createdByKind === "person" && row.createdById === caller.personId) {
      throw new ExchangeError("invite_own");
    }
    if (row.state === decision) return { ...found, device: await findInviteDevice(tx, id) };
    if (row.state === "refused") throw new ExchangeError("invite_refused");
    if (row.state === "approved") throw new ExchangeError(row.usedAt === null ? "conflict" : "invite_used");
    if (now >= row.expiresAt) throw new ExchangeError("invite_expired");
    const decided = { state: decision, decidedAt: now, decidedByKind: actor.kind, decidedById: actor.id } as const;
    await tx.db.update(invites).set(decided).where(eq(invites.id, id));
    const change =
      decision === "approved"
        ? { state: "active" as const, expiresAt: new Date(now.getTime() + DEVICE_MS) }
        : { state: "revoked" as const, revokedAt: now };
    await tx.db
      .update(devices)
      .set(change)
      .where(and(eq(devices.inviteId, id), eq(devices.state, "waiting")));
    await append(tx, { at: now, actor, action: `invite.${decision}`, subject: id });
    if (decision === "refused") await noteTakeAway(deps, { kind: "invite_refused", id });
    return { ...found, row: { ...row, ...decided }, device: await findInviteDevice(tx, id) };
  });
}

/** Locks the invite, so that of two that use or decide it at once one waits for the other. */
export async function lockInvite({ db }: Tx, id: string): Promise<{ row: InviteRow; member: MemberRow } | undefined> {
  const rows = await db
    .select({ row: invites, member: members })
    .from(invites)
    .innerJoin(members, eq(members.id, invites.memberId))
    .where(eq(invites.id, id))
    .for("update", { of: invites });
  return rows[0];
}

async function findInviteDevice({ db }: Tx, id: string): Promise<DeviceRow | null> {
  return (await db.select().from(devices).where(eq(devices.inviteId, id)))[0] ?? null;
}

/** What an invite is now; `used` and `expired` follow from its dates. */
export function inviteStateOf(row: InviteRow, now: Date): "waiting" | "approved" | "refused" | "used" | "expired" {
  if (row.state === "refused") return "refused";
  if (row.state === "approved" && row.usedAt !== null) return "used";
  return now >= row.expiresAt ? "expired" : row.state;
}
