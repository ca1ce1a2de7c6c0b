/** Vectors of segments, deltas and the state digest. */

import { concatBytes, digestOf, utf8Of } from "../../shared/bytes.ts";
import { formatDeltaLine } from "../../shared/delta.ts";
import { formatEntry } from "../../shared/entries/index.ts";
import type { SegmentPlace } from "../../shared/segment.ts";
import { entryIdOf, stateDigest } from "../../shared/state.ts";
import { numberedHashEntry } from "../../shared/testing/examples.ts";
import { storedGzip, zerosGzip } from "./gzip-by-hand.ts";
import { type NamedVector, spelled, vector } from "./named-vector.ts";

const PLACE = { kind: "delta", publisher: "hotline.example", release: 7, set: "verified" } as SegmentPlace;
const HEADER = `{"kind":"delta","publisher":"hotline.example","release":7,"salt":"${"ab".repeat(32)}","set":"verified","v":1}`;
const DELETION = `{"id":"${"c".repeat(32)}","op":"del","why":"withdrawn"}`;

async function packed(
  title: string,
  expect: string,
  bytes: Uint8Array,
  plain: number,
  ref: object = {},
  gives?: unknown,
): Promise<NamedVector> {
  const stated = { digest: await digestOf(bytes), plain, size: bytes.length, ...ref };
  return vector("segment", title, expect, { bytes: spelled(bytes), ref: stated, place: PLACE }, gives);
}

function fromText(
  title: string,
  expect: string,
  text: string,
  ref: object = {},
  gives?: unknown,
): Promise<NamedVector> {
  const plain = utf8Of(text);
  return packed(title, expect, storedGzip(plain), plain.length, ref, gives);
}

async function gzipVectors(): Promise<NamedVector[]> {
  const plain = utf8Of(`${HEADER}\n${DELETION}\n`);
  const member = storedGzip(plain);
  const named = concatBytes([
    member.subarray(0, 3),
    Uint8Array.of(8),
    member.subarray(4, 10),
    utf8Of("name\0"),
    member.subarray(10),
  ]);
  const wrongSum = Uint8Array.from(member);
  wrongSum[wrongSum.length - 8] = (wrongSum[wrongSum.length - 8] as number) ^ 1;
  return [
    await packed("one delta line", "ok", member, plain.length, {}, { lines: [DELETION] }),
    await packed("digest mismatch", "segment_digest", member, plain.length, { digest: `sha256:${"0".repeat(64)}` }),
    await packed("shorter than stated", "segment_size", member, plain.length, { size: member.length + 1 }),
    await packed("unpacks to more than stated", "segment_size", member, plain.length - 1),
    await packed("unpacks to less than stated", "segment_size", member, plain.length + 1),
    await packed("stated above the limit", "segment_size", member, 2 ** 30),
    await packed("second member of the same length", "segment_gzip", concatBytes([member, member]), plain.length),
    await packed(
      "second member that is empty",
      "segment_size",
      concatBytes([member, storedGzip(new Uint8Array(0))]),
      plain.length,
    ),
    await packed("trailing zero byte", "segment_size", concatBytes([member, Uint8Array.of(0)]), plain.length),
    await packed(
      "trailing bytes that look like the end",
      "segment_gzip",
      concatBytes([member, member.subarray(-8)]),
      plain.length,
    ),
    await packed("cut", "segment_size", member.subarray(0, -1), plain.length),
    await packed("wrong checksum", "segment_gzip", wrongSum, plain.length),
    await packed("name in the gzip header", "segment_gzip", named, plain.length),
    await packed("not gzip", "segment_gzip", plain, plain.length),
    await packed(
      "picture",
      "segment_gzip",
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Array(40).fill(0)),
      100,
    ),
    // A megabyte from 7 kB, whose trailer says 200 bytes: the decoder must stop at 200.
    await packed("gzip bomb that lies about its length", "segment_gzip", zerosGzip(4064, 200), 200),
    await packed("gzip bomb that tells its length", "segment_size", zerosGzip(4064, 1 + 4064 * 258), 200),
  ];
}

async function lineVectors(): Promise<NamedVector[]> {
  const header = (change: [string, string]) => `${HEADER.replace(...change)}\n${DELETION}\n`;
  return [
    await fromText("header only", "ok", `${HEADER}\n`, {}, { lines: [] }),
    await fromText("line of 16 KiB", "ok", `${HEADER}\n${"x".repeat(16_384)}\n`),
    await fromText("line above 16 KiB", "segment_line", `${HEADER}\n${"x".repeat(16_385)}\n`),
    await fromText("line above 16 KiB in bytes only", "segment_line", `${HEADER}\n${"ä".repeat(8192)}x\n`),
    await fromText("no final line feed", "segment_line", `${HEADER}\n${DELETION}`),
    await fromText("empty line", "segment_line", `${HEADER}\n\n${DELETION}\n`),
    await packed(
      "not UTF-8",
      "segment_line",
      storedGzip(concatBytes([utf8Of(`${HEADER}\n`), Uint8Array.of(0xff, 0x0a)])),
      HEADER.length + 3,
    ),
    await fromText("header of another set", "segment_header", header(['"verified"', '"other"'])),
    await fromText("header of another publisher", "segment_header", header(["hotline.example", "other.example"])),
    await fromText("header of another release", "segment_header", header(['"release":7', '"release":8'])),
    await fromText("header of another kind", "segment_header", header(['"delta"', '"snapshot"'])),
    await fromText("header of another version", "segment_header", header(['"v":1', '"v":2'])),
    await fromText("header with another member", "segment_header", header(['"v":1', '"v":1,"x":1'])),
    await fromText("header with a short salt", "segment_header", header(["ab".repeat(32), "ab".repeat(31)])),
    await fromText("header that is not canonical", "segment_header", header([":7", ": 7"])),
  ];
}

function deltaVectors(): NamedVector[] {
  const [one, two] = [numberedHashEntry(1), numberedHashEntry(2)].sort((a, b) => (a.id < b.id ? -1 : 1)) as [
    ReturnType<typeof numberedHashEntry>,
    ReturnType<typeof numberedHashEntry>,
  ];
  const put = (entry: typeof one) => formatDeltaLine({ op: "put", id: entry.id, line: formatEntry(entry) });
  const del = (id: string) => formatDeltaLine({ op: "del", id, why: "withdrawn" });
  const make = (title: string, expect: string, lines: string[], entries: string[] = [], gives?: unknown) =>
    vector("delta", title, expect, { lines, entries }, gives);
  return [
    make("put and delete", "ok", [put(one), del(two.id)], [formatEntry(two)], { entries: [one.id] }),
    make("delete of an unknown id", "ok", [del(two.id)], [formatEntry(one)], { entries: [one.id] }),
    make("replace", "ok", [put(one)], [formatEntry(one)], { entries: [one.id] }),
    make("not sorted", "segment_order", [put(two), put(one)]),
    make("an id twice", "segment_order", [put(one), del(one.id)]),
    make("deletion with a value", "segment_line", [
      `{"id":"${one.id}","op":"del","value":"${one.value}","why":"withdrawn"}`,
    ]),
    make("deletion with a reason in words", "segment_line", [`{"id":"${one.id}","op":"del","why":"it was an adult"}`]),
    make("unknown op", "segment_line", [`{"id":"${one.id}","op":"hide"}`]),
    make("no object", "segment_line", ["[]"]),
    make("not canonical", "jcs_invalid", [`{"op":"del","id":"${one.id}","why":"expired"}`]),
    make("repeated member", "jcs_invalid", [`{"id":"${one.id}","id":"${one.id}","op":"del","why":"expired"}`]),
  ];
}

async function stateVectors(): Promise<NamedVector[]> {
  const lines = Array.from({ length: 12 }, (_, i) => formatEntry(numberedHashEntry(i))).sort((a, b) =>
    entryIdOf(a) < entryIdOf(b) ? -1 : 1,
  );
  const state = await stateDigest(lines);
  const make = (title: string, expect: string, given: string[], stated?: string, gives?: unknown) =>
    vector("state", title, expect, { lines: given, ...(stated === undefined ? {} : { state: stated }) }, gives);
  return [
    make("no entries", "ok", [], undefined, { state: await stateDigest([]) }),
    make("twelve entries", "ok", lines, state, { state }),
    make("one entry is missing", "state_digest", lines.slice(1), state),
    make(
      "one entry was changed",
      "state_digest",
      lines.map((line, i) => (i === 5 ? line.replace('"review"', '"observe"') : line)),
      state,
    ),
    make("not sorted", "segment_order", [...lines].reverse()),
    make("an id twice", "segment_order", [lines[0] as string, lines[0] as string]),
    make("line without an id", "segment_line", ["{}"]),
  ];
}

export async function segmentVectors(): Promise<NamedVector[]> {
  return [...(await gzipVectors()), ...(await lineVectors()), ...deltaVectors(), ...(await stateVectors())];
}
