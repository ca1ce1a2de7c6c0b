import { once } from "node:events";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { LOG_KILL_POINTS } from "@breakwater/exchange/platform/kill-points.ts";
import { verifySoundLog } from "@breakwater/exchange/testing/sound-log.ts";
import { startCommand } from "@breakwater/local/breakwater-command.ts";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { type Seeded, seed } from "@breakwater/local/seed.ts";
import { readLogInfo } from "@breakwater/local/welcome.ts";
import {
  bundlesToWrite,
  edgeTiles,
  openCheckpoint,
  openProof,
  parseVkey,
  tilePath,
} from "@breakwater/shared/log/index.ts";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildJudge, hasGo } from "../conformance/go-judge.ts";

const SET = "/v1/sets/hotline.example/verified";
/** The dead publication's lease has to run out first. */
const CATCH_UP_MS = 30_000;

let home: string;
let running: RunningExchange | undefined;
let seeded: Seeded;

async function start(env: Record<string, string> = {}): Promise<RunningExchange> {
  running = await startExchange({ home, durable: false, env });
  seeded = await seed({ home, exchange: running, say: () => {}, signal: new AbortController().signal });
  return running;
}

/** The log as anybody sees it over HTTP, held against the rows. @returns how many leaves are published, and are there */
async function verifyLog(): Promise<{ published: number | undefined; rows: number }> {
  const { url, databaseUrl } = running as RunningExchange;
  const log = await readLogInfo(url);
  const sql = postgres(databaseUrl, { max: 1 });
  const rows = await sql<{ envelope: Uint8Array }[]>`select envelope from log_leaves order by log_index`;
  await sql.end();
  const leaves = rows.map(({ envelope }) => new Uint8Array(envelope));
  const read = async (path: string) => {
    const answer = await fetch(`${log.url}/${path}`);
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined;
  };
  return { published: await verifySoundLog({ read, leaves, ...log }), rows: leaves.length };
}

async function expectAllPublished(rows: number): Promise<void> {
  const ask = () => {
    const { exchange, apiKey } = seeded.profiles.company;
    return fetch(`${exchange}${SET}/proof`, { headers: { authorization: `Bearer ${apiKey}` } });
  };
  await expect.poll(async () => (await ask()).status, { timeout: CATCH_UP_MS, interval: 500 }).toBe(200);
  await expect.poll(verifyLog, { timeout: CATCH_UP_MS, interval: 500 }).toEqual({ published: rows, rows });
  const { origin, vkey } = await readLogInfo((running as RunningExchange).url);
  await openProof(await (await ask()).text(), { origin, vkey: parseVkey(vkey) });
}

function publishOneMore(name: string) {
  const list = join(home, `${name}.ndjson`);
  const value = Buffer.from(name.padEnd(32, "-")).toString("hex").slice(0, 64);
  const verification = { level: "two_reviewed", on: "2026-11-02", people: 2 };
  const axes = { act: "none_visible", age: "not_assessed", production: "drawn_or_cgi", category: "synthetic_test" };
  writeFileSync(
    list,
    JSON.stringify({ alg: "sha256", value, ...axes, media: "image", source_fidelity: "original_bytes", verification }),
  );
  const out = openSync(join(home, "logs", "command.log"), "a", 0o600);
  const args = ["publish", "--set", "verified", "--from", list, "--keep-missing", "--json"];
  const child = startCommand(seeded.profiles.hotline.dir, args, out);
  closeSync(out);
  return child;
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "breakwater-log-"));
  chmodSync(home, 0o711);
  await start();
});

afterAll(async () => {
  await running?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe("the log on the real runtime", () => {
  it("holds everything that the seed published, over HTTP and verified", async () => {
    const { rows } = await verifyLog();
    expect(rows).toBeGreaterThan(4);
    await expectAllPublished(rows);
  });

  it.each(LOG_KILL_POINTS)(
    "is whole after SIGKILL at %s: the old checkpoint first, and then the new one",
    async (point) => {
      const { rows } = await verifyLog();
      await expectAllPublished(rows);
      await running?.stop();
      const doomed = await start({ KILL_AT: point });
      const publishing = publishOneMore(point);
      const ended = once(publishing, "exit");
      await doomed.killed;
      publishing.kill("SIGKILL");
      await ended;

      await start();
      const after = await verifyLog();
      expect(after.rows).toBe(rows + 1);
      expect([rows, rows + 1]).toContain(after.published);
      await expectAllPublished(rows + 1);
    },
  );

  it.skipIf(!hasGo())("is accepted by Go's sumdb/note and sumdb/tlog, as it is served", async () => {
    const log = await readLogInfo((running as RunningExchange).url);
    const folder = join(home, "served");
    const keep = async (path: string, answer: Response) => {
      expect(answer.status).toBe(200);
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), await answer.bytes());
    };
    const note = await (await fetch(`${log.url}/checkpoint`)).text();
    const { size } = (await openCheckpoint(note, { origin: log.origin, vkey: parseVkey(log.vkey) })).checkpoint;
    // So few leaves that no tile is full: the right edge is all there is.
    for (const { level, index, width } of [...bundlesToWrite(0, size), ...edgeTiles(size)]) {
      const path = tilePath(level, index, width);
      await keep(path, await fetch(`${log.url}/${path}`));
    }
    await keep("checkpoint", await fetch(`${log.url}/checkpoint`));
    const { exchange, apiKey } = seeded.profiles.company;
    const headers = { authorization: `Bearer ${apiKey}` };
    await keep("judge/proof/1", await fetch(`${exchange}${SET}/releases/1/proof`, { headers }));
    await keep("judge/proof/2", await fetch(`${exchange}${SET}/proof`, { headers }));
    const judge = await buildJudge(mkdtempSync(join(home, "judge-")));
    expect(await judge(folder, log.vkey, log.origin)).toEqual({
      accepts: true,
      says: `entries ${size}, proofs 2, consistent with 0`,
    });
  });
});
