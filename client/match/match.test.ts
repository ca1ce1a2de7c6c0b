import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Entry } from "@breakwater/shared/entries/index.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Mode } from "../profile/modes.ts";
import { writeStatus } from "../sync/index.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testTermEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { decisionOf, newHitRef, recordDecisions } from "./decisions.ts";
import { type FileHashes, openMatcher } from "./matcher.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene(0);
});
afterEach(() => scene.close());

const PDQ = "a5".repeat(32);
/** A PDQ `bits` away from {@link PDQ}. */
function away(bits: number): string {
  const bytes = Buffer.from(PDQ, "hex");
  for (let bit = 0; bit < bits; bit++) bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  return bytes.toString("hex");
}
const pdqEntry = (changes: Record<string, unknown> = {}) =>
  testHashEntry(1, { alg: "pdq", value: PDQ, quality: 90, ambiguous_bits: 1, ...changes });

/** Real media, so that modes count; the stream `test` never leads to anything. */
const ABOUT = aboutOfKind("hash", { stream: "photographic", act_distance: 16, review_distance: 31, quality_floor: 60 });

async function matcherOf(entries: Entry[], options: { mode?: "block" | "review"; now?: Date } = {}) {
  const publisher = await makeDoublePublisher(scene.double, "real.example/verified", ABOUT);
  await publisher.release(publisher.put(...entries));
  await scene.sync({ setId: publisher.setId, pin: publisher.pin });
  const modes: Record<string, Mode> = options.mode === undefined ? {} : { "real.example/verified": options.mode };
  return openMatcher(scene.stateDir, modes, options.now ?? new Date());
}

const file = (changes: Partial<FileHashes> = {}): FileHashes => ({
  md5: "0".repeat(32),
  sha1: "0".repeat(40),
  sha256: "0".repeat(64),
  ...changes,
});
const seen = (hash: string, changes: Partial<NonNullable<FileHashes["pdq"]>> = {}) =>
  file({ pdq: { hash, quality: 90, ambiguous_bits: 1, ...changes } });

describe("an exact hash", () => {
  it.each(["md5", "sha1", "sha256"] as const)("%s hits the same file and no other", async (alg) => {
    const entry = testHashEntry(7, { alg });
    const matcher = await matcherOf([entry]);
    expect(matcher.match(file({ [alg]: entry.value }))).toMatchObject([
      { set: "real.example/verified", release: 1, level: "act", how: { alg }, entry: { id: entry.id } },
    ]);
    expect(matcher.match(file({ [alg]: testHashEntry(8, { alg }).value }))).toEqual([]);
  });

  it("of an entry that has expired hits nothing", async () => {
    const entry = testHashEntry(7, { expires_at: "2026-11-01T00:00:00Z" });
    expect((await matcherOf([entry])).match(file({ sha256: entry.value }))).toEqual([]);
  });
});

describe("a perceptual hash", () => {
  it.each([
    [0, "act"],
    [16, "act"],
    [17, "review"],
    [31, "review"],
    [32, undefined],
  ] as const)("%i bits away leads to %s", async (bits, level) => {
    const hits = (await matcherOf([pdqEntry()])).match(seen(away(bits)));
    expect(hits.map((hit) => hit.level)).toEqual(level === undefined ? [] : [level]);
    if (level !== undefined)
      expect(hits[0]?.how).toEqual({ alg: "pdq", distance: bits, actDistance: 16, reviewDistance: 31 });
  });

  it("of a file below the set's quality floor hits nothing", async () => {
    const matcher = await matcherOf([pdqEntry()]);
    expect(matcher.match(seen(PDQ, { quality: 59 }))).toEqual([]);
    expect(matcher.match(seen(PDQ, { quality: 60 })).length).toBe(1);
  });

  it("is not acted on when the bits that rounding decides could have made it near", async () => {
    const matcher = await matcherOf([pdqEntry()]);
    expect(matcher.match(seen(away(10), { ambiguous_bits: 7 }))[0]?.level).toBe("act");
    expect(matcher.match(seen(away(10), { ambiguous_bits: 8 }))[0]?.level).toBe("review");
    expect(matcher.match(seen(PDQ, { ambiguous_bits: 65 }))).toEqual([]);
  });

  it("of an entry that is ambiguous itself is not acted on either", async () => {
    const matcher = await matcherOf([pdqEntry({ ambiguous_bits: 20 })]);
    expect(matcher.match(seen(PDQ))[0]?.level).toBe("review");
  });

  it("nearest first, and what may be acted on before what may not", async () => {
    const entries = [
      pdqEntry(),
      testHashEntry(2, { alg: "pdq", value: away(20), quality: 90, ambiguous_bits: 1 }),
      testHashEntry(3, { alg: "pdq", value: away(4), quality: 90, ambiguous_bits: 1 }),
    ];
    const hits = (await matcherOf(entries)).match(seen(away(2)));
    expect(hits.map((hit) => ("distance" in hit.how ? hit.how.distance : -1))).toEqual([2, 2, 18]);
  });

  it("is found like a comparison with each entry finds it", async () => {
    const entries = Array.from({ length: 200 }, (_, n) => testHashEntry(n, { alg: "pdq" }));
    const matcher = await matcherOf(entries);
    for (const entry of entries.slice(0, 20)) {
      expect(matcher.match(seen(entry.value)).map((hit) => hit.entry.id)).toEqual([entry.id]);
    }
  });
});

describe("what a hit leads to", () => {
  it("is to observe until somebody decides otherwise", async () => {
    const entry = testHashEntry(7);
    expect((await matcherOf([entry])).match(file({ sha256: entry.value }))[0]?.mode).toBe("observe");
  });

  it("is what was decided while the copy is current, and review once it is stale", async () => {
    const entry = testHashEntry(7);
    const matcher = await matcherOf([entry], { mode: "block" });
    expect(matcher.match(file({ sha256: entry.value }))[0]).toMatchObject({
      mode: "block",
      level: "act",
      stale: false,
    });
    const later = await openMatcher(
      scene.stateDir,
      { "real.example/verified": "block" },
      new Date(Date.now() + 8 * 86_400_000),
    );
    expect(later.match(file({ sha256: entry.value }))[0]).toMatchObject({
      mode: "review",
      level: "review",
      stale: true,
    });
  });

  it("never acts on made-up data", async () => {
    const entry = testHashEntry(7);
    await scene.publisher.release(scene.publisher.put(entry));
    await scene.sync();
    const matcher = await openMatcher(scene.stateDir, { "hotline.example/verified": "block" }, new Date());
    expect(matcher.match(file({ sha256: entry.value }))[0]).toMatchObject({ mode: "observe", test: true });
  });

  it("goes on while a set is held", async () => {
    const entry = testHashEntry(7);
    await matcherOf([entry]);
    const setId = { publisher: "real.example", set: "verified" } as Parameters<typeof writeStatus>[1];
    const at = new Date().toISOString();
    await writeStatus(scene.stateDir, setId, {
      v: 1,
      state: "held",
      checked_at: at,
      verified_at: at,
      code: "policy_growth",
    });
    expect((await openMatcher(scene.stateDir, {}, new Date())).match(file({ sha256: entry.value })).length).toBe(1);
  });

  it("is nothing past keep_stale: the copy is destroyed", async () => {
    const entry = testHashEntry(7);
    await matcherOf([entry]);
    const late = new Date(Date.now() + 91 * 86_400_000);
    const matcher = await openMatcher(scene.stateDir, {}, late);
    expect(matcher.sets).toEqual([]);
    expect(matcher.unusable).toEqual([{ set: "real.example/verified", code: "copy_stale" }]);
  });

  it("does not come from sets of another kind", async () => {
    const terms = await makeDoublePublisher(scene.double, "real.example/terms", aboutOfKind("term"));
    await terms.release(terms.put(testTermEntry(1)));
    await scene.sync({ setId: terms.setId, pin: terms.pin });
    expect((await openMatcher(scene.stateDir, {}, new Date())).sets).toEqual([]);
  });
});

describe("the decision ledger", () => {
  it("holds what an undo needs, no hash, and nothing older than ninety days", async () => {
    const entry = testHashEntry(7);
    const [hit] = (await matcherOf([entry])).match(file({ sha256: entry.value }));
    if (hit === undefined) throw new Error("no hit");
    const old = new Date(Date.now() - 91 * 86_400_000);
    await recordDecisions(scene.stateDir, [decisionOf(hit, newHitRef(), "upload-1", old)], old);
    const ref = newHitRef();
    await recordDecisions(scene.stateDir, [decisionOf(hit, ref, "upload-2", new Date())], new Date());
    const text = await readFile(join(scene.stateDir, "decisions.ndjson"), "utf8");
    expect(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toEqual([
      expect.objectContaining({ hit: ref, entry: entry.id, release: 1, content: "upload-2", action: "observe" }),
    ]);
    expect(text).not.toContain(entry.value);
  });
});
