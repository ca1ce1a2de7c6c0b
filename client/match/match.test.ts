import type { Entry } from "@breakwater/shared/entries/index.ts";
import { parseSetId } from "@breakwater/shared/ids.ts";
import { CLOCK_SKEW_SECONDS } from "@breakwater/shared/schema.ts";
import type { MatchAction, MatchHashes } from "@breakwater/shared/wire/match.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readStatus, writeStatus } from "../sync/index.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testUrlEntry } from "../testing/entries.ts";
import { openLooker } from "../testing/match-file.ts";
import { openScene, type Scene } from "../testing/scene.ts";

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
  const modes: Record<string, MatchAction> =
    options.mode === undefined ? {} : { "real.example/verified": options.mode };
  return openLooker(scene.stateDir, modes, options.now);
}

const file = (changes: MatchHashes = {}): MatchHashes => ({
  md5: "0".repeat(32),
  sha1: "0".repeat(40),
  sha256: "0".repeat(64),
  ...changes,
});
const seen = (hash: string, changes: Partial<NonNullable<MatchHashes["pdq"]>> = {}) =>
  file({ pdq: { hash, quality: 90, ambiguous_bits: 1, ...changes } });

describe("an exact hash", () => {
  it.each(["md5", "sha1", "sha256"] as const)("%s hits the same file and no other", async (alg) => {
    const entry = testHashEntry(7, { alg });
    const matcher = await matcherOf([entry]);
    expect(matcher.look(file({ [alg]: entry.value }))).toMatchObject([
      { set: "real.example/verified", release: 1, level: "act", how: { alg }, entry: { id: entry.id } },
    ]);
    expect(matcher.look(file({ [alg]: testHashEntry(8, { alg }).value }))).toEqual([]);
  });

  it("of an entry that has expired hits nothing", async () => {
    const entry = testHashEntry(7, { expires_at: "2026-11-01T00:00:00Z" });
    expect((await matcherOf([entry])).look(file({ sha256: entry.value }))).toEqual([]);
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
    const hits = (await matcherOf([pdqEntry()])).look(seen(away(bits)));
    expect(hits.map((hit) => hit.level)).toEqual(level === undefined ? [] : [level]);
    if (level !== undefined)
      expect(hits[0]).toMatchObject({ distance: bits, how: { alg: "pdq", act_distance: 16, review_distance: 31 } });
  });

  it("of a file below the set's quality floor hits nothing", async () => {
    const matcher = await matcherOf([pdqEntry()]);
    expect(matcher.look(seen(PDQ, { quality: 59 }))).toEqual([]);
    expect(matcher.look(seen(PDQ, { quality: 60 })).length).toBe(1);
  });

  it("is not acted on when the bits that rounding decides could have made it near", async () => {
    const matcher = await matcherOf([pdqEntry()]);
    expect(matcher.look(seen(away(10), { ambiguous_bits: 7 }))[0]?.level).toBe("act");
    expect(matcher.look(seen(away(10), { ambiguous_bits: 8 }))[0]?.level).toBe("review");
    expect(matcher.look(seen(PDQ, { ambiguous_bits: 65 }))).toEqual([]);
  });

  it("of an entry that is ambiguous itself is not acted on either", async () => {
    const matcher = await matcherOf([pdqEntry({ ambiguous_bits: 20 })]);
    expect(matcher.look(seen(PDQ))[0]?.level).toBe("review");
  });

  it("nearest first, and what may be acted on before what may not", async () => {
    const entries = [
      pdqEntry(),
      testHashEntry(2, { alg: "pdq", value: away(20), quality: 90, ambiguous_bits: 1 }),
      testHashEntry(3, { alg: "pdq", value: away(4), quality: 90, ambiguous_bits: 1 }),
    ];
    const hits = (await matcherOf(entries)).look(seen(away(2)));
    expect(hits.map(({ distance }) => distance)).toEqual([2, 2, 18]);
  });

  it("is found like a comparison with each entry finds it", async () => {
    const entries = Array.from({ length: 200 }, (_, n) => testHashEntry(n, { alg: "pdq" }));
    const matcher = await matcherOf(entries);
    for (const entry of entries.slice(0, 20)) {
      expect(matcher.look(seen(entry.value)).map((hit) => hit.entry.id)).toEqual([entry.id]);
    }
  });
});

describe("what a hit leads to", () => {
  it("is to observe until somebody decides otherwise", async () => {
    const entry = testHashEntry(7);
    expect((await matcherOf([entry])).look(file({ sha256: entry.value }))[0]?.mode).toBe("observe");
  });

  it("is what was decided while the copy is current, and review once it is stale", async () => {
    const entry = testHashEntry(7);
    const matcher = await matcherOf([entry], { mode: "block" });
    expect(matcher.look(file({ sha256: entry.value }))[0]).toMatchObject({
      mode: "block",
      level: "act",
      stale: false,
    });
    const late = new Date(Date.now() + 8 * 86_400_000);
    const later = await openLooker(scene.stateDir, { "real.example/verified": "block" }, late);
    expect(later.look(file({ sha256: entry.value }))[0]).toMatchObject({
      mode: "review",
      level: "review",
      stale: true,
    });
  });

  it("is review while the clock is behind the time of the last verification, past a small skew", async () => {
    const entry = testHashEntry(7);
    const matcher = await matcherOf([entry], { mode: "block" });
    const status = await readStatus(scene.stateDir, parseSetId("real.example/verified"));
    const verifiedMs = Date.parse(status?.verified_at ?? "");
    const at = async (behindMs: number) => {
      const now = new Date(verifiedMs - behindMs);
      const looker = await openLooker(scene.stateDir, { "real.example/verified": "block" }, now);
      const [hit] = looker.look(file({ sha256: entry.value }));
      const [facts] = looker.sets(now);
      looker.close();
      return [hit?.mode, hit?.clockBehind, facts?.stale, facts?.clockBehind, facts?.keepStale];
    };
    expect(await at(CLOCK_SKEW_SECONDS * 1_000)).toEqual(["block", false, false, false, false]);
    expect(await at(CLOCK_SKEW_SECONDS * 1_000 + 1)).toEqual(["review", true, true, true, false]);
    // However far: what is of no known age is kept.
    expect(await at(20 * 86_400_000)).toEqual(["review", true, true, true, false]);
    matcher.close();
  });

  it("never acts on made-up data", async () => {
    const entry = testHashEntry(7);
    await scene.publisher.release(scene.publisher.put(entry));
    await scene.sync();
    const matcher = await openLooker(scene.stateDir, { "hotline.example/verified": "block" });
    expect(matcher.look(file({ sha256: entry.value }))[0]).toMatchObject({ mode: "observe", test: true });
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
    expect((await openLooker(scene.stateDir)).look(file({ sha256: entry.value })).length).toBe(1);
  });

  it("is nothing past keep_stale: the copy is destroyed", async () => {
    const entry = testHashEntry(7);
    await matcherOf([entry]);
    const late = new Date(Date.now() + 91 * 86_400_000);
    const matcher = await openLooker(scene.stateDir, {}, late);
    expect(matcher.sets(late)).toEqual([]);
    expect(matcher.unusable()).toEqual([{ set: "real.example/verified", code: "copy_stale" }]);
  });

  it("is said not to have been looked for when there is no set of that kind", async () => {
    const urls = await makeDoublePublisher(scene.double, "real.example/urls", aboutOfKind("url"));
    await urls.release(urls.put(testUrlEntry(1)));
    await scene.sync({ setId: urls.setId, pin: urls.pin });
    const matcher = await openLooker(scene.stateDir);
    const { found, notCompared } = matcher.match({ hashes: file(), url: "https://elsewhere.example/" }, new Date());
    expect(found).toEqual([]);
    expect(notCompared).toEqual([{ what: "hashes", why: "no_set" }]);
  });
});
