/** CSV (RFC 4180) with the line that each row began on, in and out. */

export type CsvRow = { line: number; cells: string[] };
export type CsvFault = { line: number; reason: string };

// A spreadsheet runs a cell that begins like this. Written cells get an apostrophe, which reading takes off again.
const FORMULA = /^[=+\-@\t\r]/;
const GUARDED_FORMULA = /^'+[=+\-@\t\r]/;

/** All rows, empty lines left out; quoting that does not close is a fault of the line it opened on. */
export function parseCsv(text: string): { rows: CsvRow[]; faults: CsvFault[] } {
  const rows: CsvRow[] = [];
  const faults: CsvFault[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const row: CsvRow = { line, cells: [] };
    let ended = false;
    while (!ended) {
      const cell = text[at] === '"' ? readQuoted(text, at) : readPlain(text, at);
      if (cell.fault !== undefined) faults.push({ line: row.line, reason: cell.fault });
      line += cell.lines;
      row.cells.push(GUARDED_FORMULA.test(cell.value) ? cell.value.slice(1) : cell.value);
      at = cell.end;
      if (text[at] === ",") {
        at++;
        continue;
      }
      if (text[at] === "\r" && text[at + 1] === "\n") at++;
      at++;
      line++;
      ended = true;
    }
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
  }
  return { rows, faults };
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
      return { value, end: text.length, lines: countLines(value + rest), fault: "a quoted cell does not end" };
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
  return `${cells.map(formatCell).join(",")}\n`;
}

function formatCell(value: string): string {
  const safe = FORMULA.test(value) || GUARDED_FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
