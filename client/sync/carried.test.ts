/** A snapshot packed anew in part: rows of segments that both have are taken over, and the copy is as a fresh one. */

import { readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestHex } from "@breakwater/shared/bytes.ts";
import type { NewChange } from "@breakwater/shared/compose.ts";
import type { Entry } from "@breakwater/shared/entries/index.ts";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openExchange } from "../http/index.ts";
import { heldLines } from "../testing/copy-lines.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { type DoublePublisher, makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testId, testTermEntry, testUrlEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { findCurrent } from "./current.ts";
import { syncSet } from "./outcome.ts";
import { RowCarrier } from "./part/carry-rows.ts";
import { readPartFile } from "./part/part-file.ts";
import { blobsDir, setDir } from "./paths.ts";

const LINES_EACH = 4;
const ENTRIES = 40;
const TEST_TIMEOUT_MS = 120_000;

let scene: Scene;
afterEach(() => scene.close());

const del = (n: number): NewChange => ({ op: "del", id: testId(n), why: "withdrawn" });

/** Every index file of the base, by digest, and the segments it stands on. */
async function baseOf(stateDir: string, { setId }: Pick<DoublePublisher, "setId">) {
  const current = await findCurrent(stateDir, setId);
  if (current?.v !== 2) throw new Error("no copy");
  const part = await readPartFile(setDir(stateDir, setId), current.rows.base);
  const { origins: _, ...files } = part.files;
  return {
    rows: part.rows,
    segments: part.segments.map(({ digest, entries }) => ({ digest, entries })),
    files: Object.fromEntries(Object.entries(files).map(([name, { digest, count }]) => [name, { digest, count }])),
  };
}

const fetches = () => scene.double.requests.filter((request) => /^GET .*\/blobs\//.test(request));

async function expectAsFresh(publisher: DoublePublisher = scene.publisher): Promise<void> {
  const fresh = `${scene.stateDir}-fresh-${Math.random()}`;
  const source = openExchange({ origin: scene.double.origin, apiKey: TEST_API_KEY });
  const synced = await syncSet({
    source,
    stateDir: fresh,
    setId: publisher.setId,
    pin: publisher.pin,
    now: new Date(),
  });
  expect(synced.outcome).toBe("updated");
  expect(await baseOf(scene.stateDir, publisher)).toEqual(await baseOf(fresh, publisher));
  expect(await heldLines(scene.stateDir, publisher.setId)).toEqual(await heldLines(fresh, publisher.setId));
  const dirs = [scene.stateDir, fresh].map((dir) => blobsDir(setDir(dir, publisher.setId)));
  for (const blob of await readdir(dirs[1] as string)) expect(await readdir(dirs[0] as string)).toContain(blob);
  await rm(fresh, { recursive: true });
}

describe("a subscriber of a set that erases one entry", () => {
  it("fetches manifest, delta, index and the one segment, and ends as a fresh one does", async () => {
    scene = await openScene(ENTRIES, { linesEach: LINES_EACH });
    await scene.sync();
    await scene.publisher.release(scene.publisher.put(testHashEntry(90)));
    await scene.sync();
    const old = await baseOf(scene.stateDir, scene.publisher);
    const erased = await scene.publisher.release([del(7)], { purpose: "erasure" });
    expect(erased.manifest.snapshot.release).toBe(1);
    const before = fetches().length;
    const takes = vi.spyOn(RowCarrier.prototype, "take");
    expect((await scene.sync()).outcome).toBe("updated");
    expect(fetches().length - before).toBe(4);
    // Nor are the others scanned again.
    expect(takes.mock.calls.map(([at]) => at)).toHaveLength(ENTRIES / LINES_EACH - 1);
    takes.mockRestore();
    await expectAsFresh();
    const { segments } = await baseOf(scene.stateDir, scene.publisher);
    const gone = old.segments.filter((was) => !segments.some(({ digest }) => digest === was.digest));
    expect(gone).toHaveLength(1);
    const blobs = await readdir(blobsDir(setDir(scene.stateDir, scene.publisher.setId)));
    expect(blobs).not.toContain(digestHex(gone[0]?.digest as never));
  });

  it("after several erasures fetches the segments that each of them touched, and no other", async () => {
    scene = await openScene(ENTRIES, { linesEach: LINES_EACH });
    await scene.sync();
    const ids = [...scene.publisher.entries.keys()].sort();
    const inSegments = [0, 3, 8].map((at) => ids[at * LINES_EACH] as string);
    for (const id of inSegments) {
      await scene.publisher.release([{ op: "del", id, why: "withdrawn" }], { purpose: "erasure" });
    }
    await scene.publisher.release(scene.publisher.put(testHashEntry(91)));
    const before = fetches().length;
    await scene.sync();
    // Three segments, four deltas, index and manifest.
    expect(fetches().length - before).toBe(9);
    await expectAsFresh();
  });

  it("ends the same when the list of deltas does not reach back to its release", async () => {
    scene = await openScene(ENTRIES, { linesEach: LINES_EACH });
    await scene.sync();
    await scene.publisher.release(scene.publisher.put(testHashEntry(90)));
    const many = Array.from({ length: ENTRIES / 2 }, (_, n) => testHashEntry(100 + n));
    expect((await scene.publisher.release(scene.publisher.put(...many))).manifest.snapshot.release).toBe(3);
    const near = `${scene.stateDir}-near`;
    await scene.sync({ stateDir: near, trusted: true });
    const { manifest } = await scene.publisher.release([del(90)], { purpose: "erasure" });
    expect(manifest.deltas.map(({ release }) => release)).toEqual([3, 4]);
    const [far, followed] = [await scene.sync({ trusted: true }), await scene.sync({ stateDir: near, trusted: true })];
    expect(far).toMatchObject({ outcome: "updated", release: 4 });
    expect(followed.state).toBe(far.state);
    await expectAsFresh();
  });

  it.each([
    ["url", (n: number) => testUrlEntry(n)],
    ["term", (n: number) => testTermEntry(n)],
    ["hash", (n: number) => testHashEntry(n, n % 3 === 0 ? { alg: "pdq" } : n % 3 === 1 ? { alg: "md5" } : {})],
  ] as const)("keeps every index of a set of kind %s right", async (kind, entryOf) => {
    scene = await openScene(1);
    const made = { linesEach: LINES_EACH };
    const publisher = await makeDoublePublisher(scene.double, "ngo.example/other", aboutOfKind(kind), made);
    await publisher.release(publisher.put(...Array.from({ length: ENTRIES }, (_, n) => entryOf(n) as Entry)));
    const sync = () => scene.sync({ setId: publisher.setId, pin: publisher.pin, trusted: true });
    await sync();
    await publisher.release([del(3), del(21)], { purpose: "erasure" });
    await sync();
    await expectAsFresh(publisher);
  });
});

describe("a held part that cannot be relied on", () => {
  it("is loaded anew from the segments, without a word to anybody", async () => {
    scene = await openScene(ENTRIES, { linesEach: LINES_EACH });
    await scene.sync();
    const { setId } = scene.publisher;
    const current = await findCurrent(scene.stateDir, setId);
    if (current?.v !== 2) throw new Error("no copy");
    const dir = setDir(scene.stateDir, setId);
    const part = await readPartFile(dir, current.rows.base);
    // As a disk that lies: other bytes, the same size and time.
    for (const name of ["buckets", "ids"]) {
      const { size, mtime_ms: time } = part.files[name] as NonNullable<(typeof part.files)[string]>;
      await writeFile(join(dir, current.rows.base.dir, name), new Uint8Array(size).fill(7));
      await utimes(join(dir, current.rows.base.dir, name), time / 1000, time / 1000);
    }
    await scene.publisher.release([del(7)], { purpose: "erasure" });
    expect((await scene.sync()).outcome).toBe("updated");
    await expectAsFresh();
  });
});

describe("any sequence of releases and erasures", () => {
  const step = fc.record({
    act: fc.constantFrom("publish" as const, "withdraw" as const, "erase" as const, "erase" as const),
    numbers: fc.uniqueArray(fc.nat({ max: ENTRIES + 10 }), { minLength: 1, maxLength: 3 }),
    look: fc.boolean(),
  });

  it(
    "leaves files that a fresh subscriber has too",
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
          scene = await openScene(ENTRIES, { linesEach: LINES_EACH });
          try {
            const { publisher } = scene;
            await scene.sync({ trusted: true });
            for (const { act, numbers, look } of steps) {
              const puts = () => publisher.put(...numbers.map((n) => testHashEntry(n, { act: "none_visible" })));
              const changes = act === "publish" ? puts() : numbers.map(del);
              await publisher.release(changes, act === "erase" ? { purpose: "erasure" } : {});
              if (look) await scene.sync({ trusted: true });
            }
            const last = await scene.sync({ trusted: true });
            expect(["updated", "current"]).toContain(last.outcome);
            await expectAsFresh();
          } finally {
            await scene.close();
          }
        }),
        { numRuns: 15, endOnFailure: true },
      );
    },
    TEST_TIMEOUT_MS,
  );
});
