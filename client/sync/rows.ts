/** What a reader of a copy can ask: a row by its id, a line by its row, all rows in order, and the index files. */

import { entryIdOf } from "@breakwater/shared/state.ts";

/** A row's number in a copy: the snapshot's rows first, in the order of their ids, then the patch's. */
export type RowRef = number;

/** A file of fixed-width records that is searched as it lies; its digest was checked when the copy was opened. */
export type IndexFile = {
  /** `ids`, `exact-sha256`, `pdq`, `pdq-rows`, `url`, … */
  name: string;
  part: "base" | "patch";
  /** Row numbers inside the file count from the part's first row: this is added to them. */
  firstRow: RowRef;
  path: string;
  /** Open until the copy is closed, also when the file was replaced and swept meanwhile: read through it. */
  fd: number;
  /** Records. */
  count: number;
};

export type CopyRows = {
  entries: number;
  findRow(id: string): RowRef | undefined;
  /** The entry's line as its publisher signed it. @throws ExchangeError `copy_damaged` */
  lineAt(row: RowRef): string;
  /** false: replaced or deleted by the patch. */
  isLive(row: RowRef): boolean;
  /** Live rows, sorted by id, in constant memory; `from` inclusive, `until` exclusive. */
  rows(range?: { from: string; until?: string }): AsyncIterable<{ id: string; line: string }>;
  indexFiles(): IndexFile[];
  close(): void;
};

export function rowsOfLines(lines: readonly string[]): CopyRows {
  const rowOf = new Map(lines.map((line, row) => [entryIdOf(line), row]));
  return {
    entries: lines.length,
    findRow: (id) => rowOf.get(id),
    lineAt: (row) => lines[row] as string,
    isLive: () => true,
    async *rows({ from, until } = { from: "" }) {
      for (const line of lines) {
        const id = entryIdOf(line);
        if (id >= from && (until === undefined || id < until)) yield { id, line };
      }
    },
    indexFiles: () => [],
    close() {},
  };
}
