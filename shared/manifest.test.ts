/** Manifests and indexes: what a statement's digest covers, and that it hangs together. */

import { beforeAll, describe, expect, it } from "vitest";
import { digestOf, utf8Of } from "./bytes.ts";
import { formatEntry } from "./entries/index.ts";
import { jcs } from "./jcs.ts";
import {
  DELTAS_MAX,
  indexBytes,
  type Manifest,
  manifestBlobs,
  manifestBytes,
  parseIndex,
  parseManifest,
  type SnapshotIndex,
} from "./manifest.ts";
import type { ReleaseStatement } from "./release.ts";
import {
  type ExampleRelease,
  exampleAbout,
  exampleKeys,
  exampleOpenedRoot,
  exampleRelease,
  numberedHashEntry,
} from "./testing/examples.ts";
import { fixedRandom } from "./testing/keys.ts";
import { outcome } from "./testing/refusal.ts";

let first: ExampleRelease;
let second: ExampleRelease;

beforeAll(async () => {
  const keys = await exampleKeys();
  const root = await exampleOpenedRoot(keys);
  // Values that do not compress, so that one more entry stays under the quarter that renews the snapshot.
  const entries = new Map(
    Array.from({ length: 60 }, (_, i) => numberedHashEntry(i)).map((entry) => [entry.id as string, formatEntry(entry)]),
  );
  first = await exampleRelease(keys, root, { entries });
  const added = numberedHashEntry(1000);
  entries.set(added.id, formatEntry(added));
  const previous = { ...first.opened, manifest: first.manifest };
  second = await exampleRelease(keys, root, {
    previous,
    entries,
    changes: [{ op: "put", line: formatEntry(added) }],
    random: fixedRandom(43),
  });
});

/** A manifest with any content, and the statement that names it. */
async function named(value: unknown, release = second): Promise<[Uint8Array, ReleaseStatement]> {
  const bytes = utf8Of(typeof value === "string" ? value : jcs(value));
  return [bytes, { ...release.statement, manifest: await digestOf(bytes), manifest_size: bytes.length }];
}

async function parseChanged(change: (manifest: Manifest) => void, release = second) {
  const copy = structuredClone(release.manifest);
  change(copy);
  return outcome(async () => parseManifest(...(await named(copy, release))));
}

describe("parseManifest", () => {
  it("opens what the statement names", async () => {
    expect(await parseManifest(first.manifestBytes, first.statement)).toEqual(first.manifest);
    expect(await parseManifest(second.manifestBytes, second.statement)).toEqual(second.manifest);
  });

  it("checks size and digest before it looks inside", async () => {
    expect(await outcome(() => parseManifest(first.manifestBytes, second.statement))).toMatch(/^blob_/);
    const broken = Uint8Array.from(second.manifestBytes);
    broken[5] = (broken[5] as number) ^ 1;
    expect(await outcome(() => parseManifest(broken, second.statement))).toBe("blob_digest_mismatch");
    expect(await outcome(() => parseManifest(broken.subarray(1), second.statement))).toBe("blob_size_mismatch");
  });

  it.each<[string, (manifest: Manifest) => void]>([
    [
      "another publisher",
      (m) => {
        m.publisher = "other.example" as Manifest["publisher"];
      },
    ],
    [
      "another set",
      (m) => {
        m.set = "other" as Manifest["set"];
      },
    ],
    [
      "another purge_by than its time allows",
      (m) => {
        m.purge_by += 40 * 86_400;
      },
    ],
    [
      "a purge before its time",
      (m) => {
        m.purge_by = 1;
      },
    ],
  ])("refuses the manifest of %s", async (_, change) => {
    expect(await parseChanged(change)).toBe("manifest_mismatch");
  });

  it("refuses a list whose last digest is not the statement's predecessor", async () => {
    const third = structuredClone(second.manifest);
    third.deltas = [
      { ...(third.deltas[0] as Manifest["deltas"][number]), statement: `sha256:${"9".repeat(64)}` },
      { release: 3, segments: [] },
    ];
    third.release = 3;
    const [bytes, statement] = await named(third);
    expect(await outcome(() => parseManifest(bytes, { ...statement, release: 3 }))).toBe("manifest_mismatch");
  });

  it.each<[string, (manifest: Manifest) => void]>([
    [
      "another member",
      (m) => {
        (m as Record<string, unknown>).note = "x";
      },
    ],
    [
      "another version",
      (m) => {
        (m as Record<string, unknown>).v = 2;
      },
    ],
    [
      "a snapshot from the future",
      (m) => {
        m.snapshot.release = 3;
      },
    ],
    [
      "deltas that begin after the snapshot",
      (m) => {
        m.snapshot.release = 0 as number;
      },
    ],
    [
      "no way from the snapshot to here",
      (m) => {
        m.deltas = [];
      },
    ],
    [
      "a hole between deltas",
      (m) => {
        m.deltas = [
          { release: 1, segments: [], statement: `sha256:${"1".repeat(64)}` },
          { release: 3, segments: [] },
        ];
      },
    ],
    [
      "deltas that end early",
      (m) => {
        m.deltas = [{ release: 1, segments: [], statement: `sha256:${"1".repeat(64)}` }];
      },
    ],
    [
      "a statement in its own row",
      (m) => {
        (m.deltas[0] as Manifest["deltas"][number]).statement = `sha256:${"1".repeat(64)}`;
      },
    ],
    [
      "a past row without its statement",
      (m) => {
        m.deltas.unshift({ release: 1, segments: [] });
      },
    ],
    [
      "too many deltas",
      (m) => {
        m.deltas = Array.from({ length: DELTAS_MAX + 1 }, (_, i) => ({ release: i + 1, segments: [] }));
      },
    ],
    [
      "a negative count",
      (m) => {
        m.entries = -1;
      },
    ],
    [
      "a segment above the limit",
      (m) => {
        m.deltas[0]?.segments.forEach((row) => {
          row.plain = 2 ** 30;
        });
      },
    ],
  ])("refuses %s", async (_, change) => {
    expect(await parseChanged(change)).toBe("manifest_invalid");
  });

  it("refuses deltas in release 1, and a count that its snapshot contradicts", async () => {
    expect(
      await parseChanged((m) => {
        m.deltas = [{ release: 1, segments: [] }];
      }, first),
    ).toBe("manifest_invalid");
    expect(
      await parseChanged((m) => {
        m.entries += 1;
      }, first),
    ).toBe("manifest_invalid");
  });

  it("says that the description is at fault when it is", async () => {
    expect(
      await parseChanged((m) => {
        m.about.title = "";
      }),
    ).toBe("about_invalid");
    expect(
      await parseChanged((m) => {
        m.about.keep_stale_days = 91;
      }),
    ).toBe("about_invalid");
  });

  it("is canonical", async () => {
    expect(await outcome(async () => parseManifest(...(await named(JSON.stringify(second.manifest, null, 1)))))).toBe(
      "jcs_invalid",
    );
  });

  it("lets an older subscriber read a newer manifest, at every depth", async () => {
    const newer = structuredClone(second.manifest) as unknown as Record<string, Record<string, unknown>>;
    newer.later = {};
    (newer.about as Record<string, unknown>).later = 1;
    (newer.snapshot as Record<string, unknown>).later = 1;
    const [bytes, statement] = await named(newer);
    expect(await parseManifest(bytes, statement, { strict: false })).toEqual(second.manifest);
    expect(await outcome(() => parseManifest(bytes, statement))).toBe("about_invalid");
  });
});

describe("parseIndex", () => {
  const indexOf = (release: ExampleRelease) =>
    release.blobs.find(({ digest }) => digest === release.manifest.snapshot.index)?.bytes as Uint8Array<ArrayBuffer>;
  const readIndex = () => JSON.parse(new TextDecoder().decode(indexOf(first))) as SnapshotIndex;

  async function changed(change: (index: SnapshotIndex) => void) {
    const index = readIndex();
    change(index);
    const bytes = utf8Of(jcs(index));
    return outcome(async () =>
      parseIndex(bytes, { ...first.manifest.snapshot, index: await digestOf(bytes), index_size: bytes.length }),
    );
  }

  it("opens what the manifest names", async () => {
    expect(await parseIndex(indexOf(first), first.manifest.snapshot)).toEqual(readIndex());
    expect(indexBytes(readIndex())).toEqual(indexOf(first));
  });

  it("checks size and digest first", async () => {
    expect(await outcome(() => parseIndex(indexOf(first).subarray(1), first.manifest.snapshot))).toBe(
      "blob_size_mismatch",
    );
    const broken = Uint8Array.from(indexOf(first));
    broken[3] = 0x20;
    expect(await outcome(() => parseIndex(broken, first.manifest.snapshot))).toBe("blob_digest_mismatch");
  });

  it.each<[string, (index: SnapshotIndex) => void]>([
    [
      "a first range that does not begin at zero",
      (i) => {
        (i[0] as SnapshotIndex[number]).from = `${"0".repeat(31)}1` as SnapshotIndex[number]["from"];
      },
    ],
    [
      "ranges that do not rise",
      (i) => {
        i.push(i[0] as SnapshotIndex[number]);
      },
    ],
    [
      "a sum of entries that is not the snapshot's",
      (i) => {
        (i[0] as SnapshotIndex[number]).entries += 1;
      },
    ],
    [
      "a sum of bytes that is not the snapshot's",
      (i) => {
        (i[0] as SnapshotIndex[number]).size += 1;
      },
    ],
    [
      "an empty segment",
      (i) => {
        (i[0] as SnapshotIndex[number]).entries = 0;
      },
    ],
    [
      "another member",
      (i) => {
        (i[0] as Record<string, unknown>).note = 1;
      },
    ],
  ])("refuses %s", async (_, change) => {
    expect(await changed(change)).toBe("index_invalid");
  });
});

describe("manifestBytes", () => {
  it("does not write what it would not read", async () => {
    expect(await outcome(() => manifestBytes({ ...second.manifest, release: 9 }))).toBe("manifest_invalid");
    const segments = Array.from({ length: 12_000 }, (_, i) => ({
      plain: 100,
      segment: `sha256:${String(i).padStart(64, "0")}` as const,
      size: 100,
    }));
    expect(await outcome(() => manifestBytes({ ...second.manifest, deltas: [{ release: 2, segments }] }))).toBe(
      "manifest_too_large",
    );
  });
});

describe("manifestBlobs", () => {
  it("names the index and every delta segment", () => {
    expect(manifestBlobs(second.manifest)).toEqual(
      new Set([
        second.manifest.snapshot.index,
        ...(second.manifest.deltas[0]?.segments.map((row) => row.segment) ?? []),
      ]),
    );
    expect(exampleAbout().kind).toBe("hash");
  });
});
