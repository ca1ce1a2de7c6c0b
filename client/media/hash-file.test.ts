import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { hexOf } from "@breakwater/shared/bytes.ts";
import { hashPdq } from "@breakwater/shared/pdq/index.ts";
import { distancePdq, parsePdq } from "@breakwater/shared/signals/index.ts";
import vectors from "@breakwater/shared/vectors/pdq.json" with { type: "json" };
import sharp from "sharp";
import { afterAll, describe, expect, test, vi } from "vitest";
import {
  drawRgb,
  encodeJpeg,
  encodePng,
  encodePngRgba,
  type Generator,
  joined,
  jpegWithOrientation,
  pngChunk,
  pngWithOrientation,
  toRgba,
} from "../../test/drawings/index.ts";
import { FILE_MAX_BYTES, hashFile, PICTURE_MAX_BYTES, PICTURE_MAX_SIDE } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "breakwater-media-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function write(bytes: Uint8Array | string): string {
  const path = join(folder, `${files++}.bin`);
  writeFileSync(path, bytes);
  return path;
}

const DRAWING = drawRgb("rects", [2, 40], 200, 150);
const PDQ = hexOf(hashPdq(toRgba(DRAWING), 200, 150).hash);
const distanceTo = (hash: string | undefined) => distancePdq(parsePdq(hash), parsePdq(PDQ));

describe("exact digests", () => {
  test.each([0, 1, 1024 ** 2 - 1, 1024 ** 2, 1024 ** 2 + 1, 3 * 1024 ** 2 + 17])("of %i bytes", async (length) => {
    const bytes = new Uint8Array(length).map((_, i) => (i * 31 + (i >> 8)) & 255);
    const expected = (alg: string) => createHash(alg).update(bytes).digest("hex");
    const seen: number[] = [];
    expect(await hashFile(write(bytes), { onBytes: (count) => seen.push(count) })).toEqual({
      sha256: expected("sha256"),
      sha1: expected("sha1"),
      md5: expected("md5"),
      byte_length: length,
      media_type: "other",
      mime: "application/octet-stream",
      pdq_missing: "not_a_picture",
    });
    expect(seen.at(-1)).toBe(length);
  });

  test("of a picture longer than a chunk, held whole", async () => {
    const png = encodePng(drawRgb("noise", [5], 800, 600));
    expect(png.length).toBeGreaterThan(1024 ** 2);
    const hashed = await hashFile(write(png));
    expect(hashed.sha256).toBe(createHash("sha256").update(png).digest("hex"));
    expect(hashed.pdq?.quality).toBeGreaterThan(0);
  });

  test("a video gets digests and no perceptual hash", async () => {
    const mp4 = joined([0, 0, 0, 16], new TextEncoder().encode("ftypisom"), [0, 0, 2, 0], new Uint8Array(500));
    expect(await hashFile(write(mp4))).toMatchObject({
      media_type: "video",
      mime: "video/mp4",
      byte_length: 516,
      pdq_missing: "not_a_picture",
    });
  });
});

describe("pixels are hashed as stored", () => {
  for (const { generator, params, width, height, pdq, quality } of vectors) {
    test(`${generator} ${params} ${width}x${height} as PNG has the reference's hash`, async () => {
      const drawing = drawRgb(generator as Generator, params, width, height);
      expect(await hashFile(write(encodePng(drawing)))).toMatchObject({
        media_type: "image",
        mime: "image/png",
        width,
        height,
        pdq: { hash: pdq, quality },
      });
    });
  }

  test("JPEG stays within the reference's own tolerance of the drawing", async () => {
    const hashed = await hashFile(write(encodeJpeg(DRAWING)));
    expect(hashed).toMatchObject({ mime: "image/jpeg", width: 200, height: 150 });
    expect(distanceTo(hashed.pdq?.hash)).toBeLessThanOrEqual(10);
  });

  test.each([3, 6, 8])("orientation %i is not followed, neither in JPEG nor in PNG", async (orientation) => {
    const jpeg = encodeJpeg(DRAWING);
    const [plain, turned] = [
      await hashFile(write(jpeg)),
      await hashFile(write(jpegWithOrientation(jpeg, orientation))),
    ];
    expect(turned).toMatchObject({ width: 200, height: 150, pdq: plain.pdq });
    expect(turned.sha256).not.toBe(plain.sha256);
    const png = await hashFile(write(pngWithOrientation(encodePng(DRAWING), orientation)));
    expect(png).toMatchObject({ width: 200, height: 150, pdq: { hash: PDQ } });
  });

  test("colours under full transparency count, as for the reference", async () => {
    const rgba = toRgba(DRAWING).map((byte, i) => (i % 4 === 3 ? i & 0 : byte));
    const hashed = await hashFile(write(encodePngRgba(rgba, 200, 150)));
    expect(hashed.pdq?.hash).toBe(PDQ);
  });

  test("an embedded colour profile or gamma is not applied", async () => {
    const png = encodePng(DRAWING);
    const gamma = joined(png.subarray(0, 33), pngChunk("gAMA", new Uint8Array([0, 1, 0x86, 0xa0])), png.subarray(33));
    expect((await hashFile(write(gamma))).pdq?.hash).toBe(PDQ);
    const p3 = await sharp(png).withIccProfile("p3").png().toBuffer();
    const stored = await sharp(p3, { ignoreIcc: true }).removeAlpha().raw().toBuffer();
    expect(stored.equals(Buffer.from(DRAWING.rgb))).toBe(false);
    const expected = hashPdq(toRgba({ ...DRAWING, rgb: stored }), 200, 150);
    expect((await hashFile(write(p3))).pdq?.hash).toBe(hexOf(expected.hash));
  });

  test("a grey picture is hashed like the same picture in colour", async () => {
    const luma = Uint8Array.from({ length: 200 * 150 }, (_, i) => DRAWING.rgb[i * 3] as number);
    const rgb = Uint8Array.from({ length: 200 * 150 * 3 }, (_, i) => luma[Math.floor(i / 3)] as number);
    const grey = await sharp(luma, { raw: { width: 200, height: 150, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const expected = hexOf(hashPdq(toRgba({ width: 200, height: 150, rgb }), 200, 150).hash);
    expect((await hashFile(write(grey))).pdq?.hash).toBe(expected);
  });

  test("of an animation, the first frame", async () => {
    const second = drawRgb("checker", [10], 200, 150);
    const frames = Buffer.concat([DRAWING.rgb, second.rgb]);
    const webp = await sharp(frames, { raw: { width: 200, height: 300, channels: 3, pageHeight: 150 } })
      .webp({ lossless: true, loop: 0 })
      .toBuffer();
    expect(await hashFile(write(webp))).toMatchObject({
      mime: "image/webp",
      width: 200,
      height: 150,
      pdq: { hash: PDQ },
    });
  });

  test.each([
    ["image/webp", () => sharp(encodePng(DRAWING)).webp({ lossless: true })],
    ["image/tiff", () => sharp(encodePng(DRAWING)).tiff({ compression: "none" })],
    ["image/avif", () => sharp(encodePng(DRAWING)).avif({ quality: 90 })],
    ["image/gif", () => sharp(encodePng(DRAWING)).gif()],
  ])("%s is decoded", async (mime, make) => {
    const hashed = await hashFile(write(await make().toBuffer()));
    expect(hashed).toMatchObject({ mime, width: 200, height: 150 });
    expect(distanceTo(hashed.pdq?.hash)).toBeLessThanOrEqual(10);
  });
});

describe("pictures that cannot be hashed keep their exact digests", () => {
  test("truncated, damaged and merely named pictures", async () => {
    const [png, jpeg] = [encodePng(DRAWING), encodeJpeg(DRAWING)];
    const broken = Uint8Array.from(png);
    broken.fill(0x55, 60, 400);
    for (const bytes of [
      png.subarray(0, png.length >> 1),
      jpeg.subarray(0, jpeg.length >> 1),
      broken,
      png.subarray(0, 8),
    ]) {
      const hashed = await hashFile(write(bytes));
      expect(hashed.pdq_missing).toBe("damaged");
      expect(hashed.pdq).toBeUndefined();
      expect(hashed.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
  });

  test.each([
    [40_000, 40_000],
    [PICTURE_MAX_SIDE + 1, 5],
    [5, PICTURE_MAX_SIDE + 1],
  ])("a header that states %i by %i pixels is not decoded", async (width, height) => {
    const png = encodePng(DRAWING);
    const header = new Uint8Array(png.subarray(16, 29));
    new DataView(header.buffer).setUint32(0, width);
    new DataView(header.buffer).setUint32(4, height);
    const bomb = joined(png.subarray(0, 8), pngChunk("IHDR", header), png.subarray(33));
    expect(await hashFile(write(bomb))).toMatchObject({ width, height, pdq_missing: "too_large" });
  });

  test("a picture file past its ceiling is digested in a stream and not held", async () => {
    const path = write(encodePng(DRAWING));
    truncateSync(path, PICTURE_MAX_BYTES + 1);
    expect(await hashFile(path)).toMatchObject({ byte_length: PICTURE_MAX_BYTES + 1, pdq_missing: "too_large" });
  });

  test("four pixels a side", async () => {
    const hashed = await hashFile(write(encodePng(drawRgb("noise", [1], 4, 300))));
    expect(hashed).toMatchObject({ width: 4, height: 300, pdq_missing: "too_small" });
  });

  test("an SVG is text here: its decoder is switched off", async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    expect(await hashFile(write(svg))).toMatchObject({ media_type: "other", pdq_missing: "not_a_picture" });
    await expect(sharp(Buffer.from(svg)).raw().toBuffer()).rejects.toThrow();
  });
});

describe("files that are refused", () => {
  const reasonOf = (path: string) => hashFile(path).catch((error) => [error.code, error.detail]);

  test("what is not there, not a file, or a pipe that would block for ever", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    mkdirSync(join(folder, "folder"));
    expect(await reasonOf(join(folder, "nothing"))).toEqual(["file_unreadable", { reason: "not_there" }]);
    expect(await reasonOf(join(folder, "folder"))).toEqual(["file_unreadable", { reason: "not_a_file" }]);
    expect(await reasonOf(pipe)).toEqual(["file_unreadable", { reason: "not_a_file" }]);
  });

  test.skipIf(process.getuid?.() === 0)("what may not be read", async () => {
    const path = write("private");
    chmodSync(path, 0);
    expect(await reasonOf(path)).toEqual(["file_unreadable", { reason: "no_permission" }]);
  });

  test("a file past the ceiling", async () => {
    const path = write("");
    truncateSync(path, FILE_MAX_BYTES + 1);
    expect(await reasonOf(path)).toEqual(["file_too_large", { max_bytes: FILE_MAX_BYTES }]);
  });

  test("a file that shrinks or grows while it is read has no hash", async () => {
    for (const change of [-10, 10]) {
      const path = write(new Uint8Array(5 * 1024 ** 2));
      let changed = false;
      const onBytes = () => {
        if (!changed) truncateSync(path, 5 * 1024 ** 2 + change);
        changed = true;
      };
      await expect(hashFile(path, { onBytes })).rejects.toMatchObject({
        code: "file_unreadable",
        detail: { reason: "changed" },
      });
    }
  });

  test("a refusal does not repeat the path, and a link is followed to a file only", async () => {
    const link = join(folder, "secret-name");
    symlinkSync(join(folder, "missing"), link);
    const refusal = await hashFile(link).catch((error) => error);
    expect(JSON.stringify([refusal.message, refusal.detail])).not.toContain("secret-name");
  });
});

test("nothing is written to disk, not even of a picture that decodes to more than 100 MB", async () => {
  const temporary = join(folder, "temporary");
  mkdirSync(temporary);
  const side = 6_200;
  const webp = await sharp({ create: { width: side, height: side, channels: 3, background: "#8899aa" } })
    .webp({ lossless: true, effort: 0 })
    .toBuffer();
  const path = write(webp);
  const before = readdirSync(folder);
  const touched = new Set<string | null>();
  const watcher = watch(temporary, (_, name) => touched.add(name));
  try {
    // A process of its own, since the folder for temporary files is read once a process.
    const module = JSON.stringify(new URL("./index.ts", import.meta.url).href);
    const script = `import { hashFile } from ${module}; console.log((await hashFile(process.argv[1])).width);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, path], {
      env: { PATH: process.env.PATH, TMPDIR: temporary },
    });
    expect(stdout.trim()).toBe(String(side));
    // Events come in order: once this one is here, any earlier one would be too.
    writeFileSync(join(temporary, "last"), "");
    await vi.waitFor(() => expect(touched).toContain("last"));
    expect([...touched]).toEqual(["last"]);
  } finally {
    watcher.close();
  }
  expect(readdirSync(folder)).toEqual(before);
});
