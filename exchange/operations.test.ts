/** What the exchange says about itself. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PROBLEMS } from "@breakwater/shared/problem.ts";
import { AuditPage, RetentionPage } from "@breakwater/shared/wire/operations.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { app, retention } from "./app.ts";
import { EXPECTED_MIGRATION } from "./operations.ts";
import { expectProblem, openTestExchange, type TestExchange, type TestMember } from "./testing/index.ts";

let x: TestExchange;
let company: TestMember;
beforeAll(async () => {
  x = await openTestExchange();
  company = await x.member({ roles: ["subscriber"] });
});
afterAll(() => x.close());
const operator = () => ({ key: x.operatorKey });

describe("GET /healthz", () => {
  describe("happy", () => {
    it("answers", async () => {
      expect(await (await x.request("/healthz")).json()).toEqual({ ok: true });
    });
  });
  describe("error", () => {
    it("answers without a database: it says that the process lives", async () => {
      await x.withDeps(async (deps) => {
        const sql = (() => Promise.reject(new Error("no database"))) as unknown as typeof deps.sql;
        expect((await app.fetch(new Request(`${x.origin}/healthz`), { deps: { ...deps, sql } })).status).toBe(200);
      });
    });
  });
  describe("security", () => {
    it("tells nothing else", async () => {
      expect(await (await x.request("/healthz", operator())).text()).toBe('{"ok":true}');
    });
  });
});

describe("GET /readyz", () => {
  describe("happy", () => {
    it("answers at the expected migration, which is the newest file", async () => {
      expect((await x.request("/readyz")).status).toBe(200);
      const files = readdirSync(join(import.meta.dirname, "..", "migrations")).filter((name) => name.endsWith(".sql"));
      expect(Math.max(...files.map((name) => Number(name.slice(0, 4))))).toBe(EXPECTED_MIGRATION);
    });
  });
  describe("error", () => {
    it("is not ready behind or ahead of it", async () => {
      await x.sql`insert into schema_migrations (number, name) values (9999, 'test')`;
      expect(await expectProblem(await x.request("/readyz"), "migrations_pending")).toMatchObject({ have: 9999 });
      await x.sql`delete from schema_migrations where number = 9999`;
      const last = await x.sql`delete from schema_migrations where number = ${EXPECTED_MIGRATION} returning name`;
      await expectProblem(await x.request("/readyz"), "migrations_pending");
      await x.sql`insert into schema_migrations (number, name) values (${EXPECTED_MIGRATION}, ${last[0]?.name})`;
    });
    it("is not ready over a database that was never migrated", async () => {
      await x.sql`alter table schema_migrations rename to elsewhere`;
      expect(await expectProblem(await x.request("/readyz"), "migrations_pending")).toMatchObject({ have: 0 });
      await x.sql`alter table elsewhere rename to schema_migrations`;
    });
    it("is not ready without objects", async () => {
      await x.withDeps(async (deps) => {
        const objects = { ...deps.objects, head: () => Promise.reject(new Error("no objects")) };
        const response = await app.fetch(new Request(`${x.origin}/readyz`), { deps: { ...deps, objects } });
        expect(response.headers.get("retry-after")).toBe("2");
        await expectProblem(response, "busy");
      });
    });
  });
  describe("security", () => {
    it("answers a database that cannot be reached with busy, and nothing of its words", async () => {
      const { makeDeps } = await import("./platform/deps.ts");
      await x.withDeps(async ({ objects, signer, logSigner, config, events }) => {
        const databaseUrl = "postgres://test-user:test-secret@127.0.0.1:9/nothing";
        const open = makeDeps({ databaseUrl, objects, signer, logSigner, config, events });
        const response = await app.fetch(new Request(`${x.origin}/readyz`), { deps: open.deps });
        const body = await expectProblem(response, "busy");
        expect(JSON.stringify(body) + JSON.stringify(x.logged)).not.toMatch(/test-secret|127\.0\.0\.1|nothing/);
        expect(x.logged.at(-1)).toMatchObject({ event: "request_failed", code: "busy" });
        await open.close();
      });
    });
  });
});

describe("GET /.well-known/breakwater.json", () => {
  describe("happy", () => {
    it("names the exchange, its log and its receipt keys", async () => {
      expect(await (await x.request("/.well-known/breakwater.json")).json()).toEqual({
        exchange: x.origin,
        log: {
          url: `${x.origin}/log`,
          origin: "exchange.example/log1",
          vkey: await x.logSigner.vkey("exchange.example/log1"),
        },
        name: "Test Exchange",
        receipt_keys: (await x.signer.publicKeys()).receipt,
        version: "0.1.0",
      });
    });
  });
  describe("error", () => {
    it("says that a signer is away", async () => {
      await x.withDeps(async (deps) => {
        const { signerOver } = await import("./platform/signer.ts");
        const { logSignerOver } = await import("./platform/log-signer.ts");
        const away = signerOver({ publicKeys: () => Promise.reject(new Error("test-secret")) } as never);
        const response = await app.fetch(new Request(`${x.origin}/.well-known/breakwater.json`), {
          deps: { ...deps, signer: away },
        });
        await expectProblem(response, "signer_unavailable");
        const logSigner = logSignerOver({ vkey: () => Promise.reject(new Error("test-secret")) } as never);
        const withoutLog = await app.fetch(new Request(`${x.origin}/.well-known/breakwater.json`), {
          deps: { ...deps, logSigner },
        });
        await expectProblem(withoutLog, "signer_unavailable");
        expect(JSON.stringify(x.logged)).not.toContain("test-secret");
      });
    });
  });
  describe("security", () => {
    it("holds public keys only", async () => {
      expect(await (await x.request("/.well-known/breakwater.json")).text()).not.toContain('"d"');
    });
  });
});

describe("GET /openapi.json", () => {
  describe("happy", () => {
    it("is an OpenAPI document", async () => {
      expect(await (await x.request("/openapi.json")).json()).toMatchObject({
        openapi: expect.stringMatching(/^3\.1/),
        info: { title: "Breakwater exchange" },
      });
    });
  });
  describe("error", () => {
    it("names only codes that exist", async () => {
      const codes = [...(await (await x.request("/openapi.json")).text()).matchAll(/`([a-z]+_[a-z_]+)`/g)].map(
        ([, code]) => code ?? "",
      );
      expect(codes.filter((code) => !Object.hasOwn(PROBLEMS, code) && code !== "bw_session")).toEqual([]);
    });
  });
  describe("security", () => {
    it("says how each route is guarded", async () => {
      const { paths } = (await (await x.request("/openapi.json")).json()) as {
        paths: Record<string, Record<string, { security: object[] }>>;
      };
      expect(paths["/v1/operator/members"]?.get?.security).toEqual([{ key: [] }, { person: [] }]);
      expect(paths["/v1/devices/me"]?.get?.security).toEqual([{ device: [] }]);
    });
  });
});

describe("GET /v1/operator/audit", () => {
  const page = async (query = "") =>
    AuditPage.parse(await (await x.request(`/v1/operator/audit${query}`, operator())).json());
  describe("happy", () => {
    it("pages from the newest back to the first", async () => {
      const all = await page("?limit=200");
      expect(all.cursor).toBeUndefined();
      expect(all.records.at(-1)).toMatchObject({ action: "member.created", actor: { kind: "system" } });
      const ids: number[] = [];
      for (let cursor: string | undefined = ""; cursor !== undefined; ) {
        const part: AuditPage = await page(`?limit=2${cursor && `&cursor=${cursor}`}`);
        ids.push(...part.records.map(({ id }) => id));
        cursor = part.cursor;
      }
      expect(ids).toEqual(all.records.map(({ id }) => id));
    });
  });
  describe("error", () => {
    it.each(["?limit=0", "?limit=201", "?cursor=x", "?cursor=-1", "?who=me"])("refuses %s", async (query) => {
      await expectProblem(await x.request(`/v1/operator/audit${query}`, operator()), "query_invalid");
    });
  });
  describe("security", () => {
    it("is not for other members", async () => {
      await expectProblem(await x.request("/v1/operator/audit", { key: company.key }), "scope_required");
    });
    it("cannot be rewritten, by anybody who holds the database's own role either", async () => {
      await expect(x.sql`update audit_records set action = 'member.changed'`).rejects.toThrow(/append-only/);
      await expect(x.sql`delete from audit_records`).rejects.toThrow(/append-only/);
    });
  });
});

describe("GET /v1/operator/retention", () => {
  describe("happy", () => {
    it("lists every rule, with what its last run removed", async () => {
      expect((await x.request("/v1/operator/retention", operator())).status).toBe(200);
      await x.tick();
      const { rules } = RetentionPage.parse(await (await x.request("/v1/operator/retention", operator())).json());
      expect(rules).toHaveLength(retention.length);
      for (const rule of rules)
        expect(rule, rule.table).toMatchObject({
          last_run_at: x.clock.now().toISOString(),
          last_removed: expect.any(Number),
        });
    });
  });
  describe("error", () => {
    it("shows a rule that has never run as such", async () => {
      await x.sql`delete from retention_runs where table_name = 'sessions'`;
      const { rules } = RetentionPage.parse(await (await x.request("/v1/operator/retention", operator())).json());
      expect(rules.find(({ table }) => table === "sessions")).toMatchObject({ last_run_at: null, last_removed: null });
    });
  });
  describe("security", () => {
    it("is not for other members", async () => {
      await expectProblem(await x.request("/v1/operator/retention", { key: company.key }), "scope_required");
    });
  });
});
