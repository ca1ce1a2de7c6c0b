/** The drill: a day after the backup the database is lost. What comes back has lost nothing that was published, and gives nothing back that was taken. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writePin, writeProfile } from "@breakwater/client/profile/index.ts";
import { bootstrapOperator } from "@breakwater/exchange/members/index.ts";
import { openDb } from "@breakwater/exchange/platform/db.ts";
import { makeActors } from "@breakwater/exchange/testing/actors.ts";
import { openTestHotline, type TestHotline } from "@breakwater/exchange/testing/hotline.ts";
import {
  del,
  openTestPublisher,
  put,
  type TestPublisher,
  type TestSet,
  testHash,
} from "@breakwater/exchange/testing/publisher.ts";
import type { TestExchange, TestRequest } from "@breakwater/exchange/testing/test-exchange.ts";
import { runCommand } from "@breakwater/local/breakwater-command.ts";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { ROOT } from "@breakwater/local/home.ts";
import { openCheckpoint, parseVkey } from "@breakwater/shared/log/index.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const LOG_ORIGIN = "exchange.example/log1";
const CATCH_UP_MS = 90_000;
const ERASED = testHash(0xe0);
const PASSING = testHash(0xe1);
const DELAYS_MS = [150, 900, 2_500];

let home: string;
let backups: string;
let running: RunningExchange;
let port = 0;
let x: TestExchange;

async function start(env: Record<string, string> = {}, options: { ticking?: boolean } = {}): Promise<void> {
  running = await startExchange({ home, port, durable: false, env: { LOG_ORIGIN, ...env }, ...options });
  port = Number(new URL(running.url).port);
}

/** The helpers of the exchange's own tests, over the wire. */
async function overTheWire(): Promise<TestExchange> {
  const { sql } = openDb(running.databaseUrl);
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const { apiKey: operatorKey } = await bootstrapOperator(sql, new Date(), random);
  await sql.end();
  const request = (path: string, { key, cookie, device, json, body, origin, headers, ...rest }: TestRequest = {}) => {
    const all = new Headers(headers);
    if (key !== undefined) all.set("authorization", `Bearer ${key}`);
    if (device !== undefined) all.set("authorization", `Device ${device}`);
    if (cookie !== undefined) all.set("cookie", `bw_session=${cookie}`);
    if (cookie !== undefined || origin !== undefined) all.set("origin", origin ?? running.url);
    if (json !== undefined) all.set("content-type", "application/json");
    const method = rest.method ?? (json === undefined && body === undefined ? "GET" : "POST");
    const content = json === undefined ? (body as BodyInit | undefined) : JSON.stringify(json);
    return fetch(`${running.url}${path}`, {
      ...rest,
      method,
      headers: all,
      ...(content === undefined ? {} : { body: content }),
    });
  };
  const clock = { now: () => new Date() };
  const base = { origin: running.url, operatorKey, clock, request };
  return Object.assign(base, makeActors(base)) as unknown as TestExchange;
}

const operate = (...args: string[]) => runCommand(join(home, "profile"), ["operator", ...args, "--json"]);

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { code: string }).code;
}

async function readCheckpoint(): Promise<{ size: number; root: Uint8Array }> {
  const { log } = (await (await fetch(`${running.url}/.well-known/breakwater.json`)).json()) as {
    log: { vkey: string };
  };
  const note = new Uint8Array(await (await fetch(`${running.url}/log/checkpoint`)).arrayBuffer());
  return (await openCheckpoint(note, { origin: LOG_ORIGIN, vkey: parseVkey(log.vkey) })).checkpoint;
}

async function waitForLog(size: number): Promise<void> {
  await expect.poll(async () => (await readCheckpoint()).size, { timeout: 20_000, interval: 200 }).toBe(size);
}

/** As text, every row of every table. */
async function everything(): Promise<string> {
  const { sql } = openDb(running.databaseUrl);
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = current_schema()`;
  const texts: string[] = [];
  for (const { name } of tables) {
    texts.push(...(await sql<{ text: string }[]>`select t::text as text from ${sql(name)} t`).map(({ text }) => text));
  }
  await sql.end();
  return texts.join("\n");
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "breakwater-restore-"));
  chmodSync(home, 0o711);
  backups = join(home, "backups");
  process.env.BREAKWATER_HOME = home;
  await start();
  x = await overTheWire();
}, 180_000);
afterAll(async () => {
  delete process.env.BREAKWATER_HOME;
  await running?.stop().catch(() => {});
  rmSync(home, { recursive: true, force: true });
});

describe("the drill", () => {
  let hotline: TestHotline;
  let publisher: TestPublisher;
  let set: TestSet;
  let company: { name: string; key: string };
  let profile: string;
  let revoked: { key: string; keyId: string };
  let device: Awaited<ReturnType<TestExchange["device"]>>;
  let report: { id: string; bytes: Uint8Array<ArrayBuffer> };
  let before: { size: number; root: Uint8Array };
  let takenAt: string;

  const sync = () => runCommand(profile, ["sync", "--json"]);

  it("backs up a running exchange, readable by its operator alone, with an end date", async () => {
    hotline = await openTestHotline(x);
    publisher = await openTestPublisher(x);
    set = await publisher.openSet("hashes");
    await set.publish([put(testHash(1)), put(ERASED)]);
    company = await x.member({ roles: ["subscriber"] });
    revoked = await x.apiKey(company.name, ["read"]);
    device = await x.device(hotline.flaggers.name);
    profile = join(home, "company");
    await writeProfile({ dir: profile, exchange: running.url, apiKey: company.key, stateDir: join(profile, "state") });
    await writePin(profile, publisher.publisher, { version: 1, digest: publisher.firstRootDigest });
    await waitForLog(4);
    expect((await runCommand(profile, ["sync", `${publisher.publisher}/hashes`])).code).toBe(0);

    const done = await operate("backup", backups);
    expect(done).toMatchObject({ code: 0, err: "" });
    const answer = JSON.parse(done.out) as { backup: string; taken_at: string; delete_by: string };
    takenAt = answer.taken_at;
    expect(Date.parse(answer.delete_by) - Date.parse(takenAt)).toBe(30 * 86_400_000);
    for (const name of readdirSync(answer.backup)) expect(statSync(join(answer.backup, name)).mode & 0o077).toBe(0);
    expect(readdirSync(answer.backup)).not.toContain("sessions.copy.gz");
  });

  it("loses its database a day of work later", async () => {
    await set.publish([put(PASSING)]);
    await set.publish([del(ERASED.id), del(PASSING.id), put(testHash(2))], { purpose: "erasure" });
    await set.publish([put(testHash(3))]);
    await x.request(`/v1/operator/members/${company.name}/keys/${revoked.keyId}`, {
      key: x.operatorKey,
      method: "DELETE",
    });
    await x.request(`/v1/devices/${device.id}/revoke`, { key: x.operatorKey, method: "POST" });
    await x.request("/v1/session", { cookie: hotline.people.a.cookie, method: "DELETE" });
    const made = await hotline.makeReport({ file: "bb" });
    report = { id: made.report.id, bytes: made.bytes };
    expect((await hotline.post(made.bytes)).status).toBe(201);
    await waitForLog(7);
    expect((await runCommand(profile, ["sync", `${publisher.publisher}/hashes`])).code).toBe(0);
    before = await readCheckpoint();
    await running.stop();
    rmSync(join(home, "postgres"), { recursive: true, force: true });
    if (existsSync(join(home, "postgres-place"))) {
      rmSync(readFileSync(join(home, "postgres-place"), "utf8"), { recursive: true, force: true });
    }
  });

  it("is put back, killed on the way as often as you like", async () => {
    for (const delayMs of DELAYS_MS) {
      const args = [
        "--disable-warning=ExperimentalWarning",
        join(ROOT, "local", "operate.ts"),
        "restore",
        backups,
        "--replace",
      ];
      const doomed = spawn(process.execPath, args, { stdio: "ignore", env: process.env });
      const ended = once(doomed, "exit");
      await sleep(delayMs);
      doomed.kill("SIGKILL");
      await ended;
    }
    const done = await operate("restore", backups, "--replace");
    expect({ code: done.code, out: JSON.parse(done.out) }).toMatchObject({ code: 0, out: { taken_at: takenAt } });
  });

  it("answers nothing before it has caught up", async () => {
    await start({}, { ticking: false });
    for (const path of [
      set.path,
      "/v1/sets",
      "/log/checkpoint",
      "/.well-known/breakwater.json",
      "/openapi.json",
      "/",
    ]) {
      const answer = await x.request(path, { key: company.key });
      expect([path, answer.status, await codeOf(answer)]).toEqual([path, 503, "restoring"]);
    }
    expect((await hotline.post(report.bytes)).status).toBe(503);
    expect((await fetch(`${running.url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${running.url}/readyz`)).json()).toEqual({ ok: true, restoring: true });
    await running.stop();
  });

  it.each(["restore_after_log", "after_rows_staged", "restore_after_objects"])(
    "goes on after SIGKILL at %s",
    async (point) => {
      await start({ KILL_AT: point });
      await running.killed;
    },
  );

  it("catches up, and serves the newest releases", async () => {
    await start();
    const status = async () => (await x.request(set.path, { key: company.key })).status;
    await expect.poll(status, { timeout: CATCH_UP_MS, interval: 300 }).toBe(200);
    expect(await (await x.request(set.path, { key: company.key })).json()).toMatchObject({ release: 4, entries: 3 });
  });

  it("holds the erased entry nowhere", async () => {
    const [all, stream, feed] = await Promise.all([
      everything(),
      x.request(`${set.path}/entries.ndjson`, { key: company.key }).then((answer) => answer.text()),
      x.request(`${set.path}/changes?limit=1000`, { key: company.key }).then((answer) => answer.text()),
    ]);
    for (const { value } of [ERASED, PASSING]) {
      for (const text of [all, stream, feed]) expect(text).not.toContain(value);
    }
    expect(stream.trim().split("\n")).toHaveLength(3);
  });

  it("lets in nobody who was locked out", async () => {
    const me = "/v1/devices/me";
    expect(await codeOf(await x.request("/v1/sets", { key: revoked.key }))).toBe("api_key_revoked");
    expect(await codeOf(await x.request(me, { device: await device.proof(me) }))).toBe("device_revoked");
    for (const { cookie } of [hotline.people.a, hotline.people.b]) {
      expect(await codeOf(await x.request("/v1/session", { cookie }))).toBe("session_expired");
    }
    expect((await x.request("/v1/sets", { key: company.key })).status).toBe(200);
  });

  it("asks for the lost report, and takes it anew", async () => {
    const me = "/v1/devices/me";
    const answer = (await (await x.request(me, { device: await hotline.device.proof(me) })).json()) as {
      resend_since: string;
      resend_until: string;
    };
    expect(Date.parse(answer.resend_since)).toBeLessThanOrEqual(Date.parse(takenAt));
    expect(Date.parse(answer.resend_until)).toBeGreaterThan(Date.parse(takenAt));
    expect([(await hotline.post(report.bytes)).status, (await hotline.post(report.bytes)).status]).toEqual([201, 200]);
  });

  it("goes on with one log: a subscriber from before sees no fork, and the next release", async () => {
    const after = await readCheckpoint();
    expect(after).toEqual(before);
    expect((await sync()).code).toBe(0);
    await set.publish([put(testHash(4))]);
    await waitForLog(before.size + 1);
    const synced = await runCommand(profile, ["sync", `${publisher.publisher}/hashes`]);
    expect({ code: synced.code, err: synced.err }).toMatchObject({ code: 0 });
    const { out } = await runCommand(profile, ["status", `${publisher.publisher}/hashes`, "--json"]);
    expect(JSON.parse(out.trim())).toMatchObject({ release: 5, entries: 4, state: "ok" });
    // The signers agree with the log: what the exchange signs for others goes on too.
    await hotline.set.publish([put(testHash(5))], { about: hotline.about });
    await waitForLog(before.size + 2);
  });

  it("refuses a backup past its date, and one into rows that are in use", async () => {
    await running.stop();
    const filled = await operate("restore", backups);
    expect([filled.code, JSON.parse(filled.err).code]).toEqual([5, "restore_target"]);
    const [name] = readdirSync(backups);
    const path = join(backups, name as string, "backup.json");
    const manifest = JSON.parse(readFileSync(path, "utf8")) as { taken_at: string };
    const old = new Date(Date.now() - 31 * 86_400_000).toISOString();
    writeFileSync(path, JSON.stringify({ ...manifest, taken_at: old }));
    const expired = await operate("restore", backups, "--replace");
    expect([expired.code, JSON.parse(expired.err).code]).toEqual([5, "backup_expired"]);
  });
});
