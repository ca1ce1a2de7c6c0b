/** Tables: two spaces between columns, no frames, numbers to the right. */

import { widthOf } from "./words.ts";

export type Column = { title: string; align?: "start" | "end" };

const GAP = "  ";

export function formatTable(columns: Column[], rows: string[][]): string[] {
  const all = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, at) => Math.max(...all.map((row) => widthOf(row[at] ?? ""))));
  return all.map((row) =>
    columns
      .map((column, at) => pad(row[at] ?? "", widths[at] ?? 0, column.align))
      .join(GAP)
      .trimEnd(),
  );
}

function pad(text: string, width: number, align: Column["align"]): string {
  const room = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "end" ? room + text : text + room;
}
