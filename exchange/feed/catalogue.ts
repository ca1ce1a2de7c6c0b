/** The catalogue: what a caller may read, a page at a time. */

import type { Caller } from "../platform/caller.ts";
import type { Queries } from "../platform/db.ts";
import { listReadableSets, type SetRow } from "../sets/index.ts";
import { type CatalogueCursor, formatCursor, parseCatalogueCursor } from "./cursor.ts";

export const CATALOGUE_PAGE_ROWS = 100;

export async function listCatalogue(
  queries: Queries,
  caller: Caller,
  cursor: string | undefined,
): Promise<{ rows: SetRow[]; cursor: string | undefined }> {
  const after = cursor === undefined ? undefined : parseCatalogueCursor(cursor);
  const found = await listReadableSets(queries, caller, { after, limit: CATALOGUE_PAGE_ROWS + 1 });
  const rows = found.slice(0, CATALOGUE_PAGE_ROWS);
  const last = rows.at(-1);
  if (found.length <= CATALOGUE_PAGE_ROWS || last === undefined) return { rows, cursor: undefined };
  return { rows, cursor: formatCursor({ publisher: last.publisher, set: last.name } as CatalogueCursor) };
}
