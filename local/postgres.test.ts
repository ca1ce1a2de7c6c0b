import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Database, startPostgres } from "./postgres.ts";

const TIMEOUT_MS = 60_000;
const isRoot = process.getuid?.() === 0;

let folder: string;
let home: string;
let said: string[];
let running: Database | undefined;

async function start(): Promise<Database> {
  running = await startPostgres({ home, durable: false, say: (sentence) => said.push(sentence), env: {} });
  return running;
}

async function ask<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Where this home's data really is: beside it, or in the folder that was noted. */
function placeOf(): string {
  const note = join(home, "postgres-place");
  return existsSync(note) ? readFileSync(note, "utf8") : join(home, "postgres");
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "breakwater-postgres-"));
  // Made private by the system; the database's own user must pass through.
  chmodSync(folder, 0o711);
  home = join(folder, "home");
  said = [];
});

afterEach(async () => {
  await running?.stop();
  running = undefined;
  const place = existsSync(home) ? placeOf() : undefined;
  if (place && !place.startsWith(home)) rmSync(place, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

describe("the database of one machine", { timeout: TIMEOUT_MS }, () => {
  it("keeps what was committed over a kill and a clean stop", async () => {
    const first = await start();
    expect(first.found).toBe(false);
    await ask(first.url, (sql) => sql`create table kept as select 7 as n`);
    await first.kill();
    const second = await start();
    expect(second.found).toBe(true);
    expect(await ask(second.url, (sql) => sql`select n from kept`)).toEqual([{ n: 7 }]);
    await second.stop();
    const third = await start();
    expect(await ask(third.url, (sql) => sql`select n from kept`)).toEqual([{ n: 7 }]);
  });

  it("takes over from a server that was left behind on the same data", async () => {
    const left = await start();
    await ask(left.url, (sql) => sql`create table kept as select 7 as n`);
    const next = await start();
    expect(next.url).not.toBe(left.url);
    expect(await ask(next.url, (sql) => sql`select n from kept`)).toEqual([{ n: 7 }]);
    await expect(ask(left.url, (sql) => sql`select 1`)).rejects.toThrow();
  });

  it("is not stopped by a pid file that names somebody else", async () => {
    await (await start()).stop();
    writeFileSync(
      join(placeOf(), "data", "postmaster.pid"),
      `${process.pid}\n${placeOf()}/data\n1\n5432\n\n127.0.0.1\n 1 1\nready\n`,
    );
    expect((await start()).found).toBe(true);
  });

  it("begins again when making it was interrupted", async () => {
    await (await start()).stop();
    const place = placeOf();
    rmSync(join(place, "initialised"));
    rmSync(join(place, "data", "global"), { recursive: true });
    const again = await start();
    expect(again.found).toBe(false);
    expect(await ask(again.url, (sql) => sql`select 1 as n`)).toEqual([{ n: 1 }]);
  });

  it("never writes a value into its log", async () => {
    const { url } = await start();
    await ask(url, async (sql) => {
      await sql`create table terms (text text primary key, n int check (n < 5))`;
      const row = { text: "test-term-0001", n: 9 };
      await expect(sql`insert into terms ${sql(row)}`).rejects.toThrow();
      await expect(sql.unsafe("insert into terms values ('test-term-0001', 'test-term-0001')")).rejects.toThrow();
      await sql`insert into terms values ('test-term-0001', 1)`;
      await expect(sql`insert into terms values ('test-term-0001', 1)`).rejects.toThrow();
      await expect(sql`select 'test-term-0001'::int`).rejects.toThrow();
    });
    await running?.stop();
    const logs = readdirSync(join(home, "logs")).map((name) => readFileSync(join(home, "logs", name), "utf8"));
    expect(logs.join("\n")).not.toContain("test-term");
  });

  it("uses the one that DATABASE_URL names and starts none", async () => {
    const database = await startPostgres({ home, env: { DATABASE_URL: "postgres://somebody@database.example/there" } });
    expect(database.url).toBe("postgres://somebody@database.example/there");
    expect(existsSync(home)).toBe(false);
  });

  it.runIf(isRoot)("as root, lives elsewhere and says so when its own user cannot enter the home", async () => {
    mkdirSync(join(folder, "closed"), { mode: 0o700 });
    home = join(folder, "closed", "home");
    const first = await start();
    await ask(first.url, (sql) => sql`create table kept as select 7 as n`);
    expect(said.join("\n")).toContain("cannot enter");
    expect(placeOf().startsWith(home)).toBe(false);
    await first.stop();
    expect(await ask((await start()).url, (sql) => sql`select n from kept`)).toEqual([{ n: 7 }]);
    await running?.stop();
    const place = placeOf();
    rmSync(home, { recursive: true });
    // A removed home means a new beginning, also where its data was kept elsewhere.
    expect((await start()).found).toBe(false);
    expect(placeOf()).toBe(place);
  });
});
