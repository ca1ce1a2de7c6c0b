/** Taking back, on the real exchange: the recall at once, the withdrawal next, the bars, and members who come late. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { filesWith } from "../../client/testing/copy-lines.ts";
import { testHashEntry } from "../../client/testing/entries.ts";
import { type CommandScene, openCommandScene } from "./command-scene.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let scene: CommandScene;
beforeAll(async () => {
  scene = await openCommandScene();
});
afterAll(() => scene.close());

const SET = "hotline.example/verified";
type Bar = { step: string; number: number; done: number; of: number; late: { member: string }[] };

async function facts(profile: string, ...args: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await scene.done(profile, ...args, "--json");
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Objects of the exchange that carry the value, in clear or packed. */
function objectsWith(value: string): string[] {
  const { objects } = scene.exchange;
  return objects.keys().filter((key) => {
    const bytes = objects.bytes(key) as Uint8Array;
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return (isPacked ? gunzipSync(bytes) : Buffer.from(bytes)).includes(value);
  });
}

async function idsOf(profile: string, ...numbers: number[]): Promise<string[]> {
  const { stdout } = await scene.done(profile, "export", SET, "--format", "ndjson");
  const values = new Set(numbers.map((n) => testHashEntry(n).value));
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string; value: string })
    .filter(({ value }) => values.has(value))
    .map(({ id }) => id)
    .sort();
}

async function recallsAtExchange(): Promise<{ recall: number; recalls: { recall: number; envelope: string }[] }> {
  const profile = JSON.parse(await readFile(join(scene.profileOf("hotline"), "profile.json"), "utf8")) as {
    api_key: string;
  };
  const answer = await scene.exchange.request(`/v1/sets/${SET}/recalls`, { key: profile.api_key });
  return (await answer.json()) as never;
}

const payloadOf = (envelope: string) =>
  JSON.parse(Buffer.from((JSON.parse(envelope) as { payload: string }).payload, "base64url").toString()) as Record<
    string,
    unknown
  >;

describe("a set with two subscribers", () => {
  beforeAll(async () => {
    const publisher = await scene.publisher("hotline");
    await scene.done("hotline", "root", "create", "--custody", "member");
    await scene.publishFirst("hotline", 1, 2, 3);
    await scene.done(
      "hotline",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("bad.ndjson", 1, 2, 3, 4, 5),
    );
    await scene.subscriber("north", publisher);
    await scene.subscriber("south", publisher);
    for (const reader of ["north", "south"]) await scene.done(reader, "sync", SET);
  });

  it("recalls one entry without asking; the recall names it, for the hours that were given", async () => {
    const [id] = (await idsOf("hotline", 1)) as [string];
    const ran = await scene.done("hotline", "recall", "verified", "--entry", id, "--hours", "2");
    expect(ran.stdout).toMatch(/^✓ recall 1 signed, logged at \d+, ends \d+ \w{3} \d\d:\d\d UTC\n$/);
    const { recall, recalls } = await recallsAtExchange();
    expect(recall).toBe(1);
    const payload = payloadOf(recalls[0]?.envelope as string) as { entries: string[]; exp: number; iat: number };
    expect(payload).toMatchObject({ entries: [id], recall: 1, set: "verified", publisher: "hotline.example", root: 1 });
    expect(payload.exp - payload.iat).toBe(7200);
  });

  it("recalls a release after asking, and refuses what no recall may say", async () => {
    const asked = await scene.run("hotline", ["recall", "verified", "--release", "2"]);
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.stderr).toContain("This turns hits on all that release 2 put to review for 72 hours.");
    await scene.done("hotline", "recall", "verified", "--release", "2", "--yes");
    const { recalls } = await recallsAtExchange();
    expect(payloadOf(recalls.find(({ recall }) => recall === 2)?.envelope as string)).toMatchObject({
      releases: [2, 2],
    });
    for (const [args, code] of [
      [["--release", "2", "--hours", "73", "--yes"], "recall_lifetime"],
      [["--release", "0", "--yes"], "usage_invalid"],
      [["--yes"], "usage_invalid"],
      [["--entry", "f".repeat(32), "--yes"], "recall_entries"],
    ] as const) {
      const refused = await scene.run("hotline", ["recall", "verified", ...args]);
      expect(refused.stderr, args.join(" ")).toContain(code);
      expect(refused.code, args.join(" ")).not.toBe(0);
    }
    expect((await recallsAtExchange()).recall).toBe(2);
  });

  it("takes a whole release back: asks with counts, recalls, withdraws, and shows who has it", async () => {
    const bad = await idsOf("hotline", 4, 5);
    const args = ["take-back", "verified", "--release", "2", "--reason", "bad_batch"];
    const asked = await scene.run("hotline", args);
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.stderr).toContain("  This turns hits on 2 entries to review at 2 members, then withdraws them.\n");
    expect((await recallsAtExchange()).recall).toBe(2);

    const ran = await scene.done("hotline", ...args, "--yes", "verified", "--no-watch");
    const lines = ran.stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^✓ recall 3 signed, logged at \d+, ends \d+ \w{3} \d\d:\d\d UTC$/);
    expect(lines[1]).toBe("  recall      ░░░░░░░░░░ 0 of 2");
    expect(lines[2]).toBe("  withdrawal  ░░░░░░░░░░ 0 of 2");
    expect(lines).toHaveLength(3);
    const { recalls } = await recallsAtExchange();
    expect(payloadOf(recalls.find(({ recall }) => recall === 3)?.envelope as string)).toMatchObject({ entries: bad });
    expect(await idsOf("hotline", 4, 5)).toEqual([]);
    expect((await idsOf("hotline", 1, 2, 3)).length).toBe(3);

    // The same command again signs nothing again: it only looks.
    const [gone, ...bars] = (await facts("hotline", ...args, "--no-watch")) as [Record<string, unknown>, ...Bar[]];
    expect(gone).toMatchObject({ step: "withdrawn", release: 3, entries: 2 });
    expect(bars.map(({ step, done, of }) => [step, done, of])).toEqual([
      ["recall", 0, 2],
      ["withdrawal", 0, 2],
    ]);
    expect((await recallsAtExchange()).recall).toBe(3);
  });

  it("watches the bars fill until everybody has applied it, and ends with 0; Ctrl+C ends with 130 and stops nothing", async () => {
    const args = ["take-back", "verified", "--release", "2", "--reason", "bad_batch"];
    const stopped = await scene.run("hotline", args, {
      onStart: (child) =>
        child.stderr?.on("data", (text: string) => {
          if (String(text).includes("watching; Ctrl+C leaves it running")) child.kill("SIGINT");
        }),
    });
    expect(stopped).toMatchObject({ code: 130 });
    expect(stopped.stderr).toContain("Stopped watching.");

    const watching = scene.run("hotline", args);
    await scene.done("north", "sync", SET);
    await scene.done("south", "sync", SET);
    const ran = await watching;
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain("withdrawal  ██████████ 2 of 2");
    expect(ran.stdout).toContain("recall      ██████████ 2 of 2");
    for (const reader of ["north", "south"]) {
      const { stdout } = await scene.done(reader, "export", SET, "--format", "ndjson");
      expect(stdout).not.toContain(testHashEntry(4).value);
    }
  });

  it("names those who are late, by release and by recall", async () => {
    const [id] = (await idsOf("hotline", 1)) as [string];
    await scene.done(
      "hotline",
      "take-back",
      "verified",
      "--entry",
      id,
      "--reason",
      "adult",
      "--yes",
      "verified",
      "--no-watch",
    );
    await scene.done("north", "sync", SET);
    const clock = scene.exchange.clock;
    clock.set(new Date(Date.now() + 9 * 86_400_000));
    const profile = JSON.parse(await readFile(join(scene.profileOf("hotline"), "profile.json"), "utf8")) as {
      api_key: string;
    };
    const answer = await scene.exchange.request(`/v1/sets/${SET}/applied`, { key: profile.api_key });
    clock.set(new Date());
    const applied = (await answer.json()) as {
      releases: { release: number; waiting: { member: string; late: boolean }[] }[];
    };
    expect(applied.releases[0]).toMatchObject({ release: 4, waiting: [{ member: "south", late: true }] });
    const shown = await scene.done("hotline", "applied", "verified", "--members");
    expect(shown.stdout).toContain(`${SET}  release 4  recall 4  2 have it`);
    expect(shown.stdout).toMatch(/release 4 {3}█████░░░░░ 1 of 2/);
    expect(shown.stdout).toMatch(/north +4 +4/);
    await scene.done("south", "sync", SET);
  });

  it("erases what was withdrawn before: old files leave holders and exchange", async () => {
    const set = join(scene.profileOf("north"), "state", "sets", "hotline.example", "verified");
    const values = [4, 5].map((n) => testHashEntry(n).value);
    // Until then the delta that put them is listed, and kept.
    for (const value of values) expect(objectsWith(value)).not.toEqual([]);
    const args = ["take-back", "verified", "--release", "2", "--reason", "person_shown_asks", "--no-watch"];
    const asked = await scene.run("hotline", [...args, "--erase"]);
    expect(asked.stderr).toContain("Erase 2 entries at 2 members?");
    const steps = await facts("hotline", ...args, "--erase", "--yes", "verified");
    expect(steps.find(({ step }) => step === "withdrawn")).toMatchObject({ release: 3, erasure: 5 });
    expect(steps.filter(({ step }) => step === "erasure")).toMatchObject([{ number: 5, done: 0, of: 2 }]);
    await scene.done("north", "sync", SET);
    for (const value of values) {
      expect(await filesWith(set, value)).toEqual([]);
      await vi.waitFor(() => expect(objectsWith(value)).toEqual([]));
    }
  });

  it("does not take an old record for a new mistake: what was listed again is taken back again", async () => {
    await scene.done(
      "hotline",
      "publish",
      "--set",
      "verified",
      "--from",
      await scene.list("again.ndjson", 2, 3, 7),
      "--yes",
    );
    const [id] = (await idsOf("hotline", 7)) as [string];
    await scene.done(
      "hotline",
      "take-back",
      "verified",
      "--entry",
      id,
      "--reason",
      "adult",
      "--yes",
      "verified",
      "--no-watch",
    );
    const relisted = JSON.stringify({ ...testHashEntry(7), id });
    const rest = await scene.done("hotline", "export", SET, "--format", "ndjson");
    const list = await scene.file("relisted.ndjson", `${rest.stdout}${relisted}\n`);
    const publish = ["publish", "--set", "verified", "--from", list];
    // An older list does not put back unasked what was taken back.
    expect(await scene.run("hotline", publish)).toMatchObject({ code: 2 });
    await scene.done("hotline", ...publish, "--yes", "verified");
    const before = (await recallsAtExchange()).recall;
    await scene.done(
      "hotline",
      "take-back",
      "verified",
      "--entry",
      id,
      "--reason",
      "adult",
      "--yes",
      "verified",
      "--no-watch",
    );
    expect((await recallsAtExchange()).recall).toBe(before + 1);
    expect(await idsOf("hotline", 7)).toEqual([]);
  });
});

describe("a set whose release key the exchange holds", () => {
  it("is taken back in the same way", async () => {
    await scene.publisher("lodge", "exchange");
    await scene.done("lodge", "root", "create", "--custody", "exchange");
    await scene.publishFirst("lodge", 1, 2);
    const [id] = JSON.parse(
      `[${(await scene.done("lodge", "export", "lodge.example/verified", "--format", "ndjson")).stdout.trim().split("\n").join(",")}]`,
    ) as { id: string }[];
    const ran = await scene.done(
      "lodge",
      "take-back",
      "verified",
      "--entry",
      id?.id as string,
      "--reason",
      "adult",
      "--yes",
      "lodge.example/verified",
      "--no-watch",
    );
    expect(ran.stdout).toContain("recall 1 signed");
    expect(ran.stdout).toContain("nobody has fetched the set yet");
  });
});
