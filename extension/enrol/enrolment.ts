// What this device knows of its enrolment, and the steps from a code to a device that may report.
import { PublicJwk, thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openRecipients, RecipientList } from "@breakwater/shared/recipients.ts";
import { Device } from "@breakwater/shared/wire/members.ts";
import { z } from "zod";
import type { Database } from "../database.ts";
import { findDeviceKey, makeDeviceKey } from "../keys/device.ts";
import { callExchange, type Exchange, jsonBody, Unreachable } from "./exchange.ts";
import type { Invite } from "./invite.ts";

/** What an organisation may loosen. Bounds are here: no answer of an exchange can open more than this. */
export const Policy = z.object({
  rung3: z.boolean().catch(false),
  max_items_per_hour: z.number().int().min(1).max(1000).optional().catch(undefined),
});

const { device_id, state, member, member_title, hotline, administrator, expires_at } = Device.shape;
/** The members that are used here, read with tolerance: a newer exchange may say more. */
const DeviceAnswer = z.object({
  device_id,
  state,
  member,
  member_title,
  hotline: z.object({ title: hotline.shape.title }),
  administrator,
  expires_at,
  receipt_keys: z.array(PublicJwk).min(1).max(16),
  policy: Policy.catch({ rung3: false }),
  resend_since: Device.shape.resend_since.catch(undefined),
  resend_until: Device.shape.resend_until.catch(undefined),
});

const bytes = z.instanceof(Uint8Array) as z.ZodType<Uint8Array<ArrayBuffer>>;
export const Enrolment = z.object({
  exchange: z.string(),
  state: z.enum(["active", "waiting", "revoked"]),
  device_id: z.string(),
  member: z.string(),
  member_title: z.string(),
  hotline: z.string(),
  administrator: z.string().optional(),
  expires_at: z.string(),
  receipt_keys: z.array(PublicJwk),
  policy: Policy,
  pin: bytes,
  enrolled_at: z.number(),
  revoked_at: z.number().optional(),
  /** The exchange was restored: it asks for what it receipted in between. */
  resend_since: z.string().optional(),
  resend_until: z.string().optional(),
});
export type Enrolment = z.infer<typeof Enrolment>;

export const CLOCK_SKEW_SHOWN_MS = 60 * 60_000;
const ENROLMENT = "enrolment";
const RECIPIENTS = "recipients";
const PASSED_ON = "passed_on";
const URL_KEY = "url";

export async function findEnrolment(db: Database): Promise<Enrolment | undefined> {
  const held = await db.get("meta", ENROLMENT);
  return held === undefined ? undefined : Enrolment.parse(held);
}

export async function findRecipients(db: Database): Promise<RecipientList | undefined> {
  const held = await db.get("meta", RECIPIENTS);
  return held === undefined ? undefined : RecipientList.parse(held);
}

/** Whether the hotline passes on what nobody confirms, as the exchange said with the list. Unknown is a no. */
export async function findPassedOn(db: Database): Promise<boolean> {
  return (await db.get("meta", PASSED_ON)) === true;
}

export async function findUrlKey(db: Database): Promise<CryptoKey | undefined> {
  const held = await db.get("keys", URL_KEY);
  return held instanceof CryptoKey ? held : undefined;
}

export type EnrolPorts = {
  db: Database;
  exchange: Exchange;
  client: { name: string; version: string };
  language: string;
};
export type EnrolResult =
  | { ok: true; enrolment: Enrolment; clockSkewMs?: number }
  | { ok: false; why: "code_ended" | "unreachable" | "refused" | "busy"; code?: string };

const CODE_ENDED = new Set(["invite_expired", "invite_used", "invite_invalid", "invite_refused", "not_found"]);

/** The secret goes to the exchange once; the address key becomes a key nobody can read; the rest of the code is gone. */
export async function enrol(invite: Invite, { db, exchange, client, language }: EnrolPorts): Promise<EnrolResult> {
  // Made before asking: were the answer lost, the same key asks again instead of burning the code for a second one.
  // A key that was switched off is never used again.
  const isRevoked = (await findEnrolment(db))?.state === "revoked";
  const device = (isRevoked ? undefined : await findDeviceKey(db)) ?? (await makeDeviceKey(db));
  const body = {
    invite_id: invite.inviteId,
    invite_secret: invite.inviteSecret,
    signing_key: device.publicJwk,
    client,
    language,
  };
  const answer = await callExchange(exchange, { method: "POST", path: "/v1/devices", body: jsonBody(body) }).catch(
    keptAway,
  );
  if (answer === undefined) return { ok: false, why: "unreachable" };
  if (answer.status !== 200 && answer.status !== 201) return refusal(answer);
  const answered = findEnrolmentIn(answer.bytes, exchange, { pin: invite.pin, enrolled_at: exchange.now() });
  if (answered === undefined) return { ok: false, why: "unreachable" };
  // Whatever the exchange says, nothing can be sealed before the list of readers is here.
  const enrolment: Enrolment = { ...answered, state: "waiting" };
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const urlKey = await crypto.subtle.importKey("raw", invite.urlKey, hmac, false, ["sign"]);
  invite.urlKey.fill(0);
  await db.write([
    { store: "keys", key: URL_KEY, value: urlKey },
    { store: "meta", key: ENROLMENT, value: enrolment },
    // The list of an earlier enrolment is another hotline's.
    { store: "meta", key: RECIPIENTS, value: undefined },
    { store: "meta", key: PASSED_ON, value: undefined },
  ]);
  const skew = answer.date === undefined ? 0 : Math.abs(answer.date - exchange.now());
  return {
    ok: true,
    enrolment: await refreshEnrolment({ db, exchange }, enrolment),
    ...(skew > CLOCK_SKEW_SHOWN_MS ? { clockSkewMs: skew } : {}),
  };
}

function keptAway(error: unknown): undefined {
  if (error instanceof Unreachable) return undefined;
  throw error;
}

function refusal({ status, code }: { status: number; code?: string }): EnrolResult {
  const known = code === undefined ? {} : { code };
  if (status === 404 || (code !== undefined && CODE_ENDED.has(code))) return { ok: false, why: "code_ended", ...known };
  if (status === 429 || status >= 500) return { ok: false, why: "busy", ...known };
  return { ok: false, why: "refused", ...known };
}

/** Undefined for what is no device: the page of a network in between, which says nothing about this one. */
function findEnrolmentIn(
  answer: Uint8Array,
  exchange: Exchange,
  held: Pick<Enrolment, "pin" | "enrolled_at">,
): Enrolment | undefined {
  const parsed = findDevice(answer);
  if (parsed === undefined) return undefined;
  return Enrolment.parse({
    ...parsed,
    // Past its end a device still reports; the exchange marks what it sends.
    state: parsed.state === "waiting" ? "waiting" : "active",
    exchange: exchange.origin,
    hotline: parsed.hotline.title,
    pin: held.pin,
    enrolled_at: held.enrolled_at,
  });
}

function findDevice(answer: Uint8Array): z.infer<typeof DeviceAnswer> | undefined {
  try {
    return DeviceAnswer.parse(JSON.parse(new TextDecoder().decode(answer)));
  } catch {
    return undefined; // the reason would quote what somebody else wrote
  }
}

/** Asks how the device stands and, once it is active, fetches who may read its reports. Unreachable changes nothing. */
export async function refreshEnrolment(
  { db, exchange }: Pick<EnrolPorts, "db" | "exchange">,
  held: Enrolment,
): Promise<Enrolment> {
  const device = await findDeviceKey(db);
  if (!device) return held;
  const answer = await callExchange(exchange, { method: "GET", path: "/v1/devices/me", device }).catch(keptAway);
  if (answer === undefined) return held;
  if (answer.code === "device_revoked") {
    const revoked: Enrolment = { ...held, state: "revoked", revoked_at: held.revoked_at ?? exchange.now() };
    await db.write([{ store: "meta", key: ENROLMENT, value: revoked }]);
    return revoked;
  }
  if (answer.status !== 200) return held;
  const next = findEnrolmentIn(answer.bytes, exchange, held);
  if (next === undefined) return held;
  // Receipt keys are pinned at enrolment: a later answer may add none, or whoever answers could sign receipts.
  const pinned = { ...next, receipt_keys: held.receipt_keys };
  const hasReaders = next.state === "active" && (await refreshRecipients({ db, exchange }, pinned));
  // Without a checked list of readers nothing can be sealed, so the device still waits.
  const settled: Enrolment = hasReaders ? pinned : { ...pinned, state: "waiting" };
  await db.write([{ store: "meta", key: ENROLMENT, value: settled }]);
  return settled;
}

/** A device is enrolled for ninety days; in the last half of them it asks for another ninety. */
export const RENEW_WITHIN_MS = 45 * 24 * 60 * 60_000;

export function isRenewalDue({ state, expires_at }: Enrolment, nowMs: number): boolean {
  return state === "active" && Date.parse(expires_at) - nowMs < RENEW_WITHIN_MS;
}

/** Refused or unreachable, it is asked again another time: until then reports go on, marked once the end has passed. */
export async function renewEnrolment(
  { db, exchange }: Pick<EnrolPorts, "db" | "exchange">,
  held: Enrolment,
): Promise<void> {
  const device = await findDeviceKey(db);
  if (!device) return;
  const call = { method: "POST", path: "/v1/devices/me/renew", device } as const;
  const answer = await callExchange(exchange, call).catch(keptAway);
  if (answer?.status !== 200) return;
  const renewed = findEnrolmentIn(answer.bytes, exchange, held);
  if (renewed === undefined) return;
  await db.write([{ store: "meta", key: ENROLMENT, value: { ...held, expires_at: renewed.expires_at } }]);
}

/** @returns whether a list is held that the pin vouches for */
export async function refreshRecipients(
  { db, exchange }: Pick<EnrolPorts, "db" | "exchange">,
  { pin }: Enrolment,
): Promise<boolean> {
  const held = await findRecipients(db);
  const device = await findDeviceKey(db);
  const call = { method: "GET", path: "/v1/hotline/recipients", ...(device ? { device } : {}) } as const;
  const answer = await callExchange(exchange, call).catch(keptAway);
  if (answer?.status !== 200) return held !== undefined;
  try {
    const trust = { pin, ...(held ? { afterVersion: held.version } : {}) };
    const { list } = await openRecipients(answer.bytes, trust);
    await db.write([
      { store: "meta", key: RECIPIENTS, value: list },
      { store: "meta", key: PASSED_ON, value: answer.passedOn },
    ]);
    return true;
  } catch (error) {
    // A list that the pin does not vouch for is no list; the one held, if any, stays.
    if (error instanceof ExchangeError) return held !== undefined;
    throw error;
  }
}

export async function receiptKeyTable(enrolment: Enrolment): Promise<Map<string, PublicJwk>> {
  const pairs = await Promise.all(enrolment.receipt_keys.map(async (jwk) => [await thumbprint(jwk), jwk] as const));
  return new Map(pairs);
}
