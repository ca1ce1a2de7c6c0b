/** The log's rows, read: how many statements have an index, and their envelopes. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Queries } from "../platform/db.ts";
import type { LogHalt } from "./tables.ts";

export async function readLogHead({ sql }: Queries): Promise<{ size: number; halted: LogHalt | null }> {
  const [row] = await sql<{ size: string; halted: LogHalt | null }[]>`select size, halted from log_head where id = 1`;
  if (row === undefined) throw new Error("log_head has no row");
  return { size: Number(row.size), halted: row.halted };
}

/**
 * Envelopes by index.
 *
 * @returns fewer than asked for where the rows end
 * @throws ExchangeError `log_conflict` when one is missing in between
 */
export async function listLeaves({ sql }: Queries, from: number, until: number): Promise<Uint8Array[]> {
  const rows = await sql<{ log_index: string; envelope: Uint8Array }[]>`
    select log_index, envelope from log_leaves where log_index >= ${from} and log_index < ${until} order by log_index`;
  if (rows.some(({ log_index }, at) => Number(log_index) !== from + at)) {
    throw new ExchangeError("log_conflict", { reason: "hole" });
  }
  return rows.map(({ envelope }) => new Uint8Array(envelope));
}
