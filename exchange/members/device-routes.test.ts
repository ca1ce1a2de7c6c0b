/** Devices: enrolment by a code, calls signed by their key, an end date, an off switch. */
import { base64urlOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { generateSigningKey } from "@breakwater/shared/keys.ts";
import { Device, DeviceList } from "@breakwater/shared/wire/members.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { transaction } from "../platform/db.ts";
import {
  enrolment,
  expectProblem,
  openTestExchange,
  type TestExchange,
  type TestMember,
  type TestPerson,
} from "../testing/index.ts";
import { setAgentKey } from "./index.ts";

let x: TestExchange;
let hotline: TestMember;
let administrator: TestPerson;
let elsewhere: TestPerson;
let addresses = 0;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ME = "/v1/devices/me";

beforeAll(async () => {
  x = await openTestExchange();
  hotline = await x.member({ name: "hotline", roles: ["hotline", "publisher"], publisher: "hotline.example" });
  await x.member({ name: "flaggers", roles: ["flagger"], hotline: "hotline", rung3: true });
  await x.member({ name: "other-hotline", roles: ["hotline"] });
  administrator = await x.person("hotline", ["administrator"], "H. Head");
  elsewhere = await x.person("other-hotline", ["administrator"]);
});
afterAll(() => x.close());

async function approved(): Promise<{ id: string; secret: string }> {
  const invite = await x.invite("flaggers", { key: hotline.key });
  await x.request(`/v1/invites/${invite.id}/approve`, { method: "POST", key: x.operatorKey });
  return invite;
}
function enrol(json: object): Promise<Response> {
  addresses += 1;
  return x.request("/v1/devices", { json, headers: { "cf-connecting-ip": `192.0.2.${addresses}` } });
}
const newKey = () => generateSigningKey({ extractable: false });

describe("POST /v1/devices", () => {
  describe("happy", () => {
    it("enrols with an approved code, and says where to report and whom to trust", async () => {
      const agent = await newKey();
      await x.withDeps((deps) =>
        transaction(deps, async (tx) => {
          const [row] = await tx.sql`select id from members where name = 'hotline'`;
          expect(await setAgentKey(tx, row?.id, agent.publicJwk)).toBe(true);
          // Devices have pinned it: there is no second one.
          expect(await setAgentKey(tx, row?.id, (await newKey()).publicJwk)).toBe(false);
        }),
      );
      const { id, secret } = await approved();
      const response = await enrol(enrolment(id, secret, await newKey()));
      expect(response.status).toBe(201);
      expect(Device.parse(await response.json())).toMatchObject({
        state: "active",
        member: "flaggers",
        hotline: { name: "hotline", publisher: "hotline.example", agent_key: agent.publicJwk },
        administrator: "H. Head",
        expires_at: new Date(x.clock.now().getTime() + 90 * DAY_MS).toISOString(),
        receipt_keys: (await x.signer.publicKeys()).receipt,
        policy: { rung3: true },
      });
    });
    it("lets a device wait when nobody has approved the code yet", async () => {
      const { id, secret } = await x.invite("flaggers", { key: hotline.key });
      const response = await enrol(enrolment(id, secret, await newKey()));
      expect(await response.json()).toMatchObject({ state: "waiting", administrator: "H. Head" });
    });
    it("answers the same device again, whose first answer was lost", async () => {
      const { id, secret } = await approved();
      const json = enrolment(id, secret, await newKey());
      const first = (await (await enrol(json)).json()) as Device;
      const again = await enrol(json);
      expect(again.status).toBe(200);
      expect(((await again.json()) as Device).device_id).toBe(first.device_id);
    });
  });
  describe("error", () => {
    it("takes a code once, even when two devices show it at once", async () => {
      const { id, secret } = await approved();
      const keys = await Promise.all([newKey(), newKey(), newKey()]);
      const answers = await Promise.all(keys.map((key) => enrol(enrolment(id, secret, key))));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    });
    it("takes no code after 72 hours, approved or not, and none that was refused", async () => {
      const start = x.clock.now();
      const [old, unapproved, refused] = [await approved(), await x.invite("flaggers"), await x.invite("flaggers")];
      await x.request(`/v1/invites/${refused.id}/refuse`, { method: "POST", key: x.operatorKey });
      await expectProblem(await enrol(enrolment(refused.id, refused.secret, await newKey())), "invite_refused");
      x.clock.advance(72 * HOUR_MS);
      for (const { id, secret } of [old, unapproved]) {
        await expectProblem(await enrol(enrolment(id, secret, await newKey())), "invite_expired");
      }
      x.clock.set(start);
    });
    it("takes no key that is enrolled already", async () => {
      const device = await x.device("flaggers");
      const { id, secret } = await approved();
      await expectProblem(await enrol(enrolment(id, secret, device.key)), "conflict");
    });
  });
  describe("security", () => {
    it("says the same of a wrong secret, an unknown code and a suspended member's", async () => {
      const { id, secret } = await approved();
      await x.member({ name: "suspended", roles: ["flagger"], hotline: "hotline" });
      const suspended = await x.invite("suspended");
      await x.request("/v1/operator/members/suspended", {
        method: "PATCH",
        key: x.operatorKey,
        json: { suspended: true },
      });
      for (const [inviteId, shown] of [
        [id, "a".repeat(43)],
        ["0".repeat(32), secret],
        [suspended.id, suspended.secret],
      ] as const) {
        await expectProblem(await enrol(enrolment(inviteId, shown, await newKey())), "invite_invalid");
      }
      expect((await enrol(enrolment(id, secret, await newKey()))).status).toBe(201);
    });
    it("takes no key under which anything would verify, and no private one", async () => {
      const { id, secret } = await approved();
      const key = await newKey();
      const small = {
        ...enrolment(id, secret, key),
        signing_key: { kty: "OKP", crv: "Ed25519", x: "AQ".padEnd(43, "A") },
      };
      await expectProblem(await enrol(small), "key_invalid");
      const secretKey = { ...enrolment(id, secret, key), signing_key: { ...key.publicJwk, d: "A".repeat(43) } };
      await expectProblem(await enrol(secretKey), "request_invalid");
    });
    it("slows down who tries one code again and again", async () => {
      const { id } = await approved();
      for (let tries = 0; tries < 10; tries += 1) {
        await expectProblem(await enrol(enrolment(id, "b".repeat(43), await newKey())), "invite_invalid");
      }
      await expectProblem(await enrol(enrolment(id, "b".repeat(43), await newKey())), "rate_limited");
    });
    it("writes neither code nor key into the log", async () => {
      const { id } = await approved();
      await enrol(enrolment(id, "c".repeat(43), await newKey()));
      expect(JSON.stringify(x.logged)).not.toContain("c".repeat(43));
      expect(x.logged).toContainEqual(expect.objectContaining({ event: "enrolment_refused", code: "invite_invalid" }));
    });
  });
});

describe("GET /v1/devices/me", () => {
  describe("happy", () => {
    it("tells an active, a waiting and an expired device its state", async () => {
      const start = x.clock.now();
      const [active, waiting] = [await x.device("flaggers"), await x.device("flaggers", { waiting: true })];
      const state = async (device: typeof active) =>
        ((await (await x.request(ME, { device: await device.proof(ME) })).json()) as Device).state;
      expect(await state(active)).toBe("active");
      expect(await state(waiting)).toBe("waiting");
      x.clock.advance(90 * DAY_MS);
      expect(await state(active)).toBe("expired");
      x.clock.set(start);
    });
    it("bears a clock that is days off", async () => {
      const device = await x.device("flaggers");
      const now = Math.floor(x.clock.now().getTime() / 1000);
      for (const iat of [now - 2 * 86_400, now + 2 * 86_400]) {
        expect((await x.request(ME, { device: await device.proof(ME, { iat }) })).status).toBe(200);
      }
    });
  });
  describe("error", () => {
    it("refuses a proof for another exchange, another path or another week", async () => {
      const device = await x.device("flaggers");
      const now = Math.floor(x.clock.now().getTime() / 1000);
      for (const [reason, change] of [
        ["aud", { aud: "https://other.example" }],
        ["path", { path: "/v1/reports" }],
        ["iat", { iat: now - 8 * 86_400 }],
        ["iat", { iat: now + 8 * 86_400 }],
      ] as const) {
        const problem = await expectProblem(
          await x.request(ME, { device: await device.proof(ME, change) }),
          "device_format",
        );
        expect(problem.reason).toBe(reason);
      }
    });
    it("refuses what is no envelope, and one too long", async () => {
      for (const device of ["%", base64urlOf(utf8Of("{}")), "A".repeat(20_000)]) {
        await expectProblem(await x.request(ME, { device }), "device_format");
      }
    });
  });
  describe("security", () => {
    it("does not know a key that was never enrolled", async () => {
      await expectProblem(await x.request(ME, { device: await x.prove(await newKey(), ME) }), "device_unknown");
    });
    it("slows down who tries keys, and no enrolled device behind the same address", async () => {
      const headers = { "cf-connecting-ip": "198.51.100.7" };
      const unknown = await x.prove(await newKey(), ME);
      for (let tries = 0; tries < 60; tries += 1) await x.request(ME, { device: unknown, headers });
      await expectProblem(await x.request(ME, { device: unknown, headers }), "rate_limited");
      const device = await x.device("flaggers");
      expect((await x.request(ME, { device: await device.proof(ME), headers })).status).toBe(200);
    });
    it("refuses one device's name under another's signature", async () => {
      const [mine, theirs] = [await x.device("flaggers"), await newKey()];
      const forged = await x.prove({ ...theirs, kid: mine.key.kid }, ME);
      const problem = await expectProblem(await x.request(ME, { device: forged }), "device_format");
      expect(problem.reason).toBe("signature_invalid");
    });
    it("says to a device that was switched off that it was, and to who has not its key nothing", async () => {
      const device = await x.device("flaggers");
      await x.request(`/v1/devices/${device.id}/revoke`, { method: "POST", cookie: administrator.cookie });
      await expectProblem(await x.request(ME, { device: await device.proof(ME) }), "device_revoked");
      const forged = await x.prove({ ...(await newKey()), kid: device.key.kid }, ME);
      await expectProblem(await x.request(ME, { device: forged }), "device_format");
    });
  });
});

describe("POST /v1/devices/me/renew", () => {
  const path = "/v1/devices/me/renew";
  describe("happy", () => {
    it("starts the 90 days anew in their second half, and leaves them alone before", async () => {
      const start = x.clock.now();
      const device = await x.device("flaggers");
      const expiry = async () =>
        ((await (await x.request(path, { method: "POST", device: await device.proof(path) })).json()) as Device)
          .expires_at;
      expect(await expiry()).toBe(device.answer.expires_at);
      x.clock.advance(60 * DAY_MS);
      expect(await expiry()).toBe(new Date(x.clock.now().getTime() + 90 * DAY_MS).toISOString());
      x.clock.set(start);
    });
  });
  describe("error", () => {
    it("does not let a waiting device renew", async () => {
      const device = await x.device("flaggers", { waiting: true });
      await expectProblem(
        await x.request(path, { method: "POST", device: await device.proof(path) }),
        "device_waiting",
      );
    });
  });
  describe("security", () => {
    it("does not bring an expired device back: that takes its administrator", async () => {
      const start = x.clock.now();
      const device = await x.device("flaggers");
      x.clock.advance(90 * DAY_MS);
      await expectProblem(await x.request(path, { method: "POST", device: await device.proof(path) }), "forbidden");
      x.clock.set(start);
    });
  });
});

describe("GET /v1/devices", () => {
  describe("happy", () => {
    it("lists a hotline's own devices and its flaggers'", async () => {
      const device = await x.device("flaggers");
      const { devices } = DeviceList.parse(
        await (await x.request("/v1/devices", { cookie: administrator.cookie })).json(),
      );
      expect(devices).toContainEqual(
        expect.objectContaining({ device_id: device.id, member: "flaggers", state: "active", kid: device.key.kid }),
      );
    });
  });
  describe("error", () => {
    it("is empty where there is none", async () => {
      expect(await (await x.request("/v1/devices", { cookie: elsewhere.cookie })).json()).toEqual({ devices: [] });
    });
  });
  describe("security", () => {
    it("is not for analysts or hotline keys", async () => {
      await expectProblem(await x.request("/v1/devices", { key: hotline.key }), "scope_required");
      const { cookie } = await x.person("hotline", ["analyst"]);
      await expectProblem(await x.request("/v1/devices", { cookie }), "role_required");
    });
  });
});

describe("POST /v1/devices/{id}/revoke", () => {
  describe("happy", () => {
    it("switches a device off at once; twice is once", async () => {
      const device = await x.device("flaggers");
      for (let times = 0; times < 2; times += 1) {
        expect(
          (await x.request(`/v1/devices/${device.id}/revoke`, { method: "POST", cookie: administrator.cookie })).status,
        ).toBe(204);
      }
      await expectProblem(await x.request(ME, { device: await device.proof(ME) }), "device_revoked");
      expect(
        await x.sql`select 1 from audit_records where action = 'device.revoked' and subject = ${device.id}`,
      ).toHaveLength(1);
    });
  });
  describe("error", () => {
    it("knows no other device", async () => {
      await expectProblem(
        await x.request(`/v1/devices/${"0".repeat(32)}/revoke`, { method: "POST", key: x.operatorKey }),
        "not_found",
      );
    });
  });
  describe("security", () => {
    it("is not done from another hotline", async () => {
      const device = await x.device("flaggers");
      await expectProblem(
        await x.request(`/v1/devices/${device.id}/revoke`, { method: "POST", cookie: elsewhere.cookie }),
        "not_found",
      );
      expect((await x.request(ME, { device: await device.proof(ME) })).status).toBe(200);
    });
  });
});

describe("POST /v1/devices/{id}/renew", () => {
  const path = (id: string) => `/v1/devices/${id}/renew`;
  describe("happy", () => {
    it("brings an expired device back", async () => {
      const start = x.clock.now();
      const device = await x.device("flaggers");
      x.clock.advance(100 * DAY_MS);
      expect((await x.request(path(device.id), { method: "POST", key: x.operatorKey })).status).toBe(204);
      expect(await (await x.request(ME, { device: await device.proof(ME) })).json()).toMatchObject({ state: "active" });
      x.clock.set(start);
    });
  });
  describe("error", () => {
    it("brings none back that was switched off, and none forward that waits", async () => {
      const [revoked, waiting] = [await x.device("flaggers"), await x.device("flaggers", { waiting: true })];
      await x.request(`/v1/devices/${revoked.id}/revoke`, { method: "POST", key: x.operatorKey });
      for (const { id } of [revoked, waiting])
        await expectProblem(await x.request(path(id), { method: "POST", key: x.operatorKey }), "conflict");
    });
  });
  describe("security", () => {
    it("is not done from another hotline, nor by the device", async () => {
      const device = await x.device("flaggers");
      await expectProblem(await x.request(path(device.id), { method: "POST", cookie: elsewhere.cookie }), "not_found");
      await expectProblem(
        await x.request(path(device.id), { method: "POST", device: await device.proof(path(device.id)) }),
        "forbidden",
      );
    });
  });
});
