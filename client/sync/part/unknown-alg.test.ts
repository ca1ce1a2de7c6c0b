/** A signed set that names its algorithms as it likes: what a name says never reaches the file system. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { makeDoublePublisher } from "../../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testId } from "../../testing/entries.ts";
import { openScene, type Scene } from "../../testing/scene.ts";
import { openCopy } from "../copy.ts";

// A publisher that checks nothing before it signs.
vi.mock("@breakwater/shared/entries/checker.ts", async (load) => {
  const real = await load<typeof import("@breakwater/shared/entries/checker.ts")>();
  const check = (line: string) => {
    const like = JSON.parse(line) as { id: string };
    return { id: like.id, line, key: line, like, putAt: 0 };
  };
  const formatPut = ({ line }: { line: string }) => jcs({ ...JSON.parse(line), op: "put" });
  return { ...real, createEntryChecker: () => ({ check, formatPut }) };
});

let scene: Scene;
beforeEach(async () => {
  scene = await openScene(0);
});
afterEach(() => scene.close());

it.each(["/../../../../../outside", "UPPER", "a b", "../x", "", "__proto__", "tlsh2", "x".repeat(300)])(
  "%j has no index and makes no file; the set's other entries are found",
  async (alg) => {
    const publisher = await makeDoublePublisher(scene.double, "real.example/verified", aboutOfKind("hash"));
    const odd = jcs({ ...JSON.parse(formatEntry(testHashEntry(2))), alg });
    await publisher.release([
      { op: "put", line: formatEntry(testHashEntry(1)) },
      { op: "put", line: odd },
    ]);
    const before = await readdir(scene.dir);
    const outcome = await scene.sync({ setId: publisher.setId, pin: publisher.pin });
    expect(outcome).toMatchObject({ outcome: "updated" });
    const copy = await openCopy(scene.stateDir, publisher.setId);
    expect(copy?.entries).toBe(2);
    expect(copy?.findRow(testId(1))).toBeDefined();
    expect(
      copy
        ?.indexFiles()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["buckets", "exact-sha256", "ids", "locations", "origins"]);
    copy?.close();
    const made = (await readdir(scene.dir, { recursive: true })).filter((name) => name.includes("outside"));
    expect(made).toEqual([]);
    expect(
      (await readdir(scene.dir)).filter((name) => !before.includes(name) && join(scene.dir, name) !== scene.stateDir),
    ).toEqual([]);
  },
);
