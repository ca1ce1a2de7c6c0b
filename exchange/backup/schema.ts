/** The tables of a database as they are: names, columns, and in which order they can be filled. */

import type { Sql, TransactionSql } from "../platform/db.ts";

export type Table = { name: string; columns: string[] };

/**
 * What is not taken along: what ends with a restore anyway must not lie in a file, and what a restore writes is its own.
 */
export const LEFT_OUT: ReadonlySet<string> = new Set([
  "event_streams",
  // Made from entries, and made anew from those that are published when the restore is over.
  "lookup_buckets",
  "lookup_dirty",
  "lookup_indexes",
  "lookup_sets",
  "lookup_slots",
  "lookup_tags",
  "lookup_uses",
  "rate_windows",
  "restore_state",
  "schema_migrations",
  "sessions",
  "sign_in_links",
]);

/** Every table, each after those that it refers to. */
export async function listTables(sql: Sql | TransactionSql): Promise<Table[]> {
  const tables = await sql<Table[]>`
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    group by c.relname order by c.relname`;
  const references = await sql<{ from: string; to: string }[]>`
    select f.relname as "from", t.relname as "to" from pg_constraint k
    join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
    where k.contype = 'f' and k.connamespace = current_schema()::regnamespace and f.oid <> t.oid`;
  return inOrder([...tables], references);
}

function inOrder(left: Table[], references: readonly { from: string; to: string }[]): Table[] {
  const ordered: Table[] = [];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ name }) => name));
    const ready = left.filter(({ name }) => !references.some(({ from, to }) => from === name && waiting.has(to)));
    if (ready.length === 0) throw new Error("tables refer to one another in a circle");
    ordered.push(...ready);
    left = left.filter((table) => !ready.includes(table));
  }
  return ordered;
}

/** Where each counted column goes on; rows that were copied in have not moved it. */
export async function resetCounters(sql: TransactionSql): Promise<void> {
  const counted = await sql<{ table: string; column: string }[]>`
    select c.relname as table, a.attname as column from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and a.attidentity <> ''`;
  for (const { table, column } of counted) {
    await sql`
      select setval(pg_get_serial_sequence(${table}, ${column}), coalesce(max(${sql(column)}), 0) + 1, false) from ${sql(table)}`;
  }
}

/** Everything in the schema goes: tables and functions, nothing of an extension. */
export async function dropAll(sql: TransactionSql): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')`;
  for (const { name } of tables) await sql`drop table if exists ${sql(name)} cascade`;
  const functions = await sql<{ signature: string }[]>`
    select p.oid::regprocedure::text as signature from pg_proc p
    where p.pronamespace = current_schema()::regnamespace
      and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')`;
  for (const { signature } of functions) await sql.unsafe(`drop function if exists ${signature} cascade`);
}
