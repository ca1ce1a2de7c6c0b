/** A stolen release key, on the real exchange: noticed by the monitor, locked out by log order, undone at every subscriber. */

import { readFileSync } from "node:fs";
import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { digestOf } from "@breakwater/shared/bytes.ts";
import { importSigningKey } from "@breakwater/shared/keys.ts";
import { signRecall } from "@breakwater/shared/recall.ts";
import { type ReleaseStatement, signRelease } from "@breakwater/shared/release.ts";
import { testRecall } from "@breakwater/shared/testing/recall.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { testHashEntry } from "../../client/testing/entries.ts";
import { type CommandScene, openCommandScene } from "./command-scene.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let scene: CommandScene;
beforeAll(async () => {
  scene = await openCommandScene();
});
afterAll(() => scene.close());

const SET = "victim.example/verified";
const ENVELOPE = "application/jose+json";

async function keyOf(profile: string): Promise<string> {
  return (JSON.parse(await readFile(join(scene.profileOf(profile), "profile.json"), "utf8")) as { api_key: string })
    .api_key;
}

function stateDirOf(profile: string): string {
  const dir = scene.profileOf(profile);
  return resolve(dir, (JSON.parse(readFileSync(join(dir, "profile.json"), "utf8")) as { state_dir: string }).state_dir);
}

async function stolenKey() {
  return importSigningKey(JSON.parse(await readFile(join(scene.profileOf("thief"), "keys", "release-1.jwk"), "utf8")));
}

async function post(path: string, bytes: Uint8Array): Promise<string> {
  const answer = await scene.exchange.request(`/v1/sets/${SET}/${path}`, {
    key: await keyOf("thief"),
    method: "POST",
    headers: { "content-type": ENVELOPE },
    body: bytes,
  });
  return answer.ok ? "ok" : ((await answer.json()) as { code: string }).code;
}

async function monitor(...args: string[]) {
  await scene.exchange.settle();
  return scene.run("victim", ["monitor", "--once", ...args]);
}

const exported = async (profile: string) => (await scene.done(profile, "export", SET, "--format", "ndjson")).stdout;

describe("a stolen release key", () => {
  beforeAll(async () => {
    const publisher = await scene.publisher("victim");
    await scene.done("victim", "root", "create", "--custody", "member");
    await scene.publishFirst("victim", 1, 2);
    await scene.subscriber("east", publisher);
    await scene.subscriber("west", publisher);
    for (const reader of ["east", "west"]) await scene.done(reader, "sync", SET);
    await scene.copyProfile("victim", "thief");
  });

  it("is not used yet: the monitor knows every statement, and a recovery has nothing to do", async () => {
    const quiet = await monitor();
    expect(quiet, quiet.stderr).toMatchObject({ code: 0 });
    expect(quiet.stdout).toContain("2 statements in your name, all made by this profile");
    const sound = await scene.done("victim", "recover", "verified");
    expect(sound.stdout).toContain("every release was made by this profile");
  });

  it("is used: the monitor ends with 5, says where, and keeps the evidence", async () => {
    await scene.done(
      "thief",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("theft.ndjson", 1, 66, 67),
      "--yes",
    );
    await scene.done("east", "sync", SET);
    expect(await exported("east")).toContain(testHashEntry(66).value);
    const alarm = await monitor("--json");
    expect(alarm).toMatchObject({ code: 5 });
    const problem = JSON.parse(alarm.stderr) as {
      code: string;
      evidence: string;
      alarms: { set: string; number: number; digest: string }[];
    };
    expect(problem).toMatchObject({ code: "statement_foreign", alarms: [{ set: "verified", number: 2, code: null }] });
    expect((await readdir(problem.evidence)).sort()).toEqual([
      expect.stringMatching(/^checkpoint-\d+\.txt$/),
      expect.stringMatching(/^leaf-\d+\.jws$/),
    ]);
    // It is told until it is explained, by every run.
    expect((await monitor()).code).toBe(5);
  });

  it("is recovered from: a root without it, a recall, and our own state as the next number", async () => {
    const asked = await scene.run("victim", ["recover", "verified"]);
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.stderr).toContain("victim.example/verified: a release was not made by this profile");
    expect(asked.stderr).toContain("1. Root 2 no longer lists");
    expect(asked.stderr).toContain("2. A recall of release 2");
    expect(asked.stderr).toContain(
      "3. Release 3 continues release 2 and holds 2 entries, from this machine's verified copy.",
    );
    const ran = await scene.done("victim", "recover", "verified", "--yes", "verified");
    expect(ran.stdout).toMatch(/✓ root 2 {2}victim\.example {2}posted/);
    expect(ran.stdout).toContain("✓ recall 1 signed");
    expect(ran.stdout).toContain("✓ victim.example/verified  release 3  2 entries  recovered");
  });

  it("signs nothing any more: neither under the old root nor under the new one, no release and no recall", async () => {
    const key = await stolenKey();
    const head = await scene.exchange.request(`/v1/sets/${SET}/head`, { key: await keyOf("victim") });
    const { payload } = (await head.json()) as { payload: string };
    const statement = JSON.parse(Buffer.from(payload, "base64url").toString()) as ReleaseStatement;
    const next = {
      ...statement,
      release: statement.release + 1,
      prev: await digestOf(Buffer.from(payload, "base64url")),
    };
    expect(await post("releases", await signRelease({ ...next, root: 1 } as ReleaseStatement, [key]))).toBe(
      "envelope_kid_unknown",
    );
    expect(await post("releases", await signRelease({ ...next, root: 2 } as ReleaseStatement, [key]))).toBe(
      "envelope_kid_unknown",
    );
    const recall = testRecall({ iat: statement.iat, publisher: "victim.example", recall: 2, releases: [1, 3] });
    expect(await post("recalls", await signRecall(recall, [key]))).toBe("recall_key_revoked");
    // Refused, in no log, and yet told.
    const told = await monitor();
    expect(told).toMatchObject({ code: 5 });
    expect(told.stderr).toContain("a recall for verified, brought by victim, was refused: recall_key_revoked, once");
  });

  it("has left nothing at the subscribers, whether they took the thief's release or not", async () => {
    for (const reader of ["east", "west"]) {
      const synced = await scene.done(reader, "sync", SET);
      expect(synced.stdout).toContain("release 3");
      const rows = await exported(reader);
      expect(rows).not.toContain(testHashEntry(66).value);
      expect(rows).toContain(testHashEntry(2).value);
    }
  });

  it("is over: the monitor is quiet again, and publishing goes on with the new key", async () => {
    const quiet = await monitor();
    expect(quiet, quiet.stderr).toMatchObject({ code: 0 });
    const next = await scene.done(
      "victim",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("after.ndjson", 1, 2, 3),
    );
    expect(next.stdout).toContain("release 4  +1 ~0 −0");
    expect((await monitor()).code).toBe(0);
  });
});

describe("what was said elsewhere", () => {
  it("is accepted by a person, one by one, and not before the name is typed", async () => {
    // Another machine of the publisher's: its own journal, the same keys.
    await scene.copyProfile("victim", "second");
    await scene.done("second", "publish", "--set", "verified", "--heartbeat");
    expect((await monitor()).code).toBe(5);
    const other = join(scene.profileOf("second"), "statements.ndjson");
    const told = await monitor("--journal", other);
    expect(told, told.stderr).toMatchObject({ code: 0 });

    await scene.done("second", "publish", "--set", "verified", "--heartbeat");
    const alarm = await monitor("--json");
    expect(alarm, alarm.stderr).toMatchObject({ code: 5 });
    const { alarms } = JSON.parse(alarm.stderr) as { alarms: { digest: string }[] };
    const digest = alarms[0]?.digest as string;
    const untyped = await scene.run("victim", ["monitor", "--accept", digest]);
    expect(untyped.code).toBe(2);
    const strange = ["monitor", "--accept", `sha256:${"0".repeat(64)}`, "--yes", "victim.example"];
    expect((await scene.run("victim", strange)).stderr).toContain("not_found");
    expect((await monitor()).code).toBe(5);
    await scene.done("victim", "monitor", "--accept", digest, "--yes", "victim.example");
    expect((await monitor()).code).toBe(0);
  });

  it("needs a list when the copy itself holds the thief's rows", async () => {
    await scene.publisher("late");
    await scene.done("late", "root", "create", "--custody", "member");
    await scene.publishFirst("late", 1, 2);
    await scene.copyProfile("late", "late-thief");
    await scene.done(
      "late-thief",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("late-theft.ndjson", 1, 2, 77),
    );
    // The publisher's own next release stands on the thief's, unnoticed.
    await scene.done(
      "late",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("late-3.ndjson", 1, 2, 3),
      "--keep-missing",
    );
    const journal = join(scene.profileOf("late"), "statements.ndjson");
    const lines = (await readFile(journal, "utf8")).trim().split("\n");
    await writeFile(journal, `${lines.slice(0, -1).join("\n")}\n`, { mode: 0o600 });
    const refused = await scene.run("late", ["recover", "verified", "--yes", "verified"]);
    expect(refused.stderr).toContain("holds releases that were not made here");
    const list = await scene.list("late-good.ndjson", 1, 2, 3);
    const about = join(scene.dir, "late-about.json");
    const ran = await scene.done("late", "recover", "verified", "--from", list, "--about", about, "--yes", "verified");
    expect(ran.stdout).toContain("release 4  3 entries  recovered");
    expect((await scene.done("late", "export", "late.example/verified", "--format", "ndjson")).stdout).not.toContain(
      testHashEntry(77).value,
    );
  });

  it("needs a list when the copy misses an own release: it would bring back what that one took out", async () => {
    await scene.publisher("behind");
    await scene.done("behind", "root", "create", "--custody", "member");
    await scene.publishFirst("behind", 1, 2);
    await scene.copyProfile("behind", "behind-thief");
    // The machine dies between the exchange's answer and its own copy: the journal has release 2, the copy does not.
    const state = stateDirOf("behind");
    await cp(state, `${state}-before`, { recursive: true });
    const one = await scene.list("behind-2.ndjson", 2);
    await scene.done("behind", "publish", "--set", "verified", "--from", one, "--yes", "verified");
    await rm(state, { recursive: true });
    await rename(`${state}-before`, state);
    await scene.done("behind-thief", "sync", "behind.example/verified");
    const theft = await scene.list("behind-theft.ndjson", 2, 77);
    await scene.done("behind-thief", "publish", "--set", "verified", "--from", theft);

    const refused = await scene.run("behind", ["recover", "verified", "--yes", "verified"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("misses one that was");
    const about = join(scene.dir, "behind-about.json");
    await scene.done("behind", "recover", "verified", "--from", one, "--about", about, "--yes", "verified");
    const { stdout } = await scene.done("behind", "export", "behind.example/verified", "--format", "ndjson");
    expect(stdout).toContain(testHashEntry(2).value);
    expect(stdout).not.toContain(testHashEntry(1).value);
    expect(stdout).not.toContain(testHashEntry(77).value);
  });
});
