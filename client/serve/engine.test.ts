import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { testHashEntry, testId } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { type Engine, openEngine } from "./engine.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let scene: Scene;
let engine: Engine;
let threads: Worker[];
let told: string[];
const remember = (worker: Worker) => threads.push(worker);

beforeEach(async () => {
  scene = await openScene(3);
  await scene.sync();
  [threads, told] = [[], []];
  process.on("worker", remember);
  engine = await openEngine(
    { stateDir: scene.stateDir, profileDir: scene.dir },
    {
      onTold: () => undefined,
      onCrash: (kind) => told.push(`crashed ${kind}`),
      onReload: (how) => told.push(`reloaded ${how}`),
    },
  );
});
afterEach(async () => {
  await engine.close();
  process.off("worker", remember);
  await scene.close();
});

function ask(n: number): Promise<{ body: string }> {
  const items = [{ hashes: { sha256: testHashEntry(n).value } }];
  return engine.match(Uint8Array.from(new TextEncoder().encode(JSON.stringify({ items }))));
}

describe("the matching thread", () => {
  it("that dies is followed by another; whoever waited is told to come again, and nobody is left waiting", async () => {
    expect((await ask(1)).body).toContain(testId(1));
    const waiting = Array.from({ length: 5 }, () => ask(1));
    const dead = threads[0]?.terminate();
    for (const one of await Promise.allSettled(waiting)) {
      if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "busy", detail: { retry_after_s: 1 } });
    }
    await dead;
    expect(told).toEqual(["crashed ended"]);
    let body = "";
    for (let n = 0; n < 100 && body === ""; n++) {
      body = await ask(1).then(
        (answer) => answer.body,
        () => "",
      );
      if (body === "") await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(body).toContain(testId(1));
    expect(threads.length).toBe(2);
  });

  it("that cannot be followed at once is followed once it can", async () => {
    const ledger = join(scene.stateDir, "ledger");
    await rm(ledger, { recursive: true, force: true });
    await writeFile(ledger, "in the way");
    await threads[0]?.terminate();
    await vi.waitFor(() => expect(threads.length).toBeGreaterThan(2), { timeout: 30_000 });
    await expect(ask(1)).rejects.toMatchObject({ code: "busy" });
    await rm(ledger);
    await vi.waitFor(async () => expect((await ask(1)).body).toContain(testId(1)), { timeout: 30_000, interval: 100 });
    expect(told).toEqual(["crashed ended"]);
  });

  it("refuses a batch that cannot be read, and goes on", async () => {
    await expect(engine.match(Uint8Array.from([0x7b]))).rejects.toMatchObject({ code: "json_invalid" });
    expect((await ask(1)).body).toContain(testId(1));
    expect(told).toEqual([]);
  });

  it("answers while it takes a change over, and asks made meanwhile are not lost", async () => {
    await scene.publisher.release(scene.publisher.put(testHashEntry(9)));
    await scene.sync();
    const [, ...answers] = await Promise.all([
      engine.refresh(),
      ...Array.from({ length: 50 }, () => ask(1)),
      engine.refresh(),
    ]);
    expect(answers.slice(0, -1).every((answer) => answer?.body.includes(testId(1)))).toBe(true);
    expect((await ask(9)).body).toContain(testId(9));
    expect(told).toEqual(["reloaded light"]);
  });
});
