/** The real command looks up at the real exchange: what is listed, what was taken back, what may not, and what the operator sees. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openTestPublisher, put, testHash } from "../../exchange/testing/index.ts";
import { type CommandScene, openCommandScene } from "./command-scene.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let scene: CommandScene;
let file: string;
let sha256: string;
const build = async () => {
  await scene.exchange.tick();
  await scene.exchange.runJobs();
};

beforeAll(async () => {
  scene = await openCommandScene();
  const bytes = Buffer.from("made-up bytes of no picture at all");
  sha256 = createHash("sha256").update(bytes).digest("hex");
  file = join(scene.dir, "upload-1.bin");
  await writeFile(file, bytes);
  const publisher = await openTestPublisher(scene.exchange);
  const set = await publisher.openSet("listed", { audience: { tier: "agreed" } });
  const entry = testHash(1, { value: sha256 as never });
  expect(formatEntry(entry)).toContain(sha256);
  await set.publish([put(entry)]);
  await build();
  const { key } = await scene.exchange.member({ name: "company", tier: "agreed" });
  await scene.login("company", key);
  const fresh = await scene.exchange.member({ name: "fresh", tier: "test" });
  await scene.login("fresh", fresh.key);
  await scene.login("operator", scene.exchange.operatorKey);
});
afterAll(() => scene.close());

describe("breakwater lookup", () => {
  it("finds a file by its exact hash and says what it cannot find", async () => {
    const ran = await scene.done("company", "lookup", file);
    expect(ran.stdout).toContain("match");
    expect(ran.stdout).toContain("/listed");
    expect(ran.stderr).toContain("re-encoded");
    expect(ran.stderr).toContain("The exchange learns that you asked");
    expect(ran.stdout + ran.stderr).not.toContain(sha256);
  });

  it("takes hashes in place of files, and answers one JSON object a subject", async () => {
    const miss = "0".repeat(64);
    const ran = await scene.done(
      "company",
      "lookup",
      "--json",
      "--hash",
      `sha256:${miss}`,
      "--hash",
      `sha256:${sha256}`,
    );
    const answers = ran.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { hits: object[] });
    expect(answers.map(({ hits }) => hits.length)).toEqual([0, 1]);
    expect(answers[1]?.hits[0]).toMatchObject({ alg: "sha256", test: true, action: "observe" });
  });

  it("refuses PDQ with the reason, and sends nothing", async () => {
    const before = await uses();
    const ran = await scene.run("company", ["lookup", "--hash", `pdq:${"0".repeat(64)}`]);
    expect(ran.code).toBe(6);
    expect(ran.stderr).toContain("nearness");
    expect(ran.stderr).toContain("lookup_alg");
    expect(await uses()).toEqual(before);
  });

  it("says what a tier has no list for", async () => {
    const ran = await scene.run("fresh", ["lookup", file]);
    expect(ran.code).toBe(5);
    expect(ran.stderr).toContain("no list of exact hashes for your tier");
  });

  it.each([
    [["lookup"], "nothing"],
    [["lookup", "--hash", "sha256"], "alg"],
    [["lookup", "--bits", "99", "--hash", `md5:${"0".repeat(32)}`], "bits"],
    [["lookup", "--hash", "sha256:zz"], "hash"],
  ])("%j is refused before anything is sent", async (args) => {
    const before = await uses();
    const ran = await scene.run("company", args);
    expect([2, 6]).toContain(ran.code);
    expect(await uses()).toEqual(before);
  });
});

describe("breakwater operator lookups", () => {
  it("shows who asks how much", async () => {
    const ran = await scene.done("operator", "operator", "lookups");
    expect(ran.stdout).toContain("company");
    expect(ran.stdout).not.toContain(sha256);
    expect((await scene.done("operator", "operator", "floods")).stdout).toContain("times usual");
  });
});

async function uses(): Promise<unknown> {
  return scene.exchange.sql`select member_id, asked from lookup_uses order by 1`;
}
