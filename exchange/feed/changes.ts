/** The plain feed: the newest state of each entry in the order of its last change, withdrawals as ids only. */

import { jcs } from "@breakwater/shared/jcs.ts";
import type { Queries } from "../platform/db.ts";
import { getFeedEpoch, listVersions, type SetRow, type VersionRow } from "../sets/index.ts";
import { formatCursor, parseChangesCursor } from "./cursor.ts";

/**
 * One page as JSON text.
 *
 * Written as text because an entry's line is JSON already: what its publisher signed goes out as it came in.
 *
 * @throws ExchangeError `cursor_invalid`, `cursor_expired`
 */
export async function changesPage(
  queries: Queries,
  row: SetRow,
  { set, cursor, limit }: { set: string; cursor?: string | undefined; limit: number },
): Promise<string> {
  const epoch = await getFeedEpoch(queries);
  const afterSeq = cursor === undefined ? 0 : parseChangesCursor(cursor, { set, epoch }).seq;
  const found = await listVersions(queries, row.id, { head: row.headRelease, afterSeq, limit: limit + 1 });
  const page = found.slice(0, limit);
  const next = formatCursor({ epoch, seq: page.at(-1)?.seq ?? afterSeq, set });
  return `{"entries":[${page.map(formatChange).join(",")}],"cursor":${jcs(next)},"more":${found.length > limit}}`;
}

function formatChange(row: VersionRow): string {
  const { op, seq, release } = row;
  if (op === "del") return jcs({ op, seq, release, id: row.id, why: row.why });
  return `{"op":"put","seq":${seq},"release":${release},"entry":${row.line}}`;
}
