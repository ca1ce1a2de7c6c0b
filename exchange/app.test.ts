/** What holds for the app as a whole: every route refuses strangers, every body is bounded, every answer carries its headers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { app } from "./app.ts";
import { JSON_MAX_BYTES } from "./platform/http.ts";
import {
  expectProblem,
  expectRefusals,
  fillPath,
  listRoutes,
  makeStrangers,
  OPEN_ROUTES,
  openTestExchange,
  type Strangers,
  type TestExchange,
} from "./testing/index.ts";

let x: TestExchange;
let strangers: Strangers;
const routes = listRoutes(app);
const guarded = routes.filter((route) => !OPEN_ROUTES.includes(`${route.method} ${route.path}`));

beforeAll(async () => {
  x = await openTestExchange();
  strangers = await makeStrangers(x);
});
afterAll(() => x.close());

describe("every route", () => {
  it("is guarded or on the list of open ones, never both", () => {
    for (const route of routes) {
      const isOpen = OPEN_ROUTES.includes(`${route.method} ${route.path}`);
      expect({ ...route, isOpen: route.allowed === undefined }).toEqual({ ...route, isOpen });
    }
    expect(guarded.length).toBeGreaterThan(20);
  });

  it.each(guarded.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s refuses strangers",
    async (_, route) => {
      await expectRefusals(x, route, strangers);
    },
  );

  it("stands in /openapi.json with its own answers", async () => {
    const document = (await (await x.request("/openapi.json")).json()) as {
      paths: Record<string, Record<string, { responses: object }>>;
    };
    for (const { method, path } of routes.filter((route) => route.path !== "/openapi.json")) {
      const documented = document.paths[path.replace(/:([a-z_]+)(\{[^}]*\})?/g, "{$1}")]?.[method.toLowerCase()];
      expect(documented, `${method} ${path}`).toBeDefined();
      expect(Object.keys(documented?.responses ?? {}), `${method} ${path}`).not.toHaveLength(0);
    }
  });

  it("documents request bodies from the schema that validates them", async () => {
    const document = (await (await x.request("/openapi.json")).json()) as {
      paths: Record<string, { post: { requestBody: { content: Record<string, { schema: { required: string[] } }> } } }>;
    };
    const schema = document.paths["/v1/invites"]?.post.requestBody.content["application/json"]?.schema;
    expect(schema?.required).toEqual(["invite_id", "secret_sha256", "member"]);
  });
});

describe("bodies", () => {
  const posts = routes.filter(({ method, path }) => method === "POST" && !path.startsWith("/v1/reports"));

  it.each(posts.map(({ path }) => [path] as const))(
    "POST %s refuses foreign media types before reading",
    async (path) => {
      for (const type of ["image/png", "multipart/form-data; boundary=x", "application/octet-stream", "text/plain"]) {
        const response = await x.request(fillPath(path), {
          method: "POST",
          key: x.operatorKey,
          headers: { "content-type": type },
          body: "test",
        });
        await expectProblem(response, "content_type_unsupported");
      }
    },
  );

  it("are refused past the limit, declared or not", async () => {
    const large = "a".repeat(JSON_MAX_BYTES + 1);
    const headers = { "content-type": "application/json" };
    await expectProblem(await x.request("/v1/session", { method: "POST", headers, body: large }), "request_too_large");
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(16 * 1024));
      },
    });
    await expectProblem(
      await x.request("/v1/session", { method: "POST", headers, body: endless }),
      "request_too_large",
    );
    // Not read on after the limit: a few pieces are buffered, no more.
    expect(sent).toBeLessThan(12);
  });

  it("that are not JSON, or have members nobody asked for, are refused without being quoted", async () => {
    const headers = { "content-type": "application/json" };
    const broken = await x.request("/v1/session", { method: "POST", headers, body: '{"token": test-term-0001' });
    expect(JSON.stringify(await expectProblem(broken, "json_invalid"))).not.toContain("test-term");
    const unknown = await x.request("/v1/session", { json: { token: "a".repeat(43), "Test Term 0001": 1 } });
    const problem = await expectProblem(unknown, "request_invalid");
    expect(JSON.stringify(problem)).not.toContain("Test Term");
    const wrong = await x.request("/v1/session", { json: { token: "test-term-0001" } });
    expect(await expectProblem(wrong, "request_invalid")).toMatchObject({ fields: ["token"] });
    expect(JSON.stringify(x.logged)).not.toMatch(/test.term/i);
  });
});

describe("headers", () => {
  it("keep answers and refusals out of frames, caches and other sites", async () => {
    for (const path of ["/healthz", "/v1/nothing"]) {
      const { headers } = await x.request(path);
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("strict-transport-security")).toContain("max-age");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  const extension = `chrome-extension://${"a".repeat(32)}`;
  const firefox = "moz-extension://12345678-1234-1234-1234-123456789abc";

  it.each([extension, firefox])(
    "let an extension page at %s read what devices call, without credentials",
    async (origin) => {
      const preflight = await x.request("/v1/devices", {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
      expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization, content-type");
      const refusal = await x.request("/v1/devices/me", { headers: { origin } });
      await expectProblem(refusal, "unauthenticated");
      expect(refusal.headers.get("access-control-allow-origin")).toBe(origin);
      expect(refusal.headers.get("access-control-allow-credentials")).toBeNull();
    },
  );

  it.each([
    ["another site", "https://other.example", "/v1/devices"],
    ["no origin at all", "null", "/v1/devices"],
    ["what only looks like an extension", "chrome-extension://other.example", "/v1/devices"],
    ["an extension at a route it has no use for", extension, "/v1/session"],
    ["an extension at the list of devices", extension, "/v1/operator/members"],
  ])("let nobody else: %s", async (_, origin, path) => {
    for (const method of ["OPTIONS", "GET", "POST"]) {
      const response = await x.request(path, {
        method,
        headers: { origin },
        ...(method === "POST" ? { json: {} } : {}),
      });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("the uniform 404", () => {
  it("says the same of an unknown route, an unknown name and a name that cannot exist", async () => {
    const bodies = [];
    for (const path of [
      "/v1/nothing",
      "/v1/operator/members/nobody/keys",
      "/v1/operator/members/NOT%20A%20NAME/keys",
    ]) {
      const { instance, ...problem } = await expectProblem(await x.request(path, { key: x.operatorKey }), "not_found");
      expect(instance).toMatch(/^urn:uuid:/);
      bodies.push(problem);
    }
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
  });
});

describe("the console", () => {
  it("is served under its own policy, and never under /v1", async () => {
    const page = new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
    const assets = { fetch: async () => page.clone() };
    await x.withDeps(async (deps) => {
      const sign = await app.fetch(new Request(`${x.origin}/sign-in`), { deps, assets });
      const policy = sign.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("img-src 'none'");
      expect(policy).not.toContain("unsafe");
      expect(sign.headers.get("x-frame-options")).toBe("DENY");
      await expectProblem(await app.fetch(new Request(`${x.origin}/v1/sign-in`), { deps, assets }), "not_found");
      await expectProblem(
        await app.fetch(new Request(`${x.origin}/sign-in`, { method: "POST" }), { deps, assets }),
        "not_found",
      );
    });
  });
});
