import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partsMoovFirst } from "./moov-first.ts";

function uint(value: number, bytes: 4 | 8): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeUInt32BE(value);
  else buffer.writeBigUInt64BE(BigInt(value));
  return buffer;
}

const box = (type: string, ...body: Uint8Array[]) => {
  const content = Buffer.concat(body);
  return Buffer.concat([uint(content.length + 8, 4), Buffer.from(type, "latin1"), content]);
};
const nested = (types: string[], inner: Buffer): Buffer =>
  types.reduceRight((content, type) => box(type, content), inner);
const table = (type: "stco" | "co64", offsets: number[]) =>
  box(type, uint(0, 4), uint(offsets.length, 4), ...offsets.map((offset) => uint(offset, type === "stco" ? 4 : 8)));
const moovOf = (inner: Buffer) => nested(["moov", "trak", "mdia", "minf", "stbl"], inner);

const start = box("ftyp", Buffer.from("isom"));
const pictures = box("mdat", Buffer.from("AABBCC"));
const first = start.length + 8;

const sent = (file: Uint8Array) => Buffer.concat(partsMoovFirst(file));

describe("an index behind the pictures", () => {
  it.each(["stco", "co64"] as const)("goes before them, and its %s still point at the same bytes", (type) => {
    const offsets = [first, first + 2, first + 4];
    const file = Buffer.concat([start, pictures, moovOf(table(type, offsets)), box("free")]);
    const before = Buffer.from(file);
    const moved = sent(file);
    expect(moved.length).toBe(file.length);
    expect(moved.indexOf("moov")).toBeLessThan(moved.indexOf("mdat"));
    const width = type === "stco" ? 4 : 8;
    for (const [i, offset] of offsets.entries()) {
      const at = moved.indexOf(type) + 12 + i * width;
      const now = width === 4 ? moved.readUInt32BE(at) : Number(moved.readBigUInt64BE(at));
      expect(moved.toString("latin1", now, now + 2)).toBe(file.toString("latin1", offset, offset + 2));
    }
    expect(file).toEqual(before);
  });

  it("leaves offsets alone that point before the pictures", () => {
    const moved = sent(Buffer.concat([start, pictures, moovOf(table("stco", [0]))]));
    expect(moved.readUInt32BE(moved.indexOf("stco") + 12)).toBe(0);
  });
});

describe("what is sent as it is", () => {
  const asItIs = (file: Buffer) => expect(partsMoovFirst(file)).toEqual([file]);

  it("an index that is first already, or missing, or no box at all", () => {
    asItIs(Buffer.concat([start, moovOf(table("stco", [first])), pictures]));
    asItIs(Buffer.concat([start, pictures]));
    asItIs(Buffer.from("no boxes here, only text"));
    asItIs(Buffer.alloc(0));
  });

  it("tables that say more than they hold, and boxes that reach past their place", () => {
    const lying = box("stco", uint(0, 4), uint(1_000_000, 4), uint(first, 4));
    asItIs(Buffer.concat([start, pictures, moovOf(lying)]));
    asItIs(Buffer.concat([start, pictures, moovOf(Buffer.concat([uint(9_999, 4), Buffer.from("stco")]))]));
    asItIs(Buffer.concat([start, pictures, moovOf(box("stco"))]));
  });

  it("containers nested without end are not followed", () => {
    let deep = Buffer.alloc(0);
    for (let i = 0; i < 2_000; i++) deep = box("moov", deep);
    expect(sent(Buffer.concat([start, pictures, deep])).length).toBe(start.length + pictures.length + deep.length);
  });

  it("any bytes: nothing is lost, nothing is added, nothing is thrown", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const file = Buffer.concat([start, pictures, moovOf(Buffer.from(noise))]);
        expect([...sent(file)].sort().length).toBe(file.length);
        expect(sent(Buffer.from(noise)).length).toBe(noise.length);
      }),
    );
  });
});
