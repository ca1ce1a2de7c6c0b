/** Members, keys and people at the door. */
import { Member, PersonList } from "@breakwater/shared/wire/members.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectProblem, openTestExchange, type TestExchange, type TestMember } from "../testing/index.ts";

let x: TestExchange;
let company: TestMember;
const DAY_MS = 86_400_000;

beforeAll(async () => {
  x = await openTestExchange();
  company = await x.member({ name: "company", roles: ["subscriber"] });
});
afterAll(() => x.close());

const operator = () => ({ key: x.operatorKey });
async function lastAction(): Promise<string> {
  const page = (await (await x.request("/v1/operator/audit?limit=1", operator())).json()) as {
    records: { action: string }[];
  };
  return page.records[0]?.action ?? "";
}

describe("POST /v1/operator/members", () => {
  const wanted = {
    name: "new-hotline",
    title: "New Hotline",
    roles: ["hotline", "publisher"],
    tier: "vetted",
    publisher: "new.example",
    custody: "exchange",
  };

  describe("happy", () => {
    it("admits a member and says so in the audit record", async () => {
      const response = await x.request("/v1/operator/members", { ...operator(), json: wanted });
      expect(response.status).toBe(201);
      expect(Member.parse(await response.json())).toMatchObject({ ...wanted, rung3: false });
      expect(await lastAction()).toBe("member.created");
    });
    it("ties flaggers to their hotline, and lets the publisher keep its own key unless told otherwise", async () => {
      const flaggers = { name: "new-flaggers", roles: ["flagger"], tier: "agreed", hotline: "new-hotline" };
      expect(await (await x.request("/v1/operator/members", { ...operator(), json: flaggers })).json()).toMatchObject({
        hotline: "new-hotline",
      });
      const publisher = { name: "own-key", roles: ["publisher"], tier: "vetted", publisher: "own-key.example" };
      expect(await (await x.request("/v1/operator/members", { ...operator(), json: publisher })).json()).toMatchObject({
        custody: "member",
      });
    });
  });
  describe("error", () => {
    it("refuses a name or publisher that is taken", async () => {
      await expectProblem(
        await x.request("/v1/operator/members", { ...operator(), json: { ...wanted, publisher: "other.example" } }),
        "member_exists",
      );
      await expectProblem(
        await x.request("/v1/operator/members", { ...operator(), json: { ...wanted, name: "other" } }),
        "member_exists",
      );
    });
    it.each([
      ["an unknown role", { roles: ["admin"] }],
      ["a role twice", { roles: ["hotline", "hotline"], publisher: undefined, custody: undefined }],
      ["no role", { roles: [] }],
      ["a publisher without a publisher name", { publisher: undefined, custody: undefined }],
      ["a publisher name without the role", { roles: ["hotline"] }],
      ["an upper-case publisher", { publisher: "New.Example" }],
      ["an upper-case name", { name: "New" }],
      ["a control character in the title", { title: "New\u202eHotline" }],
      ["an unknown member of the body", { admin: true }],
      ["a hotline that reports to another", { hotline: "company" }],
    ])("refuses %s", async (_, change) => {
      await expectProblem(
        await x.request("/v1/operator/members", { ...operator(), json: { ...wanted, name: "wrong", ...change } }),
        "request_invalid",
      );
    });
    it("refuses flaggers of a member that is no hotline", async () => {
      const json = { name: "wrong", roles: ["flagger"], tier: "agreed", hotline: "company" };
      expect(
        await expectProblem(await x.request("/v1/operator/members", { ...operator(), json }), "request_invalid"),
      ).toMatchObject({ fields: ["hotline"] });
    });
  });
  describe("security", () => {
    it("is not for other members, and a refusal changes nothing", async () => {
      await expectProblem(
        await x.request("/v1/operator/members", { key: company.key, json: { ...wanted, name: "mine" } }),
        "scope_required",
      );
      expect(await x.sql`select 1 from members where name = 'mine'`).toHaveLength(0);
    });
  });
});

describe("GET /v1/operator/members", () => {
  describe("happy", () => {
    it("lists all", async () => {
      const { members } = (await (await x.request("/v1/operator/members", operator())).json()) as { members: Member[] };
      expect(members.map(({ name }) => name)).toEqual(expect.arrayContaining(["company", "operator"]));
    });
  });
  describe("error", () => {
    it("knows no other method", async () => {
      await expectProblem(
        await x.request("/v1/operator/members", { ...operator(), method: "PUT", json: {} }),
        "not_found",
      );
    });
  });
  describe("security", () => {
    it("is not for other members", async () => {
      await expectProblem(await x.request("/v1/operator/members", { key: company.key }), "scope_required");
    });
  });
});

describe("PATCH /v1/operator/members/{name}", () => {
  const patch = (name: string, json: object, as = operator()) =>
    x.request(`/v1/operator/members/${name}`, { method: "PATCH", ...as, json });

  describe("happy", () => {
    it("changes tier, title and roles", async () => {
      await x.member({ name: "changing", tier: "test" });
      expect((await patch("changing", { tier: "agreed", title: "Changed", roles: ["sme"] })).status).toBe(204);
      const { members } = (await (await x.request("/v1/operator/members", operator())).json()) as { members: Member[] };
      expect(members.find(({ name }) => name === "changing")).toMatchObject({
        tier: "agreed",
        title: "Changed",
        roles: ["sme"],
      });
      expect(await lastAction()).toBe("member.changed");
    });
  });
  describe("error", () => {
    it("refuses nothing at all, unknown members, and roles that names hang on", async () => {
      await expectProblem(await patch("company", {}), "request_invalid");
      await expectProblem(await patch("nobody", { tier: "test" }), "not_found");
      await expectProblem(await patch("company", { roles: ["subscriber", "publisher"] }), "request_invalid");
      await expectProblem(await patch("company", { roles: ["hotline"] }), "request_invalid");
    });
  });
  describe("security", () => {
    it("ends keys, sessions and devices of a suspended member at once, and gives keys back when it is resumed", async () => {
      const hotline = await x.member({ name: "suspended", roles: ["hotline"] });
      const person = await x.person("suspended", ["analyst"]);
      const device = await x.device("suspended");
      expect((await patch("suspended", { suspended: true })).status).toBe(204);
      await expectProblem(await x.request("/v1/invites", { key: hotline.key }), "forbidden");
      await expectProblem(await x.request("/v1/session", { cookie: person.cookie }), "session_expired");
      await expectProblem(
        await x.request("/v1/devices/me", { device: await device.proof("/v1/devices/me") }),
        "device_revoked",
      );
      await expectProblem(
        await x.request(`/v1/operator/people/${person.id}/sign-in-link`, { ...operator(), method: "POST" }),
        "not_found",
      );
      expect((await patch("suspended", { suspended: false })).status).toBe(204);
      expect((await x.request("/v1/invites", { key: hotline.key })).status).toBe(200);
      await expectProblem(await x.request("/v1/session", { cookie: person.cookie }), "session_expired");
    });
    it("takes a scope away with the role it came from", async () => {
      const second = await x.member({ name: "second-operator", roles: ["operator"] });
      expect((await x.request("/v1/operator/members", { key: second.key })).status).toBe(200);
      await patch("second-operator", { roles: ["subscriber"] });
      await expectProblem(await x.request("/v1/operator/members", { key: second.key }), "scope_required");
    });
    it("is not for the member itself", async () => {
      await expectProblem(await patch("company", { tier: "vetted" }, { key: company.key }), "scope_required");
    });
  });
});

describe("POST /v1/operator/members/{name}/keys", () => {
  const path = "/v1/operator/members/company/keys";
  describe("happy", () => {
    it("shows the key once and keeps a digest", async () => {
      const response = await x.request(path, { ...operator(), json: { scopes: ["read"] } });
      expect(response.status).toBe(201);
      const { key_id, api_key } = (await response.json()) as { key_id: string; api_key: string };
      expect(api_key).toMatch(/^bw_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
      const secret = api_key.slice(20);
      const rows = await x.sql`select to_jsonb(api_keys)::text as row from api_keys where id = ${key_id}`;
      expect(rows[0]?.row).not.toContain(secret);
      const list = await (await x.request(path, operator())).text();
      expect(list).toContain(key_id);
      expect(list).not.toContain(secret);
      expect(JSON.stringify(x.logged)).not.toContain(secret);
    });
  });
  describe("error", () => {
    it("refuses scopes beyond the member's roles, and ends in the past or too far away", async () => {
      for (const json of [
        { scopes: ["publish"] },
        { scopes: ["read", "operator"] },
        { scopes: [] },
        { scopes: ["read"], expires_at: new Date(x.clock.now().getTime() - 1).toISOString() },
        { scopes: ["read"], expires_at: new Date(x.clock.now().getTime() + 401 * DAY_MS).toISOString() },
        { scopes: ["read"], expires_at: "tomorrow" },
      ]) {
        await expectProblem(await x.request(path, { ...operator(), json }), "request_invalid");
      }
      await expectProblem(
        await x.request("/v1/operator/members/nobody/keys", { ...operator(), json: { scopes: ["read"] } }),
        "not_found",
      );
    });
  });
  describe("security", () => {
    it("makes a key that ends when it says", async () => {
      const { key } = await x.apiKey("company", ["read"], new Date(x.clock.now().getTime() + 1_000));
      const start = x.clock.now();
      await expectProblem(await x.request("/v1/operator/members", { key }), "scope_required");
      x.clock.advance(1_000);
      await expectProblem(await x.request("/v1/operator/members", { key }), "api_key_expired");
      // Who does not know the secret does not learn that the key ever was.
      await expectProblem(
        await x.request("/v1/operator/members", { key: `${key.slice(0, 20)}${"A".repeat(43)}` }),
        "api_key_invalid",
      );
      x.clock.set(start);
    });
    it("slows down a key that asks too often, and no other key", async () => {
      const busy = await x.member({ roles: ["hotline"] });
      const start = new Date(Math.floor(x.clock.now().getTime() / 60_000) * 60_000);
      await x.sql`insert into rate_windows (bucket, starts_at, count) values (${`key:${busy.keyId}`}, ${start}, 5999)`;
      expect((await x.request("/v1/invites", { key: busy.key })).status).toBe(200);
      const refusal = await expectProblem(await x.request("/v1/invites", { key: busy.key }), "rate_limited");
      expect(refusal.retry_after).toBeLessThanOrEqual(60);
      expect((await x.request("/v1/invites", { key: x.operatorKey })).status).toBe(200);
    });
    it("slows down who tries keys, and nobody else behind the same address", async () => {
      const headers = { "cf-connecting-ip": "192.0.2.7" };
      const wrong = { key: `bw_${"1".repeat(16)}_${"b".repeat(43)}`, headers };
      for (let tries = 0; tries < 30; tries += 1) await expectProblem(await x.request(path, wrong), "api_key_invalid");
      const refusal = await x.request(path, wrong);
      expect(Number(refusal.headers.get("retry-after"))).toBeGreaterThan(0);
      await expectProblem(refusal, "rate_limited");
      expect((await x.request(path, { ...operator(), headers })).status).toBe(200);
      const rows = await x.sql`select bucket from rate_windows`;
      expect(JSON.stringify(rows)).not.toContain("192.0.2.7");
    });
  });
});

describe("GET /v1/operator/members/{name}/keys", () => {
  describe("happy", () => {
    it("tells state and last use", async () => {
      const other = await x.member({ name: "keys-listed", roles: ["hotline"] });
      await x.request("/v1/invites", { key: other.key });
      const { keys } = (await (await x.request("/v1/operator/members/keys-listed/keys", operator())).json()) as {
        keys: object[];
      };
      expect(keys).toEqual([
        expect.objectContaining({ key_id: other.keyId, state: "active", last_used_at: x.clock.now().toISOString() }),
      ]);
    });
  });
  describe("error", () => {
    it("knows no keys of nobody", async () => {
      await expectProblem(await x.request("/v1/operator/members/nobody/keys", operator()), "not_found");
    });
  });
  describe("security", () => {
    it("is not for the member", async () => {
      await expectProblem(await x.request("/v1/operator/members/company/keys", { key: company.key }), "scope_required");
    });
  });
});

describe("POST /v1/operator/members/{name}/keys/{id}/rotate", () => {
  describe("happy", () => {
    it("lets both keys work for seven days, then the new one", async () => {
      const old = await x.member({ name: "rotating", roles: ["hotline"] });
      const start = x.clock.now();
      const response = await x.request(`/v1/operator/members/rotating/keys/${old.keyId}/rotate`, {
        ...operator(),
        method: "POST",
      });
      expect(response.status).toBe(201);
      const made = (await response.json()) as { api_key: string; scopes: string[]; previous: { key_id: string } };
      expect(made).toMatchObject({ scopes: ["read", "hotline"], previous: { key_id: old.keyId } });
      for (const key of [old.key, made.api_key]) expect((await x.request("/v1/invites", { key })).status).toBe(200);
      x.clock.advance(7 * DAY_MS);
      await expectProblem(await x.request("/v1/invites", { key: old.key }), "api_key_expired");
      expect((await x.request("/v1/invites", { key: made.api_key })).status).toBe(200);
      x.clock.set(start);
    });
  });
  describe("error", () => {
    it("refuses a second rotation of the same key, and keys that are not there", async () => {
      const { keyId } = await x.apiKey("company", ["read"]);
      const path = `/v1/operator/members/company/keys/${keyId}/rotate`;
      expect((await x.request(path, { ...operator(), method: "POST" })).status).toBe(201);
      await expectProblem(await x.request(path, { ...operator(), method: "POST" }), "conflict");
      await expectProblem(
        await x.request(`/v1/operator/members/company/keys/${"0".repeat(16)}/rotate`, {
          ...operator(),
          method: "POST",
        }),
        "not_found",
      );
    });
    it("gives out one new key when asked twice at once", async () => {
      const { keyId } = await x.apiKey("company", ["read"]);
      const path = `/v1/operator/members/company/keys/${keyId}/rotate`;
      const answers = await Promise.all([1, 2, 3].map(() => x.request(path, { ...operator(), method: "POST" })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    });
  });
  describe("security", () => {
    it("finds a key only under its own member", async () => {
      const { keyId } = await x.apiKey("company", ["read"]);
      await expectProblem(
        await x.request(`/v1/operator/members/operator/keys/${keyId}/rotate`, { ...operator(), method: "POST" }),
        "not_found",
      );
    });
  });
});

describe("DELETE /v1/operator/members/{name}/keys/{id}", () => {
  const path = (member: string, id: string) => `/v1/operator/members/${member}/keys/${id}`;
  describe("happy", () => {
    it("ends the key with the answer, and again changes nothing", async () => {
      const { key, keyId } = await x.apiKey("company", ["read"]);
      for (let times = 0; times < 2; times += 1) {
        expect((await x.request(path("company", keyId), { ...operator(), method: "DELETE" })).status).toBe(204);
        await expectProblem(await x.request("/v1/operator/members", { key }), "api_key_revoked");
      }
      expect(
        await x.sql`select 1 from audit_records where action = 'api_key.revoked' and subject = ${keyId}`,
      ).toHaveLength(1);
    });
  });
  describe("error", () => {
    it("knows no other key", async () => {
      await expectProblem(
        await x.request(path("company", "0".repeat(16)), { ...operator(), method: "DELETE" }),
        "not_found",
      );
    });
  });
  describe("security", () => {
    it("finds a key only under its own member, and is not for the member", async () => {
      const { key, keyId } = await x.apiKey("company", ["read"]);
      await expectProblem(await x.request(path("operator", keyId), { ...operator(), method: "DELETE" }), "not_found");
      await expectProblem(await x.request(path("company", keyId), { key, method: "DELETE" }), "scope_required");
    });
  });
});

describe("POST /v1/operator/members/{name}/people", () => {
  const path = "/v1/operator/members/company/people";
  describe("happy", () => {
    it("adds a person", async () => {
      const response = await x.request(path, {
        ...operator(),
        json: { name: "C. Clerk", roles: ["administrator", "subscriber"] },
      });
      expect(response.status).toBe(201);
      expect(await response.json()).toEqual({ person_id: expect.stringMatching(/^[0-9a-f]{32}$/) });
      expect(await lastAction()).toBe("person.created");
    });
  });
  describe("error", () => {
    it("refuses a second person of that name, and roles beyond the member's", async () => {
      await expectProblem(
        await x.request(path, { ...operator(), json: { name: "C. Clerk", roles: ["subscriber"] } }),
        "person_exists",
      );
      for (const roles of [["analyst"], ["publisher"], ["operator"], [], ["boss"]]) {
        await expectProblem(
          await x.request(path, { ...operator(), json: { name: "D. Clerk", roles } }),
          "request_invalid",
        );
      }
    });
  });
  describe("security", () => {
    it("is not for an administrator of the member", async () => {
      const { cookie } = await x.person("company", ["administrator"]);
      await expectProblem(
        await x.request(path, { cookie, json: { name: "E. Clerk", roles: ["subscriber"] } }),
        "role_required",
      );
    });
  });
});

describe("GET /v1/operator/members/{name}/people", () => {
  describe("happy", () => {
    it("lists who is there", async () => {
      const { people } = PersonList.parse(
        await (await x.request("/v1/operator/members/company/people", operator())).json(),
      );
      expect(people.map(({ name }) => name)).toContain("C. Clerk");
    });
  });
  describe("error", () => {
    it("knows no people of nobody", async () => {
      await expectProblem(await x.request("/v1/operator/members/nobody/people", operator()), "not_found");
    });
  });
  describe("security", () => {
    it("keeps names out of the audit record and the log", async () => {
      const audit = await (await x.request("/v1/operator/audit", operator())).text();
      expect(audit + JSON.stringify(x.logged)).not.toContain("Clerk");
    });
  });
});

describe("DELETE /v1/operator/people/{id}", () => {
  describe("happy", () => {
    it("ends sessions and links, and frees the name", async () => {
      const person = await x.person("company", ["subscriber"], "F. Clerk");
      const link = await x.request(`/v1/operator/people/${person.id}/sign-in-link`, { ...operator(), method: "POST" });
      const { url } = (await link.json()) as { url: string };
      expect((await x.request(`/v1/operator/people/${person.id}`, { ...operator(), method: "DELETE" })).status).toBe(
        204,
      );
      await expectProblem(await x.request("/v1/session", { cookie: person.cookie }), "session_expired");
      await expectProblem(
        await x.request("/v1/session", { json: { token: url.split("#")[1] }, origin: x.origin }),
        "sign_in_link_invalid",
      );
      await x.person("company", ["subscriber"], "F. Clerk");
    });
  });
  describe("error", () => {
    it("knows no other person, and nobody twice", async () => {
      const person = await x.person("company", ["subscriber"]);
      await x.request(`/v1/operator/people/${person.id}`, { ...operator(), method: "DELETE" });
      for (const id of [person.id, "0".repeat(32), "x"]) {
        await expectProblem(
          await x.request(`/v1/operator/people/${id}`, { ...operator(), method: "DELETE" }),
          "not_found",
        );
      }
    });
  });
  describe("security", () => {
    it("is not for the person", async () => {
      const person = await x.person("company", ["administrator"]);
      await expectProblem(
        await x.request(`/v1/operator/people/${person.id}`, { cookie: person.cookie, method: "DELETE" }),
        "role_required",
      );
    });
  });
});

describe("POST /v1/operator/people/{id}/sign-in-link", () => {
  const path = (id: string) => `/v1/operator/people/${id}/sign-in-link`;
  describe("happy", () => {
    it("answers a link whose token is in the fragment, good for 15 minutes", async () => {
      const { id } = await x.person("company", ["subscriber"]);
      const link = (await (await x.request(path(id), { ...operator(), method: "POST" })).json()) as {
        url: string;
        expires_at: string;
      };
      expect(link.url).toMatch(new RegExp(`^${x.origin}/sign-in#[A-Za-z0-9_-]{43}$`));
      expect(new Date(link.expires_at).getTime() - x.clock.now().getTime()).toBe(15 * 60_000);
      const stored = await x.sql`select to_jsonb(sign_in_links)::text as row from sign_in_links`;
      expect(JSON.stringify(stored)).not.toContain(link.url.split("#")[1]);
    });
  });
  describe("error", () => {
    it("knows no other person", async () => {
      await expectProblem(await x.request(path("0".repeat(32)), { ...operator(), method: "POST" }), "not_found");
    });
  });
  describe("security", () => {
    it("is not for people themselves", async () => {
      const { id, cookie } = await x.person("company", ["administrator"]);
      await expectProblem(await x.request(path(id), { cookie, method: "POST" }), "role_required");
    });
  });
});
