import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signRecall } from "@breakwater/shared/recall.ts";
import { recallNow } from "@breakwater/shared/testing/recall.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { DoubleLog } from "../testing/double-log.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { ASKS_TO_BLOCK, aboutOfKind, testHashEntry, testId } from "../testing/entries.ts";
import { type RunOptions, runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";

/** Each run is a process of its own, and a busy machine takes seconds to start one. */
vi.setConfig({ testTimeout: 120_000 });

let scene: Scene;
let profile: string;
const SET = "hotline.example/verified";
beforeEach(async () => {
  scene = await openScene(3);
  profile = join(scene.dir, "profile");
  await writeProfile({ dir: profile, exchange: scene.double.origin, apiKey: TEST_API_KEY, stateDir: scene.stateDir });
  await writePin(profile, "hotline.example", scene.publisher.pin);
});
afterEach(() => scene.close());

const run = (args: string[], options: Partial<RunOptions> = {}) => runCommand(args, { profile, ...options });
const log = () => scene.double.store.log;
const vkey = () => log().info(scene.double.origin).vkey;
const statusOf = async (set = SET) =>
  JSON.parse((await run(["status", set, "--json"])).stdout) as Record<string, unknown>;

describe("the log's pin", () => {
  it("is taken at first use, shown, held to, and replaced only by a person who types the log's name", async () => {
    expect((await run(["sync"])).stderr).toContain(`log pinned at first use: ${vkey()}`);
    expect((await run(["pin"])).stdout).toContain(
      "exchange.example/log1  log  believed at first use; compare it with your agreement",
    );
    expect((await run(["pin", "--log-vkey", vkey()])).code).toBe(0);
    expect((await run(["pin", "--json"])).stdout).toContain('"trust":"given"');
    // The exchange changes its key: nothing is taken from it.
    Object.assign(log(), { key: (await DoubleLog.open()).key });
    const refused = await run(["sync"]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("not signed by the pinned key of the log");
    expect(refused.stderr).toContain("kept  release 1, still matching");
    expect((await run(["pin", "--log-vkey", vkey()])).code).toBe(2);
    expect((await run(["pin", "--log-vkey", vkey(), "--yes", "exchange.example/log1"])).code).toBe(0);
    expect(await run(["sync"])).toMatchObject({ code: 0 });
  });

  it("is compared at login with the one that was given", async () => {
    const other = join(scene.dir, "other");
    const login = (key: string) =>
      run(["login", "--exchange", scene.double.origin, "--log-vkey", key], {
        profile: other,
        env: { BREAKWATER_API_KEY: TEST_API_KEY },
      });
    const wrong = (await DoubleLog.open()).info(scene.double.origin).vkey;
    const refused = await login(wrong);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain("cp_sig");
    expect((await login(vkey())).code).toBe(0);
    expect(JSON.parse(await readFile(join(other, "logs.json"), "utf8"))).toMatchObject({
      [scene.double.origin]: { vkey: vkey(), trust: "given", url: `${scene.double.origin}/log` },
    });
  });

  it("that cannot be read is not a first use", async () => {
    await run(["sync"]);
    await writeFile(join(profile, "logs.json"), "{", { mode: 0o600 });
    const ran = await run(["sync"]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("profile_invalid");
  });
});

describe("status", () => {
  it("explains a log that forked, and looks again when a person says so", async () => {
    await run(["sync"]);
    const honest = [...log().leaves];
    log().leaves = [...honest.slice(0, -1), new TextEncoder().encode("{}")];
    expect((await run(["sync"])).code).toBe(4);
    const status = await run(["status"]);
    expect(status.code).toBe(4);
    expect(status.stdout).toMatch(/two different histories of one size: somebody is being lied to\. The last verified/);
    expect(status.stdout).toContain("the proof lies in the evidence folder");
    log().leaves = honest;
    expect((await run(["release-hold", "exchange.example/log1", "--yes", "exchange.example/log1"])).code).toBe(0);
    expect((await run(["sync"])).code).toBe(0);
    expect(await statusOf()).toMatchObject({ state: "ok", why: null });
  });

  it("explains a publisher that spoke twice, and its newest is taken when a person says so", async () => {
    const first = scene.double.store.getSet(scene.publisher.setId).releases[0];
    await scene.publisher.release(scene.publisher.put(testHashEntry(8)));
    await run(["sync"]);
    const after = first === undefined ? {} : { after: first };
    await scene.publisher.release(scene.publisher.put(testHashEntry(9)), { ...after, purpose: "recovery" });
    expect((await run(["sync"])).code).toBe(4);
    expect(await statusOf()).toMatchObject({ state: "held", code: "release_fork", release: 2 });
    expect((await statusOf()).why).toContain("signed releases that cannot all be true");
    expect((await run(["release-hold", SET, "--yes", SET])).code).toBe(0);
    expect((await run(["sync"])).stdout).toContain("release 2");
    expect(await statusOf()).toMatchObject({ state: "ok", release: 2 });
  });

  it("says Destroyed once the copy was kept too long, and destroys it", async () => {
    await run(["sync"]);
    const path = join(scene.stateDir, "sets", "hotline.example", "verified", "status.json");
    const status = JSON.parse(await readFile(path, "utf8")) as object;
    const old = new Date(Date.now() - 91 * 86_400_000).toISOString();
    await writeFile(path, JSON.stringify({ ...status, verified_at: old }));
    const ran = await run(["status"]);
    expect(ran.code).toBe(3);
    expect(ran.stdout).toMatch(/destroyed/);
    expect(ran.stdout).toContain("The copy was not verified for longer than the set allows, so it was destroyed.");
    expect((await run(["match", path])).code).not.toBe(0);
    expect((await run(["sync"])).code).toBe(0);
    expect(await statusOf()).toMatchObject({ state: "ok", entries: 3 });
  });

  it("shows recalls in force, those that were refused, and what the exchange hides", async () => {
    await run(["sync"]);
    const recall = (number: number) => recallNow({ recall: number, entries: [testId(0)] });
    const { releaseKey, rootKey, setId } = scene.publisher;
    await scene.double.store.postRecall(setId, await signRecall(recall(1), [releaseKey]));
    log().append(await signRecall(recall(2), [rootKey]));
    scene.double.store.getSet(setId).announced = 2;
    const ran = await run(["sync"]);
    expect(ran.code).toBe(5);
    expect(ran.stderr).toContain("announces a recall and does not hand it out");
    const status = await run(["status"]);
    expect(status.stdout).toContain("hits on those entries ask for review: recall 1.");
    expect(status.stdout).toContain("A recall was refused and is not applied: leaf-3 (envelope_kid_unknown).");
    expect(await statusOf()).toMatchObject({ recalls: [1], notices: [{ code: "recall_gap" }] });
  });
});

describe("match", () => {
  it("names the recall and asks for review", async () => {
    const dir = await mkdtemp(join(tmpdir(), "breakwater-upload-"));
    const file = join(dir, "upload-18.bin");
    await writeFile(file, "only bytes");
    const { createHash } = await import("node:crypto");
    const value = createHash("sha256").update("only bytes").digest("hex");
    const about = aboutOfKind("hash", { stream: "photographic" });
    const real = await makeDoublePublisher(scene.double, "real.example/verified", about);
    await real.release(real.put(testHashEntry(31, { value, ...ASKS_TO_BLOCK })));
    await writePin(profile, "real.example", real.pin);
    await run(["sync"]);
    await run(["enable", "real.example/verified", "--act", "block", "--yes", "real.example/verified"]);
    expect((await run(["match", file])).stdout).toContain("block: your service may act on it");
    const recall = recallNow({ publisher: "real.example", entries: [testId(31)] });
    const signed = await signRecall(recall, [real.releaseKey]);
    await scene.double.store.postRecall(real.setId, signed);
    await run(["sync"]);
    const ran = await run(["match", file]);
    expect(ran.stdout).toMatch(
      /mode {3}review: taken back by the publisher until .* UTC \(recall 1\), nothing was blocked/,
    );
    expect(ran.stdout).toContain("Do not act on it alone, and report nothing because of it.");
    expect(JSON.parse((await run(["match", "--json", file])).stdout)).toMatchObject({
      hits: [{ action: "review", why_not_block: "recalled", recalled: { recall: 1 } }],
    });
    await rm(dir, { recursive: true });
  });
});

describe("a new publisher", () => {
  it("stays in observe until release-hold", async () => {
    const about = aboutOfKind("hash", { stream: "photographic" });
    const fresh = await makeDoublePublisher(scene.double, "new.example/verified", about, { ageDays: 2 });
    await fresh.release(fresh.put(testHashEntry(1)));
    await writePin(profile, "new.example", fresh.pin);
    await run(["sync"]);
    const set = "new.example/verified";
    const refused = await run(["enable", set, "--act", "review"]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain("policy_new");
    expect((await statusOf(set)).notices).toMatchObject([{ code: "policy_new" }]);
    expect((await run(["release-hold", set, "--yes", set])).code).toBe(0);
    expect((await run(["enable", set, "--act", "review"])).code).toBe(0);
    expect(await statusOf(set)).toMatchObject({ mode: "review", notices: [] });
  });
});

describe("benign add", () => {
  it("hashes files here, keeps no names, and holds a release that would hit one", async () => {
    const file = join(scene.dir, "logo.bin");
    await writeFile(file, "our logo");
    expect((await run(["benign", "add", file])).stdout).toContain("1 added  1 harmless files are known");
    expect((await run(["benign", "add", file, "--json"])).stdout).toContain('"added":0,"files":1');
    expect(await readFile(join(scene.stateDir, "benign.ndjson"), "utf8")).not.toContain("logo");
    await run(["sync"]);
    const { createHash } = await import("node:crypto");
    const value = createHash("sha256").update("our logo").digest("hex");
    await scene.publisher.release(scene.publisher.put(testHashEntry(9, { value })));
    expect((await run(["sync"])).code).toBe(4);
    expect((await run(["status"])).stdout).toContain("A new entry is one of your own harmless files");
    expect((await run(["benign", "count"])).stdout).toContain("1 harmless files are known");
  });
});
