import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { testHashEntry, testId } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";

vi.setConfig({ testTimeout: 60_000 });

const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));

type Running = { child: ChildProcess; origin: string; said: () => string; ended: Promise<number | null> };
let scene: Scene;
let running: Running[];
beforeEach(async () => {
  running = [];
  scene = await openScene(3);
  const stateDir = join(scene.dir, "state");
  await writeProfile({ dir: scene.dir, exchange: scene.double.origin, apiKey: TEST_API_KEY, stateDir });
  await writePin(scene.dir, scene.publisher.setId.publisher, scene.publisher.pin);
});
afterEach(async () => {
  for (const { child } of running) child.kill("SIGKILL");
  await Promise.all(running.map(({ ended }) => ended));
  await scene.close();
});

/** The command, as an operator starts it; it syncs by itself. */
async function start(...words: string[]): Promise<Running> {
  const args = [
    "--disable-warning=ExperimentalWarning",
    MAIN,
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--every",
    "1",
    ...words,
  ];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH ?? "", LANG: "C.UTF-8", BREAKWATER_CONFIG: scene.dir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const one = { child, origin: "", said: () => text, ended };
  running.push(one);
  one.origin = `http://${await until(async () => /127\.0\.0\.1:\d+/.exec(text)?.[0], one.said)}`;
  return one;
}

async function until<T>(look: () => Promise<T | undefined>, said: () => string): Promise<T> {
  for (let n = 0; n < 200; n++) {
    const value = await look().catch(() => undefined);
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not seen in time: ${said()}`);
}

/** @param items - the same question so many times */
async function hits(origin: string, n: number, items = 1): Promise<string | undefined> {
  const item = { ref: "upload", hashes: { sha256: testHashEntry(n).value }, text: "secret words" };
  const body = JSON.stringify({ items: Array.from({ length: items }, () => item) });
  const answer = await fetch(`${origin}/v1/match`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  const text = await answer.text();
  return text.includes(testId(n)) ? text : undefined;
}

it("syncs, answers, and ends with 0 on SIGTERM once what was asked is answered; nothing asked is ever said", async () => {
  const daemon = await start();
  await until(() => hits(daemon.origin, 1), daemon.said);
  const asked = Array.from({ length: 50 }, () => hits(daemon.origin, 2, 200));
  await Promise.race(asked);
  daemon.child.kill("SIGTERM");
  const answered = await Promise.allSettled(asked);
  expect(answered.filter((one) => one.status === "fulfilled" && one.value !== undefined).length).toBeGreaterThan(0);
  expect(await daemon.ended).toBe(0);
  expect(daemon.said()).toContain("stopped");
  for (const word of [testHashEntry(1).value, testHashEntry(2).value, "secret words", testId(1), testId(2), "upload"]) {
    expect(daemon.said()).not.toContain(word);
  }
});

it("lets several processes share one state folder: what one syncs the other takes over, and a killed one holds up nobody", async () => {
  const [one, two] = await Promise.all([start(), start()]);
  for (const { origin, said } of [one, two]) await until(() => hits(origin, 1), said);
  one.child.kill("SIGKILL");
  await one.ended;
  await scene.publisher.release(scene.publisher.put(testHashEntry(40)));
  await until(() => hits(two.origin, 40), two.said);
  // The lock of the killed one was given up, and rows of both are in the ledger.
  expect(
    await readFile(join(scene.dir, "state", "sets", "hotline.example", "verified", "current.json"), "utf8"),
  ).toContain('"release": 2');
});

it("keeps answering with what it has while the exchange is gone", async () => {
  const daemon = await start();
  await until(() => hits(daemon.origin, 1), daemon.said);
  await scene.double.close();
  // Longer than a round: the next one finds nobody.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await hits(daemon.origin, 1)).toContain(testId(1));
  expect((await fetch(`${daemon.origin}/healthz`)).status).toBe(200);
});
