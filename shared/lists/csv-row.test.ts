import { describe, expect, it } from "vitest";
import { formatCsvCells, unguardCell } from "./csv-row.ts";

describe("a cell that a spreadsheet would run", () => {
  it.each(["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠a", "'=1", "''＝1"])(
    "%j is written as text, and read as it was",
    (cell) => {
      const written = formatCsvCells([cell]);
      const plain = written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written;
      expect(plain.startsWith("'")).toBe(true);
      expect(unguardCell(plain)).toBe(cell);
    },
  );

  it.each(["a=1", "", "'a", "1-2", '"'])("%j is left as it is", (cell) => {
    expect(unguardCell(cell)).toBe(cell);
  });
});
