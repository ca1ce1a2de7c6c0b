import { setTimeout as sleep } from "node:timers/promises";
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

// A disk on which taking the lock takes as long as a test wants.
const disk = vi.hoisted(() => ({ slow: undefined as (() => Promise<void>) | undefined }));
vi.mock("../profile/lock.ts", async (original) => {
  const real = await original<typeof import("../profile/lock.ts")>();
  const takeSlowly = async (...wanted: Parameters<typeof real.takeLock>) => {
    const lock = await real.takeLock(...wanted);
    await disk.slow?.();
    return lock;
  };
  return { ...real, takeLock: takeSlowly };
});

// Starting a thread takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const WAIT = { timeout: 30_000 };
const ROUNDS = 4;
/** For a thread to end, and for a loop that does not. */
const END_MS = 1_000;
const HANGS_MS = 15_000;

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
  disk.slow = undefined;
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

it("ends when it is closed just as a round begins: nobody is asked any more who could not answer", async () => {
  start();
  await expect.poll(() => rounds.length, WAIT).toBeGreaterThanOrEqual(1);
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: gone, resolve: go } = Promise.withResolvers<void>();
  disk.slow = () => {
    begin();
    return gone;
  };
  await begun;
  const before = rounds.length;
  const closed = (loop as SyncLoop).close().then(() => "closed");
  await sleep(END_MS);
  go();
  expect(await Promise.race([closed, sleep(HANGS_MS, "hangs")])).toBe("closed");
  expect(rounds.length).toBe(before);
  // What the round had taken is given back.
  disk.slow = undefined;
  const lock = await takeLock(scene.stateDir, "state", 0);
  expect(lock).toBeDefined();
  await lock?.release();
});
