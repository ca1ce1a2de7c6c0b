import { describe, expect, it } from "vitest";
import { lcg } from "../../test/drawings/draw.ts";
import { hexOf } from "../bytes.ts";
import { isVpdq, VPDQ_MAX_CHARS } from "../signals/carried.ts";
import { outcome } from "../testing/refusal.ts";
import {
  formatVpdq,
  isVideoMatch,
  openVideoIndex,
  parseVpdq,
  pruneFrames,
  SAME_FRAME_DISTANCE,
  VIDEO_MATCH_SHARE,
  VIDEO_MAX_FRAMES,
  type VideoFrame,
} from "./video.ts";

function frame(seed: number, { flips = 0, quality = 80, seconds = seed } = {}): VideoFrame {
  const hash = Uint8Array.from({ length: 32 }, lcg(seed * 7_919 + 1));
  // From the last bit on, so that two frames with fewer and more flips differ by the rest.
  for (let i = 0; i < flips; i++) hash[31 - (i >> 3)] = (hash[31 - (i >> 3)] as number) ^ (1 << (i & 7));
  return { hash, quality, seconds };
}
const video = (...seeds: number[]) => seeds.map((seed) => frame(seed));

describe("a vPDQ value", () => {
  it("is read into frames and written as it was", () => {
    const value = formatVpdq([
      frame(1),
      frame(2, { quality: 100, seconds: 1.5 }),
      frame(3, { seconds: 2.001 }),
    ]) as string;
    expect(isVpdq(value)).toBe(true);
    expect(parseVpdq(value)).toEqual([
      frame(1),
      frame(2, { quality: 100, seconds: 1.5 }),
      frame(3, { seconds: 2.001 }),
    ]);
    expect(formatVpdq(parseVpdq(value))).toBe(value);
  });

  it("has room for so many frames: of more, those evenly over the video", () => {
    for (const count of [100, 110, 120, 200, 1_000, VIDEO_MAX_FRAMES]) {
      const frames = Array.from({ length: count }, (_, i) => frame(i, { quality: 100 }));
      const value = formatVpdq(frames) as string;
      expect(isVpdq(value)).toBe(true);
      const kept = parseVpdq(value).map(({ seconds }) => seconds);
      if (value.length < VPDQ_MAX_CHARS - 80) expect(kept.length).toBe(count);
      expect(kept[0]).toBe(0);
      const gaps = kept.slice(1).map((seconds, i) => seconds - (kept[i] as number));
      expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
    }
  });

  it("is not made of nothing", () => {
    expect(formatVpdq([])).toBeUndefined();
  });

  it.each(["", "nothing", `${"0".repeat(64)},101,0`, `${"0".repeat(63)},50,0`, `${"0".repeat(64)},50,0;`])(
    "%j is refused, and not repeated in the refusal",
    async (text) => {
      expect(await outcome(() => parseVpdq(text))).toBe("signal_invalid");
      expect(() => parseVpdq(text)).toThrow(expect.objectContaining({ detail: { alg: "vpdq" } }));
    },
  );
});

describe("frames that are left out", () => {
  it("those whose hash says nothing: quality below 50", () => {
    expect(pruneFrames([frame(1, { quality: 49 }), frame(2, { quality: 50 })]).map(({ seconds }) => seconds)).toEqual([
      2,
    ]);
  });

  it("those that repeat the one kept before, and only those", () => {
    const frames = [
      frame(1, { seconds: 0 }),
      frame(1, { seconds: 1, flips: SAME_FRAME_DISTANCE }),
      frame(1, { seconds: 2, flips: SAME_FRAME_DISTANCE + 1 }),
      frame(2, { seconds: 3 }),
      frame(1, { seconds: 4 }),
    ];
    expect(pruneFrames(frames).map(({ seconds }) => seconds)).toEqual([0, 2, 3, 4]);
  });
});

describe.each([{ wasm: false }, { wasm: true }])("shares, wasm $wasm", ({ wasm }) => {
  const index = openVideoIndex({
    videos: [video(1, 2, 3, 4), video(3, 4, 5, 6, 7, 8, 9, 10), video(20), [frame(30, { quality: 10 })], []],
    wasm,
  });

  it("say how much of each is in the other", () => {
    expect(index.count).toBe(5);
    expect(index.search(video(1, 2, 3, 4))).toEqual([
      { at: 0, queryFrames: 4, entryFrames: 4, queryShare: 1, entryShare: 1, distance: 0 },
      { at: 1, queryFrames: 2, entryFrames: 2, queryShare: 0.5, entryShare: 0.25, distance: 0 },
    ]);
  });

  it("a listed scene in a longer video, and a part of a listed video", () => {
    const [within] = index.search(video(100, 101, 102, 103, 1, 2, 3, 4, 104, 105));
    expect(within).toMatchObject({ at: 0, queryShare: 0.4, entryShare: 1 });
    const [part] = index.search(video(7, 8));
    expect(part).toMatchObject({ at: 1, queryShare: 1, entryShare: 0.25 });
    for (const { queryShare, entryShare } of [within, part] as { queryShare: number; entryShare: number }[]) {
      expect(Math.max(queryShare, entryShare)).toBeGreaterThanOrEqual(VIDEO_MATCH_SHARE);
    }
  });

  it("frames count once, however often they match", () => {
    const twice = openVideoIndex({ videos: [[frame(1), frame(2), frame(1, { flips: 10 })]], wasm });
    expect(twice.search([frame(1, { flips: 5 }), frame(9), frame(1)])).toMatchObject([
      { at: 0, queryFrames: 2, entryFrames: 2, queryShare: 2 / 3, entryShare: 2 / 3 },
    ]);
  });

  it("31 bits are near enough and 32 are not, unless asked for", () => {
    expect(index.search([frame(20, { flips: 31 })])).toMatchObject([{ at: 2, distance: 31, entryShare: 1 }]);
    expect(index.search([frame(20, { flips: 32 })])).toEqual([]);
    expect(index.search([frame(20, { flips: 32 })], 32).length).toBe(1);
    expect(index.search([frame(20, { flips: 1 })], 0)).toEqual([]);
  });

  it("what says nothing matches nothing, not even itself", () => {
    expect(index.search([frame(30, { quality: 10 })])).toEqual([]);
    expect(index.search([frame(30, { quality: 90 })])).toEqual([]);
    expect(index.search([])).toEqual([]);
    expect(openVideoIndex({ videos: [], wasm }).search(video(1))).toEqual([]);
  });

  it("more than two hours are refused", () => {
    const long = Array.from({ length: VIDEO_MAX_FRAMES + 1 }, () => frame(1));
    expect(() => index.search(long)).toThrow(RangeError);
  });
});

describe.each([{ wasm: false }, { wasm: true }])("a set's own quality floor, wasm $wasm", ({ wasm }) => {
  const card = frame(900, { quality: 95 });
  const faint = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => frame(from + i, { quality: 50 + i }));
  const open = (video: readonly VideoFrame[]) => openVideoIndex({ videos: [video], qualityFloor: 80, wasm });

  it("keeps a title card that two videos have in common from being all of either", () => {
    const [match] = open([card, ...faint(1, 30)]).search([...faint(200, 9), card]);
    expect(match).toEqual({
      at: 0,
      queryFrames: 1,
      entryFrames: 1,
      queryShare: 1 / 10,
      entryShare: 1 / 31,
      distance: 0,
    });
    expect(isVideoMatch(match as NonNullable<typeof match>)).toBe(false);
  });

  it("lets no frame below it match, and frames that say nothing at all count for nothing", () => {
    const index = open([...video(1, 2, 3, 4), ...faint(50, 4), frame(60, { quality: 49 })]);
    expect(index.search([...video(1, 2), ...faint(50, 2), frame(61, { quality: 49 })])).toMatchObject([
      { queryFrames: 2, entryFrames: 2, queryShare: 1 / 2, entryShare: 1 / 4 },
    ]);
    expect(index.search(faint(50, 4))).toEqual([]);
  });

  it("lets no share be more than whole, where repeated frames are left out otherwise below it and above", () => {
    const fading = [
      frame(1, { quality: 60, flips: 3 }),
      frame(1, { quality: 90 }),
      frame(1, { quality: 90, flips: 6 }),
    ];
    expect([pruneFrames(fading).length, pruneFrames(fading, 80).length]).toEqual([1, 2]);
    expect(open(fading).search(fading, 0)).toMatchObject([{ queryFrames: 2, queryShare: 1, entryShare: 1 }]);
  });
});

describe("enough to act on", () => {
  const match = (queryFrames: number, query: number, entryFrames: number, entry: number) =>
    isVideoMatch({
      at: 0,
      distance: 0,
      queryFrames,
      entryFrames,
      queryShare: queryFrames / query,
      entryShare: entryFrames / entry,
    });

  it.each([
    ["most of both", match(8, 10, 8, 10), true],
    ["one frame that is all of both", match(1, 1, 1, 1), true],
    ["three frames that are all of the listed one", match(3, 5_000, 3, 3), true],
    ["three frames that are all of the upload", match(3, 3, 3, 900), true],
    ["one frame of thousands, all that is listed", match(1, 5_000, 1, 1), false],
    ["one listed frame that a still upload repeats", match(50, 60, 1, 90), false],
    ["much of neither", match(70, 100, 70, 100), false],
  ])("%s: %s", (_, found, expected) => expect(found).toBe(expected));
});

it("thousands of videos: each is found by a part of it, re-encoded, and by nothing else", () => {
  const videos = Array.from({ length: 3_000 }, (_, v) => Array.from({ length: 20 }, (_, i) => frame(v * 20 + i)));
  const index = openVideoIndex({ videos });
  for (const at of [0, 1_234, 2_999]) {
    const part = Array.from({ length: 10 }, (_, i) => frame(at * 20 + i, { flips: 3 * i }));
    expect(index.search(part)).toEqual([
      { at, queryFrames: 10, entryFrames: 10, queryShare: 1, entryShare: 0.5, distance: 0 },
    ]);
  }
  expect(new Set(videos.flat().map(({ hash }) => hexOf(hash))).size).toBe(60_000);
});
