import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Entry } from "@breakwater/shared/entries/index.ts";
import { type Hit, MatchAnswer, type MatchHashes, MediaAnswer } from "@breakwater/shared/wire/match.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeControls, NO_CONTROLS } from "../controls/controls.ts";
import { decide } from "../controls/decide.ts";
import { updateControls } from "../controls/file.ts";
import { writeProfile } from "../profile/profile.ts";
import { serve } from "../serve/serve.ts";
import { writeStatus } from "../sync/index.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { ASKS_TO_BLOCK, aboutOfKind, testHashEntry } from "../testing/entries.ts";
import { testHit } from "../testing/hits.ts";
import { openLooker } from "../testing/match-file.ts";
import { runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";

// A daemon starts two threads; on a machine that does much else that takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let scene: Scene;
beforeEach(async () => {
  scene = await openScene(0);
});
afterEach(() => scene.close());

const NOW = new Date();
const MODE = { act: "block", since: NOW.toISOString() } as const;
const PDQ = "a5".repeat(32);
/** So many bits of the first byte away. */
const near = (bits: number) => `${(0xa5 ^ (2 ** bits - 1)).toString(16).padStart(2, "0")}${PDQ.slice(2)}`;

const BYTES = new TextEncoder().encode("made-up bytes, no picture");
const digestOf = (alg: string) => createHash(alg).update(BYTES).digest("hex");
const asks = (n: number, changes: Record<string, unknown>): Entry => testHashEntry(n, { ...ASKS_TO_BLOCK, ...changes });
const listed = (n: number, alg: "md5" | "sha1" | "sha256" | "sha512", changes = {}) =>
  asks(n, { alg, value: digestOf(alg), ...changes });

/** Real media, so that modes count. */
const ABOUT = { stream: "photographic", act_distance: 4, review_distance: 31, quality_floor: 60 } as const;

async function hold(set: string, entries: Entry[], about: Record<string, unknown> = {}) {
  const publisher = await makeDoublePublisher(scene.double, set, aboutOfKind("hash", { ...ABOUT, ...about }));
  await publisher.release(publisher.put(...entries));
  await scene.sync({ setId: publisher.setId, pin: publisher.pin });
  return publisher;
}

const ALL: MatchHashes = {
  md5: digestOf("md5"),
  sha1: digestOf("sha1"),
  sha256: digestOf("sha256"),
  sha512: digestOf("sha512"),
};

async function actionsOf(hashes: MatchHashes, sets: string[]): Promise<(readonly [alg: string, action: string])[]> {
  const looker = await openLooker(scene.stateDir, Object.fromEntries(sets.map((set) => [set, "block" as const])));
  const seen = looker.look(hashes).map(({ how, mode }) => [(how as { alg: string }).alg, mode] as const);
  looker.close();
  return seen.sort(([a], [b]) => (a < b ? -1 : 1));
}

const SET = "real.example/verified";
const OTHER = "real.example/more";

describe("a digest that two files can be made to share", () => {
  it.each(["md5", "sha1"] as const)("%s, alone, is for review", async (alg) => {
    await hold(SET, [listed(1, alg)]);
    expect(await actionsOf(ALL, [SET])).toEqual([[alg, "review"]]);
  });

  it("adds nothing to the other: one pair may share both", async () => {
    await hold(SET, [listed(1, "md5"), listed(2, "sha1")]);
    expect(await actionsOf(ALL, [SET])).toEqual([
      ["md5", "review"],
      ["sha1", "review"],
    ]);
  });

  it.each(["sha256", "sha512"] as const)("is acted on beside a %s of the same file", async (alg) => {
    await hold(SET, [listed(1, "md5"), listed(2, alg)]);
    expect(await actionsOf(ALL, [SET])).toEqual([
      ["md5", "block"],
      [alg, "block"],
    ]);
  });

  it("is acted on beside a strong digest in another set of the same publisher, and not of another one", async () => {
    await hold(SET, [listed(1, "md5")]);
    await hold("other.example/verified", [listed(2, "sha256")]);
    const sets = [SET, OTHER, "other.example/verified"];
    expect(await actionsOf(ALL, sets)).toEqual([
      ["md5", "review"],
      ["sha256", "block"],
    ]);
    await hold(OTHER, [listed(3, "sha256")]);
    expect(await actionsOf(ALL, sets)).toEqual([
      ["md5", "block"],
      ["sha256", "block"],
      ["sha256", "block"],
    ]);
  });

  it.each([
    [4, "block"],
    [5, "review"],
  ] as const)("beside a PDQ that is %i bits away leads to %s", async (bits, expected) => {
    await hold(SET, [listed(1, "sha1"), asks(2, { alg: "pdq", value: PDQ, quality: 90, ambiguous_bits: 1 })]);
    expect(await actionsOf({ ...ALL, pdq: { hash: near(bits), quality: 90, ambiguous_bits: 1 } }, [SET])).toEqual([
      ["pdq", expected],
      ["sha1", expected],
    ]);
  });

  it("is not confirmed by made-up data, nor by a copy that is stale", async () => {
    await hold(SET, [listed(1, "md5")]);
    const old = await hold(OTHER, [listed(2, "sha256")]);
    await hold("real.example/trial", [listed(3, "sha512")], { stream: "test" });
    const verified_at = new Date(NOW.getTime() - 8 * 86_400_000).toISOString();
    await writeStatus(scene.stateDir, old.setId, {
      v: 1,
      state: "current",
      checked_at: verified_at,
      verified_at,
    });
    expect(await actionsOf(ALL, [SET, OTHER, "real.example/trial"])).toEqual([
      ["md5", "review"],
      ["sha256", "review"],
      ["sha512", "observe"],
    ]);
  });

  it.each([
    ["is for review only", { human_review: "required", requested_action: "review", report_duty: "check" }],
    ["is better looked at first", { human_review: "recommended" }],
    ["asks for less than a block", { requested_action: "remove_report" }],
  ])(
    "is not confirmed by a strong digest whose entry %s: the harmless one of two files is blocked else",
    async (_, less) => {
      await hold(SET, [listed(1, "md5"), listed(2, "sha256", less)]);
      const [md5] = await actionsOf(ALL, [SET]);
      expect(md5).toEqual(["md5", "review"]);
    },
  );

  it("keeps its cause apart from what the set's mode allows", () => {
    const hit = testHit({ set: SET, publisher: "real.example", weakDigest: true });
    const enabled = makeControls({ ...NO_CONTROLS, modes: { [SET]: MODE } }, undefined);
    expect(decide(hit, enabled, NOW)).toEqual({ action: "review", why: "weak_digest", would: "review" });
    expect(decide(hit, makeControls(NO_CONTROLS, undefined), NOW)).toEqual({
      action: "observe",
      why: "observed",
      would: "review",
    });
    expect(decide({ ...hit, human_review: "required" }, enabled, NOW)).toMatchObject({ why: "weak_digest" });
  });
});

describe("at each door", () => {
  const REVIEWED = { how: { alg: "md5" }, action: "review", why_not_block: "weak_digest" };
  const expectReviewed = (hits: readonly Partial<Hit>[]) => {
    expect(hits).toMatchObject([REVIEWED]);
    expect(hits[0]?.next).toMatch(/^Show it to a reviewer and block nothing: two different files .*MD5/);
  };
  beforeEach(async () => {
    await hold(SET, [listed(1, "md5")]);
    await updateControls(scene.stateDir, (file) => ({ ...file, modes: { [SET]: MODE } }));
  });

  it("the command says review and why", async () => {
    await writeProfile({
      dir: scene.dir,
      exchange: scene.double.origin,
      apiKey: TEST_API_KEY,
      stateDir: scene.stateDir,
    });
    const path = join(scene.dir, "upload-1.bin");
    await writeFile(path, BYTES);
    const done = await runCommand(["match", "--json", path], { profile: scene.dir });
    expectReviewed((JSON.parse(done.stdout) as { hits: Hit[] }).hits);
    expect((await runCommand(["match", path], { profile: scene.dir })).stdout).toContain(
      "two files can be made to share this digest",
    );
  });

  it("the daemon says review and why, of hashes and of media", async () => {
    const daemon = await serve({
      profileDir: scene.dir,
      stateDir: scene.stateDir,
      listen: { host: "127.0.0.1", port: 0 },
      acceptMedia: true,
      maxAgeSeconds: 900,
      onFact: () => undefined,
    });
    try {
      const post = async (path: string, type: string, body: BodyInit) =>
        (await fetch(daemon.origin + path, { method: "POST", body, headers: { "content-type": type } })).json();
      // An item is judged by what came with it: the same reference elsewhere in the batch confirms nothing.
      const items = [
        { ref: "upload-1", hashes: { md5: ALL.md5 } },
        { ref: "upload-1", hashes: { sha256: ALL.sha256 } },
      ];
      const batch = MatchAnswer.parse(await post("/v1/match", "application/json", JSON.stringify({ items })));
      expectReviewed((batch.items[0] as { hits: Hit[] }).hits);
      expectReviewed(
        MediaAnswer.parse(await post("/v1/match/media?ref=upload-1", "application/octet-stream", BYTES)).hits,
      );
    } finally {
      await daemon.close();
    }
  });
});
