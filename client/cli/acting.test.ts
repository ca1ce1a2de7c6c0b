import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readControls } from "../controls/file.ts";
import { parseEntryTarget, parsePublisherTarget, parseReleaseTarget } from "../controls/target.ts";
import type { Decision } from "../ledger/decision.ts";
import { openLedger } from "../ledger/ledger.ts";
import { appendMarks } from "../ledger/marks.ts";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testId } from "../testing/entries.ts";
import { testDecision } from "../testing/hits.ts";
import { type Ran, runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { parseRatio } from "./commands/enable.ts";
import { parseSince, parseUntil } from "./moments.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const SET = "hotline.example/verified";
const ENTRY = `${SET}#${testId(1)}`;
const DAY_MS = 86_400_000;
let scene: Scene;
let profile: string;
let stateDir: string;
let empty: string;
beforeAll(async () => {
  scene = await openScene(3);
  profile = join(scene.dir, "profile");
  stateDir = join(profile, "state");
  empty = join(scene.dir, "empty");
  for (const dir of [profile, empty]) {
    await writeProfile({ dir, exchange: scene.double.origin, apiKey: TEST_API_KEY, stateDir: join(dir, "state") });
  }
  await scene.sync({ stateDir });
  const ledger = await openLedger(stateDir);
  await ledger.append([
    row(1, { distance: 0, action: "observe", why: "observed" }),
    row(2, { distance: 12, action: "observe", why: "observed", would: "review" }),
    row(3, { distance: 0, action: "block", entry: testId(2), content: "=upload,3" }),
    row(4, { distance: 4, action: "review", would: "review" }),
    row(5, { action: "review", would: "review", at: new Date(Date.now() - 30 * DAY_MS).toISOString() }),
  ]);
  await ledger.close();
  await appendMarks(stateDir, [
    { at: new Date().toISOString(), set: SET, what: "withdrawn", release: 2, entries: [testId(2)] },
  ]);
});
afterAll(() => scene.close());

function row(n: number, changes: Partial<Decision>): Decision {
  return testDecision({
    hit_ref: `h_${String(n).padStart(16, "0")}`,
    content: `upload-${n}`,
    release: 1,
    origin: { release: 1 },
    ...changes,
  });
}
const run = (args: string[], options: { profile?: string; stdin?: string } = {}) =>
  runCommand(args, { profile, ...options });
const json = (ran: Ran) => JSON.parse(ran.stdout) as Record<string, unknown>;
const lines = (ran: Ran) => ran.stdout.trimEnd().split("\n");

function expectFourLines(ran: Ran, code: string): void {
  const shown = ran.stderr.trimEnd().split("\n");
  expect(shown.at(-4), ran.stderr).toMatch(/^(✗|!|x) \S/);
  expect(shown.at(-3)).toMatch(/^ {2}kept {2}\S/);
  expect(shown.at(-2)).toMatch(/^ {2}next {2}\S/);
  expect(shown.at(-1)).toBe(`  code  ${code}`);
}

describe("enable", () => {
  it("says what would have happened, asks before it blocks, and blocks only when told by name", async () => {
    const asked = await run(["enable", SET, "--act", "block"]);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain(
      "In the last 7 d: 4 hits on 4 contents. Block would have blocked 2 and sent 2 to review.",
    );
    expect(asked.stderr).toContain("1 of the blocks rest on entries that were taken back since.");
    expectFourLines(asked, "confirmation_missing");
    expect((await run(["enable", SET, "--act", "block", "--yes", "verified"])).code).toBe(2);
    expect((await readControls(stateDir)).modes).toEqual({});
    const done = await run(["enable", SET, "--act", "block", "--yes", SET]);
    expect(done).toMatchObject({ code: 0, stdout: `✓ ${SET}  block\n` });
    expect((await readControls(stateDir)).modes[SET]?.act).toBe("block");
    expect((await run(["enable", SET, "--act", "observe"])).stdout).toBe(`✓ ${SET}  observe\n`);
  });

  it("begins with a share of contents, and refuses one that changes nothing", async () => {
    expect((await run(["enable", SET, "--act", "review"])).code).toBe(0);
    const part = await run(["enable", SET, "--act", "block", "--ratio", "10%", "--yes", SET, "--json"]);
    expect(json(part)).toMatchObject({ set: SET, act: "block", ratio: 0.1, rest: "review" });
    // The set of this scene is made up, so its mode shows in the controls and not in what it does.
    expect((await run(["controls"])).stdout).toMatch(
      /mode {2}hotline\.example\/verified {2}block for 10 %, otherwise review {2}/,
    );
    expect((await run(["enable", SET, "--act", "block", "--ratio", "50%"])).code).toBe(2);
    const down = await run(["enable", SET, "--act", "review", "--ratio", "0.5"]);
    expect(down.code).toBe(2);
    expectFourLines(down, "usage_invalid");
    expect((await run(["enable", SET, "--act", "observe"])).code).toBe(0);
  });

  it("says of made-up data that nothing is ever blocked on it, and status says so later", async () => {
    const asked = await run(["enable", SET, "--act", "block", "--yes", SET]);
    expect(asked.stderr).toContain("Made-up data for tests");
    expect(asked.stderr).not.toContain("will be blocked without anybody looking");
    expect((await run(["status", SET])).stdout).toMatch(
      /Made-up data for tests.*\n {2}next {2}breakwater enable .*observe/,
    );
    expect((await run(["enable", SET, "--act", "observe"])).code).toBe(0);
    expect((await run(["status", SET])).stdout).not.toContain("Made-up data");
  });

  it("refuses a set of which there is no copy: the name may be mistyped", async () => {
    const ran = await run(["enable", "hotline.example/verifeid", "--act", "review"]);
    expectFourLines(ran, "copy_missing");
    expect((await readControls(stateDir)).modes).not.toHaveProperty("hotline.example/verifeid");
    expect((await run(["enable", "hotline.example/verifeid", "--act", "observe"])).code).toBe(0);
  });

  it.each(["0%", "101%", "x", "-1", "1.5", "10 %", "", "0"])("a share of %j is wrong usage", (ratio) => {
    expect(() => parseRatio(ratio)).toThrow(expect.objectContaining({ code: "usage_invalid" }));
  });

  it.each([
    ["10%", 0.1],
    ["100%", 1],
    ["0.5%", 0.005],
    ["0.25", 0.25],
    [".5", 0.5],
    ["1", 1],
  ])("a share of %s is %d", (ratio, share) => {
    expect(parseRatio(ratio)).toBeCloseTo(share, 9);
  });

  it("changes nothing while the controls cannot be read, and status says review at most", async () => {
    const path = join(stateDir, "controls.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, "{");
    const ran = await run(["enable", SET, "--act", "observe"]);
    expect(ran.code).toBe(2);
    expectFourLines(ran, "controls_invalid");
    expect(await readFile(path, "utf8")).toBe("{");
    const status = await run(["status"]);
    expect(status.stderr).toContain("! controls.json cannot be read: nothing blocks; breakwater controls\n");
    await writeFile(path, text);
  });
});

describe("what-if", () => {
  it("shows hits by set, publisher and distance", async () => {
    const ran = await run(["what-if", "--since", "7d"]);
    expect(ran.code).toBe(0);
    expect(lines(ran)).toEqual([
      "set                       hits  block  review  observe  taken back  seen since",
      "hotline.example/verified     4      2       2        0           1         now",
      "",
      "publisher        hits  block  review  observe",
      "hotline.example     4      2       2        0",
      "",
      "set                       distance  hits  block  review  observe",
      "hotline.example/verified         0     2      2       0        0",
      "hotline.example/verified         4     1      0       1        0",
      "hotline.example/verified        12     1      0       1        0",
    ]);
    expect(json(await run(["what-if", "--since", "60d", "--json"]))).toMatchObject({
      sets: [{ set: SET, hits: 5, contents: 5 }],
    });
  });

  it("says so when nothing hit", async () => {
    const ran = await run(["what-if", "--set", "other.example/set"]);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).toMatch(
      /^Nothing hit since \S+Z\. Hits are noted by breakwater match and breakwater serve\.\n$/,
    );
    expect(json(await run(["what-if", "--json"], { profile: empty }))).toMatchObject({ sets: [], publishers: [] });
  });

  it("takes spans and moments, and nothing whose zone is open", async () => {
    const now = new Date("2026-11-22T12:00:00Z");
    expect(parseSince("7d", now).toISOString()).toBe("2026-11-15T12:00:00.000Z");
    expect(parseSince("90m", now).toISOString()).toBe("2026-11-22T10:30:00.000Z");
    expect(parseSince("2026-11-20", now).toISOString()).toBe("2026-11-20T00:00:00.000Z");
    expect(parseUntil("2026-11-22T14:00+01:00", now).toISOString()).toBe("2026-11-22T13:00:00.000Z");
    for (const text of ["7", "2027-01-01", "yesterday", "2026-11-22T10:00", "0d", "2026-13-01", ""]) {
      expect(() => parseSince(text, now), text).toThrow(expect.objectContaining({ code: "usage_invalid" }));
    }
    for (const text of ["2026-11-22T12:00Z", "2020-01-01", "soon"]) {
      expect(() => parseUntil(text, now), text).toThrow(expect.objectContaining({ code: "usage_invalid" }));
    }
    expectFourLines(await run(["what-if", "--since", "7"]), "usage_invalid");
  });
});

describe("pause and resume", () => {
  it.each([
    ["--publisher", "hotlne.example"],
    ["--entry", `${SET}#${testId(999)}`],
    ["--release", "hotline.example/other@1"],
  ])("%s %s, of which nothing is here, holds and is told: the name may be mistyped", async (option, name) => {
    const ran = await run(["pause", option, name]);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain(`! ${name}  nothing of that name is in the copies on this machine`);
    expect((await run(["resume", option, name])).code).toBe(0);
  });

  it("hold and let go of an entry, a release and a publisher, listed in between", async () => {
    const targets = [
      ["--entry", ENTRY],
      ["--release", `${SET}@1-2`],
      ["--publisher", "hotline.example"],
    ];
    const paused = await run(["pause", ...targets.flat(), "--until", "24h", "--act", "observe"]);
    expect(paused.code).toBe(0);
    expect(lines(paused)[1]).toMatch(
      /^✓ hotline\.example\/verified@1-2 {2}paused, until \d+ \w+ \d{4}, \d\d:\d\d UTC: hits are only noted$/,
    );
    expect(paused.stderr).toBe("");
    expect((await readControls(stateDir)).pauses.map(({ act, target }) => [act, target.scope])).toEqual([
      ["observe", "entry"],
      ["observe", "release"],
      ["observe", "publisher"],
    ]);
    expect((await run(["controls"])).stdout.match(/^pause /gm)?.length).toBe(3);
    expect((await run(["status"])).stderr).toContain("· 3 pauses, 0 floods: breakwater controls\n");
    expect((await run(["resume", ...targets.flat()])).code).toBe(0);
    expect((await readControls(stateDir)).pauses).toEqual([]);
    const again = await run(["resume", "--publisher", "hotline.example"]);
    expect(again.code).toBe(1);
    expectFourLines(again, "conflict");
  });

  it("nothing named, or named wrongly, is wrong usage and changes nothing", async () => {
    for (const text of [testId(1), `${SET}#short`, `${SET}#${testId(1)}#`, SET, `#${testId(1)}`]) {
      expect(() => parseEntryTarget(text), text).toThrow(expect.objectContaining({ code: "id_invalid" }));
    }
    for (const text of [SET, `${SET}@`, `${SET}@0`, `${SET}@2-1`, `${SET}@1@2`, "@1"]) {
      expect(() => parseReleaseTarget(text), text).toThrow(expect.objectContaining({ code: "id_invalid" }));
    }
    expect(() => parsePublisherTarget("Not A Name")).toThrow(expect.objectContaining({ code: "id_invalid" }));
    for (const args of [["pause"], ["resume"], ["pause", "--publisher", "hotline.example", "--act", "block"]]) {
      const ran = await run(args);
      expect(ran.code).toBe(2);
      expectFourLines(ran, "usage_invalid");
    }
    expect((await readControls(stateDir)).pauses).toEqual([]);
  });
});

describe("allow", () => {
  it("keeps a file's digests under a key of this machine, lists them, and lets go of them", async () => {
    expect((await run(["allow", "list"])).stdout).toBe("Nothing is allowed here: every hit counts.\n");
    const file = join(scene.dir, "logo.bin");
    await writeFile(file, "a logo, only bytes");
    const { createHash } = await import("node:crypto");
    const sha256 = createHash("sha256").update("a logo, only bytes").digest("hex");
    expect((await run(["allow", "add", "--file", file, "--entry", ENTRY])).stdout).toBe(
      "✓ allowed: 1 entries, 3 digests  (4 in all)\n",
    );
    const stored = await readFile(join(stateDir, "controls.json"), "utf8");
    expect(stored).not.toContain(sha256);
    expect((await run(["allow", "list"])).stdout).toMatch(new RegExp(`entry +${ENTRY.replace("/", "\\/")} `));
    expect((await run(["allow", "list", "--json"])).stdout.trimEnd().split("\n").length).toBe(4);
    const digests = await run(["allow", "remove", "--digests", "-"], { stdin: `sha256:${sha256.toUpperCase()}\n\n` });
    expect(digests.stdout).toContain("(3 in all)");
    expect((await run(["allow", "remove", "--file", file, "--entry", ENTRY])).stdout).toContain("(0 in all)");
    const none = await run(["allow", "remove", "--entry", ENTRY]);
    expect(none.code).toBe(1);
    expectFourLines(none, "conflict");
  });

  it("names the line of a bad digest, and repeats nothing of it", async () => {
    const ran = await run(["allow", "add", "--digests", "-"], { stdin: `sha256:${"a".repeat(64)}\nsha256:abcdef99\n` });
    expect(ran.code).toBe(6);
    expect(ran.stderr).toMatch(/^✗ Nothing allowed: line 2 is no digest/);
    expect(ran.stderr).not.toContain("abcdef99");
    expectFourLines(ran, "rows_invalid");
    expectFourLines(await run(["allow", "add"]), "usage_invalid");
    expect((await run(["allow", "add", "--file", join(scene.dir, "gone")])).code).toBe(6);
  });
});

describe("undo", () => {
  it("lists what an entry, a release or a publisher touched, and says what was only observed", async () => {
    const ran = await run(["undo", "--publisher", "hotline.example", "--since", "7d"]);
    expect(ran.code).toBe(0);
    expect(lines(ran)[0]).toMatch(/^content +at +did +set +entry +release {2}distance {2}entry is +hit$/);
    expect(
      lines(ran)
        .slice(1)
        .map((line) => line.split(/ {2,}/)[0]),
    ).toEqual(["=upload,3", "upload-4"]);
    expect(ran.stderr).toContain("2 decisions; 2 more were only observed (--observed)");
    const all = await run(["undo", "--release", `${SET}@1`, "--observed", "--json"]);
    expect(lines(all).length).toBe(5);
    expect(JSON.parse(lines(all)[2] ?? "")).toMatchObject({
      content: "=upload,3",
      action: "block",
      state: "withdrawn",
      withdrawn: { release: 2 },
    });
  });

  it("writes a table for a spreadsheet, in which no reference becomes a formula", async () => {
    const ran = await run(["undo", "--taken-back", "--csv"]);
    expect(lines(ran)[0]).toBe("content,at,action,set,entry,release,distance,state,hit_ref");
    expect(lines(ran)[1]).toMatch(
      /^"'=upload,3",\S+Z,block,hotline\.example\/verified,[0-9a-f]{32},1,0,withdrawn,h_0{15}3$/,
    );
    expect(lines(ran).length).toBe(2);
  });

  it("finds the one decision that an affected person quotes", async () => {
    const found = await run(["undo", "--hit", "h_0000000000000001", "--json"]);
    expect(json(found)).toMatchObject({ content: "upload-1", action: "observe", hit_ref: "h_0000000000000001" });
    const none = await run(["undo", "--hit", "h_ffffffffffffffff"]);
    expect(none.code).toBe(1);
    expectFourLines(none, "not_found");
  });

  it("says so when there is nothing", async () => {
    expect((await run(["undo", "--publisher", "other.example"])).stdout).toBe(
      "Nothing to undo: nothing was blocked or sent to review.\n",
    );
    expect((await run(["undo", "--publisher", "other.example", "--json"])).stdout).toBe("");
  });

  it.each([
    [["undo"]],
    [["undo", "--taken-back", "--publisher", "a.example"]],
    [["undo", "--taken-back", "--csv", "--json"]],
  ])("%j is wrong usage", async (args) => {
    expect((await run(args)).code).toBe(2);
  });
});

describe("opinion", () => {
  const said = () => [...scene.double.store.getSet(scene.publisher.setId).opinions.values()].flat();

  it("by a hit's reference is said to the exchange at once", async () => {
    const ran = await run(["opinion", "--hit", "h_0000000000000003", "--verdict", "rejected", "--reason", "adult"]);
    expect(ran).toMatchObject({
      code: 0,
      stdout: `✓ ${SET}  entry ${testId(2)}  rejected\n`,
      stderr: "  said to the exchange\n",
    });
    expect(said()).toMatchObject([
      { kind: "opinion", entry: testId(2), release: 1, verdict: "rejected", reason: "adult" },
    ]);
    expect(said()[0]).not.toHaveProperty("named");
  });

  it("by an entry waits while nobody answers, and is said with the next one", async () => {
    const before = said().length;
    scene.double.hostile = [{ path: /\/opinions$/, act: "busy", retryAfter: "3600" }];
    const waits = await run(["opinion", ENTRY, "--verdict", "confirmed", "--named"]);
    expect(waits.code).toBe(0);
    expect(waits.stderr).toBe("  kept here, 1 waiting (busy); the next sync sends it\n");
    expect(json(await run(["opinion", ENTRY, "--verdict", "unclear", "--later", "--json"]))).toMatchObject({
      sent: false,
    });
    scene.double.hostile = [];
    expect((await run(["opinion", ENTRY, "--verdict", "confirmed"])).stderr).toBe("  said to the exchange\n");
    expect(said().length).toBe(before + 3);
  });

  it("says when the exchange will not take it", async () => {
    scene.double.store.sets.delete(SET);
    const ran = await run(["opinion", ENTRY, "--verdict", "confirmed"]);
    expect(ran.stderr).toBe("! not taken by the exchange: not_found\n");
    expect(ran.code).toBe(0);
  });

  it.each([
    [[ENTRY, "--verdict", "rejected", "--reason", "because"], "usage_invalid", 2],
    [[ENTRY, "--verdict", "confirmed", "--reason", "adult"], "usage_invalid", 2],
    [[ENTRY, "--hit", "h_0000000000000001", "--verdict", "confirmed"], "usage_invalid", 2],
    [["--hit", "h_ffffffffffffffff", "--verdict", "confirmed"], "not_found", 1],
    [[`other.example/set#${testId(1)}`, "--verdict", "confirmed"], "copy_missing", 1],
  ])("%j is refused", async (args, code, exit) => {
    const ran = await run(["opinion", ...args]);
    expect(ran.code).toBe(exit);
    expectFourLines(ran, code);
  });
});

describe("webhook", () => {
  it("is chosen with a secret that is shown once, tested, and removed", async () => {
    let status = 204;
    const server = createServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`;
    try {
      expectFourLines(await run(["webhook", "test"]), "conflict");
      const set = await run(["webhook", "set", url]);
      const secret = /whsec_\S+/.exec(set.stdout)?.[0] ?? "none";
      expect(set.code).toBe(0);
      const shown = await run(["webhook", "show"]);
      expect(shown.stdout).toMatch(/ {2}0 waiting\n$/);
      expect(shown.stdout + shown.stderr).not.toContain(secret);
      expect((await run(["webhook", "test"])).code).toBe(0);
      status = 302;
      const refused = await run(["webhook", "test"]);
      expect(refused.code).toBe(1);
      expectFourLines(refused, "fetch_failed");
      expect((await run(["webhook", "set", url, "--secret-file", "-"], { stdin: "short" })).code).toBe(2);
      expect((await run(["webhook", "set", "http://intake.example/"])).code).toBe(2);
      expect((await run(["webhook", "remove"])).code).toBe(0);
      expect((await run(["webhook", "show"])).stdout).toBe("No receiver: breakwater webhook set URL\n");
    } finally {
      server.close();
    }
  });
});

describe("from a match to an undo", () => {
  it("a hit is blocked, paused, blocked again, taken back by its publisher, and found for undoing", async () => {
    const file = join(scene.dir, "upload-77.bin");
    await writeFile(file, "not a picture, only bytes");
    const { createHash } = await import("node:crypto");
    const value = createHash("sha256").update("not a picture, only bytes").digest("hex");
    const real = await makeDoublePublisher(
      scene.double,
      "real.example/verified",
      aboutOfKind("hash", { stream: "photographic" }),
    );
    const asks = { requested_action: "block_remove_report", human_review: "not_required" } as const;
    await real.release(real.put(testHashEntry(41, { value, ...asks })));
    await writePin(profile, "real.example", real.pin);
    const name = "real.example/verified";
    expect((await run(["sync", name])).code).toBe(0);
    const match = async () => {
      const { hits } = json(await run(["match", "--json", file])) as { hits: Record<string, unknown>[] };
      return hits.map(({ action, why_not_block: why }) => [action, why]);
    };
    expect(await match()).toEqual([["observe", "observed"]]);
    expect((await run(["enable", name, "--act", "block", "--yes", name])).stderr).toContain("1 hit on 1 content");
    expect(await match()).toEqual([["block", undefined]]);
    await run(["pause", "--entry", `${name}#${testId(41)}`]);
    expect(await match()).toEqual([["review", "paused"]]);
    await run(["resume", "--entry", `${name}#${testId(41)}`]);
    await run(["allow", "add", "--file", file]);
    expect(await match()).toEqual([["observe", "allow_listed"]]);
    await run(["allow", "remove", "--file", file]);
    await real.release([{ op: "del", id: testId(41) as never, why: "withdrawn" }]);
    const synced = await run(["sync", name]);
    expect(synced.stderr).toContain(
      `! ${name}  withdrew 1 entry that hit here 4 times (1 blocked, 1 reviewed)\n  next  breakwater undo --taken-back\n`,
    );
    const undone = await run(["undo", "--taken-back", "--json", "--since", "1d"]);
    const facts = lines(undone).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(
      facts.filter(({ set }) => set === name).map(({ content, action, state }) => [content, action, state]),
    ).toEqual(
      expect.arrayContaining([
        [file, "block", "withdrawn"],
        [file, "review", "withdrawn"],
      ]),
    );
  });
});

it("controls without a decision says how to make one", async () => {
  expect((await run(["controls"], { profile: empty })).stdout).toBe(
    "Nothing decided here: every set is observed. breakwater enable SET --act review\n",
  );
});
