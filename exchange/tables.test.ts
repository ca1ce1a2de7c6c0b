/** The tables as the code knows them are the tables that the migrations make. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { is } from "drizzle-orm";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openSchema, type TestSchema } from "./testing/schema.ts";

let schema: TestSchema;
beforeAll(async () => {
  schema = await openSchema();
});
afterAll(() => schema.drop());

const files = globSync("**/tables.ts", { cwd: import.meta.dirname, exclude: ["node_modules/**"] });
const tables = (await Promise.all(files.map((file) => import(/* @vite-ignore */ join(import.meta.dirname, file)))))
  .flatMap((module: object) => Object.values(module))
  .filter((value): value is PgTable => is(value, PgTable))
  .map(getTableConfig);

type Column = { name: string; type: string; required: boolean };
const byName = (a: Column, b: Column) => (a.name < b.name ? -1 : 1);

it("finds the tables of every slice", () => {
  expect(files.length).toBeGreaterThanOrEqual(3);
  expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(["audit_records", "members", "devices"]));
});

it.each(tables.map((table) => [table.name, table] as const))("%s", async (name, table) => {
  const rows = await schema.sql<Column[]>`
    select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required
    from pg_attribute where attrelid = ${name}::regclass and attnum > 0 and not attisdropped`;
  const columns = table.columns.map((column) => ({
    name: column.name,
    type: column
      .getSQLType()
      .replace(/^bigserial$/, "bigint")
      .replace(/^serial$/, "integer"),
    required: column.notNull || column.primary || table.primaryKeys.some((key) => key.columns.includes(column)),
  }));
  expect(columns.sort(byName)).toEqual([...rows].sort(byName));
});
