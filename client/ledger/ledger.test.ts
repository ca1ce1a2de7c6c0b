import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { testId } from "../testing/entries.ts";
import { testDecision } from "../testing/hits.ts";
import { type Decision, formatDecision, LEDGER_KEEP_DAYS, parseDecision } from "./decision.ts";
import { dayOf, ledgerDir, listLedgerFiles, readLines } from "./files.ts";
import { FLUSH_MS, openLedger } from "./ledger.ts";
import { appendMarks, readMarks } from "./marks.ts";
import { findByHitRef, readLedger } from "./read.ts";
import { affectedBy } from "./undo.ts";
import { whatIf } from "./what-if.ts";

const DAY_MS = 86_400_000;

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "breakwater-ledger-"));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(stateDir, { recursive: true, force: true });
});

async function readAll(query: Partial<Parameters<typeof readLedger>[1]> = {}): Promise<Decision[]> {
  const rows: Decision[] = [];
  for await (const row of readLedger(stateDir, { now: new Date(), ...query })) rows.push(row);
  return rows;
}
const refsOf = (rows: readonly Decision[]) => rows.map(({ hit_ref }) => hit_ref).sort();
const row = (n: number, changes: Partial<Decision> = {}) =>
  testDecision({ hit_ref: `h_${n.toString(16).padStart(16, "0")}`, content: `upload-${n}`, ...changes });

describe("a row", () => {
  it("comes back as it was, its entry and time where a reader looks for them", () => {
    const text = fc.string({ minLength: 1, maxLength: 200, unit: "binary" });
    fc.assert(
      fc.property(
        text,
        fc.option(fc.nat(256)),
        fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
        (content, distance, earliest) => {
          const origin = earliest === undefined ? { release: 3 } : { release: 3, earliest };
          const decision = row(1, { content: content.toWellFormed(), distance, origin });
          const line = formatDecision(decision);
          expect(parseDecision(line)).toEqual(decision);
          expect([line.slice(10, 42), line.slice(50, 74)]).toEqual([decision.entry, decision.at]);
          expect(line.indexOf("\n")).toBe(line.length - 1);
        },
      ),
    );
  });

  it("that is no row is passed by", () => {
    for (const line of ["", "{", "null", "[]", '{"entry":1}', formatDecision(row(1)).slice(0, 90)]) {
      expect(parseDecision(line)).toBeUndefined();
    }
  });
});

describe("appending", () => {
  it("has an acted-on row in the file when it returns, and an observed one soon after", async () => {
    const ledger = await openLedger(stateDir);
    await ledger.append([row(1, { action: "observe" })]);
    expect(await readAll()).toEqual([]);
    await ledger.append([row(2)]);
    expect(refsOf(await readAll())).toEqual(refsOf([row(1), row(2)]));
    await ledger.append([row(3, { action: "observe" })]);
    await vi.waitFor(async () => expect((await readAll()).length).toBe(3), { timeout: FLUSH_MS * 50, interval: 20 });
    await ledger.close();
  });

  it("is a private file a day and process, and no file without a row", async () => {
    let now = new Date("2026-11-20T23:59:59Z");
    const ledger = await openLedger(stateDir, () => now);
    expect(await readdir(ledgerDir(stateDir))).toEqual([]);
    await ledger.append([row(1, { at: now.toISOString() })]);
    now = new Date("2026-11-21T00:00:01Z");
    await ledger.append([row(2, { at: now.toISOString() })]);
    const other = await openLedger(stateDir, () => now);
    await other.append([row(3, { at: now.toISOString() })]);
    const files = await listLedgerFiles(stateDir);
    expect(files.map(({ day }) => day)).toEqual(["2026-11-20", "2026-11-21", "2026-11-21"]);
    expect((await stat(files[0]?.path ?? "")).mode & 0o777).toBe(0o600);
    expect(refsOf(await readAll({ now }))).toEqual(refsOf([row(1), row(2), row(3)]));
    await ledger.close();
    await other.close();
  });

  it("forgets what is older than ninety days", async () => {
    const now = new Date("2026-11-22T12:00:00Z");
    for (const age of [LEDGER_KEEP_DAYS + 1, LEDGER_KEEP_DAYS, LEDGER_KEEP_DAYS - 1]) {
      const at = new Date(now.getTime() - age * DAY_MS - 1_000);
      const then = await openLedger(stateDir, () => at);
      await then.append([row(age, { at: at.toISOString() })]);
      await then.close();
    }
    expect((await readAll({ now })).map(({ content }) => content)).toEqual([`upload-${LEDGER_KEEP_DAYS - 1}`]);
    await (await openLedger(stateDir, () => now)).close();
    const days = (await listLedgerFiles(stateDir)).map(({ day }) => day);
    expect(days[0]).toBe(dayOf(new Date(now.getTime() - LEDGER_KEEP_DAYS * DAY_MS)));
    expect(days.length).toBe(2);
  });

  it("costs the caller microseconds a row", async () => {
    const ledger = await openLedger(stateDir);
    const rows = Array.from({ length: 20_000 }, (_, n) => row(n, { action: "observe" }));
    for (const one of rows.slice(0, 2_000)) void ledger.append([one]);
    await ledger.flush();
    const started = performance.now();
    for (const one of rows) void ledger.append([one]);
    const microseconds = ((performance.now() - started) * 1_000) / rows.length;
    expect(microseconds).toBeLessThan(200);
    await ledger.close();
    expect((await readAll()).length).toBe(22_000);
  });

  it("refuses to let an action pass that cannot be recorded, keeps it, and writes it once there is room", async () => {
    const ledger = await openLedger(stateDir);
    await rm(ledgerDir(stateDir), { recursive: true });
    await writeFile(ledgerDir(stateDir), "in the way");
    await expect(ledger.append([row(1)])).rejects.toMatchObject({ code: "ledger_unwritable" });
    await ledger.append([row(2, { action: "observe" })]);
    expect(ledger.stats()).toMatchObject({ rows: 0, waiting: 2 });
    await rm(ledgerDir(stateDir));
    await (await openLedger(stateDir)).close();
    await ledger.append([row(3)]);
    const rows = await readAll();
    expect(refsOf(rows)).toEqual(refsOf([row(1), row(2), row(3)]));
    // The first was answered with review, since it could not be recorded when it was asked.
    const found = rows.find(({ content }) => content === "upload-1");
    expect(found).toMatchObject({ action: "review", why: "ledger_unwritable", would: "block" });
    expect(ledger.stats()).toMatchObject({ rows: 3, waiting: 0, dropped: 0 });
    await ledger.close();
  });

  it("tries again by itself what could not be recorded, although nothing more is asked", async () => {
    const ledger = await openLedger(stateDir);
    await rm(ledgerDir(stateDir), { recursive: true });
    await writeFile(ledgerDir(stateDir), "in the way");
    await expect(ledger.append([row(1)])).rejects.toMatchObject({ code: "ledger_unwritable" });
    await rm(ledgerDir(stateDir));
    await mkdir(ledgerDir(stateDir));
    await vi.waitFor(() => expect(ledger.stats()).toMatchObject({ rows: 1, waiting: 0 }), { timeout: 5_000 });
    expect((await readAll()).map(({ action }) => action)).toEqual(["review"]);
    await ledger.close();
  });

  it.each([
    ["is killed", [], (told: number) => told > 200_000],
    // A file that may not grow: what a full disk does to a write, in the middle of a row.
    ["finds the disk full", ["bash", "--norc", "-c", 'ulimit -f 512 && exec "$0" "$@"'], () => false],
  ])("loses nothing that was answered when its process %s", async (_title, before, isEnough) => {
    const writer = fileURLToPath(new URL("../testing/append-decisions.ts", import.meta.url));
    const [command = "", ...args] = [
      ...before,
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      writer,
      stateDir,
    ];
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
    let told = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      told += text;
      if (isEnough(told.length)) child.kill("SIGKILL");
    });
    await once(child, "close");
    const answered = told.split("\n").slice(0, -1);
    expect(answered.length).toBeGreaterThan(1_000);
    const held = new Set((await readAll()).map(({ hit_ref }) => hit_ref));
    expect(answered.filter((ref) => !held.has(ref))).toEqual([]);
  });

  it("in any order of batches, by several processes at once, every row is there once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(2), fc.nat(5), fc.boolean()), { maxLength: 30 }), async (batches) => {
        await rm(ledgerDir(stateDir), { recursive: true, force: true });
        const ledgers = await Promise.all([0, 1, 2].map(() => openLedger(stateDir)));
        let n = 0;
        const rows: Decision[] = [];
        await Promise.all(
          batches.map(([which, size, acted]) => {
            const batch = Array.from({ length: size }, () => row(n++, { action: acted ? "review" : "observe" }));
            rows.push(...batch);
            return ledgers[which]?.append(batch);
          }),
        );
        await Promise.all(ledgers.map((ledger) => ledger.close()));
        expect(refsOf(await readAll())).toEqual(refsOf(rows));
      }),
      { numRuns: 30 },
    );
  });
});

describe("reading", () => {
  it("passes by a last line that a crash cut off, also when more was appended after it", async () => {
    const ledger = await openLedger(stateDir);
    await ledger.append([row(1), row(2)]);
    await ledger.close();
    const [file] = await listLedgerFiles(stateDir);
    const path = file?.path ?? "";
    await appendFile(path, formatDecision(row(3)).slice(0, 100));
    expect(refsOf(await readAll())).toEqual(refsOf([row(1), row(2)]));
    await appendFile(path, `\n${formatDecision(row(4))}`);
    expect(refsOf(await readAll())).toEqual(refsOf([row(1), row(2), row(4)]));
  });

  it("a file cut anywhere still gives every whole row before the cut", async () => {
    const lines = [1, 2, 3].map((n) => formatDecision(row(n, { content: `ünïcode-${n}` })));
    const bytes = Buffer.from(lines.join(""));
    const path = join(ledgerDir(stateDir), `${dayOf(new Date())}.1-aa.ndjson`);
    await (await openLedger(stateDir)).close();
    for (let cut = 0; cut <= bytes.length; cut += 7) {
      await writeFile(path, bytes.subarray(0, cut));
      let whole = 0;
      // A last row whose line end alone is missing is whole.
      for (let end = 0; end < 3 && Buffer.byteLength(lines.slice(0, end + 1).join("")) - 1 <= cut; end++) whole++;
      expect((await readAll()).length).toBe(whole);
    }
  });

  it("follows a file that grows, whole lines only, longer ones than it asked for too", async () => {
    const path = join(stateDir, "grows");
    await writeFile(path, "one\ntw");
    expect(await readLines(path, 0)).toEqual({ lines: ["one"], next: 4 });
    expect(await readLines(path, 4)).toBeUndefined();
    await appendFile(path, `o${"o".repeat(50)}\n`);
    expect(await readLines(path, 4, 8)).toEqual({ lines: [`two${"o".repeat(50)}`], next: 58 });
    expect(await readLines(path, 58)).toBeUndefined();
  });

  it("finds a row by what an affected person quotes", async () => {
    const ledger = await openLedger(stateDir);
    await ledger.append([row(1), row(2)]);
    await ledger.close();
    expect(await findByHitRef(stateDir, row(2).hit_ref, new Date())).toEqual({
      ...row(2),
      at: expect.any(String) as string,
    });
    expect(await findByHitRef(stateDir, "h_unknown", new Date())).toBeUndefined();
  });
});

describe("marks", () => {
  const set = "hotline.example/verified";
  const at = "2026-11-22T12:00:00.000Z";

  it("are joined by entry; the last word on a withdrawal counts, and a recall stays beside it", async () => {
    await appendMarks(stateDir, [{ at, set, what: "withdrawn", release: 4, entries: [testId(1), testId(2)] }]);
    await appendMarks(stateDir, [
      { at, set, what: "recalled", release: 4, recall: 1, until: at, entries: [testId(1)] },
      { at, set, what: "listed", release: 5, entries: [testId(2)] },
    ]);
    const marks = await readMarks(stateDir);
    expect(marks.get(`${set}#${testId(1)}`)).toEqual({
      withdrawn: { at, release: 4 },
      recalled: { at, recall: 1, until: at },
    });
    expect(marks.get(`${set}#${testId(2)}`)?.withdrawn).toBeUndefined();
  });

  it("survive a line that a crash cut off", async () => {
    await appendMarks(stateDir, [{ at, set, what: "withdrawn", release: 4, entries: [testId(1)] }]);
    const path = join(ledgerDir(stateDir), "marks.ndjson");
    await writeFile(path, `${await readFile(path, "utf8")}{"at":"2026`);
    await appendMarks(stateDir, [{ at, set, what: "withdrawn", release: 4, entries: [testId(2)] }]);
    expect((await readMarks(stateDir)).size).toBe(2);
  });
});

describe("what the ledger answers", () => {
  const set = "hotline.example/verified";
  beforeEach(async () => {
    const ledger = await openLedger(stateDir);
    await ledger.append([
      row(1, { distance: 0, action: "observe", why: "observed" }),
      row(2, { distance: 12, action: "observe", why: "observed", content: "upload-1" }),
      row(3, { distance: 12, action: "review", would: "review", entry: testId(2), origin: { release: 3 } }),
      row(4, { set: "ngo.example/terms", kind: "term", distance: null, action: "block" }),
      row(5, { at: new Date(Date.now() - 30 * DAY_MS).toISOString(), entry: testId(9) }),
    ]);
    await ledger.close();
    await appendMarks(stateDir, [
      { at: new Date().toISOString(), set, what: "withdrawn", release: 4, entries: [testId(1)] },
    ]);
  });

  it("what-if counts by set, publisher and distance, contents once", async () => {
    const since = new Date(Date.now() - 7 * DAY_MS);
    const found = await whatIf(stateDir, { since, now: new Date(), marks: await readMarks(stateDir) });
    expect(found.sets).toMatchObject([
      {
        set,
        publisher: "hotline.example",
        hits: 3,
        contents: 2,
        would: { block: 2, review: 1, observe: 0 },
        did: { block: 0, review: 1, observe: 2 },
        blocks_taken_back: 2,
        distances: [
          { distance: 0, hits: 1 },
          { distance: 12, hits: 2, would: { block: 1, review: 1, observe: 0 } },
        ],
      },
      { set: "ngo.example/terms", hits: 1, distances: [{ distance: null }] },
    ]);
    expect(found.publishers.map(({ publisher, hits }) => [publisher, hits])).toEqual([
      ["hotline.example", 3],
      ["ngo.example", 1],
    ]);
    expect(
      (await whatIf(stateDir, { since, now: new Date(), set: "ngo.example/terms", marks: new Map() })).sets.length,
    ).toBe(1);
  });

  it.each([
    ["an entry", [{ scope: "entry" as const, set, entry: testId(2) }], ["upload-3"], 0],
    ["a release", [{ scope: "release" as const, set, from: 3, to: 3 }], ["upload-3"], 0],
    ["a publisher", [{ scope: "publisher" as const, publisher: "hotline.example" }], ["upload-3", "upload-5"], 2],
    ["what was taken back", [], [], 2],
  ])("undo lists what %s touched, and counts what was only observed", async (_title, targets, contents, observed) => {
    const rows = affectedBy(stateDir, { now: new Date(), targets, observed: false });
    const found: string[] = [];
    let next = await rows.next();
    for (; !next.done; next = await rows.next()) found.push(next.value.content);
    expect(found.sort()).toEqual(contents);
    expect(next.value).toEqual({ observed });
    const all: unknown[] = [];
    for await (const one of affectedBy(stateDir, { now: new Date(), targets, observed: true })) all.push(one);
    expect(all.length).toBe(contents.length + observed);
  });
});
