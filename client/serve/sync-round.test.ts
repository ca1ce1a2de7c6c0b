import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { setDir } from "../sync/paths.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { runRound } from "./sync-round.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene(0);
  await writeProfile({
    dir: scene.dir,
    exchange: scene.double.origin,
    apiKey: TEST_API_KEY,
    stateDir: scene.stateDir,
  });
});
afterEach(() => scene.close());

it("a set whose files here cannot be used keeps no other set from its syncs", async () => {
  const publishers = [];
  for (const name of ["a.example", "b.example"]) {
    const publisher = await makeDoublePublisher(scene.double, `${name}/verified`, aboutOfKind("hash"));
    await publisher.release(publisher.put(testHashEntry(1)));
    await writePin(scene.dir, name, publisher.pin);
    publishers.push(publisher);
  }
  const [first, second] = publishers as [(typeof publishers)[0], (typeof publishers)[0]];
  expect((await runRound(scene.dir, new Date())).outcomes.map(({ outcome }) => outcome)).toEqual([
    "updated",
    "updated",
  ]);
  const path = join(setDir(scene.stateDir, first.setId), "current.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), v: 99 }));
  await second.release(second.put(testHashEntry(2)));
  const round = await runRound(scene.dir, new Date());
  expect(round.outcomes).toMatchObject([{ set: "b.example/verified", outcome: "updated", release: 2 }]);
  expect(round.problem).toBe("state_newer");
});
