/** What a list changes: whatever the set holds and the list says, the plan is what comparing both in memory gives. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Entry, formatEntry, naturalKey } from "@breakwater/shared/entries/index.ts";
import { parseSetId, randomBytes } from "@breakwater/shared/ids.ts";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rowsOfLines } from "../sync/rows.ts";
import { ndjsonOf, rowOf, testHashEntry, testId, testTermEntry, testUrlEntry } from "../testing/entries.ts";
import { type PlanOptions, planList } from "./plan.ts";

const setId = parseSetId("ngo.example/verified");
let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "breakwater-plan-"));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

const idOf = (line: string) => (JSON.parse(line) as { id: string }).id;
const byId = (a: string, b: string) => (idOf(a) < idOf(b) ? -1 : 1);
const copyOf = (entries: readonly Entry[]) => rowsOfLines(entries.map(formatEntry).sort(byId));

async function plan(
  kind: PlanOptions["kind"],
  held: readonly Entry[] | undefined,
  rows: object[],
  keepMissing = false,
) {
  const list = { format: "ndjson" as const, chunks: [new TextEncoder().encode(ndjsonOf(rows))] };
  const copy = held === undefined ? undefined : copyOf(held);
  return planList({ stateDir, setId, kind, copy, list, keepMissing, random: randomBytes });
}
async function linesOf(given: Awaited<ReturnType<typeof plan>>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of given.lines()) lines.push(line);
  return lines;
}
const left = () => readdir(join(stateDir, "sets", "ngo.example", "verified")).catch(() => []);

describe("a plan", () => {
  const step = fc.record({
    held: fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 40 }),
    listed: fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 40 }),
    touched: fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 20 }),
    withId: fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 10 }),
    keepMissing: fc.boolean(),
  });

  it("is what comparing list and copy in memory gives", async () => {
    await fc.assert(
      fc.asyncProperty(step, async ({ held, listed, touched, withId, keepMissing }) => {
        const entryOf = (n: number) => testHashEntry(n, touched.includes(n) ? { act: "none_visible" } : {});
        const rows = listed.map((n) => (withId.includes(n) ? entryOf(n) : rowOf(entryOf(n))));
        const made = await plan(
          "hash",
          held.map((n) => testHashEntry(n)),
          rows,
          keepMissing,
        );
        const kept = held.filter((n) => listed.includes(n));
        const changed = kept.filter((n) => touched.includes(n));
        const gone = keepMissing ? [] : held.filter((n) => !listed.includes(n));
        const added = listed.filter((n) => !held.includes(n));
        expect(made.count).toEqual({ added: added.length, changed: changed.length, removed: gone.length });
        const lines = await linesOf(made);
        expect(lines).toHaveLength(made.entries);
        expect(lines).toEqual([...lines].sort(byId));
        const after = [
          ...listed.map(entryOf),
          ...(keepMissing ? held.filter((n) => !listed.includes(n)) : []).map((n) => testHashEntry(n)),
        ];
        const keyed = (entries: readonly Entry[]) => entries.map((entry) => naturalKey("hash", entry as never)).sort();
        expect(keyed(lines.map((line) => JSON.parse(line) as Entry))).toEqual(keyed(after));
        for (const n of [...kept, ...listed.filter((one) => withId.includes(one))])
          expect(lines).toContain(formatEntry(listed.includes(n) ? entryOf(n) : testHashEntry(n)));
        const puts = new Map(lines.map((line) => [idOf(line), line]));
        const changes = [...made.changes()];
        if (held.length > 0) {
          expect(changes).toHaveLength(added.length + changed.length + gone.length);
          for (const change of changes) {
            if (change.op === "put") expect(puts.get(idOf(change.line))).toBe(change.line);
            else expect(gone.map(testId)).toContain(change.id);
          }
          const ids = changes.map((change) => (change.op === "put" ? idOf(change.line) : change.id));
          expect(ids).toEqual([...ids].sort());
        }
        await made.drop();
        expect(await left()).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it("of the same list twice changes nothing, whatever the kind", async () => {
    for (const [kind, entries] of [
      ["hash", [testHashEntry(1), testHashEntry(2, { alg: "pdq" })]],
      ["term", [testTermEntry(1), testTermEntry(2)]],
      ["url", [testUrlEntry(1), testUrlEntry(2)]],
    ] as const) {
      const made = await plan(kind, entries, entries.map(rowOf));
      expect(made).toMatchObject({ count: { added: 0, changed: 0, removed: 0 }, entries: 2 });
      await made.drop();
    }
  });

  it("keeps what a newer publisher wrote into the copy", async () => {
    const line = formatEntry(testHashEntry(1)).replace('"media"', '"later":1,"media"');
    const list = { format: "ndjson" as const, chunks: [new TextEncoder().encode(ndjsonOf([rowOf(testHashEntry(2))]))] };
    const options = { stateDir, setId, kind: "hash", copy: rowsOfLines([line]), list, random: randomBytes } as const;
    const made = await planList({ ...options, keepMissing: true });
    expect(made.count).toEqual({ added: 1, changed: 0, removed: 0 });
    expect(await linesOf(made)).toContain(line);
  });
});

describe("a list that contradicts itself or the set", () => {
  const faultsOf = async (held: Entry[] | undefined, rows: object[], kind: PlanOptions["kind"] = "hash") => {
    const failure = await plan(kind, held, rows).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "rows_invalid" });
    expect(await left()).toEqual([]);
    return (failure as { faults: object[] }).faults;
  };

  it("by the same entry twice is refused with both lines", async () => {
    const rows = [1, 2, 1].map((n) => rowOf(testHashEntry(n)));
    expect(await faultsOf(undefined, rows)).toEqual([{ line: 3, column: "-", reason: "the same entry as line 1" }]);
    const terms = [rowOf(testTermEntry(1)), { ...rowOf(testTermEntry(1)), action: "block" }];
    expect(await faultsOf([], terms, "term")).toEqual([{ line: 2, column: "-", reason: "the same entry as line 1" }]);
  });

  it("by two spellings of one address is refused", async () => {
    const rows = [rowOf(testUrlEntry(1)), { ...rowOf(testUrlEntry(1)), url: "HTTPS://FORUM1.example:443/t/1#top" }];
    expect(await faultsOf(undefined, rows, "url")).toMatchObject([{ line: 2, reason: "the same entry as line 1" }]);
  });

  it("by one id for two entries is refused, also when the set gives one of them that id", async () => {
    const twice = [testHashEntry(1), testHashEntry(2, { id: testId(1) })];
    expect(await faultsOf(undefined, twice)).toEqual([{ line: 2, column: "id", reason: "the same entry as line 1" }]);
    const taken = [testHashEntry(2, { id: testId(1) }), rowOf(testHashEntry(1))];
    expect(await faultsOf([testHashEntry(1)], taken)).toMatchObject([{ line: 2, column: "id" }]);
  });

  it("by another id than the entry has in the set is refused", async () => {
    const rows = [testHashEntry(1, { id: testId(9) })];
    expect(await faultsOf([testHashEntry(1)], rows)).toEqual([
      { line: 1, column: "id", reason: "the entry has another id in the set" },
    ]);
  });

  it("is told of with its bad rows and its duplicates at once", async () => {
    const rows = [rowOf(testHashEntry(1)), { ...rowOf(testHashEntry(2)), value: "12" }, rowOf(testHashEntry(1))];
    expect(await faultsOf([], rows)).toMatchObject([{ line: 2, column: "value" }, { line: 3 }]);
  });
});
