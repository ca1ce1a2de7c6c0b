/** The plain feed: the newest state of each entry in the order of its last change, withdrawals as ids only. */

import { jcs } from "@breakwater/shared/jcs.ts";
import type { Queries } from "../platform/db.ts";
import { listChanges, type SetRow } from "../sets/index.ts";
import { formatCursor, parseChangesCursor } from "./cursor.ts";

export type ChangesAsked = { set: string; epoch: string; cursor?: string | undefined; limit: number };

/** Where the page begins. @throws ExchangeError `cursor_invalid`, `cursor_expired` */
export function startOf({ cursor, set, epoch }: ChangesAsked): number {
  return cursor === undefined ? 0 : parseChangesCursor(cursor, { set, epoch }).seq;
}

/**
 * One page as JSON text.
 *
 * Written as text because an entry's line is JSON already: what its publisher signed goes out as it came in.
 */
export async function changesPage(
  queries: Queries,
  row: SetRow,
  { set, epoch, limit, afterSeq }: ChangesAsked & { afterSeq: number },
): Promise<string> {
  const { text, lastSeq, more } = await listChanges(queries, row.id, { head: row.headRelease, afterSeq, limit });
  const next = formatCursor({ epoch, seq: lastSeq ?? afterSeq, set });
  return `{"entries":[${text}],"cursor":${jcs(next)},"more":${more}}`;
}
