/** One Postgres for a whole test run, made in a folder of its own and gone afterwards; DATABASE_URL is used when set. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../local/postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    databaseUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), "breakwater-test-"));
  const database = await startPostgres({ home, durable: false });
  project.provide("databaseUrl", database.url);
  return async () => {
    await database.stop();
    rmSync(home, { recursive: true, force: true });
  };
}
