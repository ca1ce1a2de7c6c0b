/** One row of a CSV list as text (RFC 4180), with cells that no spreadsheet runs. */

// A spreadsheet runs a cell that begins like this, some in full width too. Written cells get an apostrophe, which reading
// takes off again.
const FORMULA = /^[=+\-@＝＋－＠\t\r\n]/;
const GUARDED_FORMULA = /^'+[=+\-@＝＋－＠\t\r\n]/;

/** The cell as it was before {@link formatCsvCells} guarded it. */
export function unguardCell(value: string): string {
  return value.startsWith("'") && GUARDED_FORMULA.test(value) ? value.slice(1) : value;
}

/** The cells of one row, without the row's end. */
export function formatCsvCells(cells: readonly string[]): string {
  return cells.map(formatCell).join(",");
}

function formatCell(value: string): string {
  const safe = FORMULA.test(value) || GUARDED_FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
