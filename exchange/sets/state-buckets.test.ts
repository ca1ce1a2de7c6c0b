import type { Digest } from "@breakwater/shared/bytes.ts";
import { FIRST_ENTRY_ID, type SnapshotIndex } from "@breakwater/shared/manifest.ts";
import { stateDigest } from "@breakwater/shared/state.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SnapshotLine } from "./lines.ts";
import { openStateBuckets, stateOf } from "./state-buckets.ts";

const lineOf = (id: string): SnapshotLine => ({ id, line: `{"id":"${id}"}` });
const NONE = new Uint8Array(0);

/** Lines cut into segments at these places, as an index lists them. */
function cut(ids: readonly string[], cuts: readonly number[]) {
  const places = [...new Set(cuts.map((at) => at % Math.max(1, ids.length)))]
    .filter((at) => at > 0)
    .sort((a, b) => a - b);
  const segments = [0, ...places].map((from, n) => ids.slice(from, places[n] ?? ids.length).map(lineOf));
  const filled = segments.filter((lines) => lines.length > 0);
  const index = filled.map((lines, at) => ({
    entries: lines.length,
    from: at === 0 ? FIRST_ENTRY_ID : (lines[0] as SnapshotLine).id,
    plain: 1,
    segment: `sha256:${"0".repeat(64)}` as Digest,
    size: 1,
  })) as unknown as SnapshotIndex;
  return { index, segments: filled };
}

const Ids = fc
  .uniqueArray(fc.uint8Array({ minLength: 16, maxLength: 16 }), { maxLength: 40, selector: (bytes) => bytes.join() })
  .chain((list) =>
    fc.constantFrom(256, 8, 1).map((spread) => {
      // A set smaller than a segment has all buckets in one; a large one has a bucket in many.
      for (const bytes of list) bytes[0] = (bytes[0] as number) % spread;
      return list.map((bytes) => Buffer.from(bytes).toString("hex")).sort();
    }),
  );

describe("the state of a snapshot, segment by segment", () => {
  it("is the state of its lines, wherever they are cut and whenever a run ends", async () => {
    await fc.assert(
      fc.asyncProperty(Ids, fc.array(fc.nat(40)), fc.array(fc.boolean()), async (ids, cuts, ends) => {
        const { index, segments } = cut(ids, cuts);
        const read = async (at: number) => segments[at] as SnapshotLine[];
        let held: Uint8Array = NONE;
        let run = openStateBuckets(index, held, read);
        for (const [at, lines] of segments.entries()) {
          held = await run.add(at, lines);
          if (ends[at % ends.length] === true) run = openStateBuckets(index, held, read);
        }
        expect(await stateOf(await run.finish())).toBe(await stateDigest(ids.map((id) => lineOf(id).line)));
      }),
      { numRuns: 300 },
    );
  });

  it("reads nothing twice while one run goes on", async () => {
    const ids = Array.from({ length: 60 }, (_, at) => (at * 4).toString(16).padStart(2, "0").padEnd(32, "1"));
    const { index, segments } = cut(ids, [10, 20, 30, 40, 50]);
    const run = openStateBuckets(index, NONE, () => Promise.reject(new Error("read again")));
    for (const [at, lines] of segments.entries()) await run.add(at, lines);
    expect(await stateOf(await run.finish())).toBe(await stateDigest(ids.map((id) => lineOf(id).line)));
  });

  it("goes on with a reading of the segments that hold the open bucket, and no others", async () => {
    const ids = Array.from({ length: 60 }, (_, at) => (at * 4).toString(16).padStart(2, "0").padEnd(32, "1"));
    const { index, segments } = cut(ids, [10, 20, 30, 40, 50]);
    const first = openStateBuckets(index, NONE, () => Promise.reject(new Error("read again")));
    let held: Uint8Array = NONE;
    for (const at of [0, 1, 2, 3]) held = await first.add(at, segments[at] as SnapshotLine[]);
    const again: number[] = [];
    const second = openStateBuckets(index, held, async (at) => {
      again.push(at);
      return segments[at] as SnapshotLine[];
    });
    for (const at of [4, 5]) await second.add(at, segments[at] as SnapshotLine[]);
    expect(again).toEqual([3]);
    expect(await stateOf(await second.finish())).toBe(await stateDigest(ids.map((id) => lineOf(id).line)));
  });

  it("is found also when earlier steps kept nothing, by reading all of it", async () => {
    const ids = ["00", "7f", "ff"].map((prefix) => prefix.padEnd(32, "2"));
    const { index, segments } = cut(ids, [1, 2]);
    const run = openStateBuckets(index, NONE, async (at) => segments[at] as SnapshotLine[]);
    await run.add(2, segments[2] as SnapshotLine[]);
    expect(await stateOf(await run.finish())).toBe(await stateDigest(ids.map((id) => lineOf(id).line)));
  });

  it("of nothing is the state of nothing", async () => {
    const run = openStateBuckets([], NONE, () => Promise.reject(new Error("nothing to read")));
    expect(await stateOf(await run.add(0, []))).toBe(await stateDigest([]));
  });
});
