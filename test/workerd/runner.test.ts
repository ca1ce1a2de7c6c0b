import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { endProcess, listOrphansOf, listProcessesOf } from "@breakwater/local/processes.ts";
import postgres from "postgres";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const BURST = 300;
const END_MS = 5_000;
const AGAIN_MS = 30_000;

let home: string;
let running: RunningExchange | undefined;
let child: ChildProcess | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "breakwater-runner-"));
  chmodSync(home, 0o711);
});

afterEach(async () => {
  await running?.stop();
  if (child?.kill("SIGKILL")) await once(child, "exit"); // until then what it started is no orphan
  for (const left of listOrphansOf(home)) await endProcess(left, ["SIGKILL"], END_MS);
  [running, child] = [undefined, undefined];
  rmSync(home, { recursive: true, force: true });
});

async function start(): Promise<RunningExchange> {
  running = await startExchange({ home, durable: false });
  return running;
}

async function startChild(): Promise<{ url: string; databaseUrl: string }> {
  const script = fileURLToPath(new URL("runner-child.ts", import.meta.url));
  child = spawn(process.execPath, [script, home], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  const [line] = await once(createInterface(child.stdout as NodeJS.ReadableStream), "line");
  return JSON.parse(line);
}

async function write(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1 });
  await sql`create table kept as select 7 as n`;
  await sql.end();
}

async function read(databaseUrl: string): Promise<unknown> {
  const sql = postgres(databaseUrl, { max: 1 });
  const rows = await sql`select n from kept`;
  await sql.end();
  return rows[0]?.n;
}

describe("an exchange on one machine", () => {
  it("answers a burst of requests that all need the database, none of them with an error", async () => {
    const { url } = await start();
    const statuses = await Promise.all(
      Array.from({ length: BURST }, async () => (await fetch(`${url}/readyz`)).status),
    );
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  it("runs scheduled work by its cron", async () => {
    const { tick, databaseUrl } = await start();
    await tick("17 * * * *");
    await tick();
    const sql = postgres(databaseUrl, { max: 1 });
    const [row] = await sql`select count(*)::int as n from retention_runs`;
    await sql.end();
    expect(row?.n).toBeGreaterThan(0);
  });

  it("starts again after Worker and database were killed at once", async () => {
    const first = await start();
    await write(first.databaseUrl);
    await first.kill();
    await expect(fetch(`${first.url}/healthz`)).rejects.toThrow();
    const again = await start();
    expect((await fetch(`${again.url}/readyz`)).status).toBe(200);
    expect(await read(again.databaseUrl)).toBe(7);
  });

  it("starts again after its runner was killed, and ends what that one left running", async () => {
    const left = await startChild();
    await write(left.databaseUrl);
    const pids = listProcessesOf(home).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThanOrEqual(2); // Worker runtime and database
    child?.kill("SIGKILL");
    await once(child as ChildProcess, "exit");
    const again = await start();
    expect(await read(again.databaseUrl)).toBe(7);
    const now = listProcessesOf(home).map(({ pid }) => pid);
    expect(now.filter((pid) => pids.includes(pid))).toEqual([]);
    await expect(fetch(`${left.url}/healthz`)).rejects.toThrow();
  });

  it("starts again at once after its whole process group was killed", async () => {
    const left = await startChild();
    await write(left.databaseUrl);
    process.kill(-(child?.pid as number), "SIGKILL");
    const again = await start();
    expect(await read(again.databaseUrl)).toBe(7);
  });

  it("is not started a second time from the same home", async () => {
    const { url } = await startChild();
    await expect(start()).rejects.toThrow("already runs");
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it("answers again after its Worker runtime has ended by itself", async () => {
    const { url } = await start();
    const runtime = listProcessesOf(home).find(({ command }) => /workerd/.test(command));
    process.kill(runtime?.pid as number, "SIGKILL");
    const isReady = () =>
      fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(isReady, { timeout: AGAIN_MS }).toBe(true);
    expect(listProcessesOf(home).map(({ pid }) => pid)).not.toContain(runtime?.pid);
  });

  it("leaves nothing behind when it is stopped", async () => {
    await start();
    await running?.stop();
    running = undefined;
    expect(listProcessesOf(home)).toEqual([]);
  });
});
