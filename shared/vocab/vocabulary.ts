/** What a vocabulary is: codes that travel, and neutral words that people read. */

/** `label` is for a list or a chip; `hint` for the line under it. Neither describes an act. */
export type Word = { label: string; hint?: string };

/** A table's codes as the non-empty tuple that a schema wants; the table stays the only list. */
export function codesOf<Table extends Record<string, unknown>>(
  table: Table,
): [keyof Table & string, ...(keyof Table & string)[]] {
  return Object.keys(table) as [keyof Table & string, ...(keyof Table & string)[]];
}

/** The label of a code, or the code itself when this build does not know it. */
export function labelOf(table: Record<string, Word>, code: string): string {
  return Object.hasOwn(table, code) ? (table[code] as Word).label : code;
}
