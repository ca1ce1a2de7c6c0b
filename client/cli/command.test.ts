import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { createRoot } from "../publish/root.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import {
  ASKS_TO_BLOCK,
  aboutOfKind,
  ndjsonOf,
  rowOf,
  TEST_ABOUT,
  testHashEntry,
  testId,
  testUrlEntry,
} from "../testing/entries.ts";
import { type Ran, type RunOptions, runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let scene: Scene;
let profile: string;
let publisherProfile: string;
beforeAll(async () => {
  scene = await openScene(3);
  profile = join(scene.dir, "profile");
  await writeProfile({
    dir: profile,
    exchange: scene.double.origin,
    apiKey: TEST_API_KEY,
    stateDir: join(profile, "state"),
  });
  await writePin(profile, "hotline.example", scene.publisher.pin);
  publisherProfile = join(scene.dir, "publisher");
  await writeProfile({
    dir: publisherProfile,
    exchange: scene.double.origin,
    apiKey: TEST_API_KEY,
    publisher: "ngo.example",
    stateDir: join(publisherProfile, "state"),
  });
  await createRoot({
    exchange: scene.source,
    profileDir: publisherProfile,
    publisher: "ngo.example" as never,
    custody: "member",
    now: new Date(),
  });
});
afterAll(() => scene.close());

const run = (args: string[], options: Partial<RunOptions> = {}) => runCommand(args, { profile, ...options });
const all = (ran: Ran) => ran.stdout + ran.stderr;

/** UI: "Error shape, always four lines". */
function expectFourLines(ran: Ran, code: string): void {
  const lines = ran.stderr.trimEnd().split("\n");
  expect(lines.at(-4), ran.stderr).toMatch(/^(✗|!|x) \S/);
  expect(lines.at(-3)).toMatch(/^ {2}kept {2}\S/);
  expect(lines.at(-2)).toMatch(/^ {2}next {2}\S/);
  expect(lines.at(-1)).toBe(`  code  ${code}`);
}

describe("sync", () => {
  it("is one line a set, with the verified counts, and ends with 0", async () => {
    const ran = await run(["sync"]);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stderr).toMatch(/^· log pinned at first use: exchange\.example\/log1\+[0-9a-f]{8}\+\S+\n$/);
    expect(ran.stdout).toMatch(
      /^✓ hotline\.example\/verified {2}release 1 {2}\+3 ~0 −0 {2}3 entries verified {2}\d+\.\d s\n$/,
    );
    const again = await run(["sync"]);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).toContain("no change");
  });

  it("as JSON is one object a set", async () => {
    const ran = await run(["sync", "--json"]);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      set: "hotline.example/verified",
      outcome: "current",
      release: 1,
      entries: 3,
      state: expect.stringMatching(/^sha256:/),
    });
    expect(ran.stderr).toBe("");
  });

  it("ends with 5 when what is offered does not verify, and says what is kept", async () => {
    await scene.publisher.release(scene.publisher.put(testHashEntry(9)));
    scene.double.hostile = [{ path: /\/blobs\//, act: "flip" }];
    const ran = await run(["sync", "hotline.example/verified"]);
    expect(ran.code).toBe(5);
    expectFourLines(ran, "blob_digest_mismatch");
    expect(ran.stderr).toContain("release 1, still matching");
    const json = await run(["sync", "--json"]);
    expect(JSON.parse(json.stderr)).toMatchObject({
      code: "blob_digest_mismatch",
      status: 422,
      type: expect.stringMatching(/^https:/),
    });
    expect(JSON.parse(json.stdout)).toMatchObject({ outcome: "refused", release: 1 });
    scene.double.hostile = [];
    expect((await run(["sync"])).code).toBe(0);
  });

  it("ends with 5 for a publisher that nobody pinned, without asking for anything of it", async () => {
    const other = await makeDoublePublisher(scene.double, "other.example/verified");
    await other.release(other.put(testHashEntry(1)));
    const before = scene.double.requests.length;
    const ran = await run(["sync", "other.example/verified"]);
    expect(ran.code).toBe(5);
    expectFourLines(ran, "root_pin");
    const asked = scene.double.requests.slice(before);
    expect(asked.filter((request) => !request.startsWith("GET /log/"))).toEqual([]);
    const others = await run(["sync"]);
    expect(others).toMatchObject({ code: 0 });
    expect(others.stderr).toContain("other.example is not followed");
    scene.double.store.sets.delete("other.example/verified");
  });

  it("ends with 4 when a change is held, which one command lets through by name", async () => {
    const pdq = testHashEntry(20, { alg: "pdq", value: "0".repeat(64) });
    await scene.publisher.release(scene.publisher.put(pdq));
    const held = await run(["sync"]);
    expect(held.code).toBe(4);
    expectFourLines(held, "policy_degenerate");
    const status = await run(["status", "--ascii"]);
    expect(status.code).toBe(4);
    expect(status.stdout).toMatch(/! held\s+2\s/);
    expect((await run(["release-hold", "hotline.example/verified"])).code).toBe(2);
    expect((await run(["release-hold", "hotline.example/verified", "--yes", "other"])).code).toBe(2);
    expect((await run(["release-hold", "hotline.example/verified", "--yes", "hotline.example/verified"])).code).toBe(0);
    expect((await run(["sync"])).code).toBe(0);
  });

  it("ends with 3 when the copy is stale, and 7 when the exchange is busy", async () => {
    scene.double.hostile = [{ path: /./, act: "busy", retryAfter: "3600" }];
    const busy = await run(["sync"]);
    expect(busy.code).toBe(7);
    expectFourLines(busy, "busy");
    const statusFile = join(profile, "state", "sets", "hotline.example", "verified", "status.json");
    const status = JSON.parse(await readFile(statusFile, "utf8")) as Record<string, unknown>;
    await writeFile(
      statusFile,
      JSON.stringify({ ...status, verified_at: new Date(Date.now() - 8 * 86_400_000).toISOString() }),
    );
    const stale = await run(["sync"]);
    expect(stale.code).toBe(3);
    expect(stale.stderr).toMatch(/^! hotline\.example\/verified {2}stale 8 d: hits ask for review/);
    scene.double.hostile = [];
    expect((await run(["sync"])).code).toBe(0);
  });

  it("says that the clock is wrong, and no age, when the copy was verified in the future", async () => {
    const statusFile = join(profile, "state", "sets", "hotline.example", "verified", "status.json");
    const before = await readFile(statusFile, "utf8");
    const status = JSON.parse(before) as Record<string, unknown>;
    const verified_at = new Date(Date.now() + 3_600_000).toISOString();
    await writeFile(statusFile, JSON.stringify({ ...status, verified_at }));
    const told = await run(["status", "hotline.example/verified"]);
    expect(told.code).toBe(3);
    expect(told.stdout).toMatch(/stale +\d+ +- /);
    expect(told.stdout).toContain(
      "This machine's clock is wrong, so nothing can be said about age. Hits ask for review.",
    );
    const row = JSON.parse((await run(["status", "--json", "hotline.example/verified"])).stdout) as object;
    expect(row).toMatchObject({ state: "stale", code: "clock", age_s: null, verified_at });
    await writeFile(statusFile, before);
    expect((await run(["status", "hotline.example/verified"])).code).toBe(0);
  });

  it("waits for another command, or leaves with 7", async () => {
    let letGo: () => void = () => {};
    const waiting = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    scene.double.onRequest = () => waiting;
    const first = run(["sync"]);
    await vi.waitFor(() => readFile(join(profile, "state", "state.lock")), { timeout: 20_000 });
    const second = await run(["sync", "--wait", "0"]);
    expect(second.code).toBe(7);
    expectFourLines(second, "copy_locked");
    delete scene.double.onRequest;
    const third = run(["sync", "--wait", "60"]);
    letGo();
    expect((await third).code).toBe(0);
    expect((await first).code).toBe(0);
  });

  it("stopped by a signal ends with 130 and goes on later", async () => {
    scene.double.hostile = [{ path: /\/head$/, act: "hang" }];
    const ran = await run(["sync"], {
      onStart: (child) =>
        void vi
          .waitFor(() => readFile(join(profile, "state", "state.lock")), { timeout: 20_000 })
          .then(() => child.kill("SIGINT")),
    });
    expect(ran.code).toBe(130);
    expectFourLines(ran, "interrupted");
    scene.double.hostile = [];
    expect((await run(["sync"])).code).toBe(0);
  });
});

describe("publish", () => {
  const publish = (...args: string[]) => run(["publish", "--set", "verified", ...args], { profile: publisherProfile });
  let list: string;
  let about: string;
  beforeAll(async () => {
    expect(
      (
        await run(["set", "create", "verified", "--kind", "hash", "--stream", "test", "--tier", "test"], {
          profile: publisherProfile,
        })
      ).code,
    ).toBe(0);
    list = join(scene.dir, "list.ndjson");
    about = join(scene.dir, "about.json");
    await writeFile(list, ndjsonOf([1, 2, 3].map((n) => rowOf(testHashEntry(n)))));
    await writeFile(about, JSON.stringify(TEST_ABOUT));
  });

  it("needs a description first, then publishes, then nothing", async () => {
    const without = await publish("--from", list);
    expect(without.code).toBe(6);
    expectFourLines(without, "about_invalid");
    expect((await publish("--from", list, "--about", about)).stdout).toBe(
      "✓ ngo.example/verified  release 1  +3 ~0 −0  3 entries\n",
    );
    const again = await publish("--from", list, "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ published: false, release: 1 });
  });

  it("shows every bad row with its line, column and reason, and ends with 6", async () => {
    const bad = join(scene.dir, "bad.csv");
    const rows = Array.from({ length: 120 }, (_, n) => `sha256,${testHashEntry(n).value.slice(1)},image`);
    await writeFile(bad, `alg,value,media\n${rows.join("\n")}\n`);
    const ran = await publish("--from", bad);
    expect(ran.code).toBe(6);
    expect(ran.stderr).toMatch(/^✗ Nothing published: 120 of 120 rows are not valid\.\n/);
    expect(ran.stderr).toMatch(/\n {2}line {2}column +reason\n/);
    expect(ran.stderr).toMatch(/\n +2 {2}value +sha256 needs 64 hex digits, found 63\n/);
    expect(ran.stderr).toMatch(/and \d+ more/);
    expect(ran.stderr).toMatch(
      / {2}kept {2}release 1 stays the newest\n {2}next {2}mend the rows and run the same command again\n {2}code {2}rows_invalid\n$/,
    );
    const json = JSON.parse((await publish("--from", bad, "--json")).stderr) as {
      faults: unknown[];
      faults_total: number;
      rows: number;
    };
    expect(json).toMatchObject({ code: "rows_invalid", rows: 120 });
    expect(json.faults.length).toBe(100);
    expect(json.faults_total).toBeGreaterThan(120);
  });

  it("reads a list from standard input", async () => {
    const ran = await run(["publish", "--set", "verified", "--from", "-", "--format", "ndjson"], {
      profile: publisherProfile,
      stdin: await readFile(list, "utf8"),
    });
    expect(ran).toMatchObject({ code: 0 });
  });

  it("asks for the set's name before it withdraws, and without a terminal takes --yes", async () => {
    const less = join(scene.dir, "less.ndjson");
    await writeFile(less, ndjsonOf([rowOf(testHashEntry(1))]));
    const asked = await publish("--from", less);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain("2 entries are not in the list and will be withdrawn; 1 remain.");
    expectFourLines(asked, "confirmation_missing");
    expect((await publish("--from", less, "--yes", "verified")).stdout).toContain("release 2  +0 ~0 −2");
  });

  it("withdraws by id, and says when there is no such entry", async () => {
    const unknown = await run(["withdraw", "--set", "verified", "--entry", testId(99), "--reason", "adult"], {
      profile: publisherProfile,
    });
    expect(unknown.code).toBe(6);
    expectFourLines(unknown, "not_found");
    expect(
      (
        await run(["withdraw", "--set", "verified", "--entry", testId(1), "--reason", "because"], {
          profile: publisherProfile,
        })
      ).code,
    ).toBe(2);
    const [line] = (
      await run(["export", "verified", "--format", "ndjson"], { profile: publisherProfile })
    ).stdout.split("\n");
    const { id } = JSON.parse(line as string) as { id: string };
    const ran = await run(["withdraw", "--set", "verified", "--entry", id, "--reason", "adult", "--json"], {
      profile: publisherProfile,
    });
    expect(JSON.parse(ran.stdout)).toMatchObject({ release: 3, withdrawn: [id], entries: 0 });
  });

  it("does not list again what was withdrawn, nor empty the set, without its name", async () => {
    const withGone = join(scene.dir, "with-gone.ndjson");
    const [line] = (await run(["export", "verified", "--format", "ndjson"], { profile: publisherProfile })).stdout
      .split("\n")
      .filter((text) => text.length > 0);
    expect(line).toBeUndefined(); // the set is empty by now
    await writeFile(withGone, ndjsonOf([1, 8].map((n) => rowOf(testHashEntry(n)))));
    for (const words of [[], ["--yes"]]) {
      const refused = await publish("--from", withGone, ...words);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain(
        "  1 entry of the list was withdrawn before (adult 1) and would be listed again.",
      );
      expectFourLines(refused, "confirmation_missing");
    }
    expect((await publish("--from", withGone, "--yes", "verified")).stdout).toContain("release 4  +2 ~0 −0");
    const empty = join(scene.dir, "empty.csv");
    await writeFile(empty, "");
    const none = await publish("--from", empty, "--yes");
    expect(none.code).toBe(6);
    expect(none.stderr).toContain("the first line must name the columns");
    await writeFile(empty, "alg,value\n");
    const bare = await publish("--from", empty, "--yes");
    expectFourLines(bare, "confirmation_missing");
    expect(bare.stderr).toContain("2 entries are not in the list and will be withdrawn; 0 remain.");
    expect((await publish("--from", empty, "--yes", "verified")).stdout).toContain("release 5  +0 ~0 −2  0 entries");
  });

  it("names the other entries of an item that is taken back in part", async () => {
    const pair = join(scene.dir, "pair.ndjson");
    const item = "1b209a54".repeat(4);
    const rows = [20, 21].map((n) => ({ ...rowOf(testHashEntry(n)), item }));
    await writeFile(pair, ndjsonOf(rows));
    expect((await publish("--from", pair)).stdout).toContain("release 6  +2");
    const exported = await run(["export", "verified", "--format", "ndjson"], { profile: publisherProfile });
    const [one, other] = exported.stdout
      .trim()
      .split("\n")
      .map((text) => (JSON.parse(text) as { id: string }).id);
    const withdraw = ["withdraw", "--set", "verified", "--reason", "adult"];
    const ran = await run([...withdraw, "--entry", one as string], { profile: publisherProfile });
    expect(ran.stderr).toContain("1 other entry of the same item stays listed");
    expect(ran.stderr).toContain(`breakwater withdraw --set verified --entry ${other} --reason adult`);
    const rest = await run([...withdraw, "--entry", other as string], { profile: publisherProfile });
    expect(rest).toMatchObject({ code: 0, stderr: expect.not.stringContaining("same item") });
  });

  it("keeps a release that the exchange did not answer, and goes on with it", async () => {
    const other = join(scene.dir, "other.ndjson");
    await writeFile(other, ndjsonOf([rowOf(testHashEntry(7))]));
    scene.double.hostile = [{ path: /\/releases$/, act: "busy", retryAfter: "3600" }];
    const ran = await publish("--from", other, "--keep-missing");
    scene.double.hostile = [];
    expect(ran.code).toBe(7);
    expectFourLines(ran, "busy");
    expect(ran.stderr).toContain("  kept  release 9 as it was composed; the same command goes on with it\n");
    expect(ran.stderr).toContain("  next  try again in 3600 s\n");
    // Another list that stops for a question: what was finished first is told, and is not nothing.
    const third = join(scene.dir, "third.ndjson");
    await writeFile(third, ndjsonOf([rowOf(testHashEntry(30))]));
    const stopped = await publish("--from", third);
    expect(stopped.code).toBe(2);
    expect(stopped.stderr).toContain("release 9 of an earlier run was finished");
    expect(stopped.stderr).toContain("  kept  release 9 of an earlier run, which is published now; nothing after it\n");
    const again = await publish("--from", other, "--keep-missing");
    expect(again.stdout).toContain("nothing to publish: release 9 has this list");
  });

  it("drops what is pending when asked", async () => {
    expect((await publish("--abandon")).code).toBe(0);
  });
});

describe("match and hash", () => {
  let file: string;
  beforeAll(async () => {
    file = join(scene.dir, "upload-17.bin");
    await writeFile(file, "not a picture, only bytes");
    const { createHash } = await import("node:crypto");
    const value = createHash("sha256").update("not a picture, only bytes").digest("hex");
    const real = await makeDoublePublisher(
      scene.double,
      "real.example/verified",
      aboutOfKind("hash", { stream: "photographic" }),
    );
    await real.release(real.put(testHashEntry(31, { value, ...ASKS_TO_BLOCK })));
    await writePin(profile, "real.example", real.pin);
    expect((await run(["sync"])).code).toBe(0);
  });

  it("a hit says who listed it, how checked, in which mode, and what comes next", async () => {
    const ran = await run(["match", file]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(
      /^! match {2}real\.example\/verified {2}entry [0-9a-f]{32} {2}release 1\n {2}file {3}.*upload-17\.bin\n {2}how {4}SHA-256, the same file\n {2}checked {2}2 people · age not confirmed · TLP:GREEN\n {2}mode {3}observe: the set is observed, nothing was blocked\n {2}next {3}Note it, nothing more: the set is observed until you enable it\.\n {2}hit {4}h_[0-9a-f]{16}\n$/,
    );
    expect((await run(["match", "--hit-exit", "10", file])).code).toBe(10);
    const fact = JSON.parse((await run(["match", "--json", file])).stdout) as { hits: object[] };
    expect(fact.hits[0]).toMatchObject({
      set: "real.example/verified",
      how: { alg: "sha256" },
      distance: 0,
      action: "observe",
      why_not_block: "observed",
      report_duty: "report",
    });
  });

  it("blocking is switched on by typing the set's name", async () => {
    const enable = (act: string, ...args: string[]) => run(["enable", "real.example/verified", "--act", act, ...args]);
    expect((await enable("block")).code).toBe(2);
    expect((await enable("block", "--yes", "real.example/verified")).code).toBe(0);
    expect((await run(["match", file])).stdout).toContain("mode   block: your service may act on it");
    expect((await enable("observe")).code).toBe(0);
  });

  it("a file without a hit is one line, and a folder is walked", async () => {
    const folder = join(scene.dir, "folder", "deeper");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "a.bin"), "something else");
    expect((await run(["match", join(scene.dir, "folder")])).stdout).toMatch(/^✓ no match {2}.*a\.bin\n$/);
  });

  it("hash prints the digests", async () => {
    const fact = JSON.parse((await run(["hash", "--json", file])).stdout) as Record<string, string>;
    expect(fact).toMatchObject({
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      md5: expect.stringMatching(/^[0-9a-f]{32}$/),
      pdq_missing: "not_a_picture",
    });
    const gone = await run(["hash", join(scene.dir, "gone")]);
    expect(gone.code).toBe(6);
    expectFourLines(gone, "file_unreadable");
  });

  it("a file that cannot be read costs the others nothing, and is named", async () => {
    const gone = join(scene.dir, "gone");
    const matched = await run(["match", gone, file]);
    expect(matched.code).toBe(6);
    expect(matched.stdout).toMatch(/^! not compared {2}.*gone {2}file_unreadable \(not there\)\n! match {2}real/);
    expect(matched.stderr).toContain("✗ Not all compared: 1 of 2 could not be, and is named above.\n");
    expectFourLines(matched, "file_unreadable");
    const asJson = (await run(["match", "--json", gone, file])).stdout.trim().split("\n");
    expect(asJson.map((line) => JSON.parse(line))).toEqual([
      { path: gone, problem: "file_unreadable", reason: "not_there" },
      expect.objectContaining({ path: file, hits: [expect.anything()] }),
    ]);
    const hashed = await run(["hash", gone, file]);
    expect(hashed.code).toBe(6);
    expect(hashed.stdout).toMatch(/^! not hashed {2}.*gone.*\n.*upload-17\.bin {2}/);
    expect(hashed.stderr).toContain("  kept  the others were hashed\n");
    const added = await run(["benign", "add", gone, file]);
    expect(added).toMatchObject({ code: 6, stdout: expect.stringContaining("✓ 1 added") });
    const looked = await run(["lookup", gone]);
    expect(looked.code).toBe(6);
    expectFourLines(looked, "file_unreadable");
  });

  it("without a copy says so", async () => {
    const empty = join(scene.dir, "empty");
    await writeProfile({
      dir: empty,
      exchange: scene.double.origin,
      apiKey: TEST_API_KEY,
      stateDir: join(empty, "state"),
    });
    const ran = await run(["match", file], { profile: empty });
    expect(ran.code).toBe(1);
    expectFourLines(ran, "copy_missing");
  });
});

describe("serve", () => {
  it.each([
    ["a port that is taken", () => `127.0.0.1:${new URL(scene.double.origin).port}`, "another program listens there"],
    ["what is no address", () => "127.0.0.1:99999", "--listen takes an address and a port"],
    ["an address that others reach, without a token", () => "0.0.0.0:9195", "--token-file"],
  ])("%s: says what to do", async (_, listen, words) => {
    const ran = await run(["serve", "--no-sync", "--listen", listen()]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(words);
    expectFourLines(ran, "config_invalid");
  });
});

describe("what every command does", () => {
  it("no escape byte on a pipe, whatever the environment says", async () => {
    const env = { TERM: "xterm-256color", FORCE_COLOR: "1" };
    for (const args of [["status"], ["help"], ["bogus"]])
      expect(all(await run(args, { env })), args.join(" ")).not.toContain("\u001b");
  });

  it("with --ascii, or in a locale without UTF-8, no byte above 0x7e", async () => {
    const c = { LANG: "C", LC_ALL: "" };
    for (const [args, env] of [
      [["status", "--ascii"], {}],
      [["pin", "--help", "--ascii"], {}],
      [["sync", "nobody.example/x"], c],
      [["help", "act"], c],
    ] as const) {
      const ran = await run([...args], { env: { ...env } });
      expect(/^[\n -~]+$/.test(all(ran)), `${args.join(" ")}: ${all(ran)}`).toBe(true);
    }
  });

  it.each([
    [["bogus"]],
    [["sync", "--bogus"]],
    [["match"]],
    [["operator"]],
    [["publish"]],
    [["enable", "a.example/b", "--act", "sideways"]],
    [["sync", "UPPER/case"]],
  ])("%j is wrong usage: four lines and 2", async (args) => {
    const ran = await run(args);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe("");
    expect(ran.stderr).toMatch(/\n {2}code {2}(usage_invalid|id_invalid)\n$/);
  });

  it.each([
    [
      ["enable", "a.example/b", "--act", "sideways"],
      "--act takes observe, review or block",
      "breakwater enable --help",
    ],
    [["pause"], "say what: --entry, --release or --publisher", "breakwater pause --help"],
    [
      ["pause", "--publisher", "a.example", "--act", "block"],
      "--act takes review or observe",
      "breakwater pause --help",
    ],
    [["sync", "--only", "sha257"], /--only takes algorithms .*md5, sha1, sha256/, "breakwater sync --help"],
    [["sync", "--min-verification", "two"], /--min-verification takes .*two_reviewed/, "breakwater sync --help"],
    [["sync", "UPPER/case"], /a name of the form publisher/, "breakwater sync --help"],
    [["what-if", "--since", "9y"], /--since needs a time, such as 7d/, "breakwater what-if --help"],
    [["opinion", "a.example/b#1", "--verdict", "no"], "--verdict takes confirmed", "breakwater opinion --help"],
    [
      ["set", "create", "a.example/b", "--kind", "hash", "--stream", "test", "--tier", "x"],
      "--tier takes",
      "set create",
    ],
    [["operator"], "operator needs a command", "breakwater operator --help"],
  ])("%j says what the option takes, and where to read more", async (args, what, next) => {
    const { stderr } = await run(args);
    expect(stderr.split("\n")[0]).toMatch(what);
    expect(stderr).toMatch(new RegExp(`\n {2}next {2}.*${next}`));
  });

  it("a secret on the command line is not repeated", async () => {
    const secret = "bw_00000000000000aa_secretsecretsecretsecretsecret";
    for (const args of [
      ["login", `--api-key=${secret}`],
      ["login", "--api-key", secret],
      [secret],
      ["login", secret],
    ]) {
      const ran = await run(args);
      expect(ran.code).toBe(2);
      expect(all(ran)).not.toContain("secretsecret");
    }
  });

  it("login reads the key from a pipe or the environment, and never shows it", async () => {
    const fresh = join(scene.dir, "fresh");
    const piped = await run(["login", "--exchange", scene.double.origin], {
      profile: fresh,
      stdin: `${TEST_API_KEY}\n`,
    });
    expect(piped).toMatchObject({ code: 0 });
    expect(all(piped)).not.toContain(TEST_API_KEY);
    const env = await run(["login", "--exchange", scene.double.origin, "--json"], {
      profile: fresh,
      env: { BREAKWATER_API_KEY: TEST_API_KEY },
    });
    expect(env).toMatchObject({ code: 0 });
    const wrong = await run(["login", "--exchange", scene.double.origin], {
      profile: fresh,
      stdin: "bw_00000000000000bb_otherotherotherotherother\n",
    });
    expect(wrong.code).toBe(5);
    expectFourLines(wrong, "api_key_invalid");
    expect(
      (await run(["login", "--exchange", "http://exchange.example"], { profile: fresh, stdin: TEST_API_KEY })).code,
    ).toBe(2);
    const none = await run(["sync"], { profile: join(scene.dir, "nobody") });
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("breakwater login");
  });

  it("shows addresses defanged, and live ones only on request", async () => {
    const adverts = await makeDoublePublisher(scene.double, "adverts.example/adverts", aboutOfKind("url"));
    await adverts.release(adverts.put(testUrlEntry(1)));
    await writePin(profile, "adverts.example", adverts.pin);
    expect((await run(["sync", "adverts.example/adverts"])).code).toBe(0);
    for (const format of ["csv", "ndjson"]) {
      const safe = await run(["export", "adverts.example/adverts", "--format", format]);
      expect(safe.stdout).toContain("hxxps://forum1[.]example/t/1");
      expect(safe.stdout).not.toMatch(/https?:\/\//);
    }
    expect((await run(["export", "adverts.example/adverts", "--format", "ndjson", "--live"])).stdout).toContain(
      "https://forum1.example/t/1",
    );
  });

  it("runs from the repository's root as npx would run it", async () => {
    const { spawnSync } = await import("node:child_process");
    const bin = new URL("../bin/breakwater.js", import.meta.url).pathname;
    const ran = spawnSync(process.execPath, [bin, "help", "exit-codes"], { encoding: "utf8" });
    expect(ran.status).toBe(0);
    expect(ran.stdout).toContain("130");
  });
});
