/** Segments: digest first, one bounded member, lines of a bounded length; nothing crashes and nothing unpacks too far. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, digestOf, hexOf, utf8Of } from "./bytes.ts";
import { gunzipExactly, gzip } from "./gzip.ts";
import {
  decodeSegment,
  encodeSegment,
  LINE_MAX_BYTES,
  SEGMENT_MAX_LINES,
  SEGMENT_MAX_PLAIN_BYTES,
  type SegmentHeader,
  type SegmentRef,
} from "./segment.ts";
import { outcome } from "./testing/refusal.ts";

const HEADER = {
  kind: "delta",
  publisher: "hotline.example",
  release: 7,
  salt: "ab".repeat(32),
  set: "verified",
  v: 1,
} as SegmentHeader;
const HEADER_LINE = `{"kind":"delta","publisher":"hotline.example","release":7,"salt":"${"ab".repeat(32)}","set":"verified","v":1}`;

const refOf = async (bytes: Uint8Array, plain: number): Promise<SegmentRef> => ({
  size: bytes.length,
  plain,
  digest: await digestOf(bytes),
});

/** What decoding gives for a text that really is one gzip member. */
async function decodeText(text: string, header = `${HEADER_LINE}\n`): Promise<string> {
  const plain = utf8Of(header + text);
  const bytes = await gzip(plain);
  return outcome(async () => decodeSegment(bytes, await refOf(bytes, plain.length)));
}

describe("encode and decode", () => {
  it("round-trip every list of lines", async () => {
    const line = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 50 })
      .filter((text) => !text.includes("\n") && text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
        const { bytes, ...ref } = await encodeSegment(HEADER, lines);
        expect(await decodeSegment(bytes, ref)).toEqual({ header: HEADER, lines });
      }),
    );
  });

  it("gives one line another digest under another salt, so that what is left of a destroyed one proves nothing", async () => {
    const salts = ["ab", "cd"].map((two) => ({ ...HEADER, salt: two.repeat(32) }));
    const [one, other] = await Promise.all(salts.map((header) => encodeSegment(header, ["the same line"])));
    expect(one?.digest).not.toBe(other?.digest);
  });

  it("states sizes in stored and unpacked bytes, header included", async () => {
    const segment = await encodeSegment(HEADER, ["ä"]);
    expect(segment.plain).toBe(utf8Of(`${HEADER_LINE}\nä\n`).length);
    expect(segment.size).toBe(segment.bytes.length);
    expect(segment.digest).toBe(await digestOf(segment.bytes));
  });

  it("hold exactly 16,384 lines, and exactly 16 KiB a line", async () => {
    const { bytes, ...ref } = await encodeSegment(HEADER, new Array(SEGMENT_MAX_LINES).fill("{}"));
    expect((await decodeSegment(bytes, ref)).lines).toHaveLength(SEGMENT_MAX_LINES);
    expect(await outcome(() => encodeSegment(HEADER, new Array(SEGMENT_MAX_LINES + 1).fill("{}")))).toBe(
      "segment_size",
    );
    expect(await decodeText(`${"x".repeat(LINE_MAX_BYTES)}\n`)).toBe("ok");
    expect(await decodeText(`${"x".repeat(LINE_MAX_BYTES + 1)}\n`)).toBe("segment_line");
    expect(await decodeText(`${"ä".repeat(LINE_MAX_BYTES / 2)}\n`)).toBe("ok");
    expect(await decodeText(`${"ä".repeat(LINE_MAX_BYTES / 2)}x\n`)).toBe("segment_line");
    expect(await decodeText("{}\n".repeat(SEGMENT_MAX_LINES + 1))).toBe("segment_size");
  });

  it.each(["", "a\nb", "x".repeat(LINE_MAX_BYTES + 1)])("do not encode a line that would not decode", async (line) => {
    expect(await outcome(() => encodeSegment(HEADER, [line]))).toBe("segment_line");
  });
});

describe("decodeSegment refuses", () => {
  it("bytes of another digest or length before it unpacks anything", async () => {
    const { bytes, ...ref } = await encodeSegment(HEADER, ["{}"]);
    const broken = Uint8Array.from(bytes);
    broken[12] = (broken[12] as number) ^ 1;
    expect(await outcome(() => decodeSegment(broken, ref))).toBe("segment_digest");
    expect(await outcome(() => decodeSegment(bytes, { ...ref, size: ref.size + 1 }))).toBe("segment_size");
    expect(await outcome(() => decodeSegment(bytes.subarray(1), ref))).toBe("segment_size");
  });

  it("a stated length that is not the real one", async () => {
    const { bytes, ...ref } = await encodeSegment(HEADER, ["{}"]);
    for (const plain of [ref.plain - 1, ref.plain + 1, 0, -1, Number.NaN, 1.5, SEGMENT_MAX_PLAIN_BYTES + 1]) {
      expect(await outcome(() => decodeSegment(bytes, { ...ref, plain })), String(plain)).toBe("segment_size");
    }
  });

  it("a second member, trailing bytes and a cut", async () => {
    const plain = utf8Of(`${HEADER_LINE}\n{}\n`);
    const member = await gzip(plain);
    const cases: [string, Uint8Array][] = [
      ["second member of the same length", concatBytes([member, member])],
      ["second, empty member", concatBytes([member, await gzip(new Uint8Array(0))])],
      ["one zero byte", concatBytes([member, Uint8Array.of(0)])],
      ["the trailer twice", concatBytes([member, member.subarray(-8)])],
      ["cut in the trailer", member.subarray(0, -1)],
      ["cut in the data", concatBytes([member.subarray(0, 20), member.subarray(-4)])],
    ];
    for (const [name, bytes] of cases) {
      const code = await outcome(async () => decodeSegment(bytes, await refOf(bytes, plain.length)));
      expect(["segment_gzip", "segment_size"], name).toContain(code);
    }
    // The length at the end says nothing here, so this one is the decoder's own work.
    const twice = concatBytes([member, member.subarray(-8)]);
    expect(await outcome(async () => decodeSegment(twice, await refOf(twice, plain.length)))).toBe("segment_gzip");
  });

  it("a wrong checksum", async () => {
    const plain = utf8Of(`${HEADER_LINE}\n{}\n`);
    const bytes = await gzip(plain);
    bytes[bytes.length - 8] = (bytes[bytes.length - 8] as number) ^ 1;
    expect(await outcome(async () => decodeSegment(bytes, await refOf(bytes, plain.length)))).toBe("segment_gzip");
  });

  it("a gzip header with a name, a comment or extra bytes, which nobody would ever see", async () => {
    const plain = utf8Of(`${HEADER_LINE}\n{}\n`);
    const member = await gzip(plain);
    const named = concatBytes([
      member.subarray(0, 3),
      Uint8Array.of(8),
      member.subarray(4, 10),
      utf8Of("name\0"),
      member.subarray(10),
    ]);
    expect(await outcome(async () => decodeSegment(named, await refOf(named, plain.length)))).toBe("segment_gzip");
  });

  it("anything that is not gzip", async () => {
    for (const bytes of [
      utf8Of("x".repeat(100)),
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, ...new Array(60).fill(0)),
      Uint8Array.of(0x1f, 0x8b),
    ]) {
      expect(await outcome(async () => decodeSegment(bytes, await refOf(bytes, 100)))).toBe("segment_gzip");
    }
  });

  it.each([
    ["no final LF", "{}"],
    ["an empty line", "{}\n\n{}\n"],
    ["an empty line at the end", "{}\n\n"],
  ])("%s", async (_, text) => {
    expect(await decodeText(text)).toBe("segment_line");
  });

  it("bytes that are not UTF-8", async () => {
    const plain = concatBytes([utf8Of(`${HEADER_LINE}\n`), Uint8Array.of(0xff, 0x0a)]);
    const bytes = await gzip(plain);
    expect(await outcome(async () => decodeSegment(bytes, await refOf(bytes, plain.length)))).toBe("segment_line");
  });

  it.each([
    ["another member", HEADER_LINE.replace("}", ',"x":1}')],
    ["another version", HEADER_LINE.replace('"v":1', '"v":2')],
    ["a short salt", HEADER_LINE.replace("ab".repeat(32), "ab".repeat(31))],
    ["an unknown kind", HEADER_LINE.replace('"delta"', '"image"')],
    ["white space", HEADER_LINE.replace(":7", ": 7")],
    ["no JSON", "hello"],
    ["a very long line", "x".repeat(5000)],
  ])("a header with %s", async (_, header) => {
    expect(await decodeText("{}\n", `${header}\n`)).toBe("segment_header");
  });

  it("a segment of another place, although its digest is right", async () => {
    const { bytes, ...ref } = await encodeSegment(HEADER, ["{}"]);
    const { salt, v, ...place } = HEADER;
    expect(await outcome(() => decodeSegment(bytes, ref, place))).toBe("ok");
    for (const change of [{ release: 8 }, { kind: "snapshot" }, { set: "other" }, { publisher: "other.example" }]) {
      expect(await outcome(() => decodeSegment(bytes, ref, { ...place, ...change } as typeof place))).toBe(
        "segment_header",
      );
    }
    expect([salt.length, v]).toEqual([64, 1]);
  });

  it("nothing that an older subscriber could ignore", async () => {
    const plain = utf8Of(`${HEADER_LINE.replace("}", ',"x":1}')}\n{}\n`);
    const bytes = await gzip(plain);
    const { header } = await decodeSegment(bytes, await refOf(bytes, plain.length), undefined, { strict: false });
    expect(header).toEqual(HEADER);
  });
});

describe("a bomb", () => {
  const LIED_PLAIN = 1000;

  /** A real member of `size` zeros whose trailer says it is `LIED_PLAIN` bytes long. */
  async function bomb(size: number): Promise<Uint8Array> {
    const bytes = await gzip(new Uint8Array(size));
    new DataView(bytes.buffer).setUint32(bytes.length - 4, LIED_PLAIN, true);
    return bytes;
  }

  it("is refused by its own stated length", async () => {
    const bytes = await gzip(new Uint8Array(50_000_000));
    expect(await outcome(async () => decodeSegment(bytes, await refOf(bytes, LIED_PLAIN)))).toBe("segment_size");
    expect(await outcome(async () => decodeSegment(bytes, await refOf(bytes, 50_000_000)))).toBe("segment_size");
  });

  it("that lies about its length is stopped at the bound, not after", async () => {
    const bytes = await bomb(200_000_000);
    const before = performance.now();
    expect(await outcome(async () => decodeSegment(bytes, await refOf(bytes, LIED_PLAIN)))).toBe("segment_gzip");
    // Unpacking all of it takes many times longer than one unpacked slice.
    const stopped = performance.now() - before;
    const whole = await timeToUnpack(bytes);
    expect(stopped * 3).toBeLessThan(whole);
  });

  async function timeToUnpack(bytes: Uint8Array): Promise<number> {
    const before = performance.now();
    const reader = new Blob([bytes as Uint8Array<ArrayBuffer>])
      .stream()
      .pipeThrough(new DecompressionStream("gzip"))
      .getReader();
    await expect(
      (async () => {
        while (!(await reader.read()).done);
      })(),
    ).rejects.toThrow();
    return performance.now() - before;
  }

  it("of a line of 10 MB is refused", async () => {
    expect(await decodeText(`${"x".repeat(10_000_000)}\n`)).toBe("segment_size");
    expect(await decodeText(`${"x".repeat(1_000_000)}\n`)).toBe("segment_line");
  });
});

describe("arbitrary bytes", () => {
  it("never crash the decoder", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 400 }), async (bytes, plain) => {
        expect(await outcome(async () => decodeSegment(bytes, await refOf(bytes, plain)))).toMatch(/^segment_/);
      }),
    );
  });

  it("never crash it behind a gzip header and a right length either", async () => {
    const head = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 5000 }), async (body, plain) => {
        const tail = new Uint8Array(8);
        new DataView(tail.buffer).setUint32(4, plain, true);
        const bytes = concatBytes([head, body, tail]);
        expect(await outcome(async () => decodeSegment(bytes, await refOf(bytes, plain)))).toMatch(/^segment_/);
      }),
    );
  });

  it("a flipped bit under a matching digest never gives other lines silently", async () => {
    const { bytes, plain } = await encodeSegment(HEADER, ["{}", '{"a":1}']);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), async (at, bit) => {
        const broken = Uint8Array.from(bytes);
        broken[at] = (broken[at] as number) ^ (1 << bit);
        try {
          const { lines } = await decodeSegment(broken, await refOf(broken, plain));
          return lines.join() === '{},{"a":1}'; // the time and system members of a gzip header carry nothing
        } catch (error) {
          return /^segment_/.test((error as { code?: string }).code ?? "");
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe("gunzipExactly", () => {
  it("takes any content of the right length", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 3000 }),
        async (bytes) => hexOf(await gunzipExactly(await gzip(bytes), bytes.length)) === hexOf(bytes),
      ),
    );
  });
});
