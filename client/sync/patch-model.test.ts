import { readSync } from "node:fs";
import type { NewChange } from "@breakwater/shared/compose.ts";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { heldLines, linesOf } from "../testing/copy-lines.ts";
import { testHashEntry, testId } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { type Copy, openCopy } from "./copy.ts";
import { recordBytesOf } from "./part/write-part.ts";

// So many that a few changes make no new snapshot: what is tried here is the patch over a base that stays.
const ENTRIES = 300;
const RUNS = 25;
const TEST_TIMEOUT_MS = 240_000;

type Edit = { n: number; alg: "sha256" | "pdq" | "md5" | "gone"; again: boolean };
const edit: fc.Arbitrary<Edit> = fc.record({
  n: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 290, max: 310 })),
  alg: fc.constantFrom("sha256", "pdq", "md5", "gone"),
  again: fc.boolean(),
});
/** Between two looks of the subscriber there may be several releases. */
const rounds = fc.array(fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 3 }), { minLength: 1, maxLength: 5 });

function changesOf(edits: readonly Edit[]): NewChange[] {
  const byId = new Map<string, NewChange>();
  for (const { n, alg, again } of edits) {
    if (alg === "gone") byId.set(testId(n), { op: "del", id: testId(n), why: "withdrawn" });
    else {
      const entry = testHashEntry(n, { alg, ...(again ? { act: "none_visible" } : {}) });
      byId.set(testId(n), { op: "put", line: formatEntry(entry) });
    }
  }
  return [...byId.values()];
}

const idOf = (line: string) => (JSON.parse(line) as { id: string }).id;
const published = ({ publisher }: Scene) =>
  [...publisher.entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);

/** Ids by value, as the index files of live rows have them. */
function indexed(copy: Copy): string[] {
  const found: string[] = [];
  for (const { name, fd, count, firstRow } of copy.indexFiles()) {
    const width = recordBytesOf(name);
    const bytes = Buffer.alloc(count * width);
    if (bytes.length > 0) readSync(fd, bytes, 0, bytes.length, 0);
    const isExact = name.startsWith("exact-");
    if (!isExact && name !== "pdq-rows") continue;
    let last = "";
    for (let at = 0; at < count; at++) {
      const record = bytes.subarray(at * width, (at + 1) * width);
      if (isExact) {
        expect(record.toString("hex") > last, `${name} is sorted`).toBe(true);
        last = record.toString("hex");
      }
      const row = firstRow + (isExact ? record.readUInt32BE(width - 4) : record.readUInt32BE(0));
      if (!copy.isLive(row)) continue;
      const { id, alg, value } = JSON.parse(copy.lineAt(row)) as { id: string; alg: string; value: string };
      expect(name, id).toBe(alg === "pdq" ? "pdq-rows" : `exact-${alg}`);
      if (isExact) expect(record.subarray(0, width - 4).toString("hex")).toBe(value);
      expect(copy.findRow(id)).toBe(row);
      found.push(id);
    }
  }
  return found.sort();
}

function countChange(before: readonly string[], after: readonly string[]) {
  const held = new Map(before.map((line) => [idOf(line), line]));
  const now = new Map(after.map((line) => [idOf(line), line]));
  return {
    added: after.filter((line) => !held.has(idOf(line))).length,
    removed: before.filter((line) => !now.has(idOf(line))).length,
  };
}

describe("a base and the patch over it", () => {
  it(
    "are what the publisher has after any changes, in every way in which they are read",
    async () => {
      await fc.assert(
        fc.asyncProperty(rounds, async (looks) => {
          const scene = await openScene(ENTRIES);
          const { stateDir, publisher } = scene;
          try {
            await scene.sync();
            for (const releases of looks) {
              const before = (await heldLines(stateDir, publisher.setId)) ?? [];
              for (const edits of releases) await publisher.release(changesOf(edits));
              const outcome = await scene.sync();
              expect(["updated", "current"], JSON.stringify(outcome)).toContain(outcome.outcome);
              const lines = published(scene);
              expect(outcome).toMatchObject({ entries: lines.length, change: countChange(before, lines) });
              const copy = await openCopy(stateDir, publisher.setId);
              if (copy === undefined) throw new Error("no copy");
              expect(await linesOf(copy)).toEqual(lines);
              expect(indexed(copy)).toEqual(lines.map(idOf));
              for (let n = 0; n < 320; n += 7) {
                const row = copy.findRow(testId(n));
                expect(row === undefined ? undefined : copy.lineAt(row)).toBe(publisher.entries.get(testId(n)));
              }
              copy.close();
            }
            const fresh = await scene.sync({ stateDir: `${stateDir}-new` });
            expect(fresh.state).toBe((await scene.sync()).state);
          } finally {
            await scene.close();
          }
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    TEST_TIMEOUT_MS,
  );

  it("cost what the change costs: no segment of the snapshot is fetched or unpacked again", async () => {
    const scene = await openScene(ENTRIES);
    await scene.sync();
    await scene.publisher.release([{ op: "del", id: testId(3), why: "withdrawn" }]);
    scene.double.requests.length = 0;
    expect(await scene.sync()).toMatchObject({ outcome: "updated", change: { removed: 1 } });
    // Manifest and delta; the base stays where it is.
    expect(scene.double.requests.filter((request) => request.includes("/blobs/")).length).toBe(2);
    await scene.close();
  });

  it("know which release put a row, also after the snapshot that has swallowed its delta", async () => {
    const scene = await openScene(ENTRIES);
    const { stateDir, publisher } = scene;
    await scene.sync();
    const releasesOf = async (...numbers: number[]) => {
      const copy = await openCopy(stateDir, publisher.setId);
      const found = numbers.map((n) => copy?.origins.puts.get(testId(n)));
      copy?.close();
      return found;
    };
    await publisher.release(publisher.put(testHashEntry(5, { act: "none_visible" }), testHashEntry(900)));
    await scene.sync();
    expect(await releasesOf(5, 900, 6)).toEqual([2, 2, undefined]);
    await publisher.release(publisher.put(...Array.from({ length: 200 }, (_, n) => testHashEntry(1000 + n))));
    await scene.sync();
    await publisher.release(publisher.put(testHashEntry(900, { act: "none_visible" })));
    await scene.sync();
    expect(await releasesOf(5, 900, 6, 1000)).toEqual([2, 4, undefined, 3]);
    await scene.close();
  });
});
