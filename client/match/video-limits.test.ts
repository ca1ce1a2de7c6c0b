import type { Entry } from "@breakwater/shared/entries/index.ts";
import { VIDEO_MAX_FRAMES } from "@breakwater/shared/match/video.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HashedFile } from "../media/index.ts";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testId } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { hashesOf, type Matcher, notHashed, openMatcher } from "./index.ts";

let scene: Scene;
let matcher: Matcher | undefined;
beforeEach(async () => {
  scene = await openScene(0);
});
afterEach(async () => {
  matcher?.close();
  matcher = undefined;
  await scene.close();
});

type Frame = { hash: string; quality: number };
const frames = (count: number, quality = 90): Frame[] =>
  Array.from({ length: count }, (_, n) => ({ hash: testHashEntry(5_000 + n, { alg: "pdq" }).value, quality }));
const vpdqOf = (listed: readonly Frame[]) => listed.map(({ hash, quality }, n) => `${hash},${quality},${n}`).join(";");
const videoEntry = (listed: readonly Frame[]) =>
  ({ ...testHashEntry(60), alg: "vpdq", value: vpdqOf(listed), media: "video" }) as const;

async function hold(about: Record<string, unknown>, ...entries: Entry[]): Promise<Matcher> {
  const whole = aboutOfKind("hash", { stream: "photographic", act_distance: 16, review_distance: 31, ...about });
  const publisher = await makeDoublePublisher(scene.double, "real.example/videos", whole);
  await publisher.release(publisher.put(...entries));
  await scene.sync({ setId: publisher.setId, pin: publisher.pin });
  matcher = await openMatcher(scene.stateDir, new Date());
  return matcher;
}

describe("frames below the set's own quality floor", () => {
  it("of what is asked do not match, and count", async () => {
    const own = await hold({ quality_floor: 70 }, videoEntry(frames(10)));
    const asked = [
      ...frames(5),
      ...frames(10)
        .slice(5, 9)
        .map((one) => ({ ...one, quality: 69 })),
    ];
    expect(own.match({ hashes: { vpdq: asked } }, new Date()).found).toMatchObject([
      { entry: { id: testId(60) }, level: "review", how: { seen_percent: 55.6, listed_percent: 50 } },
    ]);
    const at = asked.map((one) => ({ ...one, quality: 70 }));
    expect(own.match({ hashes: { vpdq: at } }, new Date()).found).toMatchObject([
      { level: "act", how: { seen_percent: 100, listed_percent: 90 } },
    ]);
  });

  it("of what is listed do not match, and count", async () => {
    const listed = frames(10).map((one, n) => ({ ...one, quality: n < 5 ? 90 : 60 }));
    const own = await hold({ quality_floor: 70 }, videoEntry(listed));
    expect(own.match({ hashes: { vpdq: frames(10) } }, new Date()).found).toMatchObject([
      { level: "review", how: { seen_percent: 50, listed_percent: 50 } },
    ]);
    expect(own.match({ hashes: { vpdq: frames(10).slice(5) } }, new Date()).found).toEqual([]);
  });

  it("leave a title card in common what it is: nothing to act on", async () => {
    const [card, ...others] = frames(60) as [Frame, ...Frame[]];
    const faint = (from: number, count: number) =>
      others.slice(from, from + count).map((one) => ({ ...one, quality: 79 }));
    const own = await hold({ quality_floor: 80 }, videoEntry([card, ...faint(0, 30)]));
    expect(own.match({ hashes: { vpdq: [card, ...faint(30, 3)] } }, new Date()).found).toMatchObject([
      { level: "review", how: { seen_percent: 25, listed_percent: 3.2 } },
    ]);
    expect(own.match({ hashes: { vpdq: [card, ...faint(30, 9)] } }, new Date()).found).toEqual([]);
  });

  it("leave nothing to compare, and that is said: no hits are no word that nothing is listed", async () => {
    const pdq = testHashEntry(61, { alg: "pdq" });
    const own = await hold({ quality_floor: 70 }, videoEntry(frames(10)), pdq);
    expect(own.match({ hashes: { vpdq: frames(10, 69) } }, new Date())).toEqual({
      found: [],
      notCompared: [{ what: "vpdq", why: "no_frames" }],
    });
    expect(own.match({ hashes: { pdq: { hash: pdq.value, quality: 69 } } }, new Date())).toEqual({
      found: [],
      notCompared: [{ what: "pdq", why: "quality_too_low" }],
    });
    // Below what any set takes it is said once.
    expect(own.match({ hashes: { pdq: { hash: pdq.value, quality: 9 } } }, new Date()).notCompared.length).toBe(1);
  });
});

describe("a video", () => {
  it("of more frames than are compared is refused, with the limit", async () => {
    const own = await hold({}, videoEntry(frames(10)));
    const vpdq = Array.from({ length: VIDEO_MAX_FRAMES + 1 }, () => frames(1)[0] as Frame);
    expect(() => own.match({ hashes: { vpdq } }, new Date())).toThrow(
      expect.objectContaining({
        code: "request_too_large",
        detail: { path: "/hashes/vpdq", max_frames: VIDEO_MAX_FRAMES },
      }),
    );
  });

  it("that goes on after the last frame that was looked at is said not to have been compared whole", () => {
    const file: HashedFile = {
      ...{ sha256: "0".repeat(64), sha1: "0".repeat(40), md5: "0".repeat(32), byte_length: 1 },
      ...{ media_type: "video", mime: "video/mp4" },
      vpdq: { value: vpdqOf(frames(1)), frames: [], sampled: VIDEO_MAX_FRAMES, whole: false },
    };
    expect(hashesOf(file).vpdq).toEqual([]);
    expect(notHashed(file)).toEqual([{ what: "vpdq", why: "too_long" }]);
  });
});
