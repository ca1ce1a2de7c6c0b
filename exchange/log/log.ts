/** The order in which statements take effect: every accepted root and release envelope gets the next log index. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import type { EnvelopeType } from "@breakwater/shared/envelope.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { requireLogAhead } from "./halt.ts";
import { nudgeLog } from "./publication.ts";
import type { LogHalt } from "./tables.ts";

export type Leaf = { typ: EnvelopeType; digest: Digest; envelope: Uint8Array; now: Date };

/**
 * The transaction in which statements take effect: under the log's row, and only while the rows are not behind what
 * was published. Afterwards the new leaves are on their way into a checkpoint.
 *
 * @throws ExchangeError `log_behind`, `log_conflict`, and whatever `work` throws
 */
export async function logTransaction<T>(deps: Deps, work: (tx: Tx) => Promise<T>): Promise<T> {
  await requireLogAhead(deps);
  const result = await transaction(deps, async (tx) => {
    await lockLog(tx);
    return work(tx);
  });
  nudgeLog(deps);
  return result;
}

/**
 * Take the log's row until the transaction ends. Order in the log decides by which root a release is judged, so what a
 * rule checks about roots after this call still holds when it appends.
 *
 * @throws ExchangeError `log_behind`, `log_conflict`
 */
export async function lockLog({ sql }: Tx): Promise<void> {
  const [row] = await sql<{ halted: LogHalt | null }[]>`select halted from log_head where id = 1 for update`;
  if (row?.halted) throw new ExchangeError(row.halted);
}

/**
 * Append one statement. An index is given out under the row lock and only in the transaction that makes the statement
 * take effect: a refused or crashed admission leaves no hole, and nothing takes effect unlogged.
 *
 * @param leaf - `digest` is that of the payload; one statement has one leaf, whoever signed it how often
 * @returns the leaf's index, from 0
 * @throws ExchangeError `log_behind`, `log_conflict`
 */
export async function appendLeaf(tx: Tx, { typ, digest, envelope, now }: Leaf): Promise<number> {
  const [row] = await tx.sql<{ log_index: string }[]>`
    with next as (update log_head set size = size + 1 where id = 1 and halted is null returning size - 1 as log_index)
    insert into log_leaves (log_index, digest, typ, envelope, added_at)
    select log_index, ${digest}, ${typ}, ${envelope}, ${now} from next
    returning log_index`;
  if (row === undefined) {
    await lockLog(tx);
    throw new Error("log_head has no row");
  }
  return Number(row.log_index);
}
