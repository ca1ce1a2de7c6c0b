import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Pooler, startPooler } from "./pooler.ts";
import { type Database, startPostgres } from "./postgres.ts";

const START_TIMEOUT_MS = 60_000;
const home = mkdtempSync(join(tmpdir(), "breakwater-pooler-"));
// Made private by the system; the database's own user must pass through.
chmodSync(home, 0o711);
let database: Database;
let pooler: Pooler;

function session(settings: postgres.Options<Record<string, postgres.PostgresType>> = {}): postgres.Sql {
  return postgres(pooler.url, { max: 1, fetch_types: false, onnotice: () => {}, ...settings });
}

async function once<T>(work: (sql: postgres.Sql) => Promise<T>, settings = {}): Promise<T> {
  const sql = session(settings);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

beforeAll(async () => {
  database = await startPostgres({ home, durable: false });
  pooler = await startPooler(database.url);
  await once((sql) => sql`create table rows (id int primary key, line text)`);
}, START_TIMEOUT_MS);

afterAll(async () => {
  await pooler?.stop();
  await database?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe("a session pooler", () => {
  it("answers 300 sessions at once over fewer connections than that", async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) => once((sql) => sql`select ${n}::int as n, pg_sleep(0.01)`)),
    );
    expect(answers.map(([row]) => row?.n)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    expect(pooler.figures().open).toBeLessThan(100);
  });

  it("leaves no transaction, setting, prepared statement or lock of one session to the next", async () => {
    const first = session();
    await first.unsafe("set statement_timeout = 12345");
    await first.unsafe("select pg_advisory_lock(7)");
    await first.unsafe("begin");
    await first`insert into rows values (${1}, ${"unfinished"})`;
    await first.end({ timeout: 5 });
    await once(async (sql) => {
      expect((await sql`select current_setting('statement_timeout') as kept`)[0]?.kept).toBe("0");
      expect((await sql`select count(*)::int as n from rows where id = 1`)[0]?.n).toBe(0);
      expect(
        (await sql`select count(*)::int as n from pg_prepared_statements where statement like 'insert into rows%'`)[0]
          ?.n,
      ).toBe(0);
      expect((await sql`select pg_try_advisory_lock(7) as free`)[0]?.free).toBe(true);
    });
  });

  it("gives a session the settings of its own startup packet", async () => {
    const [own] = await once((sql) => sql`show application_name`, { connection: { application_name: "one" } });
    const [other] = await once((sql) => sql`show application_name`, { connection: { application_name: "two" } });
    expect([own?.application_name, other?.application_name]).toEqual(["one", "two"]);
  });

  it("carries COPY both ways", async () => {
    await once(async (sql) => {
      const into = await sql`copy rows from stdin`.writable();
      const done = new Promise((resolve, reject) => into.on("finish", resolve).on("error", reject));
      for (let n = 100; n < 5_100; n++) into.write(`${n}\t${"x".repeat(200)}\n`);
      into.end();
      await done;
    });
    const [counted] = await once(
      (sql) => sql`select count(*)::int as n, sum(length(line))::int as size from rows where id >= 100`,
    );
    expect(counted).toEqual({ n: 5_000, size: 1_000_000 });
  });

  it("drops the connection of a client that vanishes in the middle of a query, and its locks with it", async () => {
    const client = session();
    await client.unsafe("select pg_advisory_lock(8)");
    const running = client`select pg_sleep(60)`.catch(() => "cut");
    await sleep(200);
    await client.end({ timeout: 0 });
    await running;
    await expect
      .poll(async () => (await once((sql) => sql`select pg_try_advisory_lock(8) as free`))[0]?.free, {
        timeout: 10_000,
      })
      .toBe(true);
  });

  it("refuses a wrong password without asking the database", async () => {
    const wrong = new URL(pooler.url);
    wrong.password = "wrong";
    const sql = postgres(wrong.href, { max: 1 });
    await expect(sql`select 1`).rejects.toMatchObject({ code: "28P01" });
    await sql.end({ timeout: 1 });
  });
});
