/** The order in which statements take effect: every accepted root and release envelope gets the next log index. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import type { EnvelopeType } from "@breakwater/shared/envelope.ts";
import type { Tx } from "../platform/db.ts";

export type Leaf = { typ: EnvelopeType; digest: Digest; envelope: Uint8Array; now: Date };

/**
 * Take the log's row until the transaction ends. Order in the log decides by which root a release is judged, so what a
 * rule checks about roots after this call still holds when it appends.
 */
export async function lockLog({ sql }: Tx): Promise<void> {
  await sql`select size from log_head where id = 1 for update`;
}

/**
 * Append one statement. An index is given out under the row lock and only in the transaction that makes the statement
 * take effect: a refused or crashed admission leaves no hole, and nothing takes effect unlogged.
 *
 * @param leaf - `digest` is that of the payload; one statement has one leaf, whoever signed it how often
 * @returns the leaf's index, from 0
 */
export async function appendLeaf({ sql }: Tx, { typ, digest, envelope, now }: Leaf): Promise<number> {
  const [row] = await sql<{ log_index: string }[]>`
    with next as (update log_head set size = size + 1 where id = 1 returning size - 1 as log_index)
    insert into log_leaves (log_index, digest, typ, envelope, added_at)
    select log_index, ${digest}, ${typ}, ${envelope}, ${now} from next
    returning log_index`;
  if (row === undefined) throw new Error("log_head has no row");
  return Number(row.log_index);
}
