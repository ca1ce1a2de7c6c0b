import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RELEASE_KILL_POINTS } from "@breakwater/exchange/platform/kill-points.ts";
import { runCommand, startCommand } from "@breakwater/local/breakwater-command.ts";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { type Seeded, seed } from "@breakwater/local/seed.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const SET = "/v1/sets/hotline.example/verified";
const SET_NAME = "hotline.example/verified";
/** More requests than a sync of one new release makes. */
const SYNC_REQUESTS_MAX = 30;
/** The lease of a publication that was killed ends within ten seconds; a subscriber goes by the log. */
const LOGGED_MS = 40_000;

let home: string;
let running: RunningExchange | undefined;
let seeded: Seeded;

async function start(env: Record<string, string> = {}): Promise<RunningExchange> {
  running = await startExchange({ home, durable: false, env });
  seeded = await seed({ home, exchange: running, say: () => {}, signal: new AbortController().signal });
  return running;
}

function get(path: string): Promise<Response> {
  const { exchange, apiKey } = seeded.profiles.company;
  return fetch(`${exchange}${path}`, { headers: { authorization: `Bearer ${apiKey}` } });
}

type State = { release: number; entries: number };
type Change = { op: "put"; entry: { id: string } } | { op: "del"; id: string };

/** The set as three different routes show it: they must tell the same, whatever happened. */
async function readState(): Promise<State> {
  const { release, entries } = (await (await get(SET)).json()) as State;
  const whole = await get(`${SET}/entries.ndjson`);
  const lines = (await whole.text()).trim().split("\n");
  const fed = new Set<string>();
  for (let cursor = ""; ; ) {
    const page = (await (await get(`${SET}/changes?limit=1000${cursor}`)).json()) as {
      entries: Change[];
      cursor: string;
      more: boolean;
    };
    for (const change of page.entries) change.op === "put" ? fed.add(change.entry.id) : fed.delete(change.id);
    if (!page.more) break;
    cursor = `&cursor=${encodeURIComponent(page.cursor)}`;
  }
  expect({ release: Number(whole.headers.get("breakwater-release")), lines: lines.length, fed: fed.size }).toEqual({
    release,
    lines: entries,
    fed: entries,
  });
  return { release, entries };
}

async function readCopy(): Promise<State & { state: string }> {
  const { out } = await runCommand(seeded.profiles.company.dir, ["status", SET_NAME, "--json"]);
  const { release, entries, state } = JSON.parse(out.trim());
  return { release, entries, state };
}

/** Syncs as a company does, until its copy is what the exchange has; every sync succeeds, and every copy is one whole state. */
async function syncUntilEqual(): Promise<void> {
  await expect
    .poll(
      async () => {
        expect((await runCommand(seeded.profiles.company.dir, ["sync"])).code).toBe(0);
        const [{ state, ...copy }, there] = [await readCopy(), await readState()];
        expect(state).toBe("ok");
        return copy.release === there.release && copy.entries === there.entries;
      },
      { timeout: LOGGED_MS, interval: 500 },
    )
    .toBe(true);
}

function writeList(name: string): string {
  const path = join(home, `${name}.ndjson`);
  const entry = {
    alg: "sha256",
    value: createHash("sha256").update(name).digest("hex"),
    act: "none_visible",
    age: "not_assessed",
    production: "drawn_or_cgi",
    category: "synthetic_test",
    media: "image",
    source_fidelity: "original_bytes",
    verification: { level: "two_reviewed", on: "2026-11-02", people: 2 },
  };
  writeFileSync(path, JSON.stringify(entry));
  return path;
}

const publishArgs = (name: string) => [
  "publish",
  "--set",
  "verified",
  "--from",
  writeList(name),
  "--keep-missing",
  "--json",
];

function startQuietly(profileDir: string, args: string[]): ChildProcess {
  const log = openSync(join(home, "logs", "command.log"), "a", 0o600);
  const child = startCommand(profileDir, args, log);
  closeSync(log);
  return child;
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "breakwater-kill-"));
  chmodSync(home, 0o711);
  await start();
  expect((await runCommand(seeded.profiles.company.dir, ["sync"])).code).toBe(0);
});

afterAll(async () => {
  await running?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe("SIGKILL of the exchange while a release is published", () => {
  it.each(RELEASE_KILL_POINTS)(
    "at %s leaves the old state or the new one, and the same command finishes it",
    async (point) => {
      const before = await readState();
      await running?.stop();
      const doomed = await start({ KILL_AT: point });
      const publishing = startQuietly(seeded.profiles.hotline.dir, publishArgs(point));
      const ended = once(publishing, "exit");
      await doomed.killed;
      publishing.kill("SIGKILL");
      await ended;

      await start();
      const after = await readState();
      const next = { release: before.release + 1, entries: before.entries + 1 };
      expect([before, next]).toContainEqual(after);
      if (point === "after_head_moved") expect(after).toEqual(next);
      // A subscriber verifies what there is, down to the last entry: what the log covers, and all of it within seconds,
      // once the lease of the publication that was killed has ended.
      await syncUntilEqual();

      const again = await runCommand(seeded.profiles.hotline.dir, publishArgs(point));
      expect({ code: again.code, err: again.err }).toMatchObject({ code: 0 });
      expect(await readState()).toEqual(next);
      await syncUntilEqual();
      expect(await readCopy()).toEqual({ state: "ok", ...next });
    },
  );
});

describe("SIGKILL of the company's command during sync", () => {
  let relay: Server;
  let seen = 0;
  let killAt = Number.POSITIVE_INFINITY;
  let victim: ChildProcess | undefined;

  beforeAll(async () => {
    relay = createServer(async (request, response) => {
      if (++seen >= killAt) return void victim?.kill("SIGKILL");
      const { exchange, apiKey } = seeded.profiles.company;
      const passed = await fetch(
        `${exchange.replace(/:\d+$/, `:${new URL(running?.url as string).port}`)}${request.url}`,
        {
          headers: { authorization: `Bearer ${apiKey}` },
        },
      );
      const bytes = Buffer.from(await passed.arrayBuffer());
      const type = passed.headers.get("content-type") ?? "application/octet-stream";
      response.writeHead(passed.status, { "content-type": type, "content-length": bytes.length }).end(bytes);
    });
    relay.listen(0, "127.0.0.1");
    await once(relay, "listening");
  });
  afterAll(() => relay.close());

  it("at any of its requests leaves the last verified copy, and the same command finishes it", async () => {
    await runCommand(seeded.profiles.hotline.dir, publishArgs("during_sync"));
    const [before, next] = [await readCopy(), await readState()];
    expect(next.release).toBe(before.release + 1);
    const { port } = relay.address() as { port: number };
    const env = { ...seeded.profiles.company, exchange: `http://127.0.0.1:${port}` };
    const { writeProfile } = await import("@breakwater/client/profile/profile.ts");
    await writeProfile(env);
    let finished = false;
    for (killAt = 1; !finished && killAt < SYNC_REQUESTS_MAX; killAt++) {
      seen = 0;
      victim = startQuietly(seeded.profiles.company.dir, ["sync", SET_NAME]);
      const [code] = await once(victim, "exit");
      const copy = await readCopy();
      expect([before, { ...next, state: "ok" }]).toContainEqual(copy);
      finished = code === 0;
    }
    expect(killAt).toBeGreaterThan(3);
    expect(await readCopy()).toEqual({ state: "ok", ...next });
  });
});
