import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { parseSetId } from "@breakwater/shared/ids.ts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { setDir } from "../sync/paths.ts";
import { rowsOfLines } from "../sync/rows.ts";
import { testHashEntry } from "../testing/entries.ts";
import { findListedAgain, forgetKeys, keysOf, noteWithdrawal, type Withdrawal } from "./withdrawals.ts";

const setId = parseSetId("ngo.example/verified");
const lineOf = (n: number, change = {}) => formatEntry({ ...testHashEntry(n), ...change });
const idOf = (n: number) => testHashEntry(n).id;
let stateDir: string;
let path: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "breakwater-withdrawals-"));
  path = join(setDir(stateDir, setId), "withdrawals.ndjson");
  await mkdir(dirname(path), { recursive: true });
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

function withdraw(n: number, reason: Withdrawal["reason"]): Promise<void> {
  const keys = keysOf("hash", rowsOfLines([lineOf(n)]), [idOf(n)]);
  return noteWithdrawal(stateDir, setId, { at: "2026-11-22T00:00:00Z", release: n, reason, ids: [idOf(n)], keys });
}

const listed = (lines: string[], held: string[] = []) =>
  findListedAgain(
    { stateDir, setId },
    "hash",
    rowsOfLines(held),
    lines.map((line) => ({ op: "put", line })),
  );

it("knows by what it is about what was withdrawn, under any id, and by its newest reason", async () => {
  await withdraw(1, "technical");
  await withdraw(1, "adult");
  await withdraw(2, "bad_batch");
  const other = "f".repeat(32);
  expect(await listed([lineOf(1, { id: other }), lineOf(2), lineOf(3)])).toEqual({
    count: 2,
    reasons: { adult: 1, bad_batch: 1 },
  });
  // What the set holds is changed, not listed again.
  expect(await listed([lineOf(2)], [lineOf(2)])).toEqual({ count: 0, reasons: {} });
});

it("knows an entry with members that only a newer publisher writes", async () => {
  const newer = JSON.stringify({ ...JSON.parse(lineOf(4)), zz_newer: 1 });
  const keys = keysOf("hash", rowsOfLines([newer]), [idOf(4)]);
  await noteWithdrawal(stateDir, setId, {
    at: "2026-11-22T00:00:00Z",
    release: 4,
    reason: "adult",
    ids: [idOf(4)],
    keys,
  });
  expect(await listed([lineOf(4)])).toMatchObject({ count: 1 });
});

it("says nothing where nothing was withdrawn, and reads past a line that was cut off", async () => {
  expect(await listed([lineOf(1)])).toEqual({ count: 0, reasons: {} });
  await withdraw(1, "adult");
  const text = await readFile(path, "utf8");
  await rm(path);
  await noteWithdrawal(stateDir, setId, JSON.parse(text));
  const { appendFile } = await import("node:fs/promises");
  await appendFile(path, text.slice(0, 40));
  expect(await listed([lineOf(1)])).toMatchObject({ count: 1 });
});

it("holds no value, and after an erasure nothing that one could be recognised by", async () => {
  await withdraw(1, "person_shown_asks");
  expect(await readFile(path, "utf8")).not.toContain(testHashEntry(1).value);
  await forgetKeys(stateDir, setId);
  expect(await listed([lineOf(1)])).toEqual({ count: 0, reasons: {} });
  const [line] = (await readFile(path, "utf8")).trim().split("\n");
  expect(JSON.parse(line as string)).toEqual({
    at: "2026-11-22T00:00:00Z",
    release: 1,
    reason: "person_shown_asks",
    ids: [idOf(1)],
  });
});
