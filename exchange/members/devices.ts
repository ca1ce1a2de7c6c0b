/** Devices: enrolled by an invite's secret, good for 90 days, renewed or switched off; what they pin at enrolment. */
import { parsePublicJwk, thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Device, EnrolDevice } from "@breakwater/shared/wire/members.ts";
import { desc, eq } from "drizzle-orm";
import { append } from "../audit/index.ts";
import { actorOf, type Caller, type DeviceCaller } from "../platform/caller.ts";
import { type Queries, type Tx, transaction } from "../platform/db.ts";
import { isUniqueViolation } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import { newRowId } from "../platform/ids.ts";
import { addressBucket, takeRate } from "../platform/rates.ts";
import { findResend } from "../platform/restore-state.ts";
import { noteTakeAway } from "../platform/take-aways.ts";
import { inviteStateOf, isResponsibleFor, lockInvite, scopeOf } from "./invites.ts";
import { DEVICE_MS, DEVICE_RENEW_FROM_MS, ENROL_TRIES, INVITE_TRIES, MAX_ITEMS_PER_HOUR } from "./limits.ts";
import { isSecretOf } from "./secrets.ts";
import { findAdministratorName, findMemberById, isHotline } from "./store.ts";
import { type DeviceRow, devices, type InviteRow, invites, type MemberRow, members } from "./tables.ts";

const LIST_MAX = 500;

type Enrolled = { device: DeviceRow; member: MemberRow; isNew: boolean };

/**
 * Takes a device in by an invite's secret. With an approved invite it is active at once, else it waits.
 * The same device with the same code again gets the same answer: the first one may have been lost on the way.
 *
 * @throws ExchangeError `invite_invalid` alike for an unknown code and a wrong secret; to who has the secret
 *   `invite_expired`, `invite_used`, `invite_refused`; `key_invalid`, `conflict`, `rate_limited`
 */
export async function enrolDevice(deps: Deps, wanted: EnrolDevice, address: string | undefined): Promise<Enrolled> {
  const now = deps.now();
  await takeRate(deps, ENROL_TRIES, await addressBucket(address, now));
  await takeRate(deps, INVITE_TRIES, wanted.invite_id);
  // Refuses points of small order, under which anything verifies.
  const signingKey = parsePublicJwk(wanted.signing_key);
  const kid = await thumbprint(signingKey);
  try {
    return await transaction(deps, async (tx) => {
      const invite = await openInvite(tx, wanted, now);
      const [before] = await tx.db.select().from(devices).where(eq(devices.inviteId, invite.row.id));
      if (before !== undefined) {
        if (before.kid !== kid || before.state === "revoked") throw new ExchangeError("invite_used");
        return { device: before, member: invite.member, isNew: false };
      }
      // Used by a device whose row has gone since.
      if (invite.row.usedAt !== null) throw new ExchangeError("invite_used");
      const device = await insertDevice(tx, deps, { invite, wanted, kid, now });
      await append(tx, {
        at: now,
        actor: { kind: "device", id: device.id },
        action: "device.enrolled",
        subject: invite.row.id,
      });
      await noteTakeAway(deps, { kind: "invite_used", id: invite.row.id });
      return { device, member: invite.member, isNew: true };
    });
  } catch (error) {
    // A key that is enrolled already, under another invite.
    if (isUniqueViolation(error)) throw new ExchangeError("conflict", {}, { cause: error });
    if (error instanceof ExchangeError) deps.events.enrolmentRefused({ code: error.code });
    throw error;
  }
}

async function openInvite(tx: Tx, wanted: EnrolDevice, now: Date): Promise<{ row: InviteRow; member: MemberRow }> {
  const invite = await lockInvite(tx, wanted.invite_id);
  const isRight = await isSecretOf(invite?.row.secretSha256, wanted.invite_secret);
  if (!isRight || invite === undefined || invite.member.suspendedAt !== null) throw new ExchangeError("invite_invalid");
  const state = inviteStateOf(invite.row, now);
  if (state === "refused") throw new ExchangeError("invite_refused");
  if (state === "expired") throw new ExchangeError("invite_expired");
  return invite;
}

async function insertDevice(
  { db }: Tx,
  deps: Pick<Deps, "random">,
  {
    invite,
    wanted,
    kid,
    now,
  }: { invite: { row: InviteRow; member: MemberRow }; wanted: EnrolDevice; kid: string; now: Date },
): Promise<DeviceRow> {
  const isApproved = invite.row.state === "approved";
  await db.update(invites).set({ usedAt: now }).where(eq(invites.id, invite.row.id));
  const [device] = await db
    .insert(devices)
    .values({
      id: newRowId(deps),
      memberId: invite.member.id,
      kid,
      signingKey: wanted.signing_key,
      clientName: wanted.client.name,
      clientVersion: wanted.client.version,
      language: wanted.language,
      state: isApproved ? "active" : "waiting",
      inviteId: invite.row.id,
      createdAt: now,
      // A device that waits ends with its invite; the approval starts its 90 days.
      expiresAt: isApproved ? new Date(now.getTime() + DEVICE_MS) : invite.row.expiresAt,
    })
    .returning();
  if (device === undefined) throw new ExchangeError("internal");
  return device;
}

/** What a device keeps: where it reports, whose receipts it trusts, what it may do. */
export async function describeDevice(deps: Deps, device: DeviceRow, member: MemberRow): Promise<Device> {
  const hotline = isHotline(member.roles) ? member : await findMemberById(deps, member.hotlineId ?? "");
  if (hotline === undefined) throw new ExchangeError("internal");
  const administrator = await findAdministratorName(deps, member);
  const { receipt } = await deps.signer.publicKeys();
  const resend = await findResend(deps, deps.now());
  return {
    device_id: device.id,
    state: deviceStateOf(device, deps.now()) as Device["state"],
    member: member.name,
    member_title: member.title,
    hotline: {
      name: hotline.name,
      title: hotline.title,
      ...(hotline.publisher === null
        ? {}
        : { publisher: hotline.publisher as NonNullable<Device["hotline"]["publisher"]> }),
      ...(hotline.agentSigningKey === null ? {} : { agent_key: hotline.agentSigningKey }),
    },
    ...(administrator === undefined ? {} : { administrator }),
    expires_at: device.expiresAt.toISOString(),
    receipt_keys: receipt,
    policy: { rung3: member.rung3, max_items_per_hour: MAX_ITEMS_PER_HOUR },
    ...(resend === undefined
      ? {}
      : { resend_since: resend.since.toISOString(), resend_until: resend.until.toISOString() }),
  };
}

export function deviceStateOf(device: DeviceRow, now: Date): "waiting" | "active" | "expired" | "revoked" {
  if (device.state !== "active") return device.state;
  return now >= device.expiresAt ? "expired" : "active";
}

export async function getDevice({ db }: Queries, id: string): Promise<{ device: DeviceRow; member: MemberRow }> {
  const [row] = await db
    .select({ device: devices, member: members })
    .from(devices)
    .innerJoin(members, eq(members.id, devices.memberId))
    .where(eq(devices.id, id));
  if (row === undefined) throw new ExchangeError("not_found");
  return row;
}

export async function listDevices(
  { db }: Queries,
  caller: Caller,
): Promise<{ device: DeviceRow; member: MemberRow }[]> {
  return db
    .select({ device: devices, member: members })
    .from(devices)
    .innerJoin(members, eq(members.id, devices.memberId))
    .where(scopeOf(caller))
    .orderBy(desc(devices.createdAt))
    .limit(LIST_MAX);
}

/** By the device itself, in the last part of its time and not after: coming back from the dead takes an administrator. */
export async function renewOwnDevice(deps: Deps, caller: DeviceCaller): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    const { device } = await lockDevice(tx, caller.deviceId);
    const leftMs = device.expiresAt.getTime() - now.getTime();
    if (device.state !== "active" || leftMs <= 0) throw new ExchangeError("forbidden", { reason: "expired" });
    if (leftMs > DEVICE_RENEW_FROM_MS) return;
    await extend(tx, device, now);
    await append(tx, { at: now, actor: actorOf(caller), action: "device.renewed", subject: device.id });
  });
}

export async function renewDevice(deps: Deps, caller: Caller, id: string): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    const { device } = await lockResponsible(tx, caller, id);
    if (device.state !== "active") throw new ExchangeError("conflict");
    await extend(tx, device, now);
    await append(tx, { at: now, actor: actorOf(caller), action: "device.renewed", subject: device.id });
  });
}

/** For good: there is no way back but a new invite and a new key. */
export async function revokeDevice(deps: Deps, caller: Caller, id: string): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    const { device } = await lockResponsible(tx, caller, id);
    if (device.state === "revoked") return;
    await tx.db.update(devices).set({ state: "revoked", revokedAt: now }).where(eq(devices.id, id));
    await append(tx, { at: now, actor: actorOf(caller), action: "device.revoked", subject: id });
    await noteTakeAway(deps, { kind: "device", id });
  });
}

async function extend({ db }: Tx, device: DeviceRow, now: Date): Promise<void> {
  await db
    .update(devices)
    .set({ expiresAt: new Date(now.getTime() + DEVICE_MS) })
    .where(eq(devices.id, device.id));
}

async function lockResponsible(tx: Tx, caller: Caller, id: string) {
  const found = await lockDevice(tx, id);
  if (!isResponsibleFor(caller, found.member)) throw new ExchangeError("not_found");
  return found;
}

async function lockDevice({ db }: Tx, id: string): Promise<{ device: DeviceRow; member: MemberRow }> {
  const [row] = await db
    .select({ device: devices, member: members })
    .from(devices)
    .innerJoin(members, eq(members.id, devices.memberId))
    .where(eq(devices.id, id))
    .for("update", { of: devices });
  if (row === undefined) throw new ExchangeError("not_found");
  return row;
}
