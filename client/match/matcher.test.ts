import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { signRecall } from "@breakwater/shared/recall.ts";
import { recallNow } from "@breakwater/shared/testing/recall.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setDir } from "../sync/paths.ts";
import { type DoublePublisher, makeDoublePublisher } from "../testing/double-publisher.ts";
import {
  aboutOfKind,
  testHashEntry,
  testId,
  testIndicatorEntry,
  testTermEntry,
  testUrlEntry,
} from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { type Matcher, openMatcher } from "./index.ts";

let scene: Scene;
let real: DoublePublisher;
let matcher: Matcher | undefined;
beforeEach(async () => {
  scene = await openScene(0);
  real = await makeDoublePublisher(
    scene.double,
    "real.example/verified",
    aboutOfKind("hash", { stream: "photographic" }),
  );
  // Enough that what follows is a patch beside the snapshot and not a new snapshot.
  await real.release(real.put(...Array.from({ length: 200 }, (_, n) => testHashEntry(n))));
  await sync();
});
afterEach(async () => {
  matcher?.close();
  matcher = undefined;
  await scene.close();
});

const sync = (publisher = real) => scene.sync({ setId: publisher.setId, pin: publisher.pin });
const open = async () => {
  matcher = await openMatcher(scene.stateDir, new Date());
  return matcher;
};
const sha256 = (n: number, changes = {}) => ({ hashes: { sha256: testHashEntry(n, changes).value } });
const found = (one: Matcher, query: Parameters<Matcher["match"]>[0], now = new Date()) =>
  one.match(query, now).found.map(({ entry, release }) => [entry.id, release]);

/** Of the first segment a line goes, so that the copy has a new base. */
const ERASED = { op: "del", id: testId(2), why: "withdrawn" } as const;

describe("a change of the copy", () => {
  it("is taken over: what was put, what was replaced, what was deleted; what was asked before goes on", async () => {
    const own = await open();
    expect(found(own, sha256(1))).toEqual([[testId(1), 1]]);
    const replaced = testHashEntry(1, { value: testHashEntry(901).value });
    await real.release([...real.put(replaced, testHashEntry(300)), { op: "del", id: testId(2), why: "withdrawn" }]);
    await sync();
    expect(found(own, sha256(2))).toEqual([[testId(2), 1]]);
    expect(await own.refresh(new Date())).toEqual({ changed: 1, heavy: [], failed: [] });
    expect(found(own, sha256(1))).toEqual([]);
    expect(found(own, sha256(901))).toEqual([[testId(1), 2]]);
    expect(found(own, sha256(300))).toEqual([[testId(300), 2]]);
    expect(found(own, sha256(2))).toEqual([]);
    expect(found(own, sha256(3))).toEqual([[testId(3), 2]]);
    expect(await own.refresh(new Date())).toEqual({ changed: 0, heavy: [], failed: [] });
  });

  it("is taken over again and again, by what was built over the snapshot once", async () => {
    const own = await open();
    for (let n = 0; n < 6; n++) {
      await real.release(real.put(testHashEntry(1_000 + n)));
      await sync();
      // One new row and no more may be built: the snapshot's index is used again under new descriptors.
      expect((await own.refresh(new Date(), { maxRecords: 10 })).heavy, `release ${n + 2}`).toEqual([]);
      expect(found(own, sha256(1_000 + n))).toEqual([[testId(1_000 + n), n + 2]]);
      expect(found(own, sha256(n))).toEqual([[testId(n), n + 2]]);
    }
  });

  it("that is too large to be built in between is named, and the old copy answers on", async () => {
    const own = await open();
    await real.release([...real.put(testHashEntry(300)), ERASED], { purpose: "erasure" });
    await sync();
    expect(await own.refresh(new Date(), { maxRecords: 10 })).toEqual({
      changed: 0,
      heavy: ["real.example/verified"],
      failed: [],
    });
    expect(found(own, sha256(1))).toEqual([[testId(1), 1]]);
    expect(found(own, sha256(300))).toEqual([]);
    expect((await own.refresh(new Date())).changed).toBe(1);
    expect(found(own, sha256(300))).toEqual([[testId(300), 2]]);
  });

  it("that cannot be taken over keeps no recall from the copy that answers on", async () => {
    const own = await open();
    const named = recallNow({ publisher: "real.example", entries: [testId(1)] });
    await scene.double.store.postRecall(real.setId, await signRecall(named, [real.releaseKey]));
    await real.release([...real.put(testHashEntry(300)), ERASED], { purpose: "erasure" });
    await sync();
    expect((await own.refresh(new Date(), { maxRecords: 10 })).heavy).toEqual(["real.example/verified"]);
    expect(own.match(sha256(1), new Date()).found).toMatchObject([
      { release: 1, level: "review", recalled: { recall: 1 } },
    ]);
  });

  it("opens a set that is new, and lets go of one that is gone", async () => {
    const own = await open();
    const urls = await makeDoublePublisher(scene.double, "real.example/urls", aboutOfKind("url"));
    await urls.release(urls.put(testUrlEntry(1)));
    await sync(urls);
    expect(found(own, { url: "https://forum1.example/t/1" })).toEqual([]);
    await own.refresh(new Date());
    expect(found(own, { url: "https://forum1.example/t/1" })).toEqual([[testId(1), 1]]);
  });

  it("that leaves an algorithm out is named to whoever asks by it", async () => {
    await scene.sync({ setId: real.setId, pin: real.pin, view: { only: ["md5"] } });
    const own = await open();
    const pdq = { hash: "0f".repeat(32), quality: 80 };
    expect(own.match({ hashes: { pdq } }, new Date())).toEqual({
      found: [],
      notCompared: [{ what: "pdq", why: "left_out" }],
    });
    expect(own.match(sha256(1), new Date()).notCompared).toEqual([{ what: "hashes", why: "left_out" }]);
    expect(own.match({ hashes: { md5: "0f".repeat(16) } }, new Date()).notCompared).toEqual([]);
    // The set never lists a video, so that nothing of one is missed.
    const vpdq = [{ hash: "0f".repeat(32), quality: 80 }];
    expect(own.match({ hashes: { vpdq } }, new Date()).notCompared).toEqual([]);
  });

  it("of indicators is nothing to match with, and each check of it is no change", async () => {
    const trends = await makeDoublePublisher(scene.double, "real.example/trends", aboutOfKind("indicator"));
    await trends.release(trends.put(testIndicatorEntry(1)));
    await sync(trends);
    const own = await open();
    expect(own.sets(new Date()).map(({ set }) => set)).toEqual(["real.example/verified"]);
    for (let n = 0; n < 2; n++) {
      await sync(trends);
      expect(await own.refresh(new Date())).toEqual({ changed: 0, heavy: [], failed: [] });
    }
  });
});

describe("a copy that was changed by somebody else", () => {
  /** Every file of the set's parts and blobs with one byte turned over. */
  async function damage(only: (name: string) => boolean): Promise<number> {
    const dir = setDir(scene.stateDir, real.setId);
    let done = 0;
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !only(join(entry.parentPath, entry.name))) continue;
      const path = join(entry.parentPath, entry.name);
      const bytes = await readFile(path);
      if (bytes.length === 0) continue;
      const at = bytes.length >> 1;
      bytes[at] = (bytes[at] as number) ^ 0xff;
      await writeFile(path, bytes);
      done += 1;
    }
    return done;
  }

  it("is not matched with, and the others are", async () => {
    const terms = await makeDoublePublisher(scene.double, "real.example/terms", aboutOfKind("term"));
    await terms.release(terms.put(testTermEntry(1)));
    await sync(terms);
    expect(await damage((path) => path.endsWith("exact-sha256"))).toBeGreaterThan(0);
    const own = await open();
    expect(own.unusable()).toEqual([{ set: "real.example/verified", code: "copy_damaged" }]);
    const { found: hits, notCompared } = own.match(sha256(1), new Date());
    expect(hits).toEqual([]);
    // Another hash set that answers would not make the empty list complete.
    expect(notCompared).toContainEqual({ what: "hashes", why: "copy_damaged" });
    expect(found(own, { text: "test-term-0001" })).toEqual([[testId(1), 1]]);
    expect(own.match({ text: "test-term-0001" }, new Date()).notCompared).toEqual([]);
  });

  it("while it is open is let go of at its first hit, and that is said", async () => {
    const own = await open();
    expect(await damage((path) => path.includes("/blobs/"))).toBeGreaterThan(0);
    const { found: hits, notCompared } = own.match(sha256(1), new Date());
    expect(hits).toEqual([]);
    expect(notCompared).toEqual([{ what: "hashes", why: "copy_damaged" }]);
    expect(own.unusable()).toEqual([{ set: "real.example/verified", code: "copy_damaged" }]);
    // Not opened again as it lies there, only once it was loaded anew.
    await own.refresh(new Date());
    expect(own.match(sha256(1), new Date()).notCompared).toContainEqual({ what: "hashes", why: "copy_damaged" });
    await scene.sync({ setId: real.setId, pin: real.pin, fresh: true });
    await own.refresh(new Date());
    expect(own.unusable()).toEqual([]);
    expect(found(own, sha256(1))).toEqual([[testId(1), 1]]);
  });
});

describe("a hash that is near more entries than anybody reads", () => {
  it("is answered with the nearest, and says that it was cut off", async () => {
    const near = Buffer.from(testHashEntry(0, { alg: "pdq" }).value, "hex");
    const at = (bits: number, n: number) => {
      const bytes = Buffer.from(near);
      for (let bit = 0; bit < bits; bit++)
        bytes[(n * 7 + bit) % 32] = (bytes[(n * 7 + bit) % 32] as number) ^ (1 << (n & 7));
      return bytes.toString("hex");
    };
    const values = [...new Set(Array.from({ length: 300 }, (_, n) => at(1 + Math.floor(n / 12), n)))];
    await real.release(real.put(...values.map((value, n) => testHashEntry(2_000 + n, { alg: "pdq", value }))));
    await sync();
    const pdq = { hash: near.toString("hex"), quality: 90 };
    const { found: hits, notCompared } = (await open()).match({ hashes: { pdq } }, new Date());
    expect(values.length).toBeGreaterThan(150);
    expect(hits.length).toBe(100);
    expect(notCompared).toEqual([{ what: "pdq", why: "cut_off" }]);
    expect(hits[0]?.distance).toBe(1);
    expect(hits.at(-1)?.distance).toBeLessThan(20);
  });
});

describe("an address", () => {
  it.each([
    ["https://forum1.example/t/1", "exact", [1]],
    ["HTTPS://FORUM1.example:443/t/1#part", "exact", [1]],
    ["http://forum1.example/t/1", "exact", [1]],
    ["https://forum1.example/t/12", "exact", []],
    ["https://files.example/folder/deeper/a.html?x=1", "path", [2]],
    ["https://sub.host.example/whatever", "host", [3]],
    ["https://nothost.example/whatever", "host", []],
  ])("%s", async (url, scope, ids) => {
    const urls = await makeDoublePublisher(scene.double, "real.example/urls", aboutOfKind("url"));
    await urls.release(
      urls.put(
        testUrlEntry(1),
        testUrlEntry(2, { url: "https://files.example/folder/", scope: "path" }),
        testUrlEntry(3, { url: "https://host.example/", scope: "host" }),
      ),
    );
    await sync(urls);
    const own = await open();
    const hits = own.match({ url }, new Date()).found;
    expect(hits.map(({ entry }) => entry.id)).toEqual(ids.map(testId));
    for (const hit of hits) expect(hit.how).toEqual({ scope });
  });

  it("that is none is refused without being repeated", async () => {
    const urls = await makeDoublePublisher(scene.double, "real.example/urls", aboutOfKind("url"));
    await urls.release(urls.put(testUrlEntry(1)));
    await sync(urls);
    const own = await open();
    let thrown: unknown;
    try {
      own.match({ url: "no address but secret words" }, new Date());
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "url_invalid" });
    expect(JSON.stringify(thrown) + String(thrown)).not.toContain("secret");
  });
});

describe("a text", () => {
  beforeEach(async () => {
    const terms = await makeDoublePublisher(scene.double, "real.example/terms", aboutOfKind("term"));
    const ambiguous = { ambiguity: "high", innocent_meanings: ["A made-up dish."] };
    await terms.release(
      terms.put(
        testTermEntry(1),
        testTermEntry(2, ambiguous),
        testTermEntry(3, { valid_until: "2026-01-01" }),
        testTermEntry(4, { region: ["FR"] }),
        testTermEntry(5, { expires_at: "2026-01-01T00:00:00Z" }),
      ),
    );
    await sync(terms);
  });
  const text = "test-term-0001 and test-term-0002, test-term-0003, test-term-0004, test-term-0005, test-term-0001";

  it("names each term once, where it stands first; one with innocent meanings is for review", async () => {
    const own = await open();
    const hits = own.match({ text, country: "DE" }, new Date()).found;
    expect(hits.map(({ entry, level }) => [entry.id, level])).toEqual([
      [testId(1), "act"],
      [testId(2), "review"],
    ]);
    expect(hits[0]?.how).toMatchObject({ start: 0, end: 14 });
  });

  it("counts terms of the caller's region, and all when none is said", async () => {
    const own = await open();
    expect(found(own, { text, country: "FR" }).map(([id]) => id)).toContain(testId(4));
    expect(found(own, { text }).map(([id]) => id)).toContain(testId(4));
  });

  it("of any length is read in pieces, wherever they are cut", async () => {
    const own = await open();
    const long = `${"x ".repeat(300_000)}test-term-0001${" x".repeat(300_000)}`;
    for (const size of [1, 7, 65_536]) {
      const part = size === 1 ? long.slice(599_000, 601_000) : long;
      const reader = own.readText({}, new Date());
      for (let at = 0; at < part.length; at += size) reader.push(part.slice(at, at + size));
      expect(reader.end().found).toMatchObject([
        { entry: { id: testId(1) }, how: { start: part.indexOf("test-term") } },
      ]);
    }
  });
});

describe("a video", () => {
  const frame = (n: number) => testHashEntry(n, { alg: "pdq" }).value;
  const framesOf = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ hash: frame(from + n), quality: 90 }));
  const listOf = (from: number, count: number) =>
    framesOf(from, count)
      .map(({ hash, quality }, n) => `${hash},${quality},${n}`)
      .join(";");

  it.each([
    ["the same", framesOf(5_000, 20), "act", 100, 100],
    ["a piece of it", framesOf(5_004, 5), "act", 100, 25],
    ["one that contains it", framesOf(4_980, 60), "act", 33.3, 100],
    ["one that shares half of it", [...framesOf(5_000, 10), ...framesOf(7_000, 10)], "review", 50, 50],
    ["one with the same title card", [...framesOf(5_000, 1), ...framesOf(7_000, 19)], undefined, 0, 0],
  ] as const)("%s", async (_what, vpdq, level, seen, listed) => {
    const entry = { ...testHashEntry(60), alg: "vpdq", value: listOf(5_000, 20), media: "video" } as const;
    await real.release(real.put(entry));
    await sync();
    const own = await open();
    const hits = own.match({ hashes: { vpdq: [...vpdq] } }, new Date()).found;
    if (level === undefined) expect(hits).toEqual([]);
    else {
      expect(hits).toMatchObject([
        { entry: { id: testId(60) }, level, how: { alg: "vpdq", seen_percent: seen, listed_percent: listed } },
      ]);
    }
  });

  it("whose frames are only near enough to be looked at is looked at", async () => {
    const about = aboutOfKind("hash", { stream: "photographic", act_distance: 4, review_distance: 31 });
    const narrow = await makeDoublePublisher(scene.double, "narrow.example/verified", about);
    await narrow.release(
      narrow.put({ ...testHashEntry(61), alg: "vpdq", value: listOf(5_000, 20), media: "video" } as const),
    );
    await sync(narrow);
    // Three hex digits turned over: 12 bits.
    const off = (hash: string) =>
      [...hash.slice(0, 3)].map((digit) => (15 - Number(`0x${digit}`)).toString(16)).join("");
    const levelOf = async (vpdq: ReturnType<typeof framesOf>) =>
      (await open()).match({ hashes: { vpdq } }, new Date()).found.map(({ level }) => level);
    const far = framesOf(5_000, 20).map((one) => ({ ...one, hash: off(one.hash) + one.hash.slice(3) }));
    expect(await levelOf(far)).toEqual(["review"]);
    expect(await levelOf(framesOf(5_000, 20))).toEqual(["act"]);
  });

  it("without a frame that says anything is said not to have been compared", async () => {
    const vpdq = framesOf(5_000, 3).map((one) => ({ ...one, quality: 0 }));
    expect((await open()).match({ hashes: { vpdq } }, new Date())).toEqual({
      found: [],
      notCompared: [{ what: "vpdq", why: "no_frames" }],
    });
  });
});
