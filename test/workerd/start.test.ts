import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { endProcess, listOrphansOf, listProcessesOf } from "@breakwater/local/processes.ts";
import type { Demo } from "@breakwater/local/welcome.ts";
import { openCheckpoint, openProof, parseVkey } from "@breakwater/shared/log/index.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const START_PATIENCE_MS = 170_000;
const STOP_PATIENCE_MS = 30_000;
const END_MS = 5_000;
const launcher = fileURLToPath(new URL("../../local/bin/start.js", import.meta.url));
const command = fileURLToPath(new URL("../../client/bin/breakwater.js", import.meta.url));

let home: string;
let port: number;
let child: ChildProcess;
let output: string;

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: free } = server.address() as { port: number };
  server.close();
  return free;
}

/** Starts as `npm start` does and answers with the demo's file once the welcome is out. */
async function start(): Promise<Demo> {
  output = "";
  child = spawn(process.execPath, [launcher], {
    env: { ...process.env, BREAKWATER_HOME: home, BREAKWATER_PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  await expect
    .poll(() => output, { timeout: START_PATIENCE_MS, interval: 100 })
    .toMatch(/Breakwater is up at|could not start/);
  expect(output).toContain("Breakwater is up at");
  return JSON.parse(readFileSync(join(home, "demo.json"), "utf8"));
}

async function breakwater(member: string, ...args: string[]): Promise<{ code: number | null; out: string }> {
  const env = { ...process.env, BREAKWATER_CONFIG: join(home, "profiles", member) };
  const run = spawn(process.execPath, [command, ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  run.stdout.on("data", (chunk) => (out += chunk));
  const [code] = await once(run, "close");
  return { code, out };
}

function get(demo: Demo, member: string, path: string): Promise<Response> {
  const { apiKey } = demo.members.find(({ name }) => name === member) as Demo["members"][number];
  return fetch(`${demo.exchange}${path}`, { headers: { authorization: `Bearer ${apiKey}` } });
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "breakwater-start-"));
  chmodSync(home, 0o711);
  port = await findFreePort();
});

afterAll(async () => {
  child?.kill("SIGKILL");
  for (const left of listOrphansOf(home)) await endProcess(left, ["SIGKILL"], END_MS);
  rmSync(home, { recursive: true, force: true });
});

describe("npm start", () => {
  let first: Demo;

  it("says what can be set, and starts nothing for words that it does not know", () => {
    const ask = (word: string) => spawnSync(process.execPath, [launcher, word], { encoding: "utf8" });
    expect(ask("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("BREAKWATER_PORT") });
    expect(ask("--prot=80")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Not understood: --prot=80."),
    });
  });

  it("goes from an empty folder to a product with data", async () => {
    first = await start();
    expect(statSync(join(home, "demo.json")).mode & 0o777).toBe(0o600);
    expect(first.exchange).toBe(`http://127.0.0.1:${port}`);
    expect(first.members.map(({ name }) => name).sort()).toEqual(["company", "flaggers", "hotline", "operator", "sme"]);
    expect(first.sets.map(({ kind }) => kind).sort()).toEqual(["hash", "indicator", "term", "url"]);
    expect(first.flaggerInvite).toMatch(/^bwi_[0-9a-f]{32}_/);
    expect(first.console).toMatch(new RegExp(`^${first.exchange}/sign-in#.{43}$`));
    expect((await fetch(first.exchange)).headers.get("content-type")).toContain("text/html");
  });

  it("shows each member what it may read", async () => {
    const listed = async (member: string) => {
      const { sets } = (await (await get(first, member, "/v1/sets")).json()) as { sets: { set: string }[] };
      return sets.map(({ set }) => set).sort();
    };
    expect(await listed("company")).toEqual(["adverts", "terms-en", "trends", "verified"]);
    expect(await listed("sme")).toEqual(["trends", "verified"]);
    expect(await listed("flaggers")).toEqual(["verified"]);
  });

  it("tells a desk of its own about urgent reports, and says so", async () => {
    const answer = await get(first, "hotline", "/v1/hotline/recipients");
    expect(answer.headers.get("breakwater-forward")).toBe("yes");
  });

  it("lets the company's command sync every set of its own", async () => {
    const { code, out } = await breakwater("company", "sync");
    expect(code).toBe(0);
    expect(out).toContain("hotline.example/verified");
  });

  it("has everything that was signed in a log that anybody can check", async () => {
    const { url, origin, vkey } = first.log;
    expect({ url, origin }).toEqual({ url: `${first.exchange}/log`, origin: "localhost.example/log1" });
    const log = { origin, vkey: parseVkey(vkey) };
    // One root and four first releases.
    const size = async () =>
      (await openCheckpoint(await (await fetch(`${url}/checkpoint`)).text(), log)).checkpoint.size;
    await expect.poll(size).toBe(5);
    const proof = await (await get(first, "company", "/v1/sets/hotline.example/verified/proof")).text();
    const head = await (await get(first, "company", "/v1/sets/hotline.example/verified/head")).text();
    expect(new TextDecoder().decode((await openProof(proof, log)).entry)).toBe(head);
  });

  it("prints a curl line that works as it stands", async () => {
    const line = /curl -s -H @(\S+) '([^']+)'/.exec(output);
    const [name, value] = readFileSync(line?.[1] as string, "utf8")
      .trim()
      .split(": ") as [string, string];
    const page = (await (await fetch(line?.[2] as string, { headers: { [name]: value } })).json()) as {
      entries: unknown[];
    };
    expect(page.entries).toHaveLength(2);
  });

  it("finds its data again after everything was killed, with a new invite and a new link", async () => {
    process.kill(-(child.pid as number), "SIGKILL");
    const again = await start();
    expect(again.members).toEqual(first.members);
    expect(again.sets).toEqual(first.sets);
    expect(again.flaggerInvite).not.toBe(first.flaggerInvite);
    expect(again.console).not.toBe(first.console);
    const set = (await (await get(again, "company", "/v1/sets/hotline.example/verified")).json()) as {
      release: number;
    };
    expect(set.release).toBe(1);
    expect((await breakwater("company", "sync")).code).toBe(0);
  });

  it("stops its parts when only the launcher was killed", async () => {
    child.kill("SIGKILL");
    await expect.poll(() => listProcessesOf(home), { timeout: STOP_PATIENCE_MS }).toEqual([]);
  });

  it("stops cleanly at Ctrl-C", async () => {
    await start();
    const exited = once(child, "exit");
    process.kill(-(child.pid as number), "SIGINT");
    expect(await exited).toEqual([0, null]);
    expect(output).toContain("Everything is kept");
    expect(listProcessesOf(home)).toEqual([]);
    await expect(fetch(first.exchange)).rejects.toThrow();
  });

  it("stops and says why when its database has ended by itself", async () => {
    await start();
    const exited = once(child, "exit");
    const database = listProcessesOf(home).find(({ command }) => /postgres -D/.test(command));
    process.kill(database?.pid as number, "SIGKILL");
    expect(await exited).toEqual([1, null]);
    expect(output).toContain("The database has ended by itself, so Breakwater stops.");
    await expect.poll(() => listProcessesOf(home), { timeout: STOP_PATIENCE_MS }).toEqual([]);
  });

  it("says in one sentence that the port is taken, and leaves nothing running", async () => {
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    await expect(start()).rejects.toThrow();
    expect(output).toContain(`Another program already uses port ${port}`);
    await expect.poll(() => listProcessesOf(home), { timeout: STOP_PATIENCE_MS }).toEqual([]);
    other.close();
  });
});
