import { type Bytes, concatBytes, utf8Of } from "@breakwater/shared/bytes.ts";
import { gzip } from "@breakwater/shared/gzip.ts";
import { encodeSegment } from "@breakwater/shared/segment.ts";
import { describe, expect, it, vi } from "vitest";
import { BLOB_MAX_BYTES, checkBlobFormat } from "./blob-format.ts";

function streamOf(bytes: Uint8Array, step = 7_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + step));
      at += step;
    },
  });
}

const check = (bytes: Uint8Array) => checkBlobFormat(streamOf(bytes), bytes.length);
const header = { kind: "delta", publisher: "p.example", release: 2, salt: "ab".repeat(32), set: "s", v: 1 };

async function segment(lines: string[]): Promise<Bytes> {
  return (await encodeSegment(header as never, lines)).bytes;
}

describe("an upload is stored only when its start says what it is", () => {
  it("gives back a segment whole, whatever its chunks", async () => {
    const lines = Array.from({ length: 3_000 }, () => `"${crypto.randomUUID()}${crypto.randomUUID()}"`);
    const bytes = await segment(lines);
    expect(bytes.length).toBeGreaterThan(64 * 1024);
    const blob = await check(bytes);
    expect(blob).toMatchObject({ format: "segment", publisher: "p.example" });
    expect(new Uint8Array(await new Response(blob.body as ReadableStream).arrayBuffer())).toEqual(bytes);
  });

  it("takes an empty index", async () => {
    expect(await check(utf8Of("[]"))).toMatchObject({ format: "json", publisher: undefined });
  });

  const png = concatBytes([new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), new Uint8Array(500)]);
  const cases: [string, () => Promise<Uint8Array> | Uint8Array][] = [
    ["a PNG", () => png],
    ["a JPEG", () => new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16])],
    ["a gzipped PNG", () => gzip(png)],
    ["nothing", () => new Uint8Array(0)],
    ["text", () => utf8Of("hello")],
    ["JSON that is neither manifest nor index", () => utf8Of('{"a":1}')],
    ["an index with an unknown member", () => utf8Of('[{"a":1}]')],
    ["JSON that is not canonical", () => utf8Of("[ ]")],
    ["JSON that is not UTF-8", () => new Uint8Array([0x5b, 0xff, 0x5d])],
    ["a gzip without a line end", () => gzip(utf8Of(JSON.stringify(header)))],
    ["a gzip whose first line is another document", () => gzip(utf8Of('{"v":1}\n'))],
    ["a gzip whose header has a picture in it", () => gzip(utf8Of(`{"kind":"delta","note":"${"A".repeat(300)}"}\n`))],
    ["a gzip that breaks off", async () => (await gzip(utf8Of('{"v":1}\n'))).subarray(0, 12)],
    ["a gzip with a header that never ends", () => gzip(utf8Of("x".repeat(5_000_000)))],
  ];
  it.each(cases)("refuses %s", async (_what, make) => {
    await expect(check(await make())).rejects.toMatchObject({ code: "blob_format" });
  });

  it("refuses by the announced size before it reads", async () => {
    const pull = vi.fn();
    const source = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
    await expect(checkBlobFormat(source, BLOB_MAX_BYTES + 1)).rejects.toMatchObject({ code: "blob_too_large" });
    expect(pull).not.toHaveBeenCalled();
  });

  it("refuses a document above a mebibyte", async () => {
    await expect(check(utf8Of(`[${"1,".repeat(600_000)}1]`))).rejects.toMatchObject({ code: "blob_too_large" });
  });

  it("unpacks no more of a bomb than the header may be long", async () => {
    const bomb = await gzip(new Uint8Array(50_000_000));
    const before = performance.now();
    await expect(check(bomb)).rejects.toMatchObject({ code: "blob_format" });
    expect(performance.now() - before).toBeLessThan(3_000);
  });
});
