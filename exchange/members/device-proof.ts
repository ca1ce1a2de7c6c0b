/** A device says who it is by signing where and about when it calls. */
import { findBase64url } from "@breakwater/shared/bytes.ts";
import { openEnvelope, parseEnvelope } from "@breakwater/shared/envelope.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { DeviceProof } from "@breakwater/shared/wire/members.ts";
import { eq } from "drizzle-orm";
import type { DeviceCaller } from "../platform/caller.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import type { SignerJwk } from "../platform/signer.ts";
import { DEVICE_PROOF_MAX_BYTES, DEVICE_PROOF_SKEW_S, DEVICE_TOUCH_MS } from "./limits.ts";
import { callerMemberOf, findDeviceRow } from "./store.ts";
import { type DeviceRow, devices } from "./tables.ts";

export type FoundDevice = {
  deviceId: string;
  kid: string;
  memberId: string;
  /** The member's slug and name. */
  member: string;
  title: string;
  hotlineId: string | undefined;
  signingKey: SignerJwk;
  state: "waiting" | "active" | "revoked";
  expiresAt: Date;
  /** The organisation as a whole was switched off. */
  suspended: boolean;
};

/** The device whose key has this thumbprint, whatever its state; for what it signed itself, such as a report. */
export async function findDeviceByKid(queries: Queries, kid: string): Promise<FoundDevice | undefined> {
  const row = await findDeviceRow(queries, kid);
  if (row === undefined) return undefined;
  const { device, member } = row;
  return {
    deviceId: device.id,
    kid: device.kid,
    memberId: member.id,
    member: member.name,
    title: member.title,
    hotlineId: callerMemberOf(member).hotlineId,
    signingKey: device.signingKey,
    state: device.state,
    expiresAt: device.expiresAt,
    suspended: member.suspendedAt !== null,
  };
}

/** @throws ExchangeError `device_format`, `device_unknown`, `device_revoked` */
export async function readDeviceProof(
  deps: Deps,
  credentials: string,
  path: string,
): Promise<{ caller: DeviceCaller; waiting: boolean }> {
  const now = deps.now();
  // Length before decoding: base64url is 4/3 of the bytes.
  const bytes = credentials.length > DEVICE_PROOF_MAX_BYTES * 2 ? undefined : findBase64url(credentials);
  if (bytes === undefined) throw new ExchangeError("device_format", { reason: "base64url" });
  const row = await findDeviceRow(deps, kidOf(bytes));
  if (row === undefined) throw new ExchangeError("device_unknown");
  const proof = await openProof(bytes, row.device);
  // Order matters: only who holds the key learns that the device was switched off.
  if (proof.aud !== deps.config.origin) throw new ExchangeError("device_format", { reason: "aud" });
  if (proof.path !== path) throw new ExchangeError("device_format", { reason: "path" });
  if (Math.abs(now.getTime() / 1000 - proof.iat) > DEVICE_PROOF_SKEW_S)
    throw new ExchangeError("device_format", { reason: "iat" });
  const { device, member } = row;
  if (device.state === "revoked" || member.suspendedAt !== null) throw new ExchangeError("device_revoked");
  await touch(deps, device, now);
  const expired = now >= device.expiresAt;
  const caller: DeviceCaller = {
    kind: "device",
    deviceId: device.id,
    kid: device.kid,
    expired,
    ...callerMemberOf(member),
  };
  return { caller, waiting: device.state === "waiting" };
}

function kidOf(bytes: Uint8Array): string {
  try {
    const [header, second] = parseEnvelope(bytes, { maxBytes: DEVICE_PROOF_MAX_BYTES }).protectedHeaders;
    if (header !== undefined && second === undefined) return header.kid;
  } catch (cause) {
    throw asFormat(cause);
  }
  throw new ExchangeError("device_format", { reason: "signatures" });
}

async function openProof(bytes: Uint8Array, device: DeviceRow): Promise<DeviceProof> {
  try {
    const keys = new Map([[device.kid, device.signingKey]]);
    const { payload } = await openEnvelope(bytes, "bw-device+jws", keys, 1, { maxBytes: DEVICE_PROOF_MAX_BYTES });
    const proof = DeviceProof.safeParse(payload);
    if (proof.success) return proof.data;
  } catch (cause) {
    throw asFormat(cause);
  }
  throw new ExchangeError("device_format", { reason: "payload" });
}

// Whatever is wrong with an envelope, here it means that nobody has shown who they are.
function asFormat(cause: unknown): unknown {
  return cause instanceof ExchangeError ? new ExchangeError("device_format", { reason: cause.code }, { cause }) : cause;
}

async function touch({ db }: Deps, device: DeviceRow, now: Date): Promise<void> {
  if (device.lastSeenAt !== null && now.getTime() - device.lastSeenAt.getTime() < DEVICE_TOUCH_MS) return;
  await db.update(devices).set({ lastSeenAt: now }).where(eq(devices.id, device.id));
}
