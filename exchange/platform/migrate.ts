/** Brings a database to the expected state: the numbered files of `migrations/`, each once, in order (Node only). */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql, TransactionSql } from "./db.ts";

const FILE = /^(\d{4})_[a-z0-9_-]+\.sql$/;
// Any number, the same for all: two starting processes migrate one after the other.
const MIGRATION_LOCK = 7_201_411;

export type Migration = { number: number; name: string };

/** In order. */
export async function listMigrations(directory: string): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith(".sql")).sort();
  const numbered = files.map((name) => {
    const match = FILE.exec(name);
    if (match?.[1] === undefined) throw new Error(`migration file is not named NNNN_name.sql: ${name}`);
    return { number: Number(match[1]), name };
  });
  if (new Set(numbered.map(({ number }) => number)).size !== numbered.length)
    throw new Error("two migrations share a number");
  return numbered;
}

/** A schema of its own from nothing to this number, inside a transaction of the caller's. */
export async function buildSchema(sql: TransactionSql, directory: string, upTo: number): Promise<void> {
  await sql.unsafe(MIGRATIONS_TABLE);
  for (const { number, name } of await listMigrations(directory)) {
    if (number > upTo) continue;
    await sql.unsafe(await readFile(join(directory, name), "utf8"));
    await sql`insert into schema_migrations (number, name) values (${number}, ${name})`;
  }
}

const MIGRATIONS_TABLE = `create table if not exists schema_migrations (
  number integer primary key, name text not null, applied_at timestamptz not null default now())`;

/** @returns the numbers that were applied now */
export async function migrate(sql: Sql, directory: string): Promise<number[]> {
  const numbered = await listMigrations(directory);

  // A client that is not connected yet and does not fetch types never answers reserve() (postgres.js 3.4.9).
  await sql`select 1`;
  const reserved = await sql.reserve();
  try {
    await reserved`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await reserved.unsafe(MIGRATIONS_TABLE);
    const done = new Set((await reserved`select number from schema_migrations`).map((row) => row.number as number));
    const applied: number[] = [];
    for (const { number, name } of numbered) {
      if (done.has(number)) continue;
      const text = await readFile(join(directory, name), "utf8");
      // One simple query is one implicit transaction: the file and its mark land together or not at all.
      await reserved.unsafe(
        `begin;\n${text}\n;insert into schema_migrations (number, name) values (${number}, '${name}');\ncommit;`,
      );
      applied.push(number);
    }
    return applied;
  } finally {
    await reserved`select pg_advisory_unlock(${MIGRATION_LOCK})`.catch(() => {});
    reserved.release();
  }
}
