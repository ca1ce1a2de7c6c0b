import { readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { afterEach, describe, expect, it } from "vitest";
import { filesWith, heldLines } from "../testing/copy-lines.ts";
import { testHashEntry, testId } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { findCurrent, openCopy } from "./copy.ts";
import { setDir } from "./paths.ts";
import { isForReview, readStatus } from "./status.ts";

let scene: Scene;
afterEach(() => scene.close());

const DAY_MS = 86_400_000;
const lineOf = (n: number) => formatEntry(testHashEntry(n));
const del = (n: number) => ({ op: "del" as const, id: testId(n), why: "withdrawn" as const });
const open = () => openCopy(scene.stateDir, scene.publisher.setId);
const linesOf = (...numbers: number[]) => numbers.map(lineOf).sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
const idOf = (line: string) => (JSON.parse(line) as { id: string }).id;

async function baseDir(): Promise<string> {
  const current = await findCurrent(scene.stateDir, scene.publisher.setId);
  if (current?.v !== 2) throw new Error("no copy");
  return join(setDir(scene.stateDir, scene.publisher.setId), current.rows.base.dir);
}

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] as number) ^ 1;
  await writeFile(path, bytes);
}

describe("a first sync", () => {
  it("verifies from the pin to the last entry and acknowledges the release", async () => {
    scene = await openScene(3);
    const outcome = await scene.sync();
    expect(outcome).toMatchObject({
      outcome: "updated",
      release: 1,
      entries: 3,
      change: { added: 3, changed: 0, removed: 0 },
      acknowledged: true,
    });
    expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual(linesOf(0, 1, 2));
    const set = scene.double.store.getSet(scene.publisher.setId);
    expect(set.acks).toEqual([{ release: 1, statement: set.releases[0]?.digest }]);
  });

  it("takes an empty set", async () => {
    scene = await openScene(0);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 1, entries: 0 });
    expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual([]);
  });

  it("takes a set that begins at a later release", async () => {
    scene = await openScene(2);
    await scene.publisher.release(scene.publisher.put(testHashEntry(5)));
    await scene.publisher.release([del(0)]);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 3, entries: 2 });
    expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual(linesOf(1, 5));
  });

  it("keeps files that only their owner can read", async () => {
    scene = await openScene();
    await scene.sync();
    const dir = setDir(scene.stateDir, scene.publisher.setId);
    for (const name of await readdir(dir)) {
      expect((await stat(join(dir, name))).mode & 0o077, name).toBe(0);
    }
  });
});

describe("a later sync", () => {
  it("walks the deltas and ends where a snapshot would", async () => {
    scene = await openScene(3);
    await scene.sync();
    await scene.publisher.release(scene.publisher.put(testHashEntry(7), testHashEntry(1, { act: "none_visible" })));
    await scene.publisher.release([del(2)]);
    scene.double.requests.length = 0;
    const outcome = await scene.sync();
    expect(outcome).toMatchObject({
      outcome: "updated",
      release: 3,
      entries: 3,
      change: { added: 1, changed: 1, removed: 1 },
    });
    const fresh = await scene.sync({ stateDir: `${scene.stateDir}-fresh` });
    expect(fresh.state).toBe(outcome.state);
  });

  it("is one conditional request of less than a kilobyte when nothing changed", async () => {
    scene = await openScene();
    await scene.sync();
    scene.double.requests.length = 0;
    expect(await scene.sync()).toMatchObject({ outcome: "current", release: 1 });
    expect(scene.double.requests).toEqual(["GET /log/checkpoint"]);
  });

  it("removes what was withdrawn from every file that it keeps", async () => {
    scene = await openScene(3);
    const first = { blobs: new Map(scene.double.store.blobs) };
    await scene.sync();
    await scene.publisher.release([del(1)], { purpose: "erasure" });
    await scene.sync();
    const dir = setDir(scene.stateDir, scene.publisher.setId);
    expect(await filesWith(dir, testHashEntry(2).value)).not.toEqual([]);
    expect(await filesWith(dir, testHashEntry(1).value)).toEqual([]);
    // None of the blobs from before may be left: all of them carried the entry or its digest.
    const kept = await readdir(join(dir, "blobs"));
    const old = [...first.blobs.keys()].map((digest) => digest.slice("sha256:".length));
    expect(old.length).toBeGreaterThan(2);
    expect(kept.filter((hex) => old.includes(hex))).toEqual([]);
  });

  it("loads the snapshot when the publisher recovers with no deltas", async () => {
    scene = await openScene(3);
    await scene.sync();
    await scene.publisher.release(scene.publisher.put(testHashEntry(9)), { purpose: "recovery" });
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2, entries: 4 });
  });

  it("goes over 64 releases behind by the snapshot", async () => {
    scene = await openScene(1);
    await scene.sync();
    for (let n = 10; n < 80; n++) await scene.publisher.release(scene.publisher.put(testHashEntry(n)));
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 71, entries: 71 });
  });

  it("repairs a bad delta by loading the snapshot", async () => {
    scene = await openScene(3);
    await scene.sync();
    // The delta hides a deletion; the snapshot that comes with the same release knows.
    await scene.publisher.release([del(0)], { hideDeletions: true, purpose: "erasure" });
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2, entries: 2 });
    expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual(linesOf(1, 2));
  });

  it("goes on from blobs that an earlier run verified", async () => {
    scene = await openScene(3);
    scene.double.hostile = [{ path: /\/acks$/, act: "gone" }];
    const requests = scene.double.requests;
    scene.double.onRequest = () => {
      // After index and manifest the network goes away.
      scene.double.hostile =
        requests.filter((one) => one.includes("/blobs/")).length >= 2 ? [{ path: /\/blobs\//, act: "break" }] : [];
    };
    expect(await scene.sync()).toMatchObject({ outcome: "unreached", release: null });
    const before = new Set(requests.filter((one) => one.includes("/blobs/")).slice(0, 1));
    delete scene.double.onRequest;
    scene.double.hostile = [];
    requests.length = 0;
    expect(await scene.sync()).toMatchObject({ outcome: "updated", entries: 3 });
    for (const blob of before) expect(requests).not.toContain(blob);
  });
});

describe("a blob that is gone in the middle", () => {
  it("is a newer release's doing: the log is read again, once", async () => {
    scene = await openScene(3);
    await scene.sync();
    await scene.publisher.release(scene.publisher.put(testHashEntry(7)));
    const { manifest } = scene.double.store.getSet(scene.publisher.setId).releases.at(-1)?.statement ?? {};
    scene.double.hostile = [{ path: new RegExp(`/blobs/sha256/${manifest?.slice(7)}`), act: "purged" }];
    let isErased = false;
    const { requests } = scene.double;
    scene.double.onRequest = async () => {
      if (isErased || !requests.at(-1)?.includes(`/blobs/sha256/${manifest?.slice(7)}`)) return;
      isErased = true;
      await scene.publisher.release([del(7)], { purpose: "erasure" });
    };
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 3, entries: 3 });
  });

  it("and stays gone without a newer release is refused", async () => {
    scene = await openScene(3);
    await scene.sync();
    await scene.publisher.release(scene.publisher.put(testHashEntry(7)));
    scene.double.hostile = [{ path: /\/blobs\//, act: "purged" }];
    expect(await scene.sync()).toMatchObject({ outcome: "refused", code: "blob_gone", release: 1 });
  });
});

describe("a copy", () => {
  it.each(["ids", "exact-sha256", "part.json"])(
    "is not opened when a byte of its %s was changed, and is loaded again",
    async (name) => {
      scene = await openScene(3);
      await scene.sync();
      const path = join(await baseDir(), name);
      await flip(path);
      await expect(open()).rejects.toMatchObject({ code: "copy_damaged" });
      expect(await scene.sync()).toMatchObject({ outcome: "updated", entries: 3 });
      expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual(linesOf(0, 1, 2));
    },
  );

  it("gives no line of a segment that was changed, and fetches that one again", async () => {
    scene = await openScene(3);
    await scene.sync();
    await rm(`${await baseDir()}/../blobs`, { recursive: true });
    await expect(open()).rejects.toMatchObject({ code: "copy_damaged" });
    expect(await scene.sync()).toMatchObject({ outcome: "updated", entries: 3 });
    const blobs = join(setDir(scene.stateDir, scene.publisher.setId), "blobs");
    const sizes = await Promise.all(
      (await readdir(blobs)).map(async (name) => ({ name, ...(await stat(join(blobs, name))) })),
    );
    // Manifest, index and one segment, which is the largest.
    const segment = sizes.sort((a, b) => b.size - a.size).find(({ name }) => name !== "")?.name ?? "";
    for (const name of await readdir(blobs)) await flip(join(blobs, name));
    await expect(heldLines(scene.stateDir, scene.publisher.setId)).rejects.toMatchObject({ code: "copy_damaged" });
    scene.double.requests.length = 0;
    expect(await scene.sync()).toMatchObject({ outcome: "updated", entries: 3 });
    expect(scene.double.requests.some((request) => request.includes(segment))).toBe(true);
    expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual(linesOf(0, 1, 2));
  });

  it("whose files were copied elsewhere and back is not loaded again", async () => {
    scene = await openScene(3);
    await scene.sync();
    const path = join(await baseDir(), "ids");
    await utimes(path, 1, 1);
    scene.double.requests.length = 0;
    expect(await scene.sync()).toMatchObject({ outcome: "current" });
    expect(scene.double.requests.filter((request) => request.includes("/blobs/"))).toEqual([]);
  });

  it("cannot be rolled back by destroying its rows", async () => {
    scene = await openScene(3);
    await scene.publisher.release(scene.publisher.put(testHashEntry(8)));
    await scene.sync();
    await rm(await baseDir(), { recursive: true });
    scene.double.store.getSet(scene.publisher.setId).releases.pop();
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2, entries: 4 });
  });

  it("is destroyed once it is past keep_stale, and comes back with the next sync", async () => {
    scene = await openScene(3);
    await scene.sync();
    scene.double.hostile = [{ path: /./, act: "busy" }];
    const later = new Date(Date.now() + 91 * DAY_MS);
    expect(await scene.sync({ now: later })).toMatchObject({ outcome: "stale", entries: null, release: 1 });
    const current = await findCurrent(scene.stateDir, scene.publisher.setId);
    expect(current?.release).toBe(1);
    await expect(openCopy(scene.stateDir, scene.publisher.setId)).rejects.toMatchObject({ code: "copy_damaged" });
  });
});

describe("staleness", () => {
  it("is told when nobody answered for longer than the set's act_stale", async () => {
    scene = await openScene();
    await scene.sync();
    scene.double.hostile = [{ path: /./, act: "busy" }];
    expect(await scene.sync({ now: new Date(Date.now() + DAY_MS - 60_000) })).toMatchObject({
      outcome: "unreached",
      code: "busy",
    });
    // A state of its own after a day; hits are still acted on until the set's own limit.
    expect(await scene.sync({ now: new Date(Date.now() + 6 * DAY_MS) })).toMatchObject({
      outcome: "stale",
      code: "busy",
    });
    expect(isForReview(await readStatus(scene.stateDir, scene.publisher.setId), false)).toBe(false);
    expect(await scene.sync({ now: new Date(Date.now() + 8 * DAY_MS) })).toMatchObject({
      outcome: "stale",
      release: 1,
      entries: 3,
    });
    expect((await readStatus(scene.stateDir, scene.publisher.setId))?.state).toBe("stale");
  });

  it("takes an expired release as stale, and its withdrawals with it", async () => {
    scene = await openScene();
    await scene.sync();
    const past = Math.floor(Date.now() / 1000);
    await scene.publisher.release([del(0)], { now: past });
    const later = new Date(Date.now() + 31 * DAY_MS);
    scene.double.date = later;
    expect(await scene.sync({ now: later })).toMatchObject({
      outcome: "stale",
      code: "release_expired",
      release: 2,
      entries: 2,
    });
  });

  it("is refused to be hidden by a clock that was set back", async () => {
    scene = await openScene();
    await scene.sync();
    expect(await scene.sync({ now: new Date(Date.now() - DAY_MS) })).toMatchObject({
      outcome: "stale",
      code: "clock",
    });
  });
});
