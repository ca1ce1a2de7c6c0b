/** A publisher's list, CSV or NDJSON, read as it comes: checked rows one by one, and every fault with its line and column. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { COLUMNS, readCell, setMember } from "./columns.ts";
import { createCsvReader, ROW_MAX_CHARS } from "./csv.ts";
import { createFaultTally, type FaultTally, type RowFault } from "./faults.ts";
import { createRowCheck, type Row, type RowValue } from "./row.ts";

/** A list is read in pieces; this only keeps a wrong device or an endless pipe from filling a disk. */
export const LIST_MAX_BYTES = 64 * 1024 * 1024 * 1024;

export type ListFormat = "csv" | "ndjson";
/**
 * @property defaults - members for every row that does not have them (dotted names for nested ones)
 */
export type ListSource = {
  format: ListFormat;
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  defaults?: Record<string, string>;
};

/** What a list may leave out: the words that claim nothing and ask for a person. */
const DEFAULTS: Record<SetKind, RowValue> = {
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
 * @param take - gets each good row, in the order of the list
 * @param onRead - told now and then how many rows were read
 * @returns how many rows the list has, bad ones included
 * @throws ExchangeError `rows_invalid` when it is not text at all, or longer than any list
 */
export async function readList(
  kind: SetKind,
  { format, chunks, defaults = {} }: ListSource,
  take: (row: Row) => void,
  faults: FaultTally,
  onRead?: (rows: number) => void,
): Promise<number> {
  const given: RowValue = structuredClone(DEFAULTS[kind]);
  for (const [name, value] of Object.entries(defaults)) {
    setMember(given, name, readCell(COLUMNS[kind].get(name) ?? "text", value));
  }
  const check = createRowCheck(kind, faults.add);
  let total = 0;
  const judge: Judge = (line, value, faulty) => {
    total++;
    const row = value && check(line, { ...given, ...value });
    if (row !== undefined && !faulty) take(row);
  };
  const reader = format === "csv" ? readCsv(kind, judge, faults.add) : readNdjson(judge, faults.add);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > LIST_MAX_BYTES) throw new ExchangeError("rows_invalid", { reason: "too_large" });
    reader.push(decode(decoder, chunk));
    onRead?.(total);
  }
  reader.push(decode(decoder));
  reader.end();
  return total;
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw new ExchangeError("rows_invalid", { reason: "not_utf8" }); // the only thing a fatal decoder throws for
  }
}

type Reader = { push(text: string): void; end(): void };
/** @param value - undefined when the row is none at all */
type Judge = (line: number, value: RowValue | undefined, faulty: boolean) => void;
type Tell = (fault: RowFault) => void;

function readCsv(kind: SetKind, judge: Judge, tell: Tell): Reader {
  let names: string[] | undefined;
  const reader = createCsvReader(
    ({ line, cells }, faulty) => {
      if (names === undefined) {
        names = cells.map((name) => name.trim());
        for (const reason of faultsOfHeader(kind, names)) tell({ line, ...reason });
        return;
      }
      const fits = cells.length === names.length;
      if (!fits) tell({ line, column: "-", reason: `${cells.length} cells, the header has ${names.length}` });
      judge(line, valueOfCells(kind, names, cells), faulty || !fits);
    },
    (fault) => tell({ ...fault, column: "-" }),
  );
  return {
    push: reader.push,
    end() {
      reader.end();
      // An export that failed leaves such a file: it is no list of nothing.
      if (names === undefined) tell({ line: 1, column: "-", reason: "the first line must name the columns" });
    },
  };
}

function faultsOfHeader(kind: SetKind, names: readonly string[]): Omit<RowFault, "line">[] {
  return names.flatMap((name, at) => {
    if (!COLUMNS[kind].has(name)) return [{ column: name || `column ${at + 1}`, reason: "unknown column" }];
    return names.indexOf(name) === at ? [] : [{ column: name, reason: "the column stands twice" }];
  });
}

function valueOfCells(kind: SetKind, names: readonly string[], cells: readonly string[]): RowValue {
  const value: RowValue = {};
  for (const [at, name] of names.entries()) {
    const form = COLUMNS[kind].get(name);
    const member = form === undefined ? undefined : readCell(form, cells[at] ?? "");
    if (member !== undefined) setMember(value, name, member);
  }
  return value;
}

function readNdjson(judge: Judge, tell: Tell): Reader {
  let rest = "";
  let line = 0;
  let tooLong = false;
  const take = (text: string) => {
    line++;
    const skipped = tooLong;
    tooLong = false;
    if (skipped || text.trim() === "") return;
    const value = parseObject(text);
    if (value === undefined) tell({ line, column: "-", reason: "not a JSON object" });
    judge(line, value, value === undefined);
  };
  return {
    push(text) {
      let from = 0;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
        take(rest === "" ? text.slice(from, end) : rest + text.slice(from, end));
        rest = "";
        from = end + 1;
      }
      rest += text.slice(from);
      if (rest.length <= ROW_MAX_CHARS) return;
      if (!tooLong) tell({ line: line + 1, column: "-", reason: "longer than a row may be" });
      [rest, tooLong] = ["", true];
    },
    end() {
      if (rest !== "") take(rest);
    },
  };
}

function parseObject(line: string): RowValue | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as RowValue) : undefined;
  } catch {
    return undefined; // counted as a fault by the caller, without the engine's quotation of the line
  }
}

/** All of a list that fits into memory: for looking at one without a set. */
export async function parseList(kind: SetKind, source: ListSource) {
  const rows: Row[] = [];
  const faults = createFaultTally();
  const total = await readList(kind, source, (row) => rows.push(row), faults);
  return { rows, total, faults: faults.finish(total) };
}
