/** Signing in and out. */
import { Session } from "@breakwater/shared/wire/members.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectProblem, openTestExchange, type TestExchange, type TestPerson } from "../testing/index.ts";

let x: TestExchange;
let analyst: TestPerson;
const HOUR_MS = 3_600_000;

beforeAll(async () => {
  x = await openTestExchange();
  await x.member({ name: "hotline", roles: ["hotline", "publisher"], publisher: "hotline.example" });
  analyst = await x.person("hotline", ["analyst", "publisher"], "A. Analyst");
});
afterAll(() => x.close());

async function newToken(personId = analyst.id): Promise<string> {
  const response = await x.request(`/v1/operator/people/${personId}/sign-in-link`, {
    key: x.operatorKey,
    method: "POST",
  });
  return ((await response.json()) as { url: string }).url.split("#")[1] as string;
}
const signIn = (token: string, origin: string | null = x.origin, address = "192.0.2.1") =>
  x.request("/v1/session", { json: { token }, origin, headers: { "cf-connecting-ip": address } });

describe("POST /v1/session", () => {
  describe("happy", () => {
    it("turns a link into a session", async () => {
      const response = await signIn(await newToken());
      expect(response.status).toBe(201);
      expect(Session.parse(await response.json())).toMatchObject({
        person: { id: analyst.id, name: "A. Analyst", roles: ["analyst", "publisher"] },
        member: { name: "hotline", publisher: "hotline.example" },
        exchange: "Test Exchange",
      });
      const cookie = response.headers.get("set-cookie") ?? "";
      for (const attribute of ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"]) expect(cookie).toContain(attribute);
      expect(cookie).not.toContain("Domain");
    });
    it("leaves Secure off where there is no https, or the cookie would not be kept", async () => {
      const plain = await openTestExchange({ config: { origin: "http://127.0.0.1:8787", secure: false } });
      await plain.member({ name: "hotline", roles: ["hotline"] });
      const { id } = await plain.person("hotline", ["analyst"]);
      const link = await plain.request(`/v1/operator/people/${id}/sign-in-link`, {
        key: plain.operatorKey,
        method: "POST",
      });
      const token = ((await link.json()) as { url: string }).url.split("#")[1];
      const response = await plain.request("/v1/session", { json: { token }, origin: plain.origin });
      expect(response.headers.get("set-cookie")).not.toContain("Secure");
      expect(response.headers.get("strict-transport-security")).toBeNull();
      await plain.close();
    });
  });
  describe("error", () => {
    it("takes a link once, even when two ask at once", async () => {
      const token = await newToken();
      const answers = await Promise.all([1, 2, 3].map(() => signIn(token)));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 401, 401]);
      await expectProblem(await signIn(token), "sign_in_link_invalid");
    });
    it("takes no link after 15 minutes, none that a newer one replaced, and none that never was", async () => {
      const late = await newToken();
      x.clock.advance(15 * 60_000);
      await expectProblem(await signIn(late), "sign_in_link_invalid");
      const replaced = await newToken();
      const newest = await newToken();
      await expectProblem(await signIn(replaced), "sign_in_link_invalid");
      expect((await signIn(newest)).status).toBe(201);
      await expectProblem(await signIn("a".repeat(43)), "sign_in_link_invalid");
    });
  });
  describe("security", () => {
    it("takes no token from another site's page, nor uses it up", async () => {
      const token = await newToken();
      for (const origin of ["https://other.example", "null", null])
        await expectProblem(await signIn(token, origin), "origin_mismatch");
      expect((await signIn(token)).status).toBe(201);
    });
    it("is no GET: what fetches links ahead burns none", async () => {
      const token = await newToken();
      await x.request(`/v1/session?token=${token}`);
      expect((await signIn(token)).status).toBe(201);
    });
    it("slows down who tries tokens", async () => {
      for (let tries = 0; tries < 20; tries += 1) await signIn("b".repeat(43), x.origin, "192.0.2.9");
      const refusal = await signIn("b".repeat(43), x.origin, "192.0.2.9");
      expect(refusal.headers.get("retry-after")).toMatch(/^\d+$/);
      await expectProblem(refusal, "rate_limited");
    });
    it("keeps neither token nor cookie in clear, anywhere", async () => {
      const token = await newToken();
      const cookie =
        (await signIn(token)).headers.get("set-cookie")?.slice("bw_session=".length, "bw_session=".length + 43) ??
        "none";
      const rows =
        await x.sql`select to_jsonb(sessions)::text as row from sessions union all select to_jsonb(sign_in_links)::text from sign_in_links`;
      const text = JSON.stringify(rows) + JSON.stringify(x.logged);
      expect(text).not.toContain(token);
      expect(text).not.toContain(cookie);
    });
  });
});

describe("GET /v1/session", () => {
  describe("happy", () => {
    it("says who is signed in", async () => {
      const cookie = await x.signIn(analyst.id);
      expect(Session.parse(await (await x.request("/v1/session", { cookie })).json()).person.name).toBe("A. Analyst");
    });
  });
  describe("error", () => {
    it("ends after 8 idle hours and not before", async () => {
      const cookie = await x.signIn(analyst.id);
      x.clock.advance(8 * HOUR_MS - 1);
      expect((await x.request("/v1/session", { cookie })).status).toBe(200);
      x.clock.advance(8 * HOUR_MS);
      await expectProblem(await x.request("/v1/session", { cookie }), "session_expired");
    });
    it("ends after 24 hours, however busy", async () => {
      const cookie = await x.signIn(analyst.id);
      for (let hours = 0; hours < 23; hours += 1) {
        x.clock.advance(HOUR_MS);
        expect((await x.request("/v1/session", { cookie })).status).toBe(200);
      }
      x.clock.advance(HOUR_MS);
      await expectProblem(await x.request("/v1/session", { cookie }), "session_expired");
    });
  });
  describe("security", () => {
    it("is not what an API key is", async () => {
      await expectProblem(await x.request("/v1/session", { key: x.operatorKey }), "forbidden");
      await expectProblem(await x.request("/v1/session", { cookie: "" }), "session_expired");
    });
    it("shows a role no longer once the member has lost it", async () => {
      await x.member({ name: "losing", roles: ["operator"] });
      const { cookie } = await x.person("losing", ["operator", "administrator"]);
      await x.request("/v1/operator/members/losing", {
        method: "PATCH",
        key: x.operatorKey,
        json: { roles: ["subscriber"] },
      });
      expect(Session.parse(await (await x.request("/v1/session", { cookie })).json()).person.roles).toEqual([
        "administrator",
      ]);
      await expectProblem(await x.request("/v1/operator/members", { cookie }), "role_required");
    });
  });
});

describe("DELETE /v1/session", () => {
  describe("happy", () => {
    it("ends this session and no other", async () => {
      const [first, second] = [await x.signIn(analyst.id), await x.signIn(analyst.id)];
      const response = await x.request("/v1/session", { method: "DELETE", cookie: first });
      expect(response.status).toBe(204);
      expect(response.headers.get("set-cookie")).toContain("Max-Age=0");
      await expectProblem(await x.request("/v1/session", { cookie: first }), "session_expired");
      expect((await x.request("/v1/session", { cookie: second })).status).toBe(200);
    });
  });
  describe("error", () => {
    it("needs a session", async () => {
      await expectProblem(await x.request("/v1/session", { method: "DELETE" }), "unauthenticated");
    });
  });
  describe("security", () => {
    it("is not done for another site's page", async () => {
      const cookie = await x.signIn(analyst.id);
      await expectProblem(
        await x.request("/v1/session", { method: "DELETE", cookie, origin: "https://other.example" }),
        "origin_mismatch",
      );
      expect((await x.request("/v1/session", { cookie })).status).toBe(200);
    });
  });
});
