/** Entries as CSV (RFC 4180): one header a kind, the columns of the lists that publishers send, and nothing a spreadsheet runs. */

import { COLUMNS, writeCell } from "@breakwater/shared/lists/columns.ts";
import { formatCsvCells } from "@breakwater/shared/lists/csv-row.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import type { EntriesFormat } from "./entries-stream.ts";

export const CSV = "text/csv; charset=utf-8; header=present";
const LINE_END = "\r\n";

export function entriesCsv(kind: SetKind): EntriesFormat {
  const columns = [...COLUMNS[kind]];
  return {
    head: `${formatCsvCells(columns.map(([name]) => name))}${LINE_END}`,
    format: (lines) => {
      let text = "";
      for (const line of lines) {
        const entry = JSON.parse(line) as Record<string, unknown>;
        text += formatCsvCells(columns.map(([name, form]) => writeCell(form, entry, name))) + LINE_END;
      }
      return text;
    },
  };
}
