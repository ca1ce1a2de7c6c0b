import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openVideoIndex, parseVpdq, VIDEO_MATCH_SHARE, VIDEO_MAX_FRAMES } from "@breakwater/shared/match/video.ts";
import { isVpdq } from "@breakwater/shared/signals/carried.ts";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { DecodeOptions } from "./decode-video.ts";
import { hashBytes } from "./hash-bytes.ts";
import { type HashedFile, hashFile } from "./hash-file.ts";

const FAKE = fileURLToPath(new URL("../testing/fake-decoder.mjs", import.meta.url));
/** It encodes before we decode. */
const FFMPEG_TIMEOUT_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), "breakwater-video-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Says that it is an MP4 and holds nothing else: all a fake decoder needs. */
const MP4_START = Buffer.from("\0\0\0\u0018ftypisom\0\0\0\0isommp42", "latin1");
function writeVideo(name = "private-name.mp4"): string {
  const path = join(folder, name);
  writeFileSync(path, MP4_START);
  return path;
}

const fake = (mode: string, ...args: string[]): DecodeOptions => ({
  decoder: { command: process.execPath, args: [FAKE, mode, ...args] },
});
const hashWith = (mode: string, options: DecodeOptions = {}) => hashFile(writeVideo(), { ...fake(mode), ...options });

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("frames of a decoder", () => {
  it("become one hash a second, in an entry's own form", async () => {
    const { vpdq, vpdq_missing, pdq_missing, media_type } = await hashWith("three");
    expect([vpdq_missing, pdq_missing, media_type]).toEqual([undefined, "not_a_picture", "video"]);
    expect(vpdq).toMatchObject({ sampled: 3, whole: true });
    expect(isVpdq(vpdq?.value as string)).toBe(true);
    expect(parseVpdq(vpdq?.value as string)).toEqual(vpdq?.frames);
    expect(vpdq?.frames.map(({ seconds }) => seconds)).toEqual([0, 1, 2]);
  });

  it("that repeat the one before are kept once; one that comes back is kept again", async () => {
    const { vpdq } = await hashWith("repeated");
    expect(vpdq?.sampled).toBe(6);
    expect(vpdq?.frames.map(({ seconds }) => seconds)).toEqual([0, 3, 5]);
  });

  it("of a limited range count for more than their levels say", async () => {
    const [full, limited] = await Promise.all([hashWith("three"), hashWith("limited")]);
    expect(limited.vpdq?.frames[0]?.hash).toEqual(full.vpdq?.frames[0]?.hash);
    expect(limited.vpdq?.frames[0]?.quality).toBeGreaterThanOrEqual(full.vpdq?.frames[0]?.quality as number);
  });

  it("of a film end after two hours' worth, and the decoder with them", async () => {
    const report = join(folder, "film.json");
    const { vpdq } = await hashFile(writeVideo(), fake("film", report));
    expect(vpdq).toMatchObject({ sampled: VIDEO_MAX_FRAMES, whole: false });
    // More frames than a value has room for: it is thinned out evenly, to the last of them.
    const valued = parseVpdq(vpdq?.value as string);
    expect(valued.length).toBeGreaterThan(100);
    expect(valued.at(-1)?.seconds).toBeGreaterThan(VIDEO_MAX_FRAMES * 0.97);
    await vi.waitFor(() => expect(isRunning(JSON.parse(readFileSync(report, "utf8")).pid)).toBe(false));
  });
});

describe("a video without a perceptual hash keeps its digests, and says why", () => {
  it.each([
    ["nothing", "no_frames"],
    ["headerOnly", "no_frames"],
    ["noStream", "no_frames"],
    ["flat", "no_detail"],
    ["failing", "damaged"],
    ["cut", "damaged"],
    ["wrongFrame", "damaged"],
    ["colour", "damaged"],
    ["other", "damaged"],
    ["endlessLine", "damaged"],
    ["hugeFrame", "damaged"],
    ["tooManyPixels", "too_large"],
    ["tiny", "too_small"],
  ])("%s: %s", async (mode, reason) => {
    const hashed = await hashWith(mode);
    expect(hashed.vpdq_missing).toBe(reason);
    expect(hashed.vpdq).toBeUndefined();
    expect(hashed.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(hashed)).not.toContain("secret");
  });

  it("no decoder on this machine", async () => {
    const nowhere = { decoder: { command: join(folder, "nowhere"), args: [] } };
    expect((await hashFile(writeVideo(), nowhere)).vpdq_missing).toBe("no_decoder");
    expect((await hashBytes(Uint8Array.from(MP4_START), nowhere)).vpdq_missing).toBe("no_decoder");
  });

  it("a decoder that complains without end is heard out", async () => {
    expect((await hashWith("endlessComplaint")).vpdq?.sampled).toBe(1);
  });

  it("a decoder that hangs is ended", async () => {
    const report = join(folder, "hanging.json");
    const hashed = await hashFile(writeVideo(), { ...fake("hanging", report), timeoutMs: 1_500 });
    expect(hashed.vpdq_missing).toBe("too_slow");
    expect(isRunning(JSON.parse(readFileSync(report, "utf8")).pid)).toBe(false);
  });
});

it("stopping ends the decoder, and nothing comes of what was seen", async () => {
  const report = join(folder, "stopped.json");
  const stop = new AbortController();
  const hashing = hashFile(writeVideo(), { ...fake("hanging", report), signal: stop.signal });
  await vi.waitFor(() => expect(existsSync(report)).toBe(true), { timeout: 5_000 });
  stop.abort(new Error("stopped by the test"));
  await expect(hashing).rejects.toThrow("stopped by the test");
  expect(isRunning(JSON.parse(readFileSync(report, "utf8")).pid)).toBe(false);
  await expect(hashWith("three", { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
});

it("a decoder learns neither the file's name nor what is in the environment", async () => {
  const report = join(folder, "told.json");
  vi.stubEnv("BREAKWATER_SECRET", "of-the-environment");
  await hashFile(writeVideo(), fake("three", report));
  vi.unstubAllEnvs();
  const told = readFileSync(report, "utf8");
  expect(told).not.toContain("private-name");
  expect(told).not.toContain("of-the-environment");
  const { argv, stdinBytes } = JSON.parse(told);
  expect(stdinBytes).toBe(MP4_START.length);
  expect(argv.join(" ")).toContain("-protocol_whitelist file,pipe");
  expect(argv.join(" ")).toContain("-f mov -i file:/dev/fd/0");
});

it("a video that is written to while it is decoded has no hash", async () => {
  const report = join(folder, "changed.json");
  const path = writeVideo("changing.mp4");
  const hashing = hashFile(path, { ...fake("hanging", report), timeoutMs: 2_000 });
  await vi.waitFor(() => expect(existsSync(report)).toBe(true), { timeout: 5_000 });
  truncateSync(path, 10);
  await expect(hashing).rejects.toMatchObject({ code: "file_unreadable", detail: { reason: "changed" } });
});

const hasFfmpeg = (() => {
  try {
    execFileSync("ffmpeg", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!hasFfmpeg)("ffmpeg, where it is installed", { timeout: FFMPEG_TIMEOUT_MS }, () => {
  const make = (name: string, source: string, ...args: string[]): string => {
    const path = join(folder, name);
    const quiet = ["-nostdin", "-hide_banner", "-loglevel", "error", "-y"];
    execFileSync("ffmpeg", [...quiet, "-f", "lavfi", "-i", source, ...args, path]);
    return path;
  };
  // Test cards: nothing is photographed.
  const OTHER_CARD = "testsrc=size=320x240:rate=12";
  const CARD = "testsrc2=size=320x240:rate=12";
  const framesOf = ({ vpdq }: HashedFile) => vpdq?.frames ?? [];

  it("a copy in another format, size and speed of compression is found, both ways; another video is not", async () => {
    const [original, copy, other] = await Promise.all([
      hashFile(make("card.mp4", CARD, "-t", "8", "-pix_fmt", "yuv420p")),
      hashFile(make("card.webm", CARD, "-t", "8", "-vf", "scale=256:192", "-c:v", "libvpx", "-b:v", "300k")),
      hashFile(make("other.avi", OTHER_CARD, "-t", "8", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
    ]);
    expect([original, copy, other].map(({ vpdq_missing }) => vpdq_missing)).toEqual([undefined, undefined, undefined]);
    const index = openVideoIndex({ videos: [framesOf(other), framesOf(original)] });
    const [match, ...more] = index.search(framesOf(copy));
    expect(match).toMatchObject({ at: 1 });
    expect(match?.queryShare).toBeGreaterThanOrEqual(VIDEO_MATCH_SHARE);
    expect(match?.entryShare).toBeGreaterThanOrEqual(VIDEO_MATCH_SHARE);
    expect(more).toEqual([]);
  });

  it("bytes in memory hash as the file does, an index behind the pictures included", async () => {
    for (const flags of ["", "faststart"]) {
      const path = make(
        `memory${flags}.mp4`,
        CARD,
        "-t",
        "3",
        "-pix_fmt",
        "yuv420p",
        ...(flags ? ["-movflags", flags] : []),
      );
      const file = readFileSync(path);
      expect(file.indexOf("moov") < file.indexOf("mdat")).toBe(flags === "faststart");
      const bytes = new Uint8Array(file);
      expect((await hashBytes(bytes)).vpdq).toEqual((await hashFile(path)).vpdq);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
    }
  });

  it("sound alone has no frames, half a file is damaged, and 10 bits a sample are hashed", async () => {
    const sound = make("sound.mp4", "sine=duration=1");
    expect((await hashFile(sound)).vpdq_missing).toBe("no_frames");
    const half = make("half.mp4", CARD, "-t", "3", "-pix_fmt", "yuv420p");
    truncateSync(half, readFileSync(half).length >> 1);
    expect((await hashFile(half)).vpdq_missing).toBe("damaged");
    const deep = make("deep.mkv", CARD, "-t", "2", "-pix_fmt", "yuv420p10le", "-c:v", "ffv1");
    expect((await hashFile(deep)).vpdq?.sampled).toBeGreaterThanOrEqual(2);
  });
});
