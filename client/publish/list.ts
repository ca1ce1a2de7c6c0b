/** A publisher's list, CSV or NDJSON, as checked entries; or every row that is not valid, with its line and column. */

import { findUtf8 } from "@breakwater/shared/bytes.ts";
import {
  canonicalUrl,
  type Entry,
  formatEntry,
  HashEntry,
  IndicatorEntry,
  naturalKey,
  TermEntry,
  UrlEntry,
} from "@breakwater/shared/entries/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { isSignalValue, type SignalAlg } from "@breakwater/shared/signals/index.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { UrlScope } from "@breakwater/shared/vocab/urls.ts";
import { COLUMNS, readCell, setMember } from "./columns.ts";
import { parseCsv } from "./csv.ts";
import { describeIssue, describeSignal, MISSING } from "./row-reasons.ts";

export const LIST_MAX_BYTES = 1024 * 1024 * 1024;
/** How many faults are shown; all are counted. */
export const FAULTS_SHOWN_MAX = 100;

export type ListFormat = "csv" | "ndjson";
export type RowFault = { line: number; column: string; reason: string };
/** A checked row; its id is the entry's where the list gives one, otherwise still to be found or made. */
export type Row = { line: number; key: string; id: string | undefined; entry: Entry };
export type ParsedList = { rows: Row[]; faults: RowFault[]; total: number };

// Any valid id does: it is replaced by the entry's own before anything is composed.
const PLACEHOLDER_ID = "0".repeat(32);

const SCHEMAS = { hash: HashEntry, term: TermEntry, url: UrlEntry, indicator: IndicatorEntry } as const;

/** What a list may leave out: the words that claim nothing and ask for a person. */
const DEFAULTS: Record<SetKind, Record<string, unknown>> = {
  hash: {
    act: "not_assessed",
    age: "not_assessed",
    production: "unsure",
    human_review: "required",
    report_duty: "check",
    requested_action: "review",
  },
  term: { human_review: "required", action: "review" },
  url: { human_review: "required", requested_action: "review" },
  indicator: { human_review: "required" },
};

export function formatOfFile(path: string): ListFormat {
  if (path.endsWith(".csv")) return "csv";
  if (path.endsWith(".ndjson") || path.endsWith(".jsonl")) return "ndjson";
  throw new ExchangeError("usage_invalid", { reason: "list_is_csv_or_ndjson" });
}

/**
 * @param defaults - members for every row that does not have them (dotted names for nested ones)
 * @throws ExchangeError `rows_invalid` when it is not text at all
 */
export function parseList(
  kind: SetKind,
  format: ListFormat,
  bytes: Uint8Array,
  defaults: Record<string, string> = {},
): ParsedList {
  const text = findUtf8(bytes);
  if (text === undefined) throw new ExchangeError("rows_invalid", { reason: "not_utf8" });
  const given: Record<string, unknown> = structuredClone(DEFAULTS[kind]);
  for (const [name, value] of Object.entries(defaults)) {
    setMember(given, name, readCell(COLUMNS[kind].get(name) ?? "text", value));
  }
  const read = format === "csv" ? readCsv(kind, text) : readNdjson(text);
  const list: ParsedList = { rows: [], faults: [...read.faults], total: read.values.length };
  for (const { line, value } of read.values) checkRow(kind, line, { ...given, ...value }, list);
  findDuplicates(list);
  list.faults.sort((a, b) => a.line - b.line);
  return list;
}

type Read = { values: { line: number; value: Record<string, unknown> }[]; faults: RowFault[] };

function readCsv(kind: SetKind, text: string): Read {
  const { rows, faults } = parseCsv(text);
  const read: Read = { values: [], faults: faults.map((fault) => ({ ...fault, column: "-" })) };
  const header = rows.shift();
  if (header === undefined) return read;
  const names = header.cells.map((name) => name.trim());
  for (const [at, name] of names.entries()) {
    if (!COLUMNS[kind].has(name))
      read.faults.push({ line: header.line, column: name || `column ${at + 1}`, reason: "unknown column" });
    else if (names.indexOf(name) !== at)
      read.faults.push({ line: header.line, column: name, reason: "the column stands twice" });
  }
  for (const { line, cells } of rows) {
    if (cells.length !== names.length) {
      read.faults.push({ line, column: "-", reason: `${cells.length} cells, the header has ${names.length}` });
    }
    const value: Record<string, unknown> = {};
    for (const [at, name] of names.entries()) {
      const form = COLUMNS[kind].get(name);
      const member = form === undefined ? undefined : readCell(form, cells[at] ?? "");
      if (member !== undefined) setMember(value, name, member);
    }
    read.values.push({ line, value });
  }
  return read;
}

function readNdjson(text: string): Read {
  const read: Read = { values: [], faults: [] };
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const value = parseObject(line);
    if (value === undefined) read.faults.push({ line: at + 1, column: "-", reason: "not a JSON object" });
    // An exported line of `changes` carries these; they are the exchange's, not the entry's.
    else read.values.push({ line: at + 1, value });
  }
  return read;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // counted as a fault by the caller, without the engine's quotation of the line
  }
}

function checkRow(kind: SetKind, line: number, value: Record<string, unknown>, list: ParsedList): void {
  const id = typeof value.id === "string" ? value.id : undefined;
  const candidate = { ...value, id: id ?? PLACEHOLDER_ID };
  if (kind === "url") canonicalise(candidate);
  const parsed = SCHEMAS[kind].safeParse(candidate);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) list.faults.push({ line, ...describeIssue(kind, issue, candidate) });
    checkSignal(kind, line, candidate, list);
    return;
  }
  const entry = parsed.data as Entry;
  try {
    formatEntry(entry);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    list.faults.push({
      line,
      column: "-",
      reason: error.code === "entry_too_long" ? "longer than one line may be" : "cannot be written",
    });
    return;
  }
  list.rows.push({ line, id, entry, key: naturalKey(kind, entry as never) });
}

/** The schema looks at a value only once all members are there; its form can be told in any case. */
function checkSignal(kind: SetKind, line: number, { alg, value }: Record<string, unknown>, list: ParsedList): void {
  const told = list.faults.some((fault) => fault.line === line && (fault.column === "value" || fault.column === "alg"));
  if (kind !== "hash" || told || typeof value !== "string") return;
  if (!isSignalValue(alg as SignalAlg, value))
    list.faults.push({ line, column: "value", reason: describeSignal(alg, value) });
}

/** People write addresses in many ways; a set has one. What cannot be mended is left for the schema to refuse. */
function canonicalise(candidate: Record<string, unknown>): void {
  const scope = UrlScope.safeParse(candidate.scope);
  if (typeof candidate.url !== "string" || !scope.success) return;
  try {
    candidate.url = canonicalUrl(candidate.url, scope.data);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
  }
}

function findDuplicates(list: ParsedList): void {
  for (const by of ["key", "id"] as const) {
    const first = new Map<string, number>();
    for (const row of list.rows) {
      const value = row[by];
      if (value === undefined) continue;
      const line = first.get(value);
      if (line === undefined) first.set(value, row.line);
      else
        list.faults.push({
          line: row.line,
          column: by === "id" ? "id" : "-",
          reason: `the same entry as line ${line}`,
        });
    }
  }
}

/** A member that every row lacks is one fault of the list, told once; the others stay as they are. */
export function condenseFaults(faults: readonly RowFault[], total: number): RowFault[] {
  const rows = new Map<string, number>();
  for (const { column, reason } of faults) if (reason === MISSING) rows.set(column, (rows.get(column) ?? 0) + 1);
  const everywhere = (fault: RowFault) => total > 1 && fault.reason === MISSING && rows.get(fault.column) === total;
  const lacking = new Map(faults.filter(everywhere).map((fault) => [fault.column, fault]));
  const once = [...lacking.values()].map((fault) => ({ ...fault, line: 1, reason: "missing in every row" }));
  return [...once, ...faults.filter((fault) => !everywhere(fault))];
}

/** How many rows have a fault, for "2 of 10,412 rows". */
export function countFaultyRows(faults: readonly RowFault[]): number {
  return new Set(faults.map(({ line }) => line)).size;
}
