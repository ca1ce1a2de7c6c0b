/** What a copy goes through on a real machine: a full disk, readers in other processes, other versions of this program. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { heldLines, linesOf } from "../testing/copy-lines.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { testHashEntry, testId } from "../testing/entries.ts";
import { runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { type Copy, openCopy } from "./copy.ts";
import { type CurrentParts, findCurrent, writeRef } from "./current.ts";
import { setDir } from "./paths.ts";
import { readStatus } from "./status.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const KILL_AT = new URL("../testing/kill-at.mjs", import.meta.url).href;
const READER = fileURLToPath(new URL("../testing/read-copies.ts", import.meta.url));
const ENTRIES = 40;

let scene: Scene;
let profile: string;
beforeEach(async () => {
  scene = await openScene(ENTRIES);
  profile = join(scene.dir, "profile");
  await writeProfile({ dir: profile, exchange: scene.double.origin, apiKey: TEST_API_KEY, stateDir: scene.stateDir });
  await writePin(profile, "hotline.example", scene.publisher.pin);
});
afterEach(() => scene.close());

const id = () => scene.publisher.setId;
const dir = () => setDir(scene.stateDir, id());
const del = (n: number) => ({ op: "del" as const, id: testId(n), why: "withdrawn" as const });
const lines = () => heldLines(scene.stateDir, id());
const open = async (): Promise<Copy> => {
  const copy = await openCopy(scene.stateDir, id());
  if (copy === undefined) throw new Error("no copy");
  return copy;
};
const blobRequests = () => scene.double.requests.filter((request) => request.includes("/blobs/"));

describe("a disk that fills up during a sync", () => {
  it.each([2, 9, 16, 24, 33, 44, 55])(
    "at write %i leaves the last copy as it was; with room the next sync ends",
    async (at) => {
      await scene.sync();
      const before = await lines();
      await scene.publisher.release([del(0), ...scene.publisher.put(testHashEntry(900))], { purpose: "erasure" });
      const full = await runCommand(["sync"], { profile, preload: [KILL_AT], env: { FULL_AT_WRITE: String(at) } });
      expect(full.code, full.stderr).toBe(1);
      expect(full.stderr).toMatch(
        /the disk is full \(ENOSPC\)[\s\S]*kept {2}the last verified copies[\s\S]*next {2}make room/,
      );
      expect(await lines()).toEqual(before);
      expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2, entries: ENTRIES });
      // What the full disk left half made is gone.
      const current = (await findCurrent(scene.stateDir, id())) as CurrentParts;
      const parts = (await readdir(dir())).filter((name) => /^(base|patch)-/.test(name));
      expect(parts.sort()).toEqual([current.rows.base.dir, current.rows.patch?.dir]);
    },
  );
});

describe("a reader", () => {
  it("keeps the state that it opened while a sync replaces it and destroys its blobs", async () => {
    await scene.sync();
    const copy = await open();
    const before = await linesOf(copy);
    await scene.publisher.release([del(0)], { purpose: "erasure" });
    await scene.sync();
    expect(await linesOf(copy)).toEqual(before);
    expect(copy.lineAt(copy.findRow(testId(0)) ?? -1)).toContain(testId(0));
    copy.close();
    expect((await open()).findRow(testId(0))).toBeUndefined();
  });

  it("in another process never meets half a switch", async () => {
    await scene.sync();
    const readers = await Promise.all([startReader(), startReader()]);
    const sizes = new Set([ENTRIES]);
    for (let n = 0; n < 12; n++) {
      await scene.publisher.release([del(n)], n % 3 === 0 ? { purpose: "erasure" } : {});
      const outcome = await scene.sync();
      expect(outcome.outcome).toBe("updated");
      sizes.add(outcome.entries ?? 0);
    }
    for (const reader of readers) {
      const seen = await reader.end();
      for (const size of seen) expect(sizes).toContain(size);
    }
  });
});

async function startReader() {
  const child = spawn(process.execPath, [READER, scene.stateDir, formatSetId(id())], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const closed = once(child, "close");
  await Promise.race([once(child.stdout, "data"), closed]);
  return {
    async end(): Promise<number[]> {
      child.stdin.end();
      const [code] = await closed;
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout.slice("reading\n".length)) as number[];
    },
  };
}

describe("a segment that changes between two reads", () => {
  const hurtSegment = async (times: number) => {
    await scene.publisher.release([], { purpose: "recovery" });
    const sizes = [...scene.double.store.blobs].sort(([, a], [, b]) => b.length - a.length).map(([digest]) => digest);
    const newest = sizes.slice(0, 2);
    scene.double.hostile = newest.map((digest) => ({ path: new RegExp(digest.slice(7)), act: "flip" as const, times }));
  };

  it("is fetched once more", async () => {
    await scene.sync();
    await hurtSegment(1);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2 });
  });

  it("and is then refused, with the copy as it was", async () => {
    await scene.sync();
    const before = await lines();
    await hurtSegment(2);
    expect(await scene.sync()).toMatchObject({ outcome: "refused", code: "blob_digest_mismatch", release: 1 });
    expect(await lines()).toEqual(before);
  });
});

describe("a state folder of a newer program", () => {
  it("is refused by its own code, and not a byte of it changes", async () => {
    await scene.sync();
    const path = join(dir(), "current.json");
    await writeFile(path, (await readFile(path, "utf8")).replace('"v": 2', '"v": 3'));
    const before = await contents();
    await scene.publisher.release([del(0)]);
    const ran = await runCommand(["sync"], { profile });
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toMatch(/newer program[\s\S]*next {2}update this program[\s\S]*code {2}state_newer/);
    await expect(open()).rejects.toMatchObject({ code: "state_newer" });
    await expect(scene.sync({ fresh: true })).rejects.toMatchObject({ code: "state_newer" });
    expect(await contents()).toEqual(before);
  });

  it("is told from its status alone, too", async () => {
    await scene.sync();
    const path = join(dir(), "status.json");
    await writeFile(path, (await readFile(path, "utf8")).replace('"v": 1', '"v": 2'));
    await expect(readStatus(scene.stateDir, id())).rejects.toMatchObject({ code: "state_newer" });
    await expect(scene.sync()).rejects.toMatchObject({ code: "state_newer" });
  });

  async function contents(): Promise<string[]> {
    const names = (await readdir(dir(), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
    return Promise.all(paths.map(async (one) => `${one} ${(await readFile(one)).toString("hex")}`));
  }
});

describe("a copy of an older program", () => {
  /** As one was written before copies had parts. */
  async function makeOld(): Promise<string[]> {
    const { rows: _, index: __, view: ___, ...current } = (await findCurrent(scene.stateDir, id())) as CurrentParts;
    const held = (await lines()) ?? [];
    for (const name of await readdir(dir())) {
      if (/^(base|patch)-/.test(name)) await rm(join(dir(), name), { recursive: true });
    }
    await rm(join(dir(), "blobs"), { recursive: true });
    await mkdir(join(dir(), "blobs"));
    const encode = (text: string) => new TextEncoder().encode(text);
    const rows = await writeRef(dir(), "release-1-abcdef.ndjson", encode(held.map((line) => `${line}\n`).join("")));
    const origins = await writeRef(dir(), "release-1-abcdef.origins", encode(`1\n${testId(1)} 1\n`));
    await writeFile(join(dir(), "current.json"), JSON.stringify({ ...current, v: 1, rows, origins }));
    return held;
  }

  it("goes on being read, with indexes, and is written anew by the next sync", async () => {
    await scene.sync();
    const held = await makeOld();
    const copy = await open();
    expect(await linesOf(copy)).toEqual(held);
    expect(copy.indexFiles().find(({ name }) => name === "exact-sha256")?.count).toBe(ENTRIES);
    expect([1, 2].map((n) => copy.origins.puts.get(testId(n)))).toEqual([1, undefined]);
    copy.close();
    expect(await scene.sync()).toMatchObject({
      outcome: "updated",
      release: 1,
      change: { added: 0, changed: 0, removed: 0 },
    });
    expect((await findCurrent(scene.stateDir, id()))?.v).toBe(2);
    expect((await readdir(dir())).some((name) => name.endsWith(".ndjson") || name.endsWith(".origins"))).toBe(false);
    expect(await lines()).toEqual(held);
  });

  it("still matches while nobody can be reached", async () => {
    await scene.sync();
    const held = await makeOld();
    scene.double.hostile = [{ path: /./, act: "busy" }];
    expect(await scene.sync()).toMatchObject({ outcome: "unreached", release: 1, entries: ENTRIES });
    expect(await lines()).toEqual(held);
  });

  it("that is damaged is not opened, and is loaded again", async () => {
    await scene.sync();
    await makeOld();
    await writeFile(join(dir(), "release-1-abcdef.ndjson"), "");
    await expect(open()).rejects.toMatchObject({ code: "copy_damaged" });
    expect(await scene.sync()).toMatchObject({ outcome: "updated", entries: ENTRIES });
  });
});

describe("a view", () => {
  const names = async () => {
    const copy = await open();
    const files = copy.indexFiles();
    copy.close();
    return files.flatMap(({ name, count }) => (/^(exact|pdq)/.test(name) && count > 0 ? [name] : [])).sort();
  };

  it("is made without fetching anything, is kept by later syncs, and is taken back", async () => {
    const put = scene.publisher.put(testHashEntry(500, { alg: "md5" }), testHashEntry(501, { alg: "pdq" }));
    await scene.publisher.release(put, { purpose: "recovery" });
    await scene.sync();
    const all = await lines();
    expect(await names()).toEqual(["exact-md5", "exact-sha256", "pdq", "pdq-rows"].sort());
    scene.double.requests.length = 0;
    expect(await scene.sync({ view: { only: ["md5"] } })).toMatchObject({ outcome: "updated", entries: all?.length });
    expect(blobRequests()).toEqual([]);
    expect(await names()).toEqual(["exact-md5"]);
    // The rows are all there, and so is each of their ids: a narrowed view is no withdrawal.
    expect(await lines()).toEqual(all);
    expect((await open()).findRow(testId(501))).toBeDefined();
    await scene.publisher.release(scene.publisher.put(testHashEntry(502), testHashEntry(503, { alg: "md5" })));
    expect(await scene.sync()).toMatchObject({ outcome: "updated" });
    expect(new Set(await names())).toEqual(new Set(["exact-md5"]));
    await scene.sync({ view: {} });
    expect(new Set(await names())).toEqual(new Set(["exact-md5", "exact-sha256", "pdq", "pdq-rows"]));
    expect(await scene.sync()).toMatchObject({ outcome: "current" });
  });

  it("is chosen at the command, and a word that is none is refused before anything is asked", async () => {
    const narrowed = await runCommand(["sync", "--only", "md5,pdq"], { profile });
    expect(narrowed.code).toBe(0);
    expect(await names()).toEqual([]);
    // A copy that finds less than it holds says so wherever a person looks at it.
    expect(narrowed.stderr).toContain("Only entries of md5, pdq are found, as was chosen here.");
    const { stdout } = await runCommand(["status"], { profile });
    expect(stdout).toMatch(
      /Only entries of md5, pdq are found.*\n {2}next {2}for all of them: breakwater sync .*--only all/,
    );
    expect(JSON.parse((await runCommand(["status", "--json"], { profile })).stdout).view).toEqual({
      only: ["md5", "pdq"],
    });
    expect(
      await runCommand(["sync", "--only", "all", "--min-verification", "two_reviewed"], { profile }),
    ).toMatchObject({ code: 0 });
    expect(await names()).toEqual(["exact-sha256"]);
    expect(await runCommand(["sync", "--min-verification", "police_verified"], { profile })).toMatchObject({ code: 0 });
    expect(await names()).toEqual([]);
    scene.double.requests.length = 0;
    for (const words of [
      ["--only", "md6"],
      ["--only", ""],
      ["--min-verification", "somebody"],
    ]) {
      const ran = await runCommand(["sync", ...words], { profile });
      expect(ran.code, words.join(" ")).toBe(2);
      expect(ran.stderr).toContain("usage_invalid");
    }
    expect(scene.double.requests).toEqual([]);
  });
});

describe("a set that is large enough for threads", () => {
  it("is verified by them to the last byte, and a lie in one segment is refused", async () => {
    const many = Array.from({ length: 66_000 }, (_, n) => testHashEntry(10_000 + (n % 2), { id: testId(10_000 + n) }));
    await scene.publisher.release(scene.publisher.put(...many), { purpose: "recovery" });
    const [segment] = [...scene.double.store.blobs].sort(([, a], [, b]) => b.length - a.length)[0] ?? [""];
    scene.double.hostile = [{ path: new RegExp(segment.slice(7)), act: "flip" }];
    expect(await scene.sync()).toMatchObject({ outcome: "refused", code: "blob_digest_mismatch" });
    expect(await openCopy(scene.stateDir, id())).toBeUndefined();
    scene.double.hostile = [];
    scene.double.requests.length = 0;
    expect(await scene.sync()).toMatchObject({ outcome: "updated", entries: 66_000 + ENTRIES });
    // Four segments, of which those that verified before are not fetched again.
    expect(blobRequests().length).toBeLessThan(4);
    const copy = await open();
    for (const n of [0, 33_000, 65_999])
      expect(copy.lineAt(copy.findRow(testId(10_000 + n)) ?? -1)).toContain(testId(10_000 + n));
    copy.close();
  });
});
