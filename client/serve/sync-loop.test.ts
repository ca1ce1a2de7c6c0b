import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { takeLock } from "../profile/lock.ts";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { type DoublePublisher, makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { type SyncLoop, startSyncLoop } from "./sync-loop.ts";
import type { Round } from "./sync-round.ts";

// Starting a thread takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const WAIT = { timeout: 30_000 };
const ROUNDS = 4;

let scene: Scene;
let publisher: DoublePublisher;
let rounds: Round[];
let skipped: number;
let loop: SyncLoop | undefined;
beforeEach(async () => {
  scene = await openScene(0);
  publisher = await makeDoublePublisher(scene.double, "real.example/verified", aboutOfKind("hash"));
  await publisher.release(publisher.put(testHashEntry(1)));
  await writeProfile({ dir: scene.dir, exchange: scene.double.origin, apiKey: TEST_API_KEY, stateDir: scene.stateDir });
  await writePin(scene.dir, publisher.setId.publisher, publisher.pin);
  rounds = [];
  skipped = 0;
});
afterEach(async () => {
  await loop?.close();
  await scene.close();
});

function start(): void {
  loop = startSyncLoop({
    stateDir: scene.stateDir,
    profileDir: scene.dir,
    everyMs: 20,
    onRound: (round) => rounds.push(round),
    onSkipped: () => skipped++,
  });
}
const outcomes = () => rounds.map((round) => round.outcomes[0]?.outcome);

it("goes round after round, and takes what is released between two of them", async () => {
  start();
  await expect.poll(() => rounds.length, WAIT).toBeGreaterThanOrEqual(ROUNDS);
  await publisher.release(publisher.put(testHashEntry(2)));
  await expect.poll(() => outcomes().filter((outcome) => outcome === "updated").length, WAIT).toBe(2);
  expect(rounds.flatMap(({ problem }) => problem ?? [])).toEqual([]);
});

it("leaves the folder to other commands between rounds, and waits while one of them has it", async () => {
  start();
  await expect.poll(() => rounds.length, WAIT).toBeGreaterThanOrEqual(2);
  const lock = await takeLock(scene.stateDir, "state", WAIT.timeout);
  expect(lock).toBeDefined();
  const before = rounds.length;
  await expect.poll(() => skipped, WAIT).toBeGreaterThan(1);
  expect(rounds.length).toBe(before);
  await lock?.release();
  await expect.poll(() => rounds.length, WAIT).toBeGreaterThan(before);
});
