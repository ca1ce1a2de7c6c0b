// Enrolling against canned answers: whose list of readers is believed, which keys stay pinned, what a refusal costs.
import { generateSealingKey, generateSigningKey, type NewSigningKey } from "@breakwater/shared/keys.ts";
import { agentPin, signRecipients } from "@breakwater/shared/recipients.ts";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../database.ts";
import { findDeviceKey } from "../keys/device.ts";
import {
  type Enrolment,
  enrol,
  findEnrolment,
  findPassedOn,
  findRecipients,
  findUrlKey,
  isRenewalDue,
  RENEW_WITHIN_MS,
  refreshEnrolment,
} from "./enrolment.ts";
import type { Invite } from "./invite.ts";

const NOW = Date.parse("2026-11-22T14:02:00Z");
const ORIGIN = "https://exchange.example";

type Answer = { status: number; body?: unknown; bytes?: Uint8Array; headers?: Record<string, string> };
let db: Database;
let agent: NewSigningKey;
let receipts: NewSigningKey;
let answers: Record<string, Answer | "unreachable">;
let asked: { path: string; headers: Headers; body: string }[];
let invite: Invite;

const device = (over: object = {}) => ({
  device_id: "0".repeat(32),
  state: "active",
  member: "flaggers",
  member_title: "Example Flaggers",
  hotline: { name: "hotline", title: "Example Hotline" },
  expires_at: "2027-02-20T00:00:00Z",
  receipt_keys: [receipts.publicJwk],
  policy: { rung3: false, max_items_per_hour: 60 },
  ...over,
});

async function listBy(signer: NewSigningKey, version: number): Promise<Uint8Array> {
  const sealing = await generateSealingKey({ extractable: false });
  return signRecipients(
    {
      hotline: "hotline",
      version,
      iat: 1_790_000_000,
      signing_key: signer.publicJwk,
      recipients: [{ kid: sealing.kid, jwk: sealing.publicJwk, role: "agent" }],
    },
    signer,
  );
}

const ports = () => ({
  db,
  client: { name: "breakwater-panel", version: "0.1.0" },
  language: "en",
  exchange: {
    origin: ORIGIN,
    now: () => NOW,
    fetch: (async (url: string, init: RequestInit) => {
      const path = url.slice(ORIGIN.length);
      asked.push({ path, headers: new Headers(init.headers), body: new TextDecoder().decode(init.body as Uint8Array) });
      expect(init).toMatchObject({ credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" });
      const answer = answers[path];
      if (!answer || answer === "unreachable") throw new TypeError("Failed to fetch");
      return new Response((answer.bytes ?? JSON.stringify(answer.body ?? {})) as BodyInit, {
        status: answer.status,
        ...(answer.headers ? { headers: answer.headers } : {}),
      });
    }) as unknown as typeof fetch,
  },
});

beforeEach(async () => {
  db = await openDatabase(new IDBFactory());
  agent = await generateSigningKey({ extractable: false });
  receipts = await generateSigningKey({ extractable: false });
  asked = [];
  invite = {
    inviteId: "1".repeat(32),
    inviteSecret: "s".repeat(43),
    urlKey: new Uint8Array(32).fill(7),
    pin: await agentPin(agent.kid),
  };
  answers = {
    "/v1/devices": { status: 201, body: device() },
    "/v1/devices/me": { status: 200, body: device() },
    "/v1/hotline/recipients": { status: 200, bytes: await listBy(agent, 1) },
  };
});

async function enrolled(): Promise<Enrolment> {
  const result = await enrol(invite, ports());
  if (!result.ok) throw new Error(result.why);
  return result.enrolment;
}

describe("enrolling", () => {
  it("is done once the device is active and a list is held that the pin vouches for", async () => {
    expect(await enrolled()).toMatchObject({ state: "active", member: "flaggers", hotline: "Example Hotline" });
    expect((await findRecipients(db))?.version).toBe(1);
    const urlKey = (await findUrlKey(db)) as CryptoKey;
    await expect(crypto.subtle.exportKey("raw", urlKey)).rejects.toThrow();
    const key = await findDeviceKey(db);
    await expect(crypto.subtle.exportKey("jwk", key?.privateKey as CryptoKey)).rejects.toThrow();
    // The local part of the code: overwritten here, and never in a request.
    expect([...invite.urlKey]).toEqual(new Array(32).fill(0));
    expect(asked[0]?.body).not.toContain("BwcHBw");
    expect(asked.slice(1).every(({ headers }) => headers.get("authorization")?.startsWith("Device "))).toBe(true);
  });

  it("a list by anybody but the pinned agent leaves the device waiting: nothing can be sealed to strangers", async () => {
    const stranger = await generateSigningKey({ extractable: false });
    answers["/v1/hotline/recipients"] = { status: 200, bytes: await listBy(stranger, 1) };
    expect((await enrolled()).state).toBe("waiting");
    expect(await findRecipients(db)).toBeUndefined();
  });

  it.each([
    ["yes", true],
    ["no", false],
    ["YES, really", false],
    [undefined, false],
  ])("an exchange that says %s of passing on is taken at its word, and silence is a no", async (said, passedOn) => {
    const bytes = await listBy(agent, 1);
    answers["/v1/hotline/recipients"] = {
      status: 200,
      bytes,
      ...(said === undefined ? {} : { headers: { "breakwater-forward": said } }),
    };
    await enrolled();
    expect(await findPassedOn(db)).toBe(passedOn);
  });

  it("passing on follows the newest answer, and stays what it was while there is none", async () => {
    const list = async (said: string): Promise<Answer> => ({
      status: 200,
      bytes: await listBy(agent, 1),
      headers: { "breakwater-forward": said },
    });
    answers["/v1/hotline/recipients"] = await list("yes");
    const enrolment = await enrolled();
    answers["/v1/hotline/recipients"] = "unreachable";
    await refreshEnrolment(ports(), enrolment);
    expect(await findPassedOn(db)).toBe(true);
    answers["/v1/hotline/recipients"] = await list("no");
    await refreshEnrolment(ports(), enrolment);
    expect(await findPassedOn(db)).toBe(false);
    // A stranger's list brings no promise with it, and another hotline's enrolment keeps none.
    const stranger = await generateSigningKey({ extractable: false });
    const strange = { status: 200, bytes: await listBy(stranger, 2), headers: { "breakwater-forward": "yes" } };
    answers["/v1/hotline/recipients"] = strange;
    await refreshEnrolment(ports(), enrolment);
    expect(await findPassedOn(db)).toBe(false);
    answers["/v1/hotline/recipients"] = await list("yes");
    await refreshEnrolment(ports(), enrolment);
    expect(await findPassedOn(db)).toBe(true);
    answers["/v1/hotline/recipients"] = strange;
    await enrolled();
    expect(await findPassedOn(db)).toBe(false);
  });

  it("a second enrolment does not seal to the readers of the first", async () => {
    await enrolled();
    const second = await generateSigningKey({ extractable: false });
    invite = { ...invite, urlKey: new Uint8Array(32).fill(8), pin: await agentPin(second.kid) };
    expect((await enrolled()).state).toBe("waiting");
    expect(await findRecipients(db)).toBeUndefined();
  });

  it.each([
    [{ status: 410, body: { code: "invite_expired" } }, "code_ended"],
    [{ status: 409, body: { code: "invite_used" } }, "code_ended"],
    [{ status: 403, body: { code: "invite_invalid" } }, "code_ended"],
    [{ status: 429, body: { code: "rate_limited" } }, "busy"],
    [{ status: 503, body: { code: "busy" } }, "busy"],
    [{ status: 422, body: { code: "key_invalid" } }, "refused"],
    ["unreachable" as const, "unreachable"],
  ])("%j is %s, and nothing is kept but the key that may ask again", async (answer, why) => {
    answers["/v1/devices"] = answer;
    expect(await enrol(invite, ports())).toMatchObject({ ok: false, why });
    expect(await findEnrolment(db)).toBeUndefined();
    const key = (await findDeviceKey(db))?.kid;
    answers["/v1/devices"] = { status: 200, body: device() };
    await enrolled();
    expect((await findDeviceKey(db))?.kid).toBe(key);
  });

  it("an answer that is no device is no enrolment", async () => {
    const page = new TextEncoder().encode("<!doctype html><title>Sign in to this network</title>");
    for (const answer of [
      { status: 201, body: { ...device(), receipt_keys: [] } },
      { status: 200, bytes: page },
    ]) {
      answers["/v1/devices"] = answer;
      expect(await enrol(invite, ports())).toEqual({ ok: false, why: "unreachable" });
      expect(await findEnrolment(db)).toBeUndefined();
    }
  });
});

describe("a clock that is a month off", () => {
  const MONTH_MS = 30 * 24 * 60 * 60_000;
  /** As the exchange judges: the proof's time against its own, within seven days. */
  const judging = (base: typeof fetch, exchangeMs: number, proofs: number[]) =>
    (async (url: string, init: RequestInit) => {
      const header = new Headers(init.headers).get("authorization");
      if (header === null) return base(url, init);
      const { payload } = JSON.parse(Buffer.from(header.slice("Device ".length), "base64url").toString());
      const { iat } = JSON.parse(Buffer.from(payload, "base64url").toString());
      proofs.push(iat);
      if (Math.abs(iat * 1000 - exchangeMs) < 7 * 24 * 60 * 60_000) return base(url, init);
      const headers = { date: new Date(exchangeMs).toUTCString() };
      return new Response(JSON.stringify({ code: "device_format" }), { status: 401, headers });
    }) as unknown as typeof fetch;

  it.each([-MONTH_MS, MONTH_MS])("%i ms: the device is enrolled all the same", async (offMs) => {
    const proofs: number[] = [];
    const base = ports();
    const fetchJudged = judging(base.exchange.fetch as typeof fetch, NOW + offMs, proofs);
    const result = await enrol(invite, { ...base, exchange: { ...base.exchange, fetch: fetchJudged } });
    expect(result).toMatchObject({ ok: true, enrolment: { state: "active" } });
    expect(proofs).toContain((NOW + offMs) / 1000);
  });
});

describe("asking again", () => {
  it("unreachable or not understood changes nothing", async () => {
    const held = await enrolled();
    const page = new TextEncoder().encode("<!doctype html><title>Sign in to this network</title>");
    for (const answer of [
      "unreachable" as const,
      { status: 500 },
      { status: 401, body: { code: "device_unknown" } },
      { status: 200, bytes: page },
    ]) {
      answers["/v1/devices/me"] = answer;
      expect(await refreshEnrolment(ports(), held)).toEqual(held);
    }
  });

  it("receipt keys stay those of the enrolment", async () => {
    const held = await enrolled();
    const other = await generateSigningKey({ extractable: false });
    answers["/v1/devices/me"] = { status: 200, body: device({ receipt_keys: [other.publicJwk] }) };
    expect((await refreshEnrolment(ports(), held)).receipt_keys).toEqual([receipts.publicJwk]);
  });

  it("an older list of readers, or a forged one, does not replace the one held", async () => {
    answers["/v1/hotline/recipients"] = { status: 200, bytes: await listBy(agent, 3) };
    const held = await enrolled();
    const stranger = await generateSigningKey({ extractable: false });
    for (const bytes of [await listBy(agent, 2), await listBy(stranger, 4), new Uint8Array([1, 2, 3])]) {
      answers["/v1/hotline/recipients"] = { status: 200, bytes };
      expect((await refreshEnrolment(ports(), held)).state).toBe("active");
      expect((await findRecipients(db))?.version).toBe(3);
    }
    answers["/v1/hotline/recipients"] = { status: 200, bytes: await listBy(agent, 4) };
    await refreshEnrolment(ports(), held);
    expect((await findRecipients(db))?.version).toBe(4);
  });

  it("switched off stays switched off, and a new enrolment makes a new key", async () => {
    const held = await enrolled();
    const before = (await findDeviceKey(db))?.kid;
    answers["/v1/devices/me"] = { status: 403, body: { code: "device_revoked" } };
    expect(await refreshEnrolment(ports(), held)).toMatchObject({ state: "revoked", revoked_at: NOW });
    answers["/v1/devices/me"] = { status: 200, body: device() };
    await enrolled();
    expect((await findDeviceKey(db))?.kid).not.toBe(before);
  });

  it("past its end a device still reports; in the last 45 days it asks to be renewed", async () => {
    answers["/v1/devices"] = { status: 201, body: device({ state: "expired" }) };
    answers["/v1/devices/me"] = { status: 200, body: device({ state: "expired" }) };
    const held = await enrolled();
    expect(held.state).toBe("active");
    const ends = Date.parse(held.expires_at);
    expect(isRenewalDue(held, ends - RENEW_WITHIN_MS - 1)).toBe(false);
    expect(isRenewalDue(held, ends - RENEW_WITHIN_MS + 1)).toBe(true);
    expect(isRenewalDue({ ...held, state: "waiting" }, ends)).toBe(false);
  });

  it("no policy can open more than this build knows", async () => {
    answers["/v1/devices"] = {
      status: 201,
      body: device({ policy: { rung3: "yes", max_items_per_hour: 1e9, refetch: true } }),
    };
    answers["/v1/devices/me"] = answers["/v1/devices"];
    expect((await enrolled()).policy).toEqual({ rung3: false });
  });
});
