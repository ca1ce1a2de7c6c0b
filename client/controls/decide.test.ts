import type { MatchAction } from "@breakwater/shared/wire/match.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testId } from "../testing/entries.ts";
import { testHit } from "../testing/hits.ts";
import { isMore, restOf, withAllowed, withMode, withoutAllowed, withoutPauses, withPauses } from "./change.ts";
import { allowedDigest, type ControlsFile, makeControls, NO_CONTROLS, UNREADABLE_CONTROLS } from "./controls.ts";
import { type Candidate, decide, rollOutShare } from "./decide.ts";
import { type Target, targetCovers } from "./target.ts";

const KEY = new Uint8Array(32).fill(7);
const NOW = new Date("2026-11-22T12:00:00Z");
const SET = "hotline.example/verified";

function modes(act: MatchAction, set = SET): ControlsFile {
  return withMode(NO_CONTROLS, set, { act, now: NOW }) as ControlsFile;
}
const controlsOf = (file: ControlsFile) => makeControls(file, KEY);
const decideIn = (file: ControlsFile, hit: Candidate = testHit()) => decide(hit, controlsOf(file), NOW);

describe("a hit leads to", () => {
  it.each<[string, Partial<Candidate>, ControlsFile, object]>([
    ["observe, in a set that nobody enabled", {}, NO_CONTROLS, { action: "observe", why: "observed", would: "block" }],
    ["review, in mode review", {}, modes("review"), { action: "review", why: "mode_review", would: "block" }],
    ["block, in mode block", {}, modes("block"), { action: "block", would: "block" }],
    [
      "observe, of made-up data",
      { test: true },
      modes("block"),
      { action: "observe", why: "test_set", would: "observe" },
    ],
    [
      "observe, of a new publisher",
      { newPublisher: true },
      modes("block"),
      { action: "observe", why: "new_publisher", would: "block" },
    ],
    [
      "review, when recalled",
      { recalled: true },
      modes("block"),
      { action: "review", why: "recalled", would: "review" },
    ],
    [
      "review, when nobody can say how old the copy is",
      { stale: true, clockBehind: true },
      modes("block"),
      { action: "review", why: "clock_behind", would: "review" },
    ],
    ["review, when stale", { stale: true }, modes("block"), { action: "review", why: "stale", would: "review" }],
    [
      "review, beyond the act distance",
      { level: "review" },
      modes("block"),
      { action: "review", why: "review_distance", would: "review" },
    ],
    [
      "review, when the entry needs a person",
      { human_review: "recommended" },
      modes("block"),
      { action: "review", why: "entry_asks_less", would: "review" },
    ],
    [
      "review, when the entry asks for it",
      { requested_action: "remove_report" },
      modes("block"),
      { action: "review", why: "entry_asks_less", would: "review" },
    ],
    [
      "observe, when the entry asks for it",
      { requested_action: "observe" },
      modes("block"),
      { action: "observe", why: "entry_asks_less", would: "observe" },
    ],
    [
      "observe, although recalled, where nobody enabled it",
      { recalled: true },
      NO_CONTROLS,
      { action: "observe", why: "observed", would: "review" },
    ],
  ])("%s", (_title, changes, file, expected) => {
    expect(decideIn(file, testHit(changes))).toEqual(expected);
  });

  it("review at most, when the controls cannot be read", () => {
    expect(decide(testHit(), UNREADABLE_CONTROLS, NOW)).toMatchObject({ action: "review", why: "controls_unreadable" });
    expect(decide(testHit({ test: true }), UNREADABLE_CONTROLS, NOW)).toMatchObject({ action: "observe" });
  });

  it("nothing for a set whose name is one of JavaScript's own words", () => {
    expect(decideIn(modes("block", "x"), testHit({ set: "__proto__" }))).toMatchObject({ action: "observe" });
    expect(decideIn(NO_CONTROLS, testHit({ set: "constructor" }))).toMatchObject({ action: "observe" });
  });
});

describe("a pause", () => {
  const targets: [string, Target][] = [
    ["an entry", { scope: "entry", set: SET, entry: testId(1) }],
    ["what a release put", { scope: "release", set: SET, from: 2, to: 2 }],
    ["a publisher", { scope: "publisher", publisher: "hotline.example" }],
  ];

  it.each(targets)("of %s turns hits to review, and a resume restores them", (_title, target) => {
    const paused = withPauses(modes("block"), [target], { act: "review", now: NOW });
    expect(decideIn(paused)).toMatchObject({ action: "review", why: "paused" });
    expect(decideIn(withoutPauses(paused, [target], NOW))).toEqual({ action: "block", would: "block" });
  });

  it("can go down to observe, ends by itself, and the milder of two counts", () => {
    const [, target] = targets[0] as [string, Target];
    const until = new Date(NOW.getTime() + 1_000);
    const file = withPauses(modes("block"), [target], { act: "observe", until, now: NOW });
    expect(decideIn(file)).toMatchObject({ action: "observe", why: "paused" });
    expect(decide(testHit(), controlsOf(file), until)).toMatchObject({ action: "block" });
    const both = withPauses(file, [{ scope: "publisher", publisher: "hotline.example" }], { act: "review", now: NOW });
    expect(decideIn(both)).toMatchObject({ action: "observe" });
  });

  it("of a release covers what came with a snapshot since, and nothing that is known to be older or newer", () => {
    const target: Target = { scope: "release", set: SET, from: 5, to: 6 };
    const covers = (origin: Candidate["origin"]) => targetCovers(target, testHit({ origin }));
    expect([4, 5, 6, 7].map((release) => covers({ release }))).toEqual([false, true, true, false]);
    expect(covers({ release: 9, earliest: 1 })).toBe(true);
    expect(covers({ release: 4, earliest: 1 })).toBe(false);
  });
});

describe("the allow-list", () => {
  const digest = `sha256:${"ab".repeat(32)}`;

  it("knows contents by a keyed digest only, and entries by their address", () => {
    const allowed = { entries: [{ set: SET, entry: testId(1) }], contents: [allowedDigest(KEY, digest)] };
    const file = withAllowed(modes("block"), allowed, NOW);
    expect(JSON.stringify(file)).not.toContain("abab");
    expect(decideIn(file)).toMatchObject({ action: "observe", why: "allow_listed" });
    expect(decideIn(file, testHit({ entry: testId(2) }))).toMatchObject({ action: "block" });
    expect(decideIn(file, testHit({ entry: testId(2), digests: [digest] }))).toMatchObject({ why: "allow_listed" });
    expect(makeControls(file, new Uint8Array(32)).isAllowed(testHit({ entry: testId(2) }), [digest])).toBe(false);
    expect(decideIn(withoutAllowed(file, allowed))).toMatchObject({ action: "block" });
  });

  it("holds each thing once", () => {
    const allowed = { entries: [{ set: SET, entry: testId(1) }], contents: ["a".repeat(64), "a".repeat(64)] };
    const twice = withAllowed(withAllowed(NO_CONTROLS, allowed, NOW), allowed, NOW);
    expect(twice.allowed).toMatchObject({ entries: [{}], contents: [{}] });
  });
});

describe("a staged roll-out", () => {
  const staged = (ratio: number, before = NO_CONTROLS) => withMode(before, SET, { act: "block", ratio, now: NOW });

  it("gives its share of contents the new action, always the same ones, and the rest what they had", () => {
    const file = staged(0.25, modes("review")) as ControlsFile;
    const actions = Array.from({ length: 4_000 }, (_, n) => decideIn(file, testHit({ content: `upload-${n}` })));
    const blocked = actions.filter(({ action }) => action === "block").length;
    expect(blocked / actions.length).toBeGreaterThan(0.22);
    expect(blocked / actions.length).toBeLessThan(0.28);
    expect(actions.find(({ action }) => action !== "block")).toMatchObject({ action: "review", why: "roll_out" });
    expect(rollOutShare("upload-1")).toBe(0.594117368105799);
  });

  it("only grows", () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (content, ratio) => {
        const small = decideIn(staged(ratio / 2) as ControlsFile, testHit({ content })).action;
        const large = decideIn(staged(ratio) as ControlsFile, testHit({ content })).action;
        expect(isMore(small, large)).toBe(false);
      }),
    );
  });

  it("is only for more than what all contents have", () => {
    expect(staged(0.5, modes("block"))).toBeUndefined();
    expect(withMode(modes("block"), SET, { act: "review", ratio: 0.5, now: NOW })).toBeUndefined();
    const grown = staged(0.5, staged(0.1, modes("review")) as ControlsFile) as ControlsFile;
    expect(grown.modes[SET]).toMatchObject({ ratio: 0.5, rest: "review" });
    expect(restOf(grown.modes[SET])).toBe("review");
    expect((staged(1) as ControlsFile).modes[SET]).toEqual({ act: "block", since: NOW.toISOString() });
  });
});

/** Everything that can be decided here, in any order, over a small world in which it meets. */
const SETS = [SET, "hotline.example/other", "ngo.example/terms"] as const;
const set = fc.constantFrom(...SETS);
const target: fc.Arbitrary<Target> = fc.oneof(
  fc.record({ scope: fc.constant("entry" as const), set, entry: fc.constantFrom(testId(1), testId(2)) }),
  fc.record({
    scope: fc.constant("release" as const),
    set,
    from: fc.integer({ min: 1, max: 3 }),
    to: fc.integer({ min: 3, max: 5 }),
  }),
  fc.record({ scope: fc.constant("publisher" as const), publisher: fc.constantFrom("hotline.example", "ngo.example") }),
);
type Step = (file: ControlsFile) => ControlsFile;
const digests = ["sha256:aa", "md5:bb"];
const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({
      set,
      act: fc.constantFrom("observe", "review", "block" as const),
      ratio: fc.constantFrom(undefined, 0.1, 0.6),
    })
    .map(
      ({ set: named, act, ratio }) =>
        (file: ControlsFile) =>
          withMode(file, named, { act, now: NOW, ...(ratio === undefined ? {} : { ratio }) }) ?? file,
    ),
  fc
    .record({ target, act: fc.constantFrom("observe", "review" as const), until: fc.constantFrom(undefined, 1, 1_000) })
    .map(
      ({ target: named, act, until }) =>
        (file: ControlsFile) =>
          withPauses(file, [named], {
            act,
            now: NOW,
            ...(until === undefined ? {} : { until: new Date(NOW.getTime() + until) }),
          }),
    ),
  target.map((named) => (file: ControlsFile) => withoutPauses(file, [named], NOW)),
  target.map((named) => (file: ControlsFile) => ({
    ...file,
    floods: [...file.floods, { target: named, set: SET, at: NOW.toISOString(), count: 100, expected: 1 }],
  })),
  fc
    .constantFrom(...digests)
    .map((digest) => (file: ControlsFile) => withAllowed(file, { contents: [allowedDigest(KEY, digest)] }, NOW)),
  set.map((named) => (file: ControlsFile) => withAllowed(file, { entries: [{ set: named, entry: testId(2) }] }, NOW)),
);
const hit: fc.Arbitrary<Candidate> = fc
  .record({
    set,
    entry: fc.constantFrom(testId(1), testId(2)),
    origin: fc.record({ release: fc.integer({ min: 1, max: 6 }) }, { noNullPrototype: true }),
    level: fc.constantFrom("act", "act", "review" as const),
    stale: fc.boolean(),
    clockBehind: fc.boolean(),
    recalled: fc.boolean(),
    test: fc.boolean(),
    newPublisher: fc.boolean(),
    weakDigest: fc.boolean(),
    content: fc.string(),
    digests: fc.subarray([...digests]),
  })
  .map((one) => testHit({ ...one, publisher: one.set.split("/")[0] ?? "" }));

describe("whatever people and guards decide, in any order", () => {
  it("nothing blocks that is paused, flooded, recalled, stale, allowed, new, made up, of a weak digest, or outside of its share", () => {
    let blocks = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), hit, fc.boolean(), (steps, one, plain) => {
        // Half of the hits have nothing against them of their own, so that the controls are what decides.
        const candidate = plain
          ? {
              ...one,
              level: "act" as const,
              stale: false,
              clockBehind: false,
              recalled: false,
              test: false,
              newPublisher: false,
              weakDigest: false,
            }
          : one;
        const file = steps.reduce<ControlsFile>((before, change) => change(before), modes("block", candidate.set));
        const controls = controlsOf(file);
        const { action, why, would } = decide(candidate, controls, NOW);
        expect(isMore(action, would)).toBe(false);
        expect(why === undefined).toBe(action === "block");
        if (action !== "block") return;
        blocks++;
        expect(candidate.stale || candidate.recalled || candidate.test || candidate.newPublisher).toBe(false);
        expect(candidate.weakDigest || candidate.clockBehind).toBe(false);
        expect(candidate.level).toBe("act");
        const runs = ({ until }: { until?: string | undefined }) =>
          until === undefined || Date.parse(until) > NOW.getTime();
        expect(file.pauses.some((pause) => runs(pause) && targetCovers(pause.target, candidate))).toBe(false);
        expect(file.floods.some((flood) => targetCovers(flood.target, candidate))).toBe(false);
        expect(
          file.allowed.entries.some(({ set: named, entry }) => named === candidate.set && entry === candidate.entry),
        ).toBe(false);
        expect(
          candidate.digests.some((digest) =>
            file.allowed.contents.some((held) => held.digest === allowedDigest(KEY, digest)),
          ),
        ).toBe(false);
        const mode = file.modes[candidate.set];
        expect(mode?.act).toBe("block");
        expect(rollOutShare(candidate.content)).toBeLessThan(mode?.ratio ?? 1);
      }),
      { numRuns: 2_000 },
    );
    expect(blocks).toBeGreaterThan(50);
  });

  it("resuming all that is held restores what the mode says", () => {
    fc.assert(
      fc.property(
        fc.array(target, { minLength: 1, maxLength: 8 }),
        fc.array(target, { maxLength: 4 }),
        (paused, flooded) => {
          const floods = flooded.map((named) => ({
            target: named,
            set: SET,
            at: NOW.toISOString(),
            count: 9,
            expected: 0,
          }));
          const held = { ...withPauses(modes("block"), paused, { act: "review", now: NOW }), floods };
          expect(decideIn(withoutPauses(held, [...paused, ...flooded], NOW))).toEqual({
            action: "block",
            would: "block",
          });
        },
      ),
    );
  });
});
