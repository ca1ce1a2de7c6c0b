/** Invites: made by one, approved by another, good once and for 72 hours. */
import { Invite, InviteList } from "@breakwater/shared/wire/members.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  expectProblem,
  openTestExchange,
  type TestExchange,
  type TestMember,
  type TestPerson,
} from "../testing/index.ts";

let x: TestExchange;
let hotline: TestMember;
let other: TestMember;
let administrator: TestPerson;
let second: TestPerson;
let ofFlaggers: TestPerson;
let elsewhere: TestPerson;
const HOUR_MS = 3_600_000;

beforeAll(async () => {
  x = await openTestExchange();
  hotline = await x.member({ name: "hotline", roles: ["hotline"] });
  other = await x.member({ name: "other-hotline", roles: ["hotline"] });
  await x.member({ name: "flaggers", roles: ["flagger"], hotline: "hotline" });
  await x.member({ name: "company", roles: ["subscriber"] });
  administrator = await x.person("hotline", ["administrator"]);
  second = await x.person("hotline", ["administrator", "analyst"]);
  ofFlaggers = await x.person("flaggers", ["administrator"]);
  elsewhere = await x.person("other-hotline", ["administrator"]);
});
afterAll(() => x.close());

function newInvite(member = "flaggers") {
  const random = () => crypto.randomUUID().replaceAll("-", "");
  return { invite_id: random(), secret_sha256: random() + random(), member };
}
const decide = (id: string, verb: string, cookie: string) =>
  x.request(`/v1/invites/${id}/${verb}`, { method: "POST", cookie });

describe("POST /v1/invites", () => {
  describe("happy", () => {
    it("takes one from the hotline's key, from administrators of both sides and from the operator", async () => {
      for (const as of [
        { key: hotline.key },
        { cookie: administrator.cookie },
        { cookie: ofFlaggers.cookie },
        { key: x.operatorKey },
      ]) {
        const json = newInvite();
        const response = await x.request("/v1/invites", { ...as, json });
        expect(response.status).toBe(201);
        const invite = Invite.parse(await response.json());
        expect(invite).toMatchObject({
          invite_id: json.invite_id,
          member: "flaggers",
          state: "waiting",
          yours: "cookie" in as,
        });
        expect(new Date(invite.expires_at).getTime() - x.clock.now().getTime()).toBe(72 * HOUR_MS);
      }
    });
    it("takes one of a hotline for itself", async () => {
      expect((await x.request("/v1/invites", { key: hotline.key, json: newInvite("hotline") })).status).toBe(201);
    });
  });
  describe("error", () => {
    it("refuses an id twice, a member without a hotline, and what is not a digest", async () => {
      const json = newInvite();
      expect((await x.request("/v1/invites", { key: hotline.key, json })).status).toBe(201);
      await expectProblem(
        await x.request("/v1/invites", { key: hotline.key, json: { ...newInvite(), invite_id: json.invite_id } }),
        "invite_exists",
      );
      await expectProblem(
        await x.request("/v1/invites", { key: x.operatorKey, json: newInvite("company") }),
        "request_invalid",
      );
      for (const change of [
        { secret_sha256: "A".repeat(64) },
        { secret_sha256: "a".repeat(63) },
        { invite_id: "../x" },
        { secret: "a" },
      ]) {
        await expectProblem(
          await x.request("/v1/invites", { key: hotline.key, json: { ...newInvite(), ...change } }),
          "request_invalid",
        );
      }
    });
  });
  describe("security", () => {
    it("hides members that the caller does not answer for", async () => {
      await expectProblem(await x.request("/v1/invites", { key: other.key, json: newInvite() }), "not_found");
      await expectProblem(await x.request("/v1/invites", { cookie: elsewhere.cookie, json: newInvite() }), "not_found");
      await expectProblem(await x.request("/v1/invites", { key: hotline.key, json: newInvite("nobody") }), "not_found");
      await expectProblem(
        await x.request("/v1/invites", { cookie: ofFlaggers.cookie, json: newInvite("hotline") }),
        "not_found",
      );
    });
  });
});

describe("GET /v1/invites", () => {
  const list = async (as: { key?: string; cookie?: string }) =>
    InviteList.parse(await (await x.request("/v1/invites", as)).json()).invites;

  describe("happy", () => {
    it("tells the state as it is now, and whose it is", async () => {
      const json = newInvite();
      await x.request("/v1/invites", { cookie: administrator.cookie, json });
      const find = async (cookie: string) =>
        (await list({ cookie })).find((invite) => invite.invite_id === json.invite_id);
      expect(await find(administrator.cookie)).toMatchObject({ state: "waiting", yours: true, device_waiting: false });
      expect(await find(second.cookie)).toMatchObject({ state: "waiting", yours: false });
      const start = x.clock.now();
      x.clock.advance(72 * HOUR_MS);
      expect((await list({ key: hotline.key })).find((invite) => invite.invite_id === json.invite_id)?.state).toBe(
        "expired",
      );
      x.clock.set(start);
    });
  });
  describe("error", () => {
    it("is empty where there is none", async () => {
      expect(await list({ key: other.key })).toEqual([]);
    });
  });
  describe("security", () => {
    it("shows administrators of flaggers their own alone, and secrets' digests to nobody", async () => {
      const members = new Set((await list({ cookie: ofFlaggers.cookie })).map(({ member }) => member));
      expect([...members]).toEqual(["flaggers"]);
      expect(await list({ cookie: elsewhere.cookie })).toEqual([]);
      expect(await (await x.request("/v1/invites", { key: x.operatorKey })).text()).not.toContain("sha256");
    });
  });
});

describe("POST /v1/invites/{id}/approve", () => {
  describe("happy", () => {
    it("lets a second administrator, the flaggers' own, or an operator approve", async () => {
      const json = newInvite();
      await x.request("/v1/invites", { cookie: administrator.cookie, json });
      const response = await decide(json.invite_id, "approve", second.cookie);
      expect(Invite.parse(await response.json())).toMatchObject({ state: "approved" });
      for (const as of [{ cookie: ofFlaggers.cookie }, { key: x.operatorKey }]) {
        const { id } = await x.invite("flaggers", { key: hotline.key });
        expect((await x.request(`/v1/invites/${id}/approve`, { method: "POST", ...as })).status).toBe(200);
      }
    });
    it("changes nothing when said twice", async () => {
      const { id } = await x.invite("flaggers", { key: hotline.key });
      await decide(id, "approve", administrator.cookie);
      expect((await decide(id, "approve", second.cookie)).status).toBe(200);
      const rows = await x.sql`select 1 from audit_records where action = 'invite.approved' and subject = ${id}`;
      expect(rows).toHaveLength(1);
    });
    it("makes a waiting device active, with its 90 days from now", async () => {
      const device = await x.device("flaggers", { waiting: true });
      expect(device.answer.state).toBe("waiting");
      const { invites } = InviteList.parse(await (await x.request("/v1/invites", { key: hotline.key })).json());
      const waiting = invites.find(({ device_waiting }) => device_waiting);
      await decide(waiting?.invite_id ?? "", "approve", administrator.cookie);
      const me = await x.request("/v1/devices/me", { device: await device.proof("/v1/devices/me") });
      expect(await me.json()).toMatchObject({
        state: "active",
        expires_at: new Date(x.clock.now().getTime() + 90 * 24 * HOUR_MS).toISOString(),
      });
    });
  });
  describe("error", () => {
    it("comes too late after 72 hours or a refusal", async () => {
      const refused = await x.invite("flaggers", { key: hotline.key });
      await decide(refused.id, "refuse", administrator.cookie);
      await expectProblem(await decide(refused.id, "approve", second.cookie), "invite_refused");
      const late = await x.invite("flaggers", { key: hotline.key });
      const start = x.clock.now();
      x.clock.advance(72 * HOUR_MS);
      await expectProblem(
        await x.request(`/v1/invites/${late.id}/approve`, { method: "POST", key: x.operatorKey }),
        "invite_expired",
      );
      x.clock.set(start);
    });
  });
  describe("security", () => {
    it("is never done by who made the invite", async () => {
      const { id } = await x.invite("flaggers", { cookie: administrator.cookie });
      await expectProblem(await decide(id, "approve", administrator.cookie), "invite_own");
      expect((await decide(id, "approve", second.cookie)).status).toBe(200);
    });
    it("is not done by the hotline's key, which makes invites, nor by an analyst", async () => {
      const { id } = await x.invite("flaggers", { key: hotline.key });
      await expectProblem(
        await x.request(`/v1/invites/${id}/approve`, { method: "POST", key: hotline.key }),
        "scope_required",
      );
      const analyst = await x.person("hotline", ["analyst"]);
      await expectProblem(await decide(id, "approve", analyst.cookie), "role_required");
    });
    it("says of another hotline's invite what it says of none", async () => {
      const { id } = await x.invite("flaggers", { key: hotline.key });
      for (const each of [id, "0".repeat(32), "no id"])
        await expectProblem(await decide(each, "approve", elsewhere.cookie), "not_found");
    });
    it("ends one way when approved and refused at once", async () => {
      const { id } = await x.invite("flaggers", { key: hotline.key });
      const answers = await Promise.all([
        decide(id, "approve", administrator.cookie),
        decide(id, "refuse", second.cookie),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
      expect(
        await x.sql`select 1 from audit_records where subject = ${id} and action in ('invite.approved', 'invite.refused')`,
      ).toHaveLength(1);
    });
  });
});

describe("POST /v1/invites/{id}/refuse", () => {
  describe("happy", () => {
    it("ends the invite, and the device that waited on it", async () => {
      const device = await x.device("flaggers", { waiting: true });
      const { invites } = InviteList.parse(await (await x.request("/v1/invites", { key: hotline.key })).json());
      const waiting = invites.find(({ device_waiting }) => device_waiting);
      expect((await decide(waiting?.invite_id ?? "", "refuse", administrator.cookie)).status).toBe(200);
      await expectProblem(
        await x.request("/v1/devices/me", { device: await device.proof("/v1/devices/me") }),
        "device_revoked",
      );
    });
  });
  describe("error", () => {
    it("comes too late once approved: the device is then switched off instead", async () => {
      const { id } = await x.invite("flaggers", { key: hotline.key });
      await decide(id, "approve", administrator.cookie);
      await expectProblem(await decide(id, "refuse", second.cookie), "conflict");
    });
  });
  describe("security", () => {
    it("is not done from elsewhere", async () => {
      const { id } = await x.invite("flaggers", { key: hotline.key });
      await expectProblem(await decide(id, "refuse", elsewhere.cookie), "not_found");
    });
  });
});
