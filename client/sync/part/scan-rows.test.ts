import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { digestOf } from "@breakwater/shared/bytes.ts";
import { type Entry, formatEntry, urlDigest } from "@breakwater/shared/entries/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { encodeSegment } from "@breakwater/shared/segment.ts";
import { stateDigest } from "@breakwater/shared/state.ts";
import { describe, expect, it } from "vitest";
import { testHashEntry, testIndicatorEntry, testTermEntry, testUrlEntry } from "../../testing/entries.ts";
import { WHOLE_VIEW } from "./index-view.ts";
import { digestNow, openSegment } from "./open-segment.ts";
import { type ScanOptions, scanRows } from "./scan-rows.ts";
import { PartWriter } from "./write-part.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const OPTIONS: ScanOptions = { kind: "hash", view: WHOLE_VIEW, nowMs: NOW, benign: [] };
const PLACE = { firstRow: 0, from: "", until: undefined };

const sorted = (entries: readonly { id: string }[]) =>
  [...entries].sort((a, b) => (a.id < b.id ? -1 : 1)).map((entry) => formatEntry(entry as Entry));
const scan = (lines: readonly string[], options: Partial<ScanOptions> = {}, place = PLACE) =>
  scanRows(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")), 0, place, { ...OPTIONS, ...options });
const fault = (work: () => unknown): string => {
  try {
    work();
    return "ok";
  } catch (error) {
    if (error instanceof ExchangeError) return `${error.code} ${error.detail.reason ?? ""}`.trim();
    throw error;
  }
};
const names = (lines: readonly string[], options: Partial<ScanOptions> = {}) =>
  Object.fromEntries(Object.entries(scan(lines, options).records).filter(([, records]) => records.length > 0));

describe("rows of a segment", () => {
  it("have ids, places and a record in the file of their algorithm", () => {
    const entries = [testHashEntry(1), testHashEntry(2, { alg: "md5" }), testHashEntry(3, { alg: "pdq", quality: 77 })];
    const lines = sorted(entries);
    const rows = scan(lines, {}, { ...PLACE, firstRow: 1000 });
    expect(Buffer.from(rows.ids).toString("hex")).toBe(lines.map((line) => JSON.parse(line).id).join(""));
    for (const [row, line] of lines.entries()) {
      const { alg, value } = JSON.parse(line) as { alg: string; value: string };
      const records = Buffer.from(rows.records[alg === "pdq" ? "pdq" : `exact-${alg}`] ?? []).toString("hex");
      const number = (1000 + row).toString(16).padStart(8, "0");
      expect(records).toBe(alg === "pdq" ? value : value + number);
      if (alg === "pdq") expect(Buffer.from(rows.records["pdq-rows"] ?? []).toString("hex")).toBe(`${number}4d010000`);
    }
  });

  it("of algorithms that are only carried are listed by row", () => {
    const [first = "", second = ""] = sorted([testHashEntry(1), testHashEntry(2)]);
    const lines = [
      first,
      second.replace(/"alg":"sha256"/, '"alg":"ssdeep"').replace(/"value":"\w+"/, '"value":"3:a:b"'),
    ];
    const at = lines.findIndex((line) => line.includes("ssdeep"));
    expect([...(scan(lines).records["rows-ssdeep"] ?? [])]).toEqual([0, 0, 0, at]);
  });

  it("of addresses are found by scope and digest, whether the address or its digest is given", async () => {
    const clear = testUrlEntry(1);
    const url_digest = await urlDigest(clear.url as string);
    const { url: _, ...closed } = clear;
    const keyOf = (entry: object) => {
      const { records } = scan([formatEntry(entry as Entry)], { kind: "url" });
      return Buffer.from(records.url ?? []).toString("hex");
    };
    const expected = createHash("sha256").update(`exact\n${url_digest}`).digest("hex");
    expect(keyOf(clear)).toBe(`${expected}00000000`);
    expect(keyOf({ ...closed, url_digest })).toBe(`${expected}00000000`);
    expect(keyOf({ ...clear, scope: "path" })).not.toContain(expected);
  });

  it("of terms and indicators need no file", () => {
    expect(names(sorted([testTermEntry(1), testTermEntry(2)]), { kind: "term" })).toEqual({});
    expect(names(sorted([testIndicatorEntry(1)]), { kind: "indicator" })).toEqual({});
  });

  it("that are over, of other algorithms or verified less are in no index, and counted all the same", () => {
    const nominated = { level: "nominated", on: "2026-11-20", people: 0 };
    const entries = [
      testHashEntry(1, { expires_at: "2026-11-22T11:59:59Z" }),
      testHashEntry(2, { expires_at: "2026-11-22T12:00:01Z" }),
      testHashEntry(3, { alg: "md5" }),
      testHashEntry(4, { verification: nominated, human_review: "required" }),
    ];
    const count = (options: Partial<ScanOptions>) => {
      const rows = scan(sorted(entries), options);
      expect(rows.count).toBe(4);
      return {
        sha256: (rows.records["exact-sha256"]?.length ?? 0) / 36,
        md5: (rows.records["exact-md5"]?.length ?? 0) / 20,
      };
    };
    expect(count({})).toEqual({ sha256: 2, md5: 1 });
    expect(count({ view: { only: ["sha256"] } })).toEqual({ sha256: 2, md5: 0 });
    expect(count({ view: { min_verification: "two_reviewed" } })).toEqual({ sha256: 1, md5: 1 });
    expect(count({ view: { min_verification: "police_verified" } })).toEqual({ sha256: 0, md5: 0 });
  });

  it("tell what a brake would hold, also of rows that no index has", () => {
    const flat = testHashEntry(1, { alg: "pdq", value: "0".repeat(64) });
    const own = testHashEntry(2);
    const benign = [{ md5: "", sha1: "", sha256: own.value }];
    const faults = scan(sorted([flat, own, testHashEntry(3)]), { benign, view: { only: ["md5"] } }).faults;
    expect(faults.map((one) => one.fault).sort()).toEqual(["benign", "degenerate"]);
  });

  it.each([
    ["an id that is not hex", (line: string) => line.replace(/"id":"../, '"id":"XY'), "segment_line id"],
    ["an id that is short", (line: string) => line.replace(/"id":"../, '"id":"'), "segment_line id"],
    ["no id", (line: string) => line.replace('"id"', '"ix"'), "segment_line id"],
    ["no algorithm", (line: string) => line.replace('"alg"', '"alx"'), "segment_line alg"],
    ["a digest of another length", (line: string) => line.replace(/"value":"../, '"value":"'), "segment_line value"],
    ["a digest in capitals", (line: string) => line.replace(/"value":"../, '"value":"AB'), "segment_line value"],
    [
      "a quality that is a text",
      (line: string) =>
        line.replace('"media"', '"ambiguous_bits":"x","media"').replace('"alg":"sha256"', '"alg":"pdq"'),
      "segment_line ambiguous_bits",
    ],
  ])("with %s are refused", (_what, bend, expected) => {
    expect(fault(() => scan([bend(formatEntry(testHashEntry(1)))]))).toBe(expected);
  });

  it("out of order, twice or outside of their range are refused", () => {
    const lines = sorted([testHashEntry(1), testHashEntry(2)]) as [string, string];
    const [first, second] = lines.map((line) => JSON.parse(line).id as string) as [string, string];
    expect(fault(() => scan([...lines].reverse()))).toBe("segment_order");
    expect(fault(() => scan([lines[0], lines[0]]))).toBe("segment_order");
    expect(fault(() => scan(lines, {}, { ...PLACE, from: second }))).toBe("segment_order");
    expect(fault(() => scan(lines, {}, { firstRow: 0, from: first, until: second } as never))).toBe("segment_order");
  });
});

describe("the state digest of a part", () => {
  it("is the one that the publisher computes, however the rows fall into segments", async () => {
    const lines = sorted(Array.from({ length: 700 }, (_, n) => testHashEntry(n)));
    const expected = await stateDigest(lines);
    for (const size of [1, 3, 250, 700]) {
      const dir = await mkdtemp(join(tmpdir(), "breakwater-part-"));
      const writer = await PartWriter.open(dir, "base-1-a", "plain");
      for (let at = 0; at < lines.length; at += size) {
        const rows = scan(lines.slice(at, at + size), {}, { ...PLACE, firstRow: at });
        await writer.add(rows, { digest: expected, size: 1, plain: 1, mtime_ms: 0 });
      }
      expect((await writer.finish()).state).toBe(expected);
      await rm(dir, { recursive: true });
    }
  });
});

describe("a stored segment", () => {
  const header = {
    kind: "snapshot",
    publisher: "hotline.example",
    release: 1,
    salt: "ab".repeat(32),
    set: "verified",
    v: 1,
  };
  const encoded = () => encodeSegment(header as never, sorted([testHashEntry(1), testHashEntry(2)]));
  const opened = async (bytes: Uint8Array, changes: object = {}) => {
    const { size: _, digest: __, bytes: ___, ...ref } = await encoded();
    const whole = { ...ref, size: bytes.length, digest: digestNow(bytes), ...changes };
    return fault(() => openSegment(bytes, whole));
  };

  it("gives its header and its lines", async () => {
    const segment = await encoded();
    const { plain, header: line, firstLine } = openSegment(segment.bytes, segment);
    expect(JSON.parse(line)).toEqual(header);
    expect(plain.length).toBe(segment.plain);
    expect(firstLine).toBe(line.length + 1);
    expect(digestNow(segment.bytes)).toBe(await digestOf(segment.bytes));
  });

  it("is refused for every way in which its packing can lie", async () => {
    const { bytes, plain } = await encoded();
    const text = openSegment(bytes, {
      ...(await encoded()),
      size: bytes.length,
      digest: digestNow(bytes),
      plain,
    }).plain;
    const changed = (at: number, byte: number) => bytes.with(at < 0 ? bytes.length + at : at, byte);
    const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
    expect(await opened(bytes)).toBe("ok");
    expect(await opened(bytes, { digest: `sha256:${"0".repeat(64)}` })).toBe("segment_digest");
    expect(await opened(bytes, { size: bytes.length + 1 })).toBe("segment_size");
    expect(await opened(bytes, { plain: plain - 1 })).toBe("segment_size");
    expect(await opened(bytes, { plain: 100 * 1024 * 1024 })).toBe("segment_size");
    expect(await opened(changed(0, 0))).toBe("segment_gzip header");
    expect(await opened(changed(3, 8))).toBe("segment_gzip flags");
    expect(await opened(changed(-8, (bytes[bytes.length - 8] as number) ^ 1))).toBe("segment_gzip checksum");
    expect(await opened(join(bytes, bytes))).toBe("segment_gzip trailing");
    expect(await opened(join(bytes.subarray(0, -8), new Uint8Array(3), bytes.subarray(-8)))).toBe(
      "segment_gzip trailing",
    );
    expect(await opened(join(bytes.subarray(0, -20), bytes.subarray(-8)))).toBe("segment_gzip content");
    // A member whose end states a small length and that unpacks to more of it.
    const bomb = deflateRawSync(Buffer.alloc(1_000_000));
    expect(await opened(join(bytes.subarray(0, 10), bomb, bytes.subarray(-8)))).toBe("segment_gzip content");
    const other = new Uint8Array(gzipSync(text.with(60, 0xff)));
    expect(await opened(other.with(3, 0))).toBe("segment_line utf8");
    const noEnd = new Uint8Array(gzipSync(text.slice(0, -1)));
    expect(await opened(noEnd, { plain: plain - 1 })).toBe("segment_line no final LF");
  });
});
