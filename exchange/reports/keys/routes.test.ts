import { generateSealingKey, generateSigningKey } from "@breakwater/shared/keys.ts";
import { agentPin, openRecipients, signRecipients } from "@breakwater/shared/recipients.ts";
import { openSealed, resealFor } from "@breakwater/shared/sealed.ts";
import type { MissingSealsAnswer, SealingKeysAnswer } from "@breakwater/shared/wire/hotline.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import {
  expectProblem,
  openTestExchange,
  openTestHotline,
  type TestExchange,
  type TestHotline,
} from "../../testing/index.ts";

type MissingSeals = z.infer<typeof MissingSealsAnswer>;

let exchange: TestExchange;
let hotline: TestHotline;
let stranger: TestHotline;
beforeAll(async () => {
  exchange = await openTestExchange();
  hotline = await openTestHotline(exchange);
  stranger = await openTestHotline(exchange);
});
afterAll(() => exchange.close());

const newAgent = async () => ({
  signing_key: (await generateSigningKey({ extractable: false })).publicJwk,
  sealing_key: (await generateSealingKey({ extractable: false })).publicJwk,
});

describe("PUT /v1/hotline/agent", () => {
  const path = "/v1/hotline/agent";
  describe("happy", () => {
    it("registers the agent, and its key reaches the devices", async () => {
      const bare = await openTestHotline(exchange, { named: false });
      await bare.registerAgent();
      const device = await exchange.device(bare.flaggers.name);
      expect(device.answer.hotline.agent_key).toEqual(bare.agent.signing.publicJwk);
    });
  });
  describe("error", () => {
    it("refuses a second agent and a key that is none", async () => {
      await expectProblem(
        await exchange.request(path, { key: hotline.member.key, method: "PUT", json: await newAgent() }),
        "agent_exists",
      );
      const weak = { ...(await newAgent()), sealing_key: { crv: "X25519", kty: "OKP", x: "A".repeat(43) } };
      const bare = await openTestHotline(exchange, { named: false });
      await expectProblem(
        await exchange.request(path, { key: bare.member.key, method: "PUT", json: weak }),
        "key_invalid",
      );
    });
  });
  describe("security", () => {
    it("is for a hotline's key alone", async () => {
      const json = await newAgent();
      await expectProblem(await exchange.request(path, { method: "PUT", json }), "unauthenticated");
      await expectProblem(
        await exchange.request(path, { cookie: hotline.people.a.cookie, method: "PUT", json }),
        "forbidden",
      );
      await expectProblem(
        await exchange.request(path, { key: exchange.operatorKey, method: "PUT", json }),
        "scope_required",
      );
    });
  });
});

describe("PUT /v1/hotline/forward", () => {
  const path = "/v1/hotline/forward";
  const ask = (json: unknown, as = {}) =>
    exchange.request(path, { key: hotline.member.key, method: "PUT", json, ...as });
  describe("happy", () => {
    it("names who takes over and who is told at once, and takes back what is left out", async () => {
      const [to, url, alert_url] = ["Example Police", "https://police.example/in", "https://desk.example/in"];
      expect(await (await ask({ to, url })).json()).toEqual({ to, delivers: true, alerts: false });
      expect(await (await ask({ to, alert_url })).json()).toEqual({ to, delivers: false, alerts: true });
      expect(await (await ask({ to, url, alert_url })).json()).toEqual({ to, delivers: true, alerts: true });
      expect(await (await ask({ to })).json()).toEqual({ to, delivers: false, alerts: false });
    });
  });
  describe("error", () => {
    it("refuses plain http, an inner address, what is no address, and a name that shows otherwise than it is written", async () => {
      await expectProblem(await ask({ to: "x", url: "http://police.example/in" }), "url_invalid");
      await expectProblem(await ask({ to: "x", url: "https://169.254.169.254/" }), "url_invalid");
      await expectProblem(await ask({ to: "x", alert_url: "http://desk.example/in" }), "url_invalid");
      await expectProblem(
        await ask({ to: "x", url: "https://desk.example/", alert_url: "https://desk.internal/" }),
        "url_invalid",
      );
      await expectProblem(await ask({ to: "x", alert_url: "https://user:word@desk.example/" }), "url_invalid");
      await expectProblem(await ask({ to: "x\u0000" }), "request_invalid");
      await expectProblem(await ask({ to: "x\u202ey" }), "request_invalid");
      await expectProblem(await ask({ to: "x", url: "ftp://police.example/in" }), "request_invalid");
      await expectProblem(await ask({}), "request_invalid");
    });
  });
  describe("security", () => {
    it("is for a hotline's key alone", async () => {
      await expectProblem(await ask({ to: "x" }, { key: undefined }), "unauthenticated");
      await expectProblem(await ask({ to: "x" }, { key: undefined, cookie: hotline.people.b.cookie }), "forbidden");
    });
  });
});

describe("POST /v1/hotline/sealing-keys", () => {
  const path = "/v1/hotline/sealing-keys";
  describe("happy", () => {
    it("takes an analyst's browser key, waiting until the agent lists it; twice is once", async () => {
      const key = await generateSealingKey({ extractable: false });
      const json = { sealing_key: key.publicJwk };
      for (let i = 0; i < 2; i++) {
        const response = await exchange.request(path, { cookie: hotline.people.c.cookie, json });
        expect(response.status).toBe(201);
        expect(await response.json()).toEqual({ kid: key.kid, state: "waiting" });
      }
    });
  });
  describe("error", () => {
    it("refuses a private key, a signing key, and more browsers than a person has", async () => {
      const key = await generateSealingKey({ extractable: true });
      const { cookie } = hotline.people.c;
      await expectProblem(
        await exchange.request(path, { cookie, json: { sealing_key: key.privateJwk } }),
        "request_invalid",
      );
      const signing = await generateSigningKey({ extractable: false });
      await expectProblem(
        await exchange.request(path, { cookie, json: { sealing_key: signing.publicJwk } }),
        "request_invalid",
      );
      const person = await exchange.person(hotline.member.name, ["analyst"]);
      for (let i = 0; i < 8; i++) await hotline.sealingKey(person);
      await expect(hotline.sealingKey(person)).rejects.toThrow("rate_limited");
    });
  });
  describe("security", () => {
    it("refuses a colleague's key under one's own name, and anybody who is no analyst", async () => {
      const json = { sealing_key: hotline.analystKeys.a.publicJwk };
      await expectProblem(await exchange.request(path, { cookie: hotline.people.b.cookie, json }), "conflict");
      const publisher = await exchange.person(hotline.member.name, ["publisher"]);
      await expectProblem(await exchange.request(path, { cookie: publisher.cookie, json }), "role_required");
      await expectProblem(await exchange.request(path, { json }), "unauthenticated");
    });
  });
});

describe("GET /v1/hotline/sealing-keys", () => {
  const path = "/v1/hotline/sealing-keys";
  describe("happy", () => {
    it("shows whose keys wait and which are listed", async () => {
      const response = await exchange.request(path, { key: hotline.member.key });
      const answer = (await response.json()) as z.infer<typeof SealingKeysAnswer>;
      expect(answer.list_version).toBe(1);
      expect(answer.keys.find(({ kid }) => kid === hotline.analystKeys.a.kid)).toMatchObject({
        state: "listed",
        person: hotline.people.a.id,
      });
      expect(answer.keys.some(({ state }) => state === "waiting")).toBe(true);
    });
  });
  describe("error", () => {
    it("is empty before there is an agent", async () => {
      const bare = await openTestHotline(exchange, { named: false });
      expect(await (await exchange.request(path, { key: bare.member.key })).json()).toEqual({
        keys: [],
        agent: null,
        list_version: 0,
      });
    });
  });
  describe("security", () => {
    it("shows a hotline its own keys only", async () => {
      const answer = await (await exchange.request(path, { key: stranger.member.key })).text();
      expect(answer).not.toContain(hotline.analystKeys.a.kid);
      await expectProblem(await exchange.request(path), "unauthenticated");
      await expectProblem(await exchange.request(path, { device: await hotline.device.proof(path) }), "forbidden");
    });
  });
});

describe("PUT /v1/hotline/recipients", () => {
  describe("happy", () => {
    it("takes the next version, and the same bytes again", async () => {
      const h = await openTestHotline(exchange);
      const { response, bytes } = await h.list([h.analystKeys.a.recipient]);
      expect(await response.json()).toEqual({ version: 2 });
      const again = await exchange.request("/v1/hotline/recipients", {
        key: h.member.key,
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: bytes,
      });
      expect(await again.json()).toEqual({ version: 2 });
    });
  });
  describe("error", () => {
    it("refuses a version that does not follow, a list before the agent, a list of another hotline", async () => {
      await expectProblem((await hotline.list([], { version: 1 })).response, "recipients_version");
      await expectProblem((await hotline.list([], { version: 9 })).response, "recipients_version");
      const bare = await openTestHotline(exchange, { named: false });
      await expectProblem((await bare.list()).response, "recipients_missing");
      await expectProblem((await hotline.list([], { hotline: "another" })).response, "recipients_invalid");
    });
  });
  describe("security", () => {
    it("refuses a key that no analyst brought: nobody can be slipped into the list", async () => {
      const slipped = await generateSealingKey({ extractable: false });
      const entry = { kid: slipped.kid, jwk: slipped.publicJwk, role: "analyst" as const };
      await expectProblem((await hotline.list([entry])).response, "recipients_invalid");
      const borrowed = { ...hotline.analystKeys.a.recipient, person: hotline.people.b.id };
      await expectProblem((await hotline.list([borrowed])).response, "recipients_invalid");
    });

    it("refuses a list signed by another key, also when it names that key itself", async () => {
      const other = await generateSigningKey({ extractable: false });
      const list = {
        hotline: hotline.member.name,
        version: 2,
        iat: 1,
        signing_key: other.publicJwk,
        recipients: [{ kid: hotline.agent.sealing.kid, jwk: hotline.agent.sealing.publicJwk, role: "agent" as const }],
      };
      const body = await signRecipients(list, other);
      const response = await exchange.request("/v1/hotline/recipients", {
        key: hotline.member.key,
        method: "PUT",
        headers: { "content-type": "application/json" },
        body,
      });
      await expectProblem(response, "recipients_invalid");
    });
  });
});

describe("GET /v1/hotline/recipients", () => {
  const path = "/v1/hotline/recipients";
  describe("happy", () => {
    it("gives a flagger's device the list, which opens by the pin alone", async () => {
      const response = await exchange.request(path, { device: await hotline.device.proof(path) });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const pin = await agentPin(hotline.agent.signing.kid);
      const { list } = await openRecipients(bytes, { pin });
      expect(list.recipients.map(({ role }) => role)).toEqual(["agent", "analyst", "analyst"]);
    });

    it("says whether an urgent report is passed on in the end, also to the extension", async () => {
      const h = await openTestHotline(exchange);
      const origin = `chrome-extension://${"a".repeat(32)}`;
      const said = async () =>
        (await exchange.request(path, { device: await h.device.proof(path), origin })).headers.get(
          "breakwater-forward",
        );
      const name = (json: object) => h.ask("/v1/hotline/forward", { key: h.member.key, method: "PUT", json });
      expect(await said()).toBe("no");
      await name({ to: "Example Police", alert_url: "https://desk.example/" });
      expect(await said()).toBe("no");
      await name({ to: "Example Police", url: "https://desk.example/" });
      expect(await said()).toBe("yes");
      // Named while it was allowed, and not any more: nothing would arrive there.
      await exchange.sql`update hotlines set forward_url = 'http://127.0.0.1/' where forward_url = 'https://desk.example/'`;
      expect(await said()).toBe("no");
      const answer = await exchange.request(path, { device: await h.device.proof(path), origin });
      expect(answer.headers.get("access-control-expose-headers")).toContain("breakwater-forward");
    });
  });
  describe("error", () => {
    it("says so when there is none yet", async () => {
      const bare = await openTestHotline(exchange, { named: false });
      await expectProblem(await exchange.request(path, { key: bare.member.key }), "recipients_missing");
    });
  });
  describe("security", () => {
    it("gives nobody another hotline's list", async () => {
      const response = await exchange.request(path, { device: await stranger.device.proof(path) });
      expect(
        (
          await openRecipients(new Uint8Array(await response.arrayBuffer()), {
            pin: await agentPin(stranger.agent.signing.kid),
          })
        ).list.hotline,
      ).toBe(stranger.member.name);
      await expectProblem(await exchange.request(path), "unauthenticated");
    });
  });
});

const SECRET = "Written for the hotline only.";
/** A report that C cannot read, and C's key listed afterwards. */
async function withNewcomer() {
  const h = await openTestHotline(exchange);
  const { report } = await h.send({ file: "b1", content: { explanation: SECRET } });
  const number = await h.caseNumberOf(report.id);
  const key = await h.sealingKey(h.people.c);
  await h.list([h.analystKeys.a.recipient, h.analystKeys.b.recipient, key.recipient]);
  return { h, report, number, key };
}

const missingFor = (h: TestHotline, path: string, as: { key?: string; cookie?: string }) =>
  h.ask<MissingSeals>(path, { ...as, method: "GET" });

describe("GET /v1/hotline/seals/missing", () => {
  const path = "/v1/hotline/seals/missing";
  describe("happy", () => {
    it("names what a newcomer cannot open yet, with what the caller can", async () => {
      const { h, report, number, key } = await withNewcomer();
      const { missing } = await missingFor(h, path, { cookie: h.people.a.cookie });
      expect(missing).toMatchObject([
        { report_id: report.id, case: number, kid: key.kid, sealed_digest: report.sealed_digest },
      ]);
      const { a } = h.analystKeys;
      const { content } = await openSealed(missing[0]?.sealed, a.privateKey, a.kid, report.sealed_digest);
      expect(content.explanation).toBe(SECRET);
      expect((await missingFor(h, path, { key: h.member.key })).missing).toHaveLength(1);
    });
  });
  describe("error", () => {
    it("is empty for who can open nothing", async () => {
      const { h } = await withNewcomer();
      expect(await missingFor(h, path, { cookie: h.people.c.cookie })).toEqual({ missing: [] });
    });
  });
  describe("security", () => {
    it("shows nothing of another hotline, and nobody anything", async () => {
      await withNewcomer();
      expect(await missingFor(stranger, path, { key: stranger.member.key })).toEqual({ missing: [] });
      await expectProblem(await exchange.request(path), "unauthenticated");
      await expectProblem(await exchange.request(path, { device: await hotline.device.proof(path) }), "forbidden");
    });
  });
});

describe("GET /v1/hotline/cases/{n}/seals/missing", () => {
  const pathOf = (number: number) => `/v1/hotline/cases/${number}/seals/missing`;
  describe("happy", () => {
    it("names what a newcomer cannot open of this case, and of no other", async () => {
      const { h, report, number, key } = await withNewcomer();
      const other = await h.send({ file: "b2", url: "https://another.example/" });
      const { missing } = await missingFor(h, pathOf(number), { cookie: h.people.a.cookie });
      expect(missing).toMatchObject([{ report_id: report.id, kid: key.kid }]);
      const others = await missingFor(h, pathOf(await h.caseNumberOf(other.report.id)), { key: h.member.key });
      expect(others.missing.map(({ report_id }) => report_id)).toEqual([other.report.id]);
    });
  });
  describe("error", () => {
    it("is empty for a case that is not there, and 404 for a number that is none", async () => {
      const { h } = await withNewcomer();
      expect(await missingFor(h, pathOf(999), { cookie: h.people.a.cookie })).toEqual({ missing: [] });
      const response = await exchange.request("/v1/hotline/cases/x/seals/missing", { cookie: h.people.a.cookie });
      await expectProblem(response, "not_found");
    });
  });
  describe("security", () => {
    it("shows nothing of another hotline's case", async () => {
      const { number } = await withNewcomer();
      expect(await missingFor(stranger, pathOf(number), { key: stranger.member.key })).toEqual({ missing: [] });
      await expectProblem(await exchange.request(pathOf(number)), "unauthenticated");
    });
  });
});

describe("POST /v1/hotline/reports/{id}/seals", () => {
  describe("happy", () => {
    it("lets a newcomer read what a colleague wrapped again", async () => {
      const { h, report, number, key } = await withNewcomer();
      const { plaintext } = await openSealed(
        report.sealed,
        h.analystKeys.a.privateKey,
        h.analystKeys.a.kid,
        report.sealed_digest,
      );
      const jwe = await resealFor(plaintext, key.recipient);
      await h.ask(`/v1/hotline/reports/${report.id}/seals`, { cookie: h.people.a.cookie, json: { kid: key.kid, jwe } });
      const seen = await h.getCase(h.people.c, number);
      const { content } = await openSealed(seen.reports[0]?.seal, key.privateKey, key.kid, report.sealed_digest);
      expect(content.explanation).toBe(SECRET);
      expect(await h.ask("/v1/hotline/seals/missing", { cookie: h.people.a.cookie, method: "GET" })).toEqual({
        missing: [],
      });
    });
  });
  describe("error", () => {
    it("refuses a seal for several keys, for another key than it says, and for one that is not listed", async () => {
      const { h, report, key } = await withNewcomer();
      const path = `/v1/hotline/reports/${report.id}/seals`;
      const { cookie } = h.people.a;
      await expectProblem(
        await exchange.request(path, { cookie, json: { kid: key.kid, jwe: report.sealed } }),
        "sealed_invalid",
      );
      const unlisted = await generateSealingKey({ extractable: false });
      const jwe = await resealFor(new Uint8Array(512), { kid: unlisted.kid, jwk: unlisted.publicJwk });
      await expectProblem(await exchange.request(path, { cookie, json: { kid: key.kid, jwe } }), "sealed_invalid");
      await expectProblem(await exchange.request(path, { cookie, json: { kid: unlisted.kid, jwe } }), "sealed_invalid");
    });

    it("lets the agent replace a wrap that nobody can open, and no colleague", async () => {
      const { h, report, key } = await withNewcomer();
      const path = `/v1/hotline/reports/${report.id}/seals`;
      const wrong = await resealFor(new Uint8Array(512).fill(0x20), key.recipient);
      await h.ask(path, { cookie: h.people.a.cookie, json: { kid: key.kid, jwe: wrong } });
      const { plaintext } = await openSealed(
        report.sealed,
        h.agent.sealing.privateKey,
        h.agent.sealing.kid,
        report.sealed_digest,
      );
      const right = await resealFor(plaintext, key.recipient);
      const read = async () =>
        (await exchange.sql`select jwe from report_seals where report_id = ${report.id}`)[0]?.jwe as unknown;
      await h.ask(path, { cookie: h.people.b.cookie, json: { kid: key.kid, jwe: right } });
      await expect(openSealed(await read(), key.privateKey, key.kid, report.sealed_digest)).rejects.toMatchObject({
        code: "sealed_invalid",
      });
      await h.ask(path, { key: h.member.key, json: { kid: key.kid, jwe: right } });
      await expect(openSealed(await read(), key.privateKey, key.kid, report.sealed_digest)).resolves.toBeDefined();
    });
  });
  describe("security", () => {
    it("answers 404 for another hotline's report", async () => {
      const { report, key } = await withNewcomer();
      const jwe = await resealFor(new Uint8Array(512), key.recipient);
      const path = `/v1/hotline/reports/${report.id}/seals`;
      await expectProblem(
        await exchange.request(path, { key: stranger.member.key, json: { kid: key.kid, jwe } }),
        "not_found",
      );
      await expectProblem(await exchange.request(path, { json: { kid: key.kid, jwe } }), "unauthenticated");
    });
  });
});
