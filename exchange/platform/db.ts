/** Rows: one Postgres client a request, as tagged SQL and as drizzle, and one way to open a transaction. */
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { ARRAY_TYPES } from "./pg-arrays.ts";

export type Sql = postgres.Sql;
export type TransactionSql = postgres.TransactionSql;
export type Db = PostgresJsDatabase<Record<string, never>>;

/** What a query needs. `Deps` is one, a transaction is one: a store function takes either. */
export type Queries = { sql: Sql | TransactionSql; db: Db };
/** Queries inside a transaction. Rules that must not be torn apart ask for this type. */
export type Tx = { sql: TransactionSql; db: Db };

/** One: a second query outside the open transaction would then wait for itself, and tests would show it. */
export const DB_CONNECTIONS_PER_REQUEST = 1;
export const DB_CONNECT_TIMEOUT_S = 10;
/**
 * A stream whose reader has stopped reading gives its connection back after this, and takes one again for the next page:
 * otherwise as many slow readers as there are connections would keep everybody else out, urgent reports included.
 */
export const DB_IDLE_TIMEOUT_S = 0.5;
export const DB_CLOSE_TIMEOUT_S = 5;

// drizzle makes these types pass through as text, for the whole client. Tagged SQL shall give and take Date.
const DATE_TYPES = ["1184", "1082", "1083", "1114", "1182", "1185", "1115", "1231"];

/**
 * A client of its own for one request; connects with the first query.
 *
 * In tagged SQL, dates are `Date`. JSON columns are read as values and written as text: `${JSON.stringify(x)}::jsonb`.
 *
 * @param url - postgres URL; `?search_path=…` chooses the schema
 */
export function openDb(url: string, options: { maxConnections?: number } = {}): { sql: Sql; db: Db } {
  const sql = postgres(url, {
    max: options.maxConnections ?? DB_CONNECTIONS_PER_REQUEST,
    connect_timeout: DB_CONNECT_TIMEOUT_S,
    idle_timeout: DB_IDLE_TIMEOUT_S,
    // Asking the server for its types would cost a round trip a request.
    fetch_types: false,
    types: ARRAY_TYPES,
    // Notices may quote rows.
    onnotice: () => {},
    connection: { application_name: "breakwater" },
  });
  return { sql, db: drizzleOver(sql) };
}

function drizzleOver(client: Sql): Db {
  const { parsers, serializers } = client.options;
  const before = DATE_TYPES.map((type) => [type, parsers[Number(type)], serializers[Number(type)]] as const);
  const db = drizzle(client) as unknown as Db;
  for (const [type, parser, serializer] of before) {
    restore(parsers, type, parser);
    restore(serializers, type, serializer);
  }
  return db;
}

function restore<T>(table: Record<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) delete table[key];
  else table[key] = value;
}

/** Runs `work` in one transaction: all of it or none. Everything inside goes through the `tx` it is given. */
export async function transaction<T>({ sql }: { sql: Sql }, work: (tx: Tx) => Promise<T>): Promise<T> {
  const result = await sql.begin(async (inner) => {
    // postgres.js leaves `options` off a transaction's client; drizzle wants to see the parsers there.
    const client = Object.assign(inner, { options: sql.options });
    // In an object, because begin() awaits each element of a returned array as if it were a query.
    return { value: await work({ sql: inner, db: drizzleOver(client as unknown as Sql) }) };
  });
  return result.value as T;
}
