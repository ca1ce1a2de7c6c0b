/** One Postgres and one pooler for a whole test run, made in a folder of their own and gone afterwards; DATABASE_URL is used when set. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startPooler } from "../../local/pooler.ts";
import { startPostgres } from "../../local/postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    databaseUrl: string;
    /** The same database through the pooler that stands before it on one machine. */
    pooledUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), "breakwater-test-"));
  const database = await startPostgres({ home, durable: false });
  const pooler = await startPooler(database.url);
  project.provide("databaseUrl", database.url);
  project.provide("pooledUrl", pooler.url);
  return async () => {
    await pooler.stop();
    await database.stop();
    rmSync(home, { recursive: true, force: true });
  };
}
