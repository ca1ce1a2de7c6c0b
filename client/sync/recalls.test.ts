import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "@breakwater/shared/bytes.ts";
import { signEnvelope } from "@breakwater/shared/envelope.ts";
import { generateSigningKey } from "@breakwater/shared/keys.ts";
import { type Recall, signRecall } from "@breakwater/shared/recall.ts";
import { encodeRecallList } from "@breakwater/shared/recall-list.ts";
import { signRoot } from "@breakwater/shared/root.ts";
import { type RecallChange, recallNow } from "@breakwater/shared/testing/recall.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DoublePublisher, makeDoublePublisher, rootOf } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testId } from "../testing/entries.ts";
import { openLooker } from "../testing/match-file.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { evidenceDir, setDir } from "./paths.ts";
import { readRecalls } from "./recalls.ts";
import { readStatus } from "./status.ts";
import type { SyncContext } from "./sync-set.ts";

const HOUR_MS = 3_600_000;
/** Real media, so that a hit may block at all. */
const ABOUT = aboutOfKind("hash", { stream: "photographic" });
const MODES = { "real.example/verified": "block" } as const;

let scene: Scene;
let publisher: DoublePublisher;
beforeEach(async () => {
  scene = await openScene(0);
  publisher = await makeDoublePublisher(scene.double, "real.example/verified", ABOUT);
  await publisher.release(publisher.put(testHashEntry(0), testHashEntry(1), testHashEntry(2)));
});
afterEach(() => scene.close());

const sync = (changes: Partial<SyncContext> = {}) =>
  scene.sync({ setId: publisher.setId, pin: publisher.pin, ...changes });
const set = () => scene.double.store.getSet(publisher.setId);
const recalls = () => readRecalls(scene.stateDir, publisher.setId);

const recallOf = (changes: RecallChange) => recallNow({ publisher: "real.example", ...changes });
const post = async (changes: RecallChange) =>
  scene.double.store.postRecall(publisher.setId, await signRecall(recallOf(changes), [publisher.releaseKey]));
const entries = (...numbers: number[]) => numbers.map(testId).sort() as NonNullable<Recall["entries"]>;

/** By number: what a hit leads to, and which recall is named. */
async function modesOf(numbers: number[], now = new Date()) {
  const matcher = await openLooker(scene.stateDir, MODES, now);
  return numbers.map((n) => {
    const [hit] = matcher.look({ sha256: testHashEntry(n).value });
    return hit && [hit.mode, hit.level, hit.recalled?.recall];
  });
}
const BLOCK = ["block", "act", undefined];
const review = (recall: number) => ["review", "review", recall];

describe("a recall in the log", () => {
  it("turns hits on its entries into review, names itself, deletes nothing, and ends by itself", async () => {
    await sync();
    expect(await modesOf([0, 1])).toEqual([BLOCK, BLOCK]);
    await post({ entries: entries(1) });
    expect(await sync()).toMatchObject({ outcome: "current", entries: 3 });
    expect(await modesOf([0, 1, 2])).toEqual([BLOCK, review(1), BLOCK]);
    expect(set().acks.at(-1)).toMatchObject({ release: 1, recall: 1 });
    const later = new Date(Date.now() + 2 * HOUR_MS);
    expect(await modesOf([1], later)).toEqual([BLOCK]);
    scene.double.date = later;
    await sync({ now: later });
    expect((await recalls()).held).toEqual([]);
  });

  it("of releases covers what they put there, and what came with a snapshot of them", async () => {
    await sync();
    await publisher.release(publisher.put(testHashEntry(5)));
    await publisher.release(publisher.put(testHashEntry(6)));
    await sync();
    await post({ releases: [2, 2] });
    await sync();
    // The first three came with release 1; a copy that was loaded from its snapshot knows that they are not of 2.
    expect(await modesOf([0, 5, 6])).toEqual([BLOCK, review(1), BLOCK]);
    await sync({ stateDir: `${scene.stateDir}-new` });
    const matcher = await openLooker(`${scene.stateDir}-new`, MODES);
    const [hit] = matcher.look({ sha256: testHashEntry(5).value });
    expect(hit?.recalled?.recall).toBe(1);
  });

  it("with a list covers everything until the list is here, then what it names", async () => {
    await sync();
    const place = { publisher: publisher.setId.publisher, set: publisher.setId.set, recall: 1 };
    const list = await encodeRecallList(place, entries(2), "ab".repeat(32));
    scene.double.store.blobs.set(list.digest, list.bytes);
    scene.double.hostile = [{ path: /\/blobs\//, act: "gone" }];
    await post({ list: list.digest, list_size: list.size, list_plain: list.plain });
    await sync();
    expect(await modesOf([0, 2])).toEqual([review(1), review(1)]);
    scene.double.hostile = [];
    await sync();
    expect(await modesOf([0, 2])).toEqual([BLOCK, review(1)]);
  });

  it("is applied to a set that is held, and to one that cannot be loaded", async () => {
    await sync();
    await publisher.release(publisher.put(testHashEntry(9, { alg: "pdq", value: "0".repeat(64) })));
    expect(await sync()).toMatchObject({ outcome: "held" });
    await post({ entries: entries(0) });
    expect(await sync()).toMatchObject({ outcome: "held", code: "policy_degenerate" });
    expect(await modesOf([0, 1])).toEqual([review(1), BLOCK]);
    expect(set().acks.at(-1)).toMatchObject({ release: 1, recall: 1 });
    scene.double.hostile = [{ path: /\/(blobs|head)/, act: "busy" }];
    await post({ entries: entries(1), recall: 2 });
    expect(await sync()).toMatchObject({ release: 1 });
    expect(await modesOf([0, 1])).toEqual([review(1), review(2)]);
  });

  it("ends at once when its key is revoked", async () => {
    await sync();
    await post({ entries: entries(0) });
    await sync();
    expect(await modesOf([0])).toEqual([review(1)]);
    const fresh = await generateSigningKey({ extractable: true });
    const next = rootOf("real.example", publisher.rootKey, fresh, { version: 2, prev: publisher.root.digest });
    await scene.double.store.postRoot("real.example", await signRoot(next, [publisher.rootKey]));
    await sync();
    expect(await modesOf([0])).toEqual([BLOCK]);
    expect((await recalls()).refused).toMatchObject([{ code: "recall_key_revoked" }]);
  });
});

describe("a recall that no checkpoint covers yet", () => {
  it("comes with the head's number when the log moves for another reason", async () => {
    await sync();
    scene.double.store.logs = false;
    await post({ entries: entries(0) });
    scene.double.store.log.append(new Uint8Array([1]));
    await sync();
    expect(await modesOf([0, 1])).toEqual([review(1), BLOCK]);
    expect((await recalls()).held[0]?.index).toBeUndefined();
  });

  it("is applied while the log cannot be read, is rolled back, or is held", async () => {
    await sync();
    scene.double.store.logs = false;
    await post({ entries: entries(0) });
    scene.double.hostile = [{ path: /\/log\//, act: "busy" }];
    expect(await sync()).toMatchObject({ outcome: "unreached" });
    expect(await modesOf([0])).toEqual([review(1)]);
    scene.double.hostile = [];
    scene.double.store.log.leaves.pop();
    await post({ entries: entries(1), recall: 2 });
    expect(await sync()).toMatchObject({ outcome: "stale", code: "cp_rollback" });
    expect(await modesOf([0, 1, 2])).toEqual([review(1), review(2), BLOCK]);
  });

  it("is applied under a newer root that the log did not show yet", async () => {
    await sync();
    scene.double.store.logs = false;
    const fresh = await generateSigningKey({ extractable: true });
    const next = rootOf("real.example", publisher.rootKey, fresh, { version: 2, prev: publisher.root.digest });
    await scene.double.store.postRoot("real.example", await signRoot(next, [publisher.rootKey]));
    const recall = await signRecall(recallOf({ entries: entries(0), root: 2 }), [fresh]);
    await scene.double.store.postRecall(publisher.setId, recall);
    scene.double.hostile = [{ path: /\/log\//, act: "busy" }];
    await sync();
    expect(await modesOf([0])).toEqual([review(1)]);
  });

  it("and that is never logged is evidence after a day, and stays applied", async () => {
    await sync();
    scene.double.store.logs = false;
    const iat = Math.floor(Date.now() / 1000);
    await post({ entries: entries(0), exp: iat + 72 * 3600 });
    scene.double.store.log.append(new Uint8Array([1]));
    expect(await sync()).toMatchObject({ outcome: "current" });
    const later = new Date(Date.now() + 25 * HOUR_MS);
    scene.double.date = later;
    expect(await sync({ now: later })).toMatchObject({ code: "not_logged", detail: { recall: 1 } });
    expect(await modesOf([0], later)).toEqual([review(1)]);
    const kept = await readdir(evidenceDir(setDir(scene.stateDir, publisher.setId)));
    expect(kept.some((name) => name.startsWith("not-logged-"))).toBe(true);
  });

  it("and that is announced but not handed out is told", async () => {
    await sync();
    set().announced = 1;
    scene.double.store.log.append(new Uint8Array([1]));
    expect(await sync()).toMatchObject({ outcome: "current", code: "recall_gap", detail: { recall: 1 } });
    expect((await readStatus(scene.stateDir, publisher.setId))?.notices).toEqual([
      { code: "recall_gap", detail: { recall: 1 } },
    ]);
  });

  it("is found in the log when the feed drops it", async () => {
    await sync();
    await post({ entries: entries(0) });
    set().recalls = [];
    await sync();
    expect(await modesOf([0])).toEqual([review(1)]);
  });
});

describe("a recall that is refused and shown", () => {
  const refused: [what: string, code: string, make: () => Promise<Uint8Array>][] = [
    [
      "for another publisher's entries",
      "envelope_kid_unknown",
      async () => signRecall(recallOf({ entries: entries(0) }), [scene.publisher.releaseKey]),
    ],
    [
      "longer than 72 hours",
      "recall_lifetime",
      async () => {
        const recall = recallOf({ entries: entries(0) });
        return signEnvelope("bw-recall+jws", { ...recall, exp: recall.iat + 72 * 3600 + 1 }, [publisher.releaseKey]);
      },
    ],
    [
      "that names a root nobody has seen",
      "recall_root",
      async () => signRecall(recallOf({ entries: entries(0), root: 7 }), [publisher.releaseKey]),
    ],
    [
      "of no entries at all",
      "recall_invalid",
      async () => signEnvelope("bw-recall+jws", recallOf({}), [publisher.releaseKey]),
    ],
  ];
  it.each(refused)("%s, from the log", async (_what, code, make) => {
    await sync();
    scene.double.store.log.append(await make());
    expect(await sync()).toMatchObject({ outcome: "current" });
    expect(await modesOf([0])).toEqual([BLOCK]);
    expect((await recalls()).refused).toMatchObject([{ code }]);
  });

  it.each(refused)("%s, from the feed", async (_what, code, make) => {
    await sync();
    const bytes = (await make()) as Uint8Array<ArrayBuffer>;
    const digest = await digestOf(bytes);
    set().recalls.push({ recall: recallOf({}), digest, bytes, kids: [], logIndex: 0 });
    scene.double.store.log.append(new Uint8Array([1]));
    await sync();
    expect(await modesOf([0])).toEqual([BLOCK]);
    expect((await recalls()).refused[0]?.code).toBe(code);
  });
});

describe("the file of recalls", () => {
  it("that was changed makes everything for review", async () => {
    await sync();
    await post({ entries: entries(0) });
    await sync();
    const path = join(setDir(scene.stateDir, publisher.setId), "recalls.json");
    const text = await readFile(path, "utf8");
    const { writeFile } = await import("node:fs/promises");
    await writeFile(path, text.slice(0, -20));
    expect(await modesOf([0, 1])).toEqual([review(0), review(0)]);
    expect(await sync()).toMatchObject({ outcome: "refused", code: "copy_damaged" });
    expect(await sync({ fresh: true })).toMatchObject({ outcome: "updated" });
    expect(await modesOf([0, 1])).toEqual([review(1), BLOCK]);
  });
});
