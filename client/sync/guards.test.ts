import { join } from "node:path";
import type { EntryId } from "@breakwater/shared/ids.ts";
import { signRecall } from "@breakwater/shared/recall.ts";
import { encodeRecallList } from "@breakwater/shared/recall-list.ts";
import { recallNow } from "@breakwater/shared/testing/recall.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesWith, heldLines } from "../testing/copy-lines.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testId } from "../testing/entries.ts";
import { openLooker } from "../testing/match-file.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { addBenign, openBenign } from "./benign.ts";
import { checkRemoval } from "./guards.ts";
import { setDir } from "./paths.ts";
import { isNewPublisher, readStatus, writeStatus } from "./status.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene(3);
});
afterEach(() => scene.close());

const id = () => scene.publisher.setId;
const many = (from: number, to: number) =>
  scene.publisher.put(...Array.from({ length: to - from }, (_, n) => testHashEntry(from + n)));
const del = (n: number) => ({ op: "del" as const, id: testId(n), why: "withdrawn" as const });
const linesNow = () => [...scene.publisher.entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
const PDQ = "a5".repeat(32);

async function letThrough(): Promise<void> {
  const status = await readStatus(scene.stateDir, id());
  if (status?.held_statement === undefined) throw new Error("nothing is held");
  await writeStatus(scene.stateDir, id(), { ...status, released_statement: status.held_statement });
}

describe("a release that is held for what it adds", () => {
  it("takes effect at once for what it withdraws, from every file, and wholly once a person lets it through", async () => {
    await scene.publisher.release(many(100, 1200));
    await scene.sync();
    await scene.publisher.release([...many(2000, 2400), del(100), del(1)], { purpose: "erasure" });
    expect(await scene.sync()).toMatchObject({
      outcome: "held",
      code: "policy_growth",
      release: 2,
      entries: 1101,
      detail: { withdrawn: 2 },
    });
    expect((await heldLines(scene.stateDir, id()))?.length).toBe(1101);
    for (const n of [1, 100]) expect(await filesWith(setDir(scene.stateDir, id()), testHashEntry(n).value)).toEqual([]);
    // The same again removes nothing twice.
    expect(await scene.sync()).toMatchObject({ outcome: "held", entries: 1101, detail: { withdrawn: 0 } });
    expect((await readStatus(scene.stateDir, id()))?.withdrawn).toBe(2);
    await letThrough();
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 3, entries: 1501 });
    expect(await heldLines(scene.stateDir, id())).toEqual(linesNow());
  });

  it("and one after it that withdraws more is held too, and withdraws too", async () => {
    await scene.sync();
    await scene.publisher.release([
      ...scene.publisher.put(testHashEntry(9, { alg: "pdq", value: "0".repeat(64) })),
      del(0),
    ]);
    expect(await scene.sync()).toMatchObject({ outcome: "held", entries: 2 });
    await scene.publisher.release([del(1)]);
    expect(await scene.sync()).toMatchObject({ outcome: "held", release: 1, entries: 1 });
    await scene.publisher.release([del(9)]);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 4, entries: 1 });
    expect(await heldLines(scene.stateDir, id())).toEqual(linesNow());
  });

  it("does not withdraw more than the removal limit on the way", async () => {
    await scene.publisher.release(many(100, 1200));
    await scene.sync();
    const dels = Array.from({ length: 200 }, (_, n) => del(100 + n));
    await scene.publisher.release([...dels, ...many(2000, 2600)]);
    expect(await scene.sync()).toMatchObject({ outcome: "held", code: "policy_growth", entries: 1103 });
  });
});

describe("a withdrawal that a recall announced", () => {
  const before = 2_000;

  it.each([
    ["all of it recalled", 1_000, 1_000],
    ["the rest at the limit", 1_100, 1_000],
  ])("passes whatever its size: %s", (_what, removed, covered) => {
    expect(() => checkRemoval(before, removed - covered)).not.toThrow();
  });

  it.each([
    ["not recalled", 101, 0],
    ["more than the limit beside what was recalled", 1_101, 1_000],
  ])("is held when it is %s, and says how much that is", (_what, removed, covered) => {
    expect(() => checkRemoval(before, removed - covered)).toThrow(
      expect.objectContaining({ code: "policy_removal", detail: { percent: 6, limit_percent: 5 } }),
    );
  });
});

describe("a recall whose list is not here yet", () => {
  it("announces no removal; with the list it does", async () => {
    await scene.publisher.release(many(100, 1200));
    await scene.sync();
    const gone = Array.from({ length: 100 }, (_, n) => testId(100 + n)).sort() as EntryId[];
    const { publisher, set } = id();
    const list = await encodeRecallList({ publisher, set, recall: 1 }, gone, "ab".repeat(32));
    scene.double.store.blobs.set(list.digest, list.bytes);
    const about = { list: list.digest, list_size: list.size, list_plain: list.plain };
    const recall = recallNow({ publisher, set, ...about });
    await scene.double.store.postRecall(id(), await signRecall(recall, [scene.publisher.releaseKey]));
    await scene.publisher.release(Array.from({ length: 100 }, (_, n) => del(100 + n)));
    scene.double.hostile = [{ path: new RegExp(list.digest.slice(7)), act: "gone" }];
    expect(await scene.sync()).toMatchObject({ outcome: "held", code: "policy_removal", entries: 1103 });
    scene.double.hostile = [];
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 3, entries: 1003 });
  });
});

describe("a perceptual hash", () => {
  it("whose bits rounding decides is held as ill-conditioned", async () => {
    await scene.sync();
    const entry = testHashEntry(9, { alg: "pdq", ambiguous_bits: 65 });
    await scene.publisher.release(scene.publisher.put(entry));
    expect(await scene.sync()).toMatchObject({
      outcome: "held",
      code: "policy_degenerate",
      detail: { id: testId(9), reason: "ill_conditioned" },
    });
  });

  it("at the limit passes", async () => {
    await scene.sync();
    await scene.publisher.release(scene.publisher.put(testHashEntry(9, { alg: "pdq", ambiguous_bits: 64 })));
    expect(await scene.sync()).toMatchObject({ outcome: "updated" });
  });
});

describe("the subscriber's own harmless files", () => {
  const file = (n: number, pdq?: string) => ({
    md5: testHashEntry(n, { alg: "md5" }).value,
    sha1: testHashEntry(n, { alg: "sha1" }).value,
    sha256: testHashEntry(n).value,
    ...(pdq === undefined ? {} : { pdq }),
  });

  it("hold a release with the hash of one of them, and name the entry", async () => {
    await scene.sync();
    expect(await addBenign(scene.stateDir, [file(9), file(9), file(10)])).toBe(2);
    expect(await addBenign(scene.stateDir, [file(9)])).toBe(0);
    await scene.publisher.release(scene.publisher.put(testHashEntry(9, { alg: "sha1" })));
    expect(await scene.sync()).toMatchObject({ outcome: "held", code: "policy_benign", detail: { id: testId(9) } });
  });

  it.each([
    [31, "held"],
    [32, "updated"],
  ])("hold a perceptual hash %i bits away: %s", async (bits, outcome) => {
    await scene.sync();
    const near = Buffer.from(PDQ, "hex");
    for (let bit = 0; bit < bits; bit++) near[bit >> 3] = (near[bit >> 3] as number) ^ (1 << (bit & 7));
    await addBenign(scene.stateDir, [file(9, near.toString("hex"))]);
    await scene.publisher.release(scene.publisher.put(testHashEntry(8, { alg: "pdq", value: PDQ })));
    expect(await scene.sync()).toMatchObject({ outcome });
  });

  it("are looked at for a first copy as well, and what was held before is not held again", async () => {
    await addBenign(scene.stateDir, [file(1)]);
    expect(await scene.sync()).toMatchObject({ outcome: "held", code: "policy_benign", release: null });
    await letThrough();
    expect(await scene.sync()).toMatchObject({ outcome: "updated", entries: 3 });
    await scene.publisher.release(scene.publisher.put(testHashEntry(7)));
    expect(await scene.sync()).toMatchObject({ outcome: "updated", entries: 4 });
  });

  it("that cannot be read are not none", async () => {
    await addBenign(scene.stateDir, [file(1)]);
    const { writeFile } = await import("node:fs/promises");
    await writeFile(join(scene.stateDir, "benign.ndjson"), '{"md5":1}\n');
    await expect(openBenign(scene.stateDir)).rejects.toMatchObject({ code: "copy_damaged" });
    expect(await scene.sync()).toMatchObject({ outcome: "refused", code: "copy_damaged" });
  });
});

describe("a publisher in its first 30 days", () => {
  it("is only observed, whatever mode was chosen, until a person lets it do more", async () => {
    const about = aboutOfKind("hash", { stream: "photographic" });
    const publisher = await makeDoublePublisher(scene.double, "new.example/verified", about, { ageDays: 3 });
    await publisher.release(publisher.put(testHashEntry(1)));
    await scene.sync({ setId: publisher.setId, pin: publisher.pin });
    const modeOf = async (now = new Date()) => {
      const matcher = await openLooker(scene.stateDir, { "new.example/verified": "block" }, now);
      return matcher.look({ sha256: testHashEntry(1).value })[0]?.mode;
    };
    expect(await modeOf()).toBe("observe");
    const status = await readStatus(scene.stateDir, publisher.setId);
    expect(isNewPublisher(status, new Date())).toBe(true);
    expect(isNewPublisher(status, new Date(Date.now() + 28 * 86_400_000))).toBe(false);
    if (status !== undefined) await writeStatus(scene.stateDir, publisher.setId, { ...status, released_new: true });
    expect(await modeOf()).toBe("block");
    await scene.sync({ setId: publisher.setId, pin: publisher.pin });
    expect(await modeOf()).toBe("block");
  });
});
