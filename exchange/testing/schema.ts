/** One schema a test file: the isolation between files that share a server. */
import { join } from "node:path";
import postgres from "postgres";
import { inject } from "vitest";
import type { Sql } from "../platform/db.ts";
import { openDb } from "../platform/db.ts";
import { migrate } from "../platform/migrate.ts";

const MIGRATIONS = join(import.meta.dirname, "..", "..", "migrations");
/** For assertions beside the requests under test. */
const TEST_CONNECTIONS = 2;

export type TestSchema = {
  url: string;
  /** For who opens a connection a request, as a Worker does: a new one costs the server more than most requests. */
  pooledUrl: string;
  sql: Sql;
  drop: () => Promise<void>;
};

/** A new migrated schema. */
export async function openSchema(): Promise<TestSchema> {
  const server = inject("databaseUrl");
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await once(server, (sql) => sql`create schema ${sql(name)}`);
  const url = within(name, server);
  const { sql } = openDb(url, { maxConnections: TEST_CONNECTIONS });
  await migrate(sql, MIGRATIONS);
  return {
    url,
    pooledUrl: within(name, inject("pooledUrl")),
    sql,
    async drop() {
      await sql.end({ timeout: 5 });
      await once(server, (admin) => admin`drop schema ${admin(name)} cascade`);
    },
  };
}

function within(schema: string, server: string): string {
  const url = new URL(server);
  url.searchParams.set("search_path", schema);
  return url.href;
}

async function once(url: string, query: (sql: Sql) => PromiseLike<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await query(sql);
  await sql.end();
}
