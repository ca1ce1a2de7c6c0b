/** CSV (RFC 4180) with the line that each row began on: read as it arrives, and written. */

import { formatCsvCells, unguardCell } from "@breakwater/shared/lists/csv-row.ts";

export type CsvRow = { line: number; cells: string[] };
export type CsvFault = { line: number; reason: string };

/** No row is longer: an entry is at most 16 KiB, and a quote that never closes must not make a reader hold the list. */
export const ROW_MAX_CHARS = 128 * 1024;

const UNCLOSED = "a quoted cell does not end";

export type CsvReader = { push(text: string): void; end(): void };

/**
 * Rows as soon as they are whole, empty lines left out; quoting that does not close is a fault of the line it opened on.
 *
 * @param take - gets a row, and whether something was wrong with its quoting
 */
export function createCsvReader(
  take: (row: CsvRow, faulty: boolean) => void,
  fault: (fault: CsvFault) => void,
): CsvReader {
  let rest = "";
  let line = 1;
  let state: "new" | "open" | "stopped" = "new";

  function consume(text: string, isLast: boolean): void {
    let at = 0;
    if (state === "new" && text !== "") {
      if (text.startsWith("\ufeff")) at = 1;
      state = "open";
    }
    while (at < text.length) {
      const row = readRow(text, at);
      if (!row.ended && !isLast) break;
      for (const reason of row.faults) fault({ line, reason });
      if (row.cells.length > 1 || row.cells[0] !== "") take({ line, cells: row.cells }, row.faults.length > 0);
      line += row.lines;
      at = row.end;
    }
    rest = at < text.length ? text.slice(at) : "";
    if (rest.length > ROW_MAX_CHARS) {
      const { faults } = readRow(rest, 0);
      fault({ line, reason: faults.includes(UNCLOSED) ? UNCLOSED : "longer than a row may be" });
      [rest, state] = ["", "stopped"]; // where the next row begins is anybody's guess
    }
  }

  return {
    push(text) {
      if (state !== "stopped") consume(rest === "" ? text : rest + text, false);
    },
    end() {
      if (state !== "stopped") consume(rest, true);
    },
  };
}

/** @property ended - its line end was seen; @property lines - how many line ends it takes up */
type ReadRow = { cells: string[]; faults: string[]; end: number; lines: number; ended: boolean };

function readRow(text: string, start: number): ReadRow {
  const newline = text.indexOf("\n", start);
  const end = newline < 0 ? text.length : newline;
  const quote = text.indexOf('"', start);
  if (quote >= 0 && quote < end) return readQuotedRow(text, start);
  const whole = text.slice(start, newline > start && text[newline - 1] === "\r" ? newline - 1 : end);
  return { cells: whole.split(",").map(unguardCell), faults: [], end: end + 1, lines: 1, ended: newline >= 0 };
}

function readQuotedRow(text: string, start: number): ReadRow {
  const row: ReadRow = { cells: [], faults: [], end: start, lines: 1, ended: false };
  for (;;) {
    const cell = text[row.end] === '"' ? readQuoted(text, row.end) : readPlain(text, row.end);
    if (cell.fault !== undefined) row.faults.push(cell.fault);
    row.lines += cell.lines;
    row.cells.push(unguardCell(cell.value));
    row.end = cell.end;
    if (text[row.end] === ",") {
      row.end++;
      continue;
    }
    if (text[row.end] === "\r" && text[row.end + 1] === "\n") row.end++;
    row.ended = text[row.end] === "\n";
    row.end++;
    return row;
  }
}

type Cell = { value: string; end: number; lines: number; fault?: string };

function readPlain(text: string, start: number): Cell {
  let end = start;
  while (
    end < text.length &&
    text[end] !== "," &&
    text[end] !== "\n" &&
    !(text[end] === "\r" && text[end + 1] === "\n")
  )
    end++;
  const value = text.slice(start, end);
  return value.includes('"')
    ? { value, end, lines: 0, fault: "a quote inside a cell that does not begin with one" }
    : { value, end, lines: 0 };
}

function readQuoted(text: string, start: number): Cell {
  let value = "";
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) {
      const rest = text.slice(at);
      return { value, end: text.length, lines: countLines(value + rest), fault: UNCLOSED };
    }
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') {
      const after = readPlain(text, quote + 1);
      const cell: Cell = { value, end: after.end, lines: countLines(value) };
      if (after.value !== "") cell.fault = "text after a closing quote";
      return cell;
    }
    value += '"';
    at = quote + 2;
  }
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}

export function formatCsvRow(cells: string[]): string {
  return `${formatCsvCells(cells)}\n`;
}
