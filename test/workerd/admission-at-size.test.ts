import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openExchange } from "@breakwater/client/http/index.ts";
import { type RunningExchange, startExchange } from "@breakwater/local/exchange.ts";
import { type Seeded, seed } from "@breakwater/local/seed.ts";
import { createStateDigest } from "@breakwater/shared/state.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type SentSet, sendLargeSet } from "../../bench/large-set.ts";

/** Ten segments: enough for a kill to come in the middle of them, twice. */
const SIZE = 160_000;
const KILLS = 2;
const POLL_MS = 20;
const PATIENCE_MS = 120_000;

let home: string;
let running: RunningExchange | undefined;
let profiles: Seeded["profiles"];

async function start(): Promise<RunningExchange> {
  running = await startExchange({ home, durable: false });
  ({ profiles } = await seed({ home, exchange: running, say: () => {}, signal: new AbortController().signal }));
  return running;
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "breakwater-size-"));
  chmodSync(home, 0o711);
  await start();
});
afterAll(async () => {
  await running?.stop();
  rmSync(home, { recursive: true, force: true });
});

const publisher = () => openExchange({ origin: running?.url as string, apiKey: profiles.hotline.apiKey });

async function waitFor<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error("it did not come to that");
}

/** The set as a script sees it, by two routes. */
async function readRows({ setId, composed }: SentSet) {
  const get = (path: string) =>
    fetch(`${running?.url}/v1/sets/${setId.publisher}/${setId.set}/${path}`, {
      headers: { authorization: `Bearer ${profiles.company.apiKey}` },
    });
  const whole = await get("entries.ndjson");
  if (whole.status === 404) return { head: 0, rows: 0, isWhole: false };
  const state = createStateDigest();
  for (const line of (await whole.text()).trimEnd().split("\n")) state.add(line);
  let fed = 0;
  for (let cursor = "", more = true; more; ) {
    const page = (await (await get(`changes?limit=1000${cursor}`)).json()) as {
      entries: unknown[];
      cursor: string;
      more: boolean;
    };
    fed += page.entries.length;
    more = page.more;
    cursor = `&cursor=${page.cursor}`;
  }
  const isWhole = (await state.digest()) === composed.manifest.snapshot.state && fed === state.count();
  return { head: Number(whole.headers.get("breakwater-release")), rows: state.count(), isWhole };
}

it("SIGKILL in the middle of a large admission shows nothing of it, and it goes on where it was without anybody's help", async () => {
  const sent = await sendLargeSet({ url: running?.url as string, profiles }, "at-size", SIZE);
  await publisher().postRelease(sent.setId, sent.composed.statementBytes, "exchange");
  let before = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const admission = await waitFor(async () => {
      const answer = await publisher().getAdmission(sent.setId, 1);
      return answer.rows_done > before ? answer : undefined;
    });
    await running?.kill();
    expect(admission).toMatchObject({ state: "running", rows_total: SIZE });
    expect(admission.rows_done).toBeLessThan(SIZE);
    await start();
    expect(await readRows(sent)).toEqual({ head: 0, rows: 0, isWhole: false });
    const { rows_done } = await publisher().getAdmission(sent.setId, 1);
    // Whole segments, and none of them lost.
    expect(rows_done).toBeGreaterThanOrEqual(admission.rows_done);
    expect(sent.composed.manifest.snapshot.entries).toBe(SIZE);
    before = rows_done;
  }
  const done = await waitFor(async () => {
    const answer = await publisher().getAdmission(sent.setId, 1);
    return answer.state === "done" || answer.state === "failed" ? answer : undefined;
  });
  expect(done).toMatchObject({ state: "done", rows_done: SIZE });
  expect(await readRows(sent)).toEqual({ head: 1, rows: SIZE, isWhole: true });
  // Whoever posts it again is told that it is done.
  expect(await publisher().postRelease(sent.setId, sent.composed.statementBytes, "exchange")).toMatchObject({
    release: 1,
    entries: SIZE,
  });
});
