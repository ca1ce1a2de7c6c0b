/** Rows: dates and JSON survive both ways, transactions hold, and errors say nothing of what they met. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { sql as raw } from "drizzle-orm";
import { jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSchema, type TestSchema } from "../testing/schema.ts";
import { DB_IDLE_TIMEOUT_S, openDb, transaction } from "./db.ts";
import { findDatabaseCode, isUniqueViolation, reasonOf, toExchangeError } from "./db-errors.ts";

let schema: TestSchema;
let one: ReturnType<typeof openDb>;
const notes = pgTable("notes", {
  id: text("id").primaryKey(),
  at: timestamp("at", { withTimezone: true }).notNull(),
  content: jsonb("content"),
});
const AT = new Date("2026-11-22T09:00:00.123Z");

beforeAll(async () => {
  schema = await openSchema();
  one = openDb(schema.url);
  await one.sql`create table notes (id text primary key, at timestamptz not null, content jsonb)`;
});
afterAll(async () => {
  await one.sql.end();
  await schema.drop();
});

describe("a connection", () => {
  it("goes back when nothing was asked for a while, and another is taken when something is", async () => {
    const client = openDb(schema.url).sql;
    const ask = async () => (await client<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid as number;
    const isThere = async (pid: number) =>
      (await one.sql`select 1 from pg_stat_activity where pid = ${pid}`).length > 0;
    const first = await ask();
    expect(await isThere(first)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, DB_IDLE_TIMEOUT_S * 1_000 + 500));
    expect(await isThere(first)).toBe(false);
    expect(await ask()).not.toBe(first);
    await client.end();
  });
});

describe("values", () => {
  it("go in and out alike through tagged SQL and drizzle", async () => {
    const content = { word: "test-term-0001", list: [1, null] };
    await one.sql`insert into notes values ('tagged', ${AT}, ${JSON.stringify(content)}::jsonb)`;
    await one.db.insert(notes).values({ id: "drizzle", at: AT, content });
    for (const row of [...(await one.sql`select * from notes order by id`), ...(await one.db.select().from(notes))]) {
      expect(row).toMatchObject({ at: AT, content });
    }
    expect(await one.sql`select jsonb_typeof(content) as type from notes group by 1`).toEqual([{ type: "object" }]);
  });
});

describe("a transaction", () => {
  it("is the same for both ways of asking, and is undone as a whole", async () => {
    const undone = transaction(one, async (tx) => {
      await tx.sql`insert into notes values ('undone', ${AT}, null)`;
      expect(await tx.db.select({ id: notes.id }).from(notes).where(raw`id = 'undone'`)).toHaveLength(1);
      throw new ExchangeError("conflict");
    });
    await expect(undone).rejects.toMatchObject({ code: "conflict" });
    expect(await one.sql`select 1 from notes where id = 'undone'`).toHaveLength(0);
  });
  it("gives back arrays as they are", async () => {
    expect(await transaction(one, async () => [Promise.resolve(1), 2])).toHaveLength(2);
  });
});

describe("errors", () => {
  it("lose the rows that they quote, whoever wrapped them", async () => {
    const secret = "test-term-0001";
    await one.sql`insert into notes values (${secret}, ${AT}, null)`;
    const tagged = await one.sql`insert into notes values (${secret}, ${AT}, null)`.catch((error: unknown) => error);
    const drizzled = await one.db
      .insert(notes)
      .values({ id: secret, at: AT })
      .catch((error: unknown) => error);
    for (const error of [tagged, drizzled]) {
      // What the driver knows is dangerous: this is why it goes nowhere.
      expect(
        JSON.stringify(error, Object.getOwnPropertyNames(error)) + JSON.stringify((error as Error).cause ?? {}),
      ).toContain(secret);
      expect(findDatabaseCode(error)).toBe("23505");
      expect(isUniqueViolation(error)).toBe(true);
      const refusal = toExchangeError(error);
      expect(refusal).toMatchObject({ code: "internal", detail: {} });
      expect(refusal.message).not.toContain(secret);
      expect(reasonOf(error)).toBe("db_23505");
    }
  });
  it.each(["53300", "57P03", "40001", "40P01", "08006", "57014"])("SQLSTATE %s is busy: try again", (code) => {
    const error = Object.assign(new Error("test"), { name: "PostgresError", code });
    expect(toExchangeError(error)).toMatchObject({ code: "busy", detail: { retry_after: 2 } });
    expect(toExchangeError(new Error("wrapped", { cause: error })).code).toBe("busy");
  });
  it.each(["ECONNREFUSED", "CONNECTION_CLOSED", "CONNECT_TIMEOUT"])("%s is busy: try again", (code) => {
    expect(toExchangeError(Object.assign(new Error("127.0.0.1"), { code })).code).toBe("busy");
  });
  it("that are not understood are internal, whatever code they carry", () => {
    expect(toExchangeError(Object.assign(new Error("test"), { code: "ERR_TEST" })).code).toBe("internal");
    expect(toExchangeError("test").code).toBe("internal");
    const own = new ExchangeError("set_held");
    expect(toExchangeError(own)).toBe(own);
  });
});
