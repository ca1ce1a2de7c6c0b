import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { joined, pngChunk } from "../../test/drawings/chunk.ts";
import { drawRgb } from "../../test/drawings/draw.ts";
import {
  type ExifOptions,
  jpegWithOrientation,
  pngWithOrientation,
  tiffWithOrientation,
  webpWithOrientation,
} from "../../test/drawings/exif.ts";
import { encodeJpeg } from "../../test/drawings/jpeg.ts";
import { hexOf, utf8Of } from "../bytes.ts";
import { neutraliseOrientation } from "./exif.ts";
import { createMd5 } from "./md5.ts";
import { MEDIA_NAMES, sniffMedia } from "./sniff.ts";
import { findMediaText } from "./sniff-text.ts";

const JPEG = encodeJpeg(drawRgb("rects", [1, 20], 40, 24));
const PNG = joined(
  [0x89, ...utf8Of("PNG\r\n\x1a\n")],
  pngChunk("IHDR", new Uint8Array([0, 0, 0, 40, 0, 0, 0, 24, 8, 2, 0, 0, 0])),
  pngChunk("IDAT", new Uint8Array([0x78, 0x9c, 0x03, 0, 0, 0, 0, 1])),
  pngChunk("IEND", new Uint8Array()),
);
const GIF_FRAME = [0x2c, 0, 0, 0, 0, 40, 0, 24, 0, 0, 2, 2, 0x4c, 1, 0];
const GIF_HEAD = [...utf8Of("GIF89a"), 40, 0, 24, 0, 0x80, 0, 0, ...Array(6).fill(7)];
const box = (type: string, ...content: ArrayLike<number>[]) => {
  const body = joined(...content);
  return joined([0, 0, 0, body.length + 8], utf8Of(type), body);
};
const ISPE = box("ispe", [0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 24]);
const ftyp = (...brands: string[]) => box("ftyp", utf8Of(brands[0] ?? ""), [0, 0, 0, 0], utf8Of(brands.join("")));
const EBML = [0x1a, 0x45, 0xdf, 0xa3, 0x9f, 0x42, 0x82, 0x84];

const SAMPLES: [title: string, bytes: Uint8Array, expected: object][] = [
  ["png", PNG, { name: "png", mime: "image/png", kind: "image", width: 40, height: 24, animated: false }],
  ["jpeg", JPEG, { name: "jpeg", mime: "image/jpeg", kind: "image", width: 40, height: 24 }],
  [
    "gif",
    joined(GIF_HEAD, GIF_FRAME, [0x3b]),
    { name: "gif", mime: "image/gif", width: 40, height: 24, animated: false },
  ],
  ["gif of two frames", joined(GIF_HEAD, [0x21, 0xf9, 1, 0, 0], GIF_FRAME, GIF_FRAME), { name: "gif", animated: true }],
  ["webp", webpWithOrientation(1), { name: "webp", mime: "image/webp", width: 16, height: 8, animated: false }],
  [
    "avif",
    joined(ftyp("avif", "mif1"), ISPE),
    { name: "avif", mime: "image/avif", width: 40, height: 24, animated: false },
  ],
  ["avif behind another brand", ftyp("mif1", "avif"), { name: "avif" }],
  [
    "heif",
    joined(ftyp("heic", "mif1"), ISPE),
    { name: "heif", mime: "image/heif", kind: "image", width: 40, height: 24 },
  ],
  ["mp4", ftyp("isom", "mp42"), { name: "mp4", mime: "video/mp4", kind: "video" }],
  ["quicktime", ftyp("qt  "), { name: "quicktime", mime: "video/quicktime", kind: "video" }],
  ["webm", joined(EBML, utf8Of("webm")), { name: "webm", mime: "video/webm", kind: "video" }],
  ["matroska", joined(EBML, utf8Of("matroska")), { name: "matroska", kind: "video" }],
  ["avi", joined(utf8Of("RIFF"), [9, 0, 0, 0], utf8Of("AVI LIST")), { name: "avi", kind: "video" }],
  ["tiff", tiffWithOrientation(1), { name: "tiff", mime: "image/tiff", kind: "image" }],
  ["tiff, big-endian", tiffWithOrientation(1, { byteOrder: "MM" }), { name: "tiff" }],
  ["jxl", new Uint8Array([0xff, 0x0a, 0, 0]), { name: "jxl", mime: "image/jxl", kind: "image" }],
  ["bmp", bmp(40, -24), { name: "bmp", mime: "image/bmp", kind: "image", width: 40, height: 24 }],
];

function bmp(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(54);
  const view = new DataView(bytes.buffer);
  bytes.set(utf8Of("BM"));
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  return bytes;
}

describe("what a file is, by its bytes", () => {
  test.each(SAMPLES)("%s", (_, bytes, expected) => expect(sniffMedia(bytes)).toMatchObject(expected));

  test("every format of the table has a sample", () => {
    expect(new Set(SAMPLES.map(([, bytes]) => sniffMedia(bytes)?.name))).toEqual(new Set(MEDIA_NAMES));
  });

  test.each(["", "%PDF-1.7", "<svg xmlns=''>", "BM is a fine start of a sentence", "RIFFraff", "GIF8", "hello, world"])(
    "%j is no picture and no video",
    (text) => expect(sniffMedia(utf8Of(text))).toBeUndefined(),
  );

  test("a PNG with an animation chunk before its data is animated", () => {
    const animated = joined(PNG.subarray(0, 33), pngChunk("acTL", new Uint8Array(8)), PNG.subarray(33));
    expect(sniffMedia(animated)?.animated).toBe(true);
  });

  test("no bytes make it throw, and a stated size is a size", () => {
    const hostile = fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated());
    fc.assert(
      fc.property(hostile, (bytes) => {
        const media = sniffMedia(bytes);
        for (const side of [media?.width, media?.height]) {
          if (side !== undefined) expect(Number.isSafeInteger(side) && side > 0).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("orientation is neutralised in a copy", () => {
  const files: [string, (orientation: number, options?: ExifOptions) => Uint8Array][] = [
    ["jpeg", (orientation, options) => jpegWithOrientation(JPEG, orientation, options)],
    ["png", (orientation, options) => pngWithOrientation(PNG, orientation, options)],
    ["webp", webpWithOrientation],
  ];
  for (const [format, make] of files) {
    test.each([2, 3, 4, 5, 6, 7, 8])(`${format}: %i becomes 1 and nothing else changes`, (orientation) => {
      for (const byteOrder of ["II", "MM"] as const) {
        for (const type of ["BYTE", "SHORT", "LONG"] as const) {
          const file = make(orientation, { byteOrder, type });
          const before = Uint8Array.from(file);
          const result = neutraliseOrientation(file);
          expect(result.orientation).toBe(orientation);
          expect(result.bytes).toEqual(make(1, { byteOrder, type }));
          expect(file).toEqual(before);
          expect(neutraliseOrientation(result.bytes).orientation).toBe(1);
        }
      }
    });

    test(`${format}: a file that is not turned is handed back as it is`, () => {
      const file = make(1);
      expect(neutraliseOrientation(file)).toEqual({ bytes: file, orientation: 1 });
      expect(neutraliseOrientation(file).bytes).toBe(file);
    });

    test(`${format}: an orientation that does not exist is reported as 1 and written as 1`, () => {
      const result = neutraliseOrientation(make(9));
      expect(result).toEqual({ bytes: make(1), orientation: 1 });
    });
  }

  test("a view into a larger buffer is patched at its own place", () => {
    const file = pngWithOrientation(PNG, 6);
    const view = joined([1, 2, 3], file, [4]).subarray(3, 3 + file.length);
    expect(neutraliseOrientation(view).bytes).toEqual(pngWithOrientation(PNG, 1));
  });

  test("two EXIF segments are both patched: decoders differ in which they believe", () => {
    const twice = jpegWithOrientation(jpegWithOrientation(JPEG, 6), 3);
    expect(neutraliseOrientation(twice)).toEqual({
      bytes: jpegWithOrientation(jpegWithOrientation(JPEG, 1), 1),
      orientation: 3,
    });
  });

  test("fill bytes and garbage before the segment do not hide it", () => {
    const behindJfif = 20;
    const exif = jpegWithOrientation(JPEG, 8).subarray(2, -(JPEG.length - 2));
    const padded = joined(JPEG.subarray(0, behindJfif), [0, 7, 0xff, 0xff], exif, JPEG.subarray(behindJfif));
    expect(neutraliseOrientation(padded).orientation).toBe(8);
  });

  test("what looks like EXIF behind the start of the scan is picture data and left alone", () => {
    const file = joined(JPEG, jpegWithOrientation(JPEG, 6).subarray(2));
    expect(neutraliseOrientation(file).bytes).toBe(file);
  });

  test("hostile bytes: never throws, never changes length, idempotent, input untouched", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated()), (bytes) => {
        const before = Uint8Array.from(bytes);
        const { bytes: result, orientation } = neutraliseOrientation(bytes);
        expect(bytes).toEqual(before);
        expect(result.length).toBe(bytes.length);
        expect(orientation).toBeGreaterThanOrEqual(1);
        expect(orientation).toBeLessThanOrEqual(8);
      }),
      { numRuns: 5_000 },
    );
  });

  test("a directory that claims 65,535 entries, and offsets past the end, are read no further than they go", () => {
    for (const [at, ...value] of [
      [8, 0xff, 0xff],
      [4, 0xff, 0xff, 0xff, 0xff],
      [4, 45, 0, 0, 0],
    ] as const) {
      const file = webpWithOrientation(6);
      const tiff = file.length - 50;
      file.set(value, tiff + at);
      expect(() => neutraliseOrientation(file)).not.toThrow();
    }
  });
});

/** Files that were good before some of their bytes were changed or their end was lost. */
function mutated(): fc.Arbitrary<Uint8Array> {
  const whole = fc.constantFrom(
    ...SAMPLES.map(([, bytes]) => bytes),
    jpegWithOrientation(JPEG, 6).subarray(0, 200),
    pngWithOrientation(PNG, 6),
    webpWithOrientation(6),
  );
  const change = fc.tuple(fc.nat(250), fc.integer({ min: 0, max: 255 }));
  return fc.tuple(whole, fc.array(change, { maxLength: 6 }), fc.nat(300)).map(([bytes, changes, length]) => {
    const copy = Uint8Array.from(bytes.subarray(0, length));
    for (const [at, byte] of changes) if (at < copy.length) copy[at] = byte;
    return copy;
  });
}

describe("pictures written as text", () => {
  const base64Of = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
  const urlOf = (bytes: Uint8Array) => base64Of(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const long = (bytes: Uint8Array) =>
    joined(
      bytes,
      new Uint8Array(80).map((_, i) => (i * 37) & 255),
    );
  const found = SAMPLES.filter(([title]) => !["jxl", "bmp", "avi", "matroska"].includes(title));

  test.each(found)("%s in base64, base64url and hex", (_, bytes) => {
    const file = long(bytes);
    expect(findMediaText(`it said ${base64Of(file)} there`)?.encoding).toBe("base64");
    expect(findMediaText(`"${urlOf(file)}"`)?.encoding).toBe("base64");
    if (sniffMedia(bytes)?.name === "tiff") return;
    expect(findMediaText(hexOf(file))?.encoding).toBe("hex");
    expect(findMediaText(hexOf(file).toUpperCase())?.encoding).toBe("hex");
  });

  test("a JPEG with EXIF first is found too", () => {
    expect(findMediaText(base64Of(jpegWithOrientation(JPEG, 6)))?.format).toBe("jpeg");
    expect(findMediaText(hexOf(jpegWithOrientation(JPEG, 6)))?.format).toBe("jpeg");
  });

  test.each([
    "It was posted at https://forum.example/thread/9j/4abcdefghijklmnopqrstuvwxyz012345 yesterday.",
    "https://cdn.example/a/9j/4k/3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab8.jpg",
    "SHA-256 ffd8ffe1000000000000000000000000000000000000000000000000000000ab",
    `SHA-512 ffd8ff${"0".repeat(122)}`,
    "The file began with GIF89a and PNG, they said; RIFF too.",
    "Der Nutzer schrieb: „AAAAAAAAAAAAAAAAAAAAAAA“",
    `token eyJhbGciOiJIUzI1NiJ9.${"Qm9nS2V5".repeat(8)}`,
  ])("%j is not a picture", (text) => expect(findMediaText(text)).toBeUndefined());
});

describe("running MD5", () => {
  test("gives the digest of RFC 1321, however the bytes are cut", () => {
    const bytes = utf8Of("12345678901234567890123456789012345678901234567890123456789012345678901234567890");
    for (const step of [1, 7, 64, 80]) {
      const md5 = createMd5();
      for (let at = 0; at < bytes.length; at += step) md5.update(bytes.subarray(at, at + step));
      expect(hexOf(md5.digest())).toBe("57edf4a22be3c955ac49da2e2107b67a");
    }
    expect(hexOf(createMd5().digest())).toBe("d41d8cd98f00b204e9800998ecf8427e");
  });

  test("a finished digest takes nothing more", () => {
    const md5 = createMd5();
    md5.digest();
    expect(() => md5.update(new Uint8Array(1))).toThrow();
    expect(() => md5.digest()).toThrow();
  });
});
