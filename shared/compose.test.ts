/** Composing: whatever is put and deleted, every way a subscriber can take ends in the state that was signed. */

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Bytes } from "./bytes.ts";
import { type ComposeInput, composeBlobs, composeRelease, type NewChange } from "./compose.ts";
import { applyChanges, parseDelta } from "./delta.ts";
import { formatEntry, parseEntry } from "./entries/index.ts";
import { gzip } from "./gzip.ts";
import { DELTAS_MAX, type Manifest, parseIndex, parseManifest } from "./manifest.ts";
import { checkNext } from "./release.ts";
import type { OpenedRoot } from "./root.ts";
import { decodeSegment } from "./segment.ts";
import { entryIdOf, stateDigest } from "./state.ts";
import {
  type ExamplePublisher,
  type ExampleRelease,
  exampleAbout,
  exampleKeys,
  exampleOpenedRoot,
  exampleRelease,
  NOW,
  numberedHashEntry,
} from "./testing/examples.ts";
import { heldSnapshotOf } from "./testing/held-snapshot.ts";
import { fixedRandom } from "./testing/keys.ts";
import { outcome } from "./testing/refusal.ts";

let keys: ExamplePublisher;
let root: OpenedRoot;
const SMALL_SEGMENT_LINES = 3;
const POOL = Array.from({ length: 40 }, (_, i) => numberedHashEntry(i));
const lineOf = (number: number, action = "review") =>
  formatEntry({ ...(POOL[number] as (typeof POOL)[number]), requested_action: action as "review" });

beforeAll(async () => {
  keys = await exampleKeys();
  root = await exampleOpenedRoot(keys);
});

type Blobs = Map<string, Uint8Array>;
const keep = (blobs: Blobs, release: ExampleRelease) => {
  for (const { digest, bytes } of release.blobs) blobs.set(digest, bytes);
};

async function loadDelta(
  manifest: Manifest,
  blobs: Blobs,
  release: number,
  entries: Map<string, string>,
): Promise<void> {
  const row = manifest.deltas.find((delta) => delta.release === release);
  if (row === undefined) throw new Error(`no delta ${release}`);
  for (const { segment, size, plain } of row.segments) {
    const place = { kind: "delta", publisher: manifest.publisher, set: manifest.set, release } as const;
    const { lines } = await decodeSegment(blobs.get(segment) as Uint8Array, { digest: segment, size, plain }, place);
    applyChanges(entries, parseDelta(lines));
  }
}

/** As a new subscriber: snapshot, its state digest, then the deltas after it. */
async function loadWhole(manifest: Manifest, blobs: Blobs): Promise<Map<string, string>> {
  const { snapshot } = manifest;
  const lines: string[] = [];
  for (const row of await parseIndex(blobs.get(snapshot.index) as Uint8Array, snapshot)) {
    const place = {
      kind: "snapshot",
      publisher: manifest.publisher,
      set: manifest.set,
      release: snapshot.release,
    } as const;
    const segment = await decodeSegment(blobs.get(row.segment) as Uint8Array, { ...row, digest: row.segment }, place);
    expect(segment.lines).toHaveLength(row.entries);
    lines.push(...segment.lines);
  }
  expect(await stateDigest(lines)).toBe(snapshot.state);
  for (const line of lines) parseEntry("hash", line);
  const entries = new Map(lines.map((line) => [entryIdOf(line), line]));
  for (let release = snapshot.release + 1; release <= manifest.release; release++)
    await loadDelta(manifest, blobs, release, entries);
  expect(entries.size).toBe(manifest.entries);
  return entries;
}

const sorted = (entries: ReadonlyMap<string, string>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

type Step = {
  puts: { number: number; action: string }[];
  dels: number[];
  inPart: boolean;
  purpose: ComposeInput["purpose"];
};
const step: fc.Arbitrary<Step> = fc.record({
  puts: fc.uniqueArray(fc.record({ number: fc.nat({ max: 39 }), action: fc.constantFrom("review", "observe") }), {
    maxLength: 6,
    selector: ({ number }) => number,
  }),
  dels: fc.uniqueArray(fc.nat({ max: 39 }), { maxLength: 4 }),
  inPart: fc.boolean(),
  purpose: fc.constantFrom(
    undefined,
    undefined,
    undefined,
    "erasure" as const,
    "erasure" as const,
    "recovery" as const,
  ),
});

/** Apply a step to the entries and give the changes that say so. */
function take({ puts, dels }: Step, entries: Map<string, string>, isFirst: boolean): NewChange[] {
  const changes: NewChange[] = [];
  for (const { number, action } of puts) {
    const line = lineOf(number, action);
    entries.set(entryIdOf(line), line);
    changes.push({ op: "put", line });
  }
  for (const number of isFirst ? [] : dels) {
    const { id } = POOL[number] as (typeof POOL)[number];
    if (puts.some((put) => put.number === number)) continue;
    entries.delete(id);
    changes.push({ op: "del", id, why: "withdrawn" });
  }
  return changes;
}

describe("any sequence of releases", () => {
  it("ends, for a new and for a following subscriber, in the entries that the publisher has", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.integer(), async (steps, seed) => {
        const entries = new Map<string, string>();
        const blobs: Blobs = new Map();
        const random = fixedRandom(seed);
        let previous: (ExampleRelease["opened"] & { manifest: Manifest }) | undefined;
        let following = new Map<string, string>();
        for (const given of steps) {
          const ids = new Set(entries.keys());
          const changes = take(given, entries, previous === undefined);
          const packing = { linesEach: SMALL_SEGMENT_LINES };
          const input: Partial<ComposeInput> = { entries, changes, random, packing, purpose: given.purpose };
          if (previous !== undefined) {
            input.previous = previous;
            if (given.inPart) input.held = await heldSnapshotOf(previous.manifest, blobs, { ids });
          }
          const release = await exampleRelease(keys, root, input);
          keep(blobs, release);
          expect(checkNext(previous, release.opened)).toBe("next");
          const manifest = await parseManifest(release.manifestBytes, release.statement);
          const own = manifest.deltas.find((row) => row.release === manifest.release);
          if (own === undefined) following = await loadWhole(manifest, blobs);
          else await loadDelta(manifest, blobs, manifest.release, following);
          expect(sorted(following)).toEqual(sorted(entries));
          expect(sorted(await loadWhole(manifest, blobs))).toEqual(sorted(entries));
          previous = { ...release.opened, manifest };
        }
      }),
      { numRuns: 40 },
    );
  });
});

async function chain(count: number): Promise<{ releases: ExampleRelease[]; entries: Map<string, string> }> {
  // The first release is large, so that small deltas never weigh a quarter of its snapshot.
  const entries = new Map(
    Array.from({ length: 3000 }, (_, i) => numberedHashEntry(i + 100)).map((entry) => [
      entry.id as string,
      formatEntry(entry),
    ]),
  );
  const releases = [await exampleRelease(keys, root, { entries })];
  for (let i = 0; releases.length < count; i++) {
    const line = lineOf(i % 40, i % 80 < 40 ? "review" : "observe");
    entries.set(entryIdOf(line), line);
    const last = releases.at(-1) as ExampleRelease;
    const previous = { ...last.opened, manifest: last.manifest };
    releases.push(
      await exampleRelease(keys, root, {
        previous,
        entries,
        changes: [{ op: "put", line }],
        random: fixedRandom(i + 1),
      }),
    );
  }
  return { releases, entries };
}

describe("the list of deltas and the snapshot", () => {
  it("release 1 has a snapshot and no deltas, also when it is empty", async () => {
    const { manifest, blobs } = await exampleRelease(keys, root);
    expect(manifest).toMatchObject({
      release: 1,
      entries: 0,
      deltas: [],
      snapshot: { release: 1, entries: 0, bytes: 0 },
    });
    expect(blobs).toHaveLength(2);
  });

  it("a small change costs a delta, and the snapshot stays", async () => {
    const { releases } = await chain(3);
    const [first, second, third] = releases as [ExampleRelease, ExampleRelease, ExampleRelease];
    expect(third.manifest.snapshot).toEqual(first.manifest.snapshot);
    expect(third.manifest.deltas.map((row) => [row.release, row.statement])).toEqual([
      [2, second.digest],
      [3, undefined],
    ]);
    expect(third.blobs).toHaveLength(2);
  });

  it("lists 64 releases and then makes a snapshot", async () => {
    const { releases } = await chain(DELTAS_MAX + 2);
    const [before, last] = releases.slice(-2) as [ExampleRelease, ExampleRelease];
    expect(before.manifest.deltas).toHaveLength(DELTAS_MAX);
    expect(before.manifest.snapshot.release).toBe(1);
    expect(last.manifest.deltas).toHaveLength(DELTAS_MAX);
    expect(last.manifest.snapshot.release).toBe(last.manifest.release);
  });

  it("makes a snapshot when the deltas weigh a quarter of the last one", async () => {
    const { releases, entries } = await chain(1);
    const [first] = releases as [ExampleRelease];
    const changes: NewChange[] = [];
    for (let i = 0; i < 1000; i++) {
      const line = formatEntry(numberedHashEntry(i + 10_000));
      entries.set(entryIdOf(line), line);
      changes.push({ op: "put", line });
    }
    const { manifest } = await exampleRelease(keys, root, {
      previous: { ...first.opened, manifest: first.manifest },
      entries,
      changes,
    });
    expect(manifest.snapshot.release).toBe(2);
    expect(manifest.deltas.map((row) => row.release)).toEqual([2]);
  });

  it("a heartbeat is a row without segments", async () => {
    const { releases, entries } = await chain(1);
    const [first] = releases as [ExampleRelease];
    const { manifest, blobs } = await exampleRelease(keys, root, {
      previous: { ...first.opened, manifest: first.manifest },
      entries,
    });
    expect(manifest.deltas).toEqual([{ release: 2, segments: [] }]);
    expect(blobs).toHaveLength(1);
  });

  it("an erasure leaves nothing that held the entry, and a day to purge", async () => {
    const { releases, entries } = await chain(4);
    const last = releases.at(-1) as ExampleRelease;
    const id = entryIdOf(lineOf(1));
    entries.delete(id);
    const changes: NewChange[] = [{ op: "del", id, why: "withdrawn" }];
    const erased = await exampleRelease(keys, root, {
      previous: { ...last.opened, manifest: last.manifest },
      entries,
      changes,
      purpose: "erasure",
    });
    const before = new Set(releases.flatMap((release) => release.blobs.map((blob) => blob.digest)));
    expect(erased.blobs.filter((blob) => before.has(blob.digest))).toEqual([]);
    expect(erased.manifest.deltas.map((row) => row.release)).toEqual([5]);
    expect(erased.manifest.purge_by - erased.statement.iat).toBe(86_400);
  });

  it("the last release closes the set", async () => {
    const { releases, entries } = await chain(1);
    const [first] = releases as [ExampleRelease];
    const last = await exampleRelease(keys, root, {
      previous: { ...first.opened, manifest: first.manifest },
      entries,
      purpose: "last",
    });
    expect(last.statement.closed).toBe(true);
    expect(
      await outcome(() =>
        exampleRelease(keys, root, { previous: { ...last.opened, manifest: last.manifest }, entries }),
      ),
    ).toBe("release_closed");
  });
});

describe("large sets", () => {
  it("come in segments of 16,384 entries, each in its range", async () => {
    const lines = Array.from({ length: 16_384 * 2 + 5 }, (_, i) =>
      formatEntry({ ...numberedHashEntry(1), id: i.toString(16).padStart(32, "0") as never }),
    );
    const source = {
      count: lines.length,
      lines: async function* () {
        yield* lines;
      },
    };
    const release = await exampleRelease(keys, root, { entries: source });
    const blobs: Blobs = new Map();
    keep(blobs, release);
    const index = await parseIndex(blobs.get(release.manifest.snapshot.index) as Uint8Array, release.manifest.snapshot);
    expect(index.map((row) => row.entries)).toEqual([16_384, 16_384, 5]);
    expect((await loadWhole(release.manifest, blobs)).size).toBe(lines.length);
  });

  it("must come sorted and must be as many as stated", async () => {
    const lines = [lineOf(1), lineOf(2)].sort((a, b) => (entryIdOf(a) < entryIdOf(b) ? 1 : -1));
    expect(await outcome(() => exampleRelease(keys, root, { entries: { count: 2, lines: () => lines } }))).toBe(
      "segment_order",
    );
    expect(
      await outcome(() => exampleRelease(keys, root, { entries: { count: 3, lines: () => lines.reverse() } })),
    ).toBe("state_count");
  });
});

describe("a release composed a blob at a time", () => {
  const many = () =>
    new Map(
      Array.from({ length: 16_384 + 700 }, (_, i) => numberedHashEntry(i)).map((entry) => [
        entry.id as string,
        formatEntry(entry),
      ]),
    );
  const inputOf = (entries: Map<string, string>, changes: ComposeInput["changes"]): ComposeInput => ({
    entries,
    changes,
    about: exampleAbout(),
    publisher: "hotline.example",
    set: "verified",
    rootVersion: 1,
    now: NOW,
    random: fixedRandom(7),
  });
  const collect = async (input: ComposeInput) => {
    const blobs = [];
    const composing = composeBlobs(input);
    for (;;) {
      const step = await composing.next();
      if (step.done) return { ...step.value, blobs };
      blobs.push(step.value);
    }
  };
  const reversed = (lines: Map<string, string>) => [...lines].sort(([a], [b]) => (a < b ? 1 : -1));

  it("is the same release, from a map or from rows in order, with segments made ahead or one after the other", async () => {
    const entries = many();
    const whole = await composeRelease(inputOf(entries, []));
    const sorted = {
      count: entries.size,
      lines: () =>
        reversed(entries)
          .reverse()
          .map(([, line]) => line),
    };
    for (const ahead of [0, 1, 5]) {
      const source = inputOf(entries, []);
      expect(await collect({ ...source, entries: sorted, packing: { ahead }, random: fixedRandom(7) })).toEqual(whole);
    }
    const previous = { statement: whole.statement, digest: whole.digest, manifest: whole.manifest };
    const lines = [lineOf(1, "observe"), lineOf(3, "observe")];
    const changed = new Map([...entries, ...lines.map((line) => [entryIdOf(line), line] as const)]);
    const changes = lines.map((line): NewChange => ({ op: "put", line }));
    const byId = [...lines]
      .sort((a, b) => (entryIdOf(a) < entryIdOf(b) ? -1 : 1))
      .map((line): NewChange => ({ op: "put", line }));
    const next = await composeRelease({ ...inputOf(changed, changes), previous, random: fixedRandom(8) });
    const streamed = { ...inputOf(changed, { sorted: () => byId }), previous, random: fixedRandom(8) };
    expect(await collect(streamed)).toEqual(next);
  });

  it("packs with the gzip that it is given", async () => {
    let packed = 0;
    const compress = (plain: Bytes) => {
      packed += 1;
      return gzip(plain);
    };
    const blobs: Blobs = new Map();
    const release = await exampleRelease(keys, root, { entries: many(), packing: { compress } });
    keep(blobs, release);
    expect((await loadWhole(release.manifest, blobs)).size).toBe(16_384 + 700);
    expect(packed).toBe(2);
  });

  it("refuses changes that do not rise, and an entry in the snapshot of release 1 that is not valid", async () => {
    const entries = many();
    const first = await composeRelease(inputOf(entries, []));
    const previous = { statement: first.statement, digest: first.digest, manifest: first.manifest };
    const falling = {
      sorted: () =>
        reversed(entries)
          .slice(0, 2)
          .map(([, line]): NewChange => ({ op: "put", line })),
    };
    expect(await outcome(() => collect({ ...inputOf(entries, falling), previous }))).toBe("delta_invalid");
    const spoilt = { count: 1, lines: () => [lineOf(1).replace('"review"', '"burn"')] };
    expect(await outcome(() => collect({ ...inputOf(entries, []), entries: spoilt }))).toBe("entry_invalid");
  });
});

describe("what composing refuses before anybody signs", () => {
  const entriesOf = (...lines: string[]) => new Map(lines.map((line) => [entryIdOf(line), line]));

  it.each<[string, Partial<ComposeInput>, string]>([
    [
      "an id twice",
      {
        changes: [
          { op: "put", line: lineOf(1) },
          { op: "put", line: lineOf(1, "observe") },
        ],
        entries: entriesOf(lineOf(1)),
      },
      "delta_invalid",
    ],
    ["a put that the entries do not show", { changes: [{ op: "put", line: lineOf(1) }] }, "delta_invalid"],
    [
      "a deletion in release 1",
      { changes: [{ op: "del", id: POOL[0]?.id as string, why: "expired" }] },
      "delta_invalid",
    ],
    [
      "an entry that is not valid",
      { changes: [{ op: "put", line: lineOf(1).replace('"review"', '"burn"') }] },
      "entry_invalid",
    ],
    [
      "an entry of another kind",
      { about: exampleAbout("term"), changes: [{ op: "put", line: lineOf(1) }] },
      "entry_invalid",
    ],
    ["a description that is not valid", { about: { ...exampleAbout(), title: "" } }, "about_invalid"],
    ["a publisher that is no name", { publisher: "Hotline" }, "id_invalid"],
    ["root version 0", { rootVersion: 0 }, "release_invalid"],
    ["a fraction of a second", { now: NOW + 0.5 }, "manifest_invalid"],
  ])("%s", async (_, input, code) => {
    expect(await outcome(() => exampleRelease(keys, root, input))).toBe(code);
  });

  it("a clock that went back", async () => {
    const { releases, entries } = await chain(1);
    const [first] = releases as [ExampleRelease];
    const previous = { ...first.opened, manifest: first.manifest };
    expect(await outcome(() => exampleRelease(keys, root, { previous, entries, now: NOW - 10 }))).toBe("release_time");
  });
});

describe("the same input", () => {
  it("gives the same release, byte for byte", async () => {
    const input = {
      entries: new Map(),
      changes: [],
      about: exampleAbout(),
      publisher: "a.example",
      set: "s",
      rootVersion: 1,
      now: NOW,
    };
    const [one, two] = await Promise.all([1, 2].map(() => composeRelease({ ...input, random: fixedRandom(5) })));
    expect(one?.digest).toBe(two?.digest);
    expect(
      (await composeRelease({ ...input, random: fixedRandom(6), about: exampleAbout("hash", { title: "Other" }) }))
        .digest,
    ).not.toBe(one?.digest);
  });
});
