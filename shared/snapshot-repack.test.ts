/** Erasing: only what held a line of the erased entries is made anew, and nothing that stays has one. */

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { ComposeInput, NewChange } from "./compose.ts";
import { parseDeltaLine } from "./delta.ts";
import { formatEntry } from "./entries/index.ts";
import type { EntryId } from "./ids.ts";
import { DELTAS_MAX, type Manifest, manifestBlobs, parseIndex } from "./manifest.ts";
import type { OpenedRoot } from "./root.ts";
import { decodeSegment } from "./segment.ts";
import { entryIdOf, stateDigest } from "./state.ts";
import {
  type ExamplePublisher,
  type ExampleRelease,
  exampleKeys,
  exampleOpenedRoot,
  exampleRelease,
  numberedHashEntry,
} from "./testing/examples.ts";
import { heldSnapshotOf } from "./testing/held-snapshot.ts";
import { fixedRandom } from "./testing/keys.ts";

const ENTRIES = 60;
const LINES_EACH = 4;
const SEGMENTS = ENTRIES / LINES_EACH;

let keys: ExamplePublisher;
let root: OpenedRoot;
beforeAll(async () => {
  keys = await exampleKeys();
  root = await exampleOpenedRoot(keys);
});

const idOf = (number: number) => numberedHashEntry(number).id as string;
const lineOf = (number: number, action: "review" | "observe" = "review") =>
  formatEntry({ ...numberedHashEntry(number), requested_action: action });
const put = (number: number, action?: "observe"): NewChange => ({ op: "put", line: lineOf(number, action) });
/** The same value, listed again under another id. */
const relistedId = (number: number, times = 1) => idOf(10_000 * times + number);
const relist = (number: number, times = 1): NewChange => ({
  op: "put",
  line: formatEntry({ ...numberedHashEntry(number), id: relistedId(number, times) as EntryId }),
});
const del = (number: number): NewChange => ({ op: "del", id: idOf(number), why: "withdrawn" });

/** A set of small segments whose releases and blobs are remembered. */
class TestedSet {
  readonly entries = new Map<string, string>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly releases: ExampleRelease[] = [];
  read: number[] = [];

  static async open(): Promise<TestedSet> {
    const set = new TestedSet();
    for (let number = 0; number < ENTRIES; number++) set.entries.set(idOf(number), lineOf(number));
    await set.release([]);
    return set;
  }

  get last(): ExampleRelease {
    return this.releases.at(-1) as ExampleRelease;
  }

  async release(changes: NewChange[], input: Partial<ComposeInput> = {}): Promise<ExampleRelease> {
    for (const change of changes) {
      if (change.op === "put") this.entries.set(entryIdOf(change.line), change.line);
      else this.entries.delete(change.id);
    }
    const release = await exampleRelease(keys, root, {
      ...(this.releases.length > 0 && { previous: { ...this.last.opened, manifest: this.last.manifest } }),
      ...{ entries: this.entries, changes, random: fixedRandom(this.releases.length + 1) },
      packing: { linesEach: LINES_EACH },
      ...input,
    });
    for (const { digest, bytes } of release.blobs) this.blobs.set(digest, bytes);
    this.releases.push(release);
    return release;
  }

  async erase(changes: NewChange[]): Promise<ExampleRelease> {
    this.read = [];
    return this.release(changes, { purpose: "erasure", held: await this.held() });
  }

  held() {
    const ids = new Set(this.entries.keys());
    return heldSnapshotOf(this.last.manifest, this.blobs, { ids, onRead: (at) => this.read.push(at) });
  }

  indexOf({ snapshot }: Manifest) {
    return parseIndex(this.blobs.get(snapshot.index) as Uint8Array, snapshot);
  }

  async linesOf(ref: { segment: string; size: number; plain: number }): Promise<string[]> {
    const bytes = this.blobs.get(ref.segment) as Uint8Array;
    return (await decodeSegment(bytes, { ...ref, digest: ref.segment as never })).lines;
  }

  /** All that holders keep of this release: bodies and deletions. */
  async kept({ manifest }: ExampleRelease): Promise<{ snapshot: string[]; deltas: string[]; all: string }> {
    const snapshot: string[] = [];
    for (const row of await this.indexOf(manifest)) snapshot.push(...(await this.linesOf(row)));
    const deltas: string[] = [];
    for (const row of manifest.deltas) for (const one of row.segments) deltas.push(...(await this.linesOf(one)));
    return { snapshot, deltas, all: [...snapshot, ...deltas].join("\n") };
  }
}

const hashOf = (number: number) => (numberedHashEntry(number) as { value: string }).value;

describe("an erasure", () => {
  it("packs one segment anew under a new salt, keeps the release and every other digest, and reads little", async () => {
    const set = await TestedSet.open();
    await set.release([put(100)]);
    const before = set.last.manifest;
    const erased = await set.erase([del(7)]);
    const { snapshot } = erased.manifest;
    expect(snapshot).toMatchObject({ release: 1, entries: ENTRIES - 1 });
    const [was, is] = [await set.indexOf(before), await set.indexOf(erased.manifest)];
    expect(is).toHaveLength(SEGMENTS);
    const changed = is.filter((row, at) => row.segment !== was[at]?.segment);
    expect(changed).toHaveLength(1);
    expect(is.map(({ from }) => from)).toEqual(was.map(({ from }) => from));
    // The delta, the segment, the index and the manifest: nothing else is made.
    expect(erased.blobs).toHaveLength(4);
    expect(set.read.length).toBeLessThanOrEqual(3);
    const { snapshot: lines, all } = await set.kept(erased);
    expect(snapshot.state).toBe(await stateDigest(lines));
    expect(all).not.toContain(hashOf(7));
    expect(all).toContain(idOf(7));
    expect(erased.manifest.purge_by - erased.statement.iat).toBe(86_400);
    // A delta without the entry stays: who follows needs no snapshot.
    expect(erased.manifest.deltas.map(({ release }) => release)).toEqual([2, 3]);
  });

  it("lists no delta from before the entry was put there, nor the one that put it", async () => {
    const set = await TestedSet.open();
    await set.release([put(200)]);
    await set.release([put(201)]);
    // A quarter of the snapshot changes: release 4 has one of its own, which holds 200 and 201.
    await set.release(Array.from({ length: 40 }, (_, at) => put(300 + at)));
    expect(set.last.manifest.snapshot.release).toBe(4);
    await set.release([put(202)]);
    const erased = await set.erase([del(200)]);
    expect(erased.manifest.snapshot.release).toBe(4);
    expect(erased.manifest.deltas.map(({ release }) => release)).toEqual([3, 4, 5, 6]);
    expect((await set.kept(erased)).all).not.toContain(hashOf(200));
  });

  it("makes a whole snapshot when a delta after the snapshot carried the entry", async () => {
    const set = await TestedSet.open();
    await set.release([put(100)]);
    await set.release([put(101)]);
    const erased = await set.erase([del(100)]);
    expect(erased.manifest.snapshot.release).toBe(4);
    expect(erased.manifest.deltas.map(({ release }) => release)).toEqual([3, 4]);
    const { snapshot, all } = await set.kept(erased);
    expect(all).not.toContain(hashOf(100));
    expect([...snapshot].sort()).toEqual([...set.entries.values()].sort());
  });

  it("takes what was withdrawn before out of the snapshot as well", async () => {
    const set = await TestedSet.open();
    const withdrawn = await set.release([del(9)]);
    expect((await set.kept(withdrawn)).all).toContain(hashOf(9));
    const erased = await set.erase([]);
    expect((await set.kept(erased)).all).not.toContain(hashOf(9));
    expect(erased.manifest).toMatchObject({ entries: ENTRIES - 1, snapshot: { release: 1, entries: ENTRIES - 1 } });
  });

  it("takes the earlier line of what it replaces", async () => {
    const set = await TestedSet.open();
    const erased = await set.erase([put(5, "observe")]);
    const { all } = await set.kept(erased);
    expect(all).not.toContain(lineOf(5));
    expect(all.split(hashOf(5))).toHaveLength(2);
  });

  it("of whole segments leaves ranges that still cover every id", async () => {
    const set = await TestedSet.open();
    const ids = [...set.entries.keys()].sort();
    const going = [...ids.slice(0, LINES_EACH), ...ids.slice(2 * LINES_EACH, 3 * LINES_EACH)];
    const erased = await set.erase(going.map((id) => ({ op: "del", id, why: "withdrawn" })));
    expect(await set.indexOf(erased.manifest)).toHaveLength(SEGMENTS - 2);
    expect((await set.kept(erased)).snapshot).toEqual(
      [...set.entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line),
    );
    const all = await set.erase([...set.entries.keys()].map((id) => ({ op: "del", id, why: "withdrawn" })));
    expect(await set.indexOf(all.manifest)).toEqual([]);
    expect(all.manifest).toMatchObject({ entries: 0, snapshot: { entries: 0, state: await stateDigest([]) } });
  });

  it("takes out of the snapshot the line that its value had under an earlier id", async () => {
    const set = await TestedSet.open();
    await set.release([del(9)]);
    await set.release([relist(9)]);
    const id = relistedId(9);
    const erased = await set.erase([{ op: "del", id, why: "withdrawn" }]);
    const { all } = await set.kept(erased);
    expect(all).not.toContain(hashOf(9));
    expect(all).toContain(id);
  });

  it("lists no delta that put a line which is withdrawn since, though it came after the snapshot", async () => {
    const set = await TestedSet.open();
    await set.release([put(100)]);
    await set.release([del(100)]);
    await set.release([put(101)]);
    const erased = await set.erase([del(7)]);
    expect((await set.kept(erased)).all).not.toContain(hashOf(100));
    expect(erased.manifest.snapshot.release).toBe(5);
    expect(erased.manifest.deltas.map(({ release }) => release)).toEqual([3, 4, 5]);
  });

  it("keeps what was withdrawn and put again under the same id", async () => {
    const set = await TestedSet.open();
    await set.release([del(9)]);
    await set.release([put(9)]);
    const erased = await set.erase([del(7)]);
    expect(erased.manifest).toMatchObject({ snapshot: { release: 1, entries: ENTRIES - 1 } });
    expect(erased.manifest.deltas.map(({ release }) => release)).toEqual([2, 3, 4]);
  });

  it("with nothing to take away makes no new snapshot and reads no segment of it", async () => {
    const set = await TestedSet.open();
    const { snapshot } = set.last.manifest;
    expect((await set.erase([])).manifest.snapshot).toEqual(snapshot);
    expect(set.read).toEqual([]);
  });

  it("of an entry that is still in the set is refused", async () => {
    const set = await TestedSet.open();
    const held = { ...(await set.held()), lackedIds: () => [idOf(4)] };
    await expect(set.release([], { purpose: "erasure", held })).rejects.toMatchObject({ code: "delta_invalid" });
  });

  it("is refused when what is held is not the snapshot", async () => {
    const set = await TestedSet.open();
    const held = await set.held();
    const buckets = [...held.buckets].reverse();
    await expect(set.release([del(3)], { purpose: "erasure", held: { ...held, buckets } })).rejects.toMatchObject({
      code: "state_digest",
    });
  });
});

describe("any sequence of publishing, withdrawing and erasing", () => {
  const one = fc.record({
    act: fc.constantFrom(
      "publish" as const,
      "change" as const,
      "relist" as const,
      "withdraw" as const,
      "erase" as const,
    ),
    numbers: fc.uniqueArray(fc.nat({ max: ENTRIES + 20 }), { minLength: 1, maxLength: 4 }),
  });

  it("leaves of an erased entry no line anywhere until it is put again, and the state that its lines have", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 10 }), async (steps) => {
        const set = await TestedSet.open();
        const erased = new Set<number>();
        const relisted = new Map<number, number>();
        const idsOf = (number: number) => [
          idOf(number),
          ...Array.from({ length: relisted.get(number) ?? 0 }, (_, n) => relistedId(number, n + 1)),
        ];
        for (const { act, numbers } of steps) {
          const isPut = act === "publish" || act === "change" || act === "relist";
          const changes = numbers.flatMap((number): NewChange[] => {
            if (act === "publish" || act === "change") return [put(number, "observe")];
            const gone = idsOf(number).map((id): NewChange => ({ op: "del", id, why: "withdrawn" }));
            // Every id that has the value, of which all but one were withdrawn before.
            const held = gone.filter((change) => change.op === "del" && set.entries.has(change.id));
            if (act !== "relist") return held;
            const times = (relisted.get(number) ?? 0) + 1;
            relisted.set(number, times);
            return [...held, relist(number, times)];
          });
          const release = act === "erase" ? await set.erase(changes) : await set.release(changes);
          for (const number of numbers) {
            if (act === "erase") erased.add(number);
            else if (isPut) erased.delete(number);
          }
          const { snapshot, deltas, all } = await set.kept(release);
          if (act === "erase") {
            const puts = deltas.map((line) => parseDeltaLine(line)).filter(({ op }) => op === "put");
            for (const id of [...snapshot.map(entryIdOf), ...puts.map(({ id }) => id)])
              expect(set.entries.has(id)).toBe(true);
          }
          expect(release.manifest.snapshot.state).toBe(await stateDigest(snapshot));
          for (const number of erased) expect(all).not.toContain(hashOf(number));
          // Nothing is made that nobody asks for.
          const named = manifestBlobs(release.manifest);
          for (const { segment } of await set.indexOf(release.manifest)) named.add(segment);
          named.add(release.statement.manifest);
          for (const { digest } of release.blobs) expect(named).toContain(digest);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("a set that only says that it is alive", () => {
  it("keeps its snapshot's segments when the list of deltas is full, and packs anew once an entry changed", async () => {
    const set = await TestedSet.open();
    const { snapshot } = set.last.manifest;
    for (let n = 0; n < DELTAS_MAX; n++) await set.release([]);
    expect(set.last.manifest.snapshot).toEqual(snapshot);
    const renewed = await set.release([]);
    expect(renewed.manifest.snapshot).toEqual({ ...snapshot, release: DELTAS_MAX + 2 });
    expect(renewed.blobs).toHaveLength(1);
    await set.release([put(70)]);
    for (let n = 0; n < DELTAS_MAX; n++) await set.release([]);
    const { manifest } = set.last;
    expect(manifest.snapshot).toMatchObject({ release: 2 * DELTAS_MAX + 3, entries: ENTRIES + 1 });
    expect((await set.kept(set.last)).snapshot).toContain(lineOf(70));
  });
});

describe("without the snapshot before", () => {
  it("an erasure makes it anew as a whole and lists its own delta alone", async () => {
    const set = await TestedSet.open();
    await set.release([put(100)]);
    const erased = await set.release([del(7)], { purpose: "erasure" });
    expect(erased.manifest.snapshot.release).toBe(3);
    expect(erased.manifest.deltas.map(({ release }) => release)).toEqual([3]);
  });
});
