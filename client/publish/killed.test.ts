/** A publisher's machine may stop anywhere: the set is then as it was or as the list says, and the same command ends it. */

import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseSetId } from "@breakwater/shared/ids.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openExchange } from "../http/index.ts";
import { writeProfile } from "../profile/profile.ts";
import { setDir } from "../sync/paths.ts";
import { heldLines } from "../testing/copy-lines.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { ndjsonOf, rowOf, TEST_ABOUT, testHashEntry } from "../testing/entries.ts";
import { runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { findPending } from "./pending.ts";
import { createRoot } from "./root.ts";

const setId = parseSetId("ngo.example/verified");
const KILL_AT_APPEND = new URL("../testing/kill-at-append.mjs", import.meta.url).href;
const KILL_AT_WRITE = new URL("../testing/kill-at.mjs", import.meta.url).href;
const ENTRIES = 40;
const TEST_TIMEOUT_MS = 240_000;
const LOOK_MS = 5;

let scene: Scene;
let profile: string;
let list: string;
let about: string;

beforeEach(async () => {
  scene = await openScene();
  profile = join(scene.dir, "publisher");
  const { origin } = scene.double;
  await writeProfile({ dir: profile, exchange: origin, apiKey: TEST_API_KEY, stateDir: scene.stateDir });
  const exchange = openExchange({ origin, apiKey: TEST_API_KEY });
  await createRoot({
    ...{ exchange, profileDir: profile, publisher: setId.publisher },
    ...{ custody: "member", now: new Date() },
  });
  await exchange.putSet(setId, { kind: "hash", stream: "test", audience: { tier: "test" } });
  list = join(scene.dir, "list.ndjson");
  about = join(scene.dir, "about.json");
  await writeFile(list, ndjsonOf(Array.from({ length: ENTRIES }, (_, n) => rowOf(testHashEntry(n)))));
  await writeFile(about, JSON.stringify(TEST_ABOUT));
});
afterEach(() => scene.close());

const args = () => ["publish", "--set", "ngo.example/verified", "--from", list, "--about", about, "--json"];
const releases = () => scene.double.store.getSet(setId).releases;
const workDir = () => join(setDir(scene.stateDir, setId), "publishing");

async function expectFinished(): Promise<void> {
  const again = await runCommand(args(), { profile });
  expect(again, again.stderr).toMatchObject({ code: 0 });
  expect(releases()).toHaveLength(1);
  expect(releases()[0]?.manifest.entries).toBe(ENTRIES);
  expect(await heldLines(scene.stateDir, setId)).toHaveLength(ENTRIES);
  expect(await findPending(scene.stateDir, setId)).toBeUndefined();
  expect(existsSync(workDir())).toBe(false);
}

/** Ends the command hard as soon as the double was asked for what fits, and what it composed is kept. */
async function killWhen(asked: RegExp): Promise<void> {
  let over = false;
  const ran = runCommand(args(), {
    profile,
    async onStart(child) {
      const isAsked = () => scene.double.requests.some((request) => asked.test(request));
      while (!over && !(isAsked() && (await findPending(scene.stateDir, setId)))) await sleep(LOOK_MS);
      child.kill("SIGKILL");
    },
  });
  expect(await ran.finally(() => (over = true))).toMatchObject({ signal: "SIGKILL" });
}

describe("a publish that is killed", () => {
  it.each([1, 20, 60])(
    "while its rows go to their files, before piece %i, leaves nothing but what the next run throws away",
    async (piece) => {
      const env = { KILL_AT_APPEND: String(piece) };
      const killed = await runCommand(args(), { profile, preload: [KILL_AT_APPEND], env });
      expect(killed).toMatchObject({ signal: "SIGKILL" });
      expect(existsSync(workDir())).toBe(true);
      expect(releases()).toEqual([]);
      await expectFinished();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    "while it composes publishes nothing, and the next run composes anew",
    async () => {
      for (const write of [6, 9]) {
        const env = { KILL_AT_WRITE: String(write) };
        const killed = await runCommand(args(), { profile, preload: [KILL_AT_WRITE], env });
        expect(killed).toMatchObject({ signal: "SIGKILL" });
        expect(releases()).toEqual([]);
      }
      await expectFinished();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    "while it uploads goes on with the very same files",
    async () => {
      // The first file arrives, the answers to the others never do.
      scene.double.hostile = [{ path: /\/v1\/blobs\//, act: "hang" }];
      await killWhen(/^PUT .*\/blobs\//);
      scene.double.hostile = [];
      const pending = await findPending(scene.stateDir, setId);
      expect(pending?.blobs.length).toBeGreaterThan(1);
      expect(releases()).toEqual([]);
      await expectFinished();
      expect(releases()[0]?.digest).toBe(pending?.digest);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    "after its release was posted publishes nothing twice",
    async () => {
      scene.double.hostile = [{ path: /\/releases$/, act: "hang" }];
      await killWhen(/^POST .*\/releases/);
      scene.double.hostile = [];
      const pending = await findPending(scene.stateDir, setId);
      expect(pending?.release).toBe(1);
      await expectFinished();
      expect(releases()[0]?.digest).toBe(pending?.digest);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    "leaves rows of the list readable by their owner only",
    async () => {
      await runCommand(args(), { profile, preload: [KILL_AT_APPEND], env: { KILL_AT_APPEND: "60" } });
      const { stat } = await import("node:fs/promises");
      const names = await readdir(workDir());
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect((await stat(join(workDir(), name))).mode & 0o777).toBe(0o600);
      expect((await stat(workDir())).mode & 0o777).toBe(0o700);
    },
    TEST_TIMEOUT_MS,
  );
});
