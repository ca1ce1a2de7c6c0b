import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { NewChange } from "@breakwater/shared/compose.ts";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { writePin } from "../profile/pins.ts";
import { DRAFT_ENDING } from "../profile/private-files.ts";
import { writeProfile } from "../profile/profile.ts";
import { heldLines } from "../testing/copy-lines.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { testHashEntry, testId } from "../testing/entries.ts";
import { type Ran, runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { setDir } from "./paths.ts";

const KILL_AT = new URL("../testing/kill-at.mjs", import.meta.url).href;
// Every run is a process; the seed that failed is printed, so few runs a time are enough over many.
const RUNS = 8;
const TEST_TIMEOUT_MS = 240_000;

let scene: Scene;
afterEach(() => scene.close());

async function openSubscriber(): Promise<string> {
  const profile = join(scene.dir, "profile");
  await writeProfile({ dir: profile, exchange: scene.double.origin, apiKey: TEST_API_KEY, stateDir: scene.stateDir });
  await writePin(profile, scene.publisher.setId.publisher, scene.publisher.pin);
  return profile;
}

type Step = { put: number; change: boolean } | { del: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ put: fc.nat(6), change: fc.boolean() }),
  fc.record({ del: fc.nat(6) }),
);

/** One release that the steps make; an id twice would be no release. */
function changesOf(steps: Step[]): NewChange[] {
  const byId = new Map<string, NewChange>();
  for (const one of steps) {
    if ("del" in one) byId.set(testId(one.del), { op: "del", id: testId(one.del), why: "withdrawn" });
    else
      byId.set(testId(one.put), {
        op: "put",
        line: formatEntry(testHashEntry(one.put, one.change ? { act: "none_visible" } : {})),
      });
  }
  return [...byId.values()];
}

const stateNow = () => [...scene.publisher.entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);

describe("a sync that is killed", () => {
  it(
    "leaves the old state or the new one after any change of the disk, and the next run ends at the new one",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
          fc.integer({ min: 1, max: 110 }),
          async (releases, killAt) => {
            scene = await openScene(3);
            try {
              const profile = await openSubscriber();
              expect(await scene.sync()).toMatchObject({ outcome: "updated" });
              const before = await heldLines(scene.stateDir, scene.publisher.setId);
              for (const steps of releases) await scene.publisher.release(changesOf(steps));
              const killed = await runCommand(["sync"], {
                profile,
                preload: [KILL_AT],
                env: { KILL_AT_WRITE: String(killAt) },
              });
              await expectOldOrNew(before, stateNow(), killed);
              const retried = await runCommand(["sync"], { profile });
              expect(retried, retried.stderr).toMatchObject({ code: 0 });
              expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual(stateNow());
              await expectNoDrafts();
            } finally {
              await scene.close();
            }
          },
        ),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    TEST_TIMEOUT_MS,
  );

  it(
    "at its first run leaves no copy or the whole one",
    async () => {
      for (const killAt of [1, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90]) {
        scene = await openScene(3);
        const profile = await openSubscriber();
        const killed = await runCommand(["sync"], {
          profile,
          preload: [KILL_AT],
          env: { KILL_AT_WRITE: String(killAt) },
        });
        // The list above must really hit the run, or this test says nothing.
        if (killAt <= 54) expect(killed.signal).toBe("SIGKILL");
        await expectOldOrNew(undefined, stateNow(), killed);
        expect(await runCommand(["sync"], { profile })).toMatchObject({ code: 0 });
        expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual(stateNow());
        await scene.close();
      }
    },
    TEST_TIMEOUT_MS,
  );
});

async function expectOldOrNew(before: string[] | undefined, after: string[], ran: Ran): Promise<void> {
  expect(ran.signal === "SIGKILL" || ran.code === 0, ran.stderr).toBe(true);
  const lines = await heldLines(scene.stateDir, scene.publisher.setId);
  const isOld = JSON.stringify(lines) === JSON.stringify(before);
  const isNew = JSON.stringify(lines) === JSON.stringify(after);
  expect(isOld || isNew).toBe(true);
  if (ran.code === 0) expect(isNew).toBe(true);
}

async function expectNoDrafts(): Promise<void> {
  const names = await readdir(setDir(scene.stateDir, scene.publisher.setId));
  // Swept at the switch; what a kill after it left is swept at the next one.
  expect(names.filter((name) => name.endsWith(DRAFT_ENDING)).length).toBeLessThanOrEqual(1);
}
