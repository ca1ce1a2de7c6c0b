/** What the operator and any client may ask of the exchange itself: alive, ready, who are you, what runs by itself. */
import { PublicJwk } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { LogInfo } from "@breakwater/shared/wire/log.ts";
import { AuditPage, RetentionPage } from "@breakwater/shared/wire/operations.ts";
import { Hono } from "hono";
import { openAPIRouteHandler } from "hono-openapi";
import { z } from "zod";
import { listAudit } from "./audit/index.ts";
import { logInfo } from "./log/index.ts";
import { requireCaller } from "./members/index.ts";
import { findDatabaseCode } from "./platform/db-errors.ts";
import type { Deps, Env } from "./platform/deps.ts";
import { describe, query } from "./platform/http.ts";
import { isRestoring } from "./platform/restore-state.ts";
import { listRetention, type RetentionRule } from "./platform/retention.ts";

/** The newest file in migrations/: a database behind it or ahead of it serves nothing. */
export const EXPECTED_MIGRATION = 10;
/** Any key would do: what counts is that the store answers. */
const READY_PROBE_KEY = "state/ready";
const AUDIT_PAGE_MAX = 200;
/** SQLSTATE 42P01. */
const UNDEFINED_TABLE = "42P01";

const Health = z.strictObject({ ok: z.literal(true) });
/** Ready, and yet shut: everything but the health checks answers `restoring`. */
const Ready = Health.extend({ restoring: z.literal(true).optional() });
const WellKnown = z.strictObject({
  exchange: z.string(),
  log: LogInfo,
  name: z.string(),
  receipt_keys: z.array(PublicJwk),
  version: z.string(),
});
const AuditQuery = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional(),
  limit: z.coerce.number().int().min(1).max(AUDIT_PAGE_MAX).default(100),
});

export function operations(retention: readonly RetentionRule[]) {
  return new Hono<Env>()
    .get(
      "/healthz",
      describe({ tag: "operations", summary: "The process answers", auth: ["open"], answers: { 200: Health } }),
      (c) => c.json({ ok: true as const }),
    )
    .get(
      "/readyz",
      describe({
        tag: "operations",
        summary: "Rows and objects are reachable and at the expected state",
        auth: ["open"],
        answers: { 200: Ready },
        problems: ["migrations_pending", "busy"],
      }),
      async (c) => {
        const { sql, objects } = c.var.deps;
        const have = await newestMigration(sql);
        if (have !== EXPECTED_MIGRATION)
          throw new ExchangeError("migrations_pending", { have, expected: EXPECTED_MIGRATION });
        await objects.head(READY_PROBE_KEY).catch((cause: unknown) => {
          throw new ExchangeError("busy", { retry_after: 2 }, { cause });
        });
        return c.json((await isRestoring(c.var.deps)) ? { ok: true, restoring: true } : { ok: true });
      },
    )
    .get(
      "/.well-known/breakwater.json",
      describe({
        tag: "operations",
        summary: "Who this exchange is, where its log lies, and the keys of its receipts",
        auth: ["open"],
        answers: { 200: WellKnown },
        problems: ["signer_unavailable"],
      }),
      async (c) => {
        const { config, signer } = c.var.deps;
        const { receipt } = await signer.publicKeys();
        return c.json({
          exchange: config.origin,
          log: await logInfo(c.var.deps),
          name: config.name,
          receipt_keys: receipt,
          version: config.version,
        });
      },
    )
    .get(
      "/v1/operator/audit",
      describe({
        tag: "operations",
        summary: "Who did what, newest first: ids and codes",
        auth: ["key", "person"],
        answers: { 200: AuditPage },
      }),
      requireCaller({ scopes: ["operator"], roles: ["operator"] }),
      query(AuditQuery),
      async (c) => {
        const { cursor, limit } = c.req.valid("query");
        const rows = await listAudit(c.var.deps, {
          beforeId: cursor === undefined ? undefined : Number(cursor),
          limit,
        });
        const last = rows.at(-1);
        return c.json({
          records: rows.map((row) => ({
            id: row.id,
            at: row.at.toISOString(),
            actor: { kind: row.actorKind, id: row.actorId },
            action: row.action,
            ...(row.subject === null ? {} : { subject: row.subject }),
            ...(row.code === null ? {} : { code: row.code }),
          })),
          ...(rows.length === limit && last !== undefined ? { cursor: String(last.id) } : {}),
        });
      },
    )
    .get(
      "/v1/operator/retention",
      describe({
        tag: "operations",
        summary: "What is kept, for how long, and when it was last removed",
        auth: ["key", "person"],
        answers: { 200: RetentionPage },
      }),
      requireCaller({ scopes: ["operator"], roles: ["operator"] }),
      async (c) => {
        const rules = await listRetention(c.var.deps, retention);
        return c.json({
          rules: rules.map((rule) => ({
            table: rule.table,
            what: rule.what,
            keep_days: rule.keepDays,
            last_run_at: rule.lastRunAt?.toISOString() ?? null,
            last_removed: rule.lastRemoved ?? null,
          })),
        });
      },
    );
}

/** 0 for a database that no migration has reached yet. */
async function newestMigration(sql: Deps["sql"]): Promise<number> {
  try {
    const [row] = await sql<{ number: number | null }[]>`select max(number) as number from schema_migrations`;
    return row?.number ?? 0;
  } catch (error) {
    if (findDatabaseCode(error) === UNDEFINED_TABLE) return 0;
    throw error;
  }
}

const DOCUMENTATION = {
  info: {
    title: "Breakwater exchange",
    version: "1",
    description: "Refusals are application/problem+json with a `code`; the README lists them all.",
  },
  components: {
    securitySchemes: {
      key: { type: "http", scheme: "bearer", description: "A member's API key, `bw_<keyid>_<secret>`" },
      person: { type: "apiKey", in: "cookie", name: "bw_session" },
      device: {
        type: "apiKey",
        in: "header",
        name: "Authorization",
        description: "`Device <base64url of a bw-device+jws envelope>`",
      },
    },
  },
} as const;

/** GET /openapi.json, generated from the schemas that the routes validate with. */
export function openapi(app: Hono<Env>) {
  return openAPIRouteHandler(app, { documentation: structuredClone(DOCUMENTATION) as never, excludeStaticFile: false });
}
