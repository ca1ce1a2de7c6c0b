/** Rows of a release on its way in: staged as head+1, so that no reader sees them until the head moves, and taken back whole. */

import type { DeletionReason } from "@breakwater/shared/vocab/reasons.ts";
import type { Queries, Tx } from "../platform/db.ts";
import { nextTurn } from "../platform/turn.ts";

/** postgres.js sends what it is given: larger writes cost memory, smaller ones round trips. */
const COPY_WRITE_CHARS = 256 * 1024;

/** `naturalKey`: 64 hex digits. As bytes, each would be an allocation of its own outside of the heap. */
export type StagedRow =
  | { op: "put"; id: string; line: string; naturalKey: string }
  | { op: "del"; id: string; why: DeletionReason };

/**
 * Write rows of one release and mark the versions that they replace.
 *
 * Sequence numbers come from the set's row, under its lock: an identity column commits out of order, and a reader that
 * pages by it would skip rows for good.
 *
 * @param rows - each id once, and none that this release has staged before
 * @param replacing - false when it is known that the set holds none of these ids
 * @param onSent - called once the rows are on their way; what is left is the database's work
 * @returns by how much the number of entries changes
 */
export async function stageRows(
  tx: Tx,
  setId: number,
  release: number,
  rows: readonly StagedRow[],
  { replacing = true, onSent = () => {} }: { replacing?: boolean; onSent?: () => void } = {},
): Promise<number> {
  if (rows.length === 0) return 0;
  const { sql } = tx;
  const [given] = await sql<{ first: number }[]>`
    update sets set next_seq = next_seq + ${rows.length} where id = ${setId}
    returning (next_seq - ${rows.length})::float8 as first`;
  if (given === undefined) throw new Error("set vanished inside its admission");
  await copyRows(tx, setId, release, given.first, rows);
  onSent();
  const put = rows.filter(({ op }) => op === "put").length;
  const replaced = replacing ? await supersede(tx, setId, release, { first: given.first, count: rows.length }) : 0;
  // Also the witness that the COPY was taken whole, see below.
  if (!replacing) await sql`select 1`;
  return put - replaced;
}

/** @returns how many of the versions that the staged rows replace were entries */
async function supersede(
  { sql }: Tx,
  setId: number,
  release: number,
  { first, count }: { first: number; count: number },
): Promise<number> {
  // One look into the index a row. What the planner knows is from before the release, and with it in mind it would read
  // the whole set for each segment.
  await sql`select set_config(name, 'off', true) from unnest(array['enable_hashjoin', 'enable_mergejoin', 'enable_seqscan']) name`;
  const [row] = await sql<{ puts: number }[]>`
    with replaced as (
      update entry_versions as old set superseded_by = ${release}
      from entry_versions as staged
      where staged.set_id = ${setId} and staged.seq >= ${first} and staged.seq < ${first + count}
        and old.set_id = ${setId} and old.id = staged.id and old.release < ${release} and old.superseded_by is null
      returning old.op)
    select count(*) filter (where op = 'put')::float8 as puts from replaced`;
  return row?.puts ?? 0;
}

/**
 * COPY, without waiting for its end: the statement that follows in the transaction is the witness. When the server refuses
 * the rows at the end of the data, postgres.js tells nobody and the stream never finishes; the next statement then fails,
 * because the transaction is aborted.
 */
async function copyRows(
  { sql }: Tx,
  setId: number,
  release: number,
  first: number,
  rows: readonly StagedRow[],
): Promise<void> {
  const writable =
    await sql`copy entry_versions (set_id, seq, release, id, op, line, why, natural_key) from stdin`.writable();
  let failure: Error | undefined;
  writable.on("error", (error) => (failure = error));
  for (const text of copyText(setId, release, first, rows)) {
    await new Promise<void>((resolve, reject) => {
      writable.write(text, (error) => (error ? reject(failure ?? error) : resolve()));
    });
  }
  writable.end();
  // One turn, so that the end of the data is on the wire before anything else is.
  await nextTurn();
}

function* copyText(setId: number, release: number, first: number, rows: readonly StagedRow[]): Generator<string> {
  let text = "";
  for (const [at, row] of rows.entries()) {
    const [line, why, key] =
      row.op === "put"
        ? [escapeField(row.line), "\\N", `\\\\x${row.naturalKey}`]
        : ["\\N", escapeField(row.why), "\\N"];
    text += `${setId}\t${first + at}\t${release}\t${row.id}\t${row.op}\t${line}\t${why}\t${key}\n`;
    if (text.length >= COPY_WRITE_CHARS) {
      yield text;
      text = "";
    }
  }
  if (text !== "") yield text;
}

const COPY_ESCAPES: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeField(text: string): string {
  return text.replace(/[\\\n\r\t]/g, (character) => COPY_ESCAPES[character] as string);
}

/** As if the release had never been staged. */
export async function unstageRows({ sql }: Tx, setId: number, release: number): Promise<void> {
  await sql`delete from entry_versions where set_id = ${setId} and release = ${release}`;
  await sql`update entry_versions set superseded_by = null where set_id = ${setId} and superseded_by = ${release}`;
}

/** Below this many new rows a plan that is wrong about them costs nothing. */
const STATISTICS_MIN_ROWS = 2_000;
/** New rows that change what the planner should know; autovacuum would notice a minute or more later. */
const STATISTICS_SHARE = 0.05;

/**
 * Tell the planner about many new rows before readers meet them: without statistics it sorts the whole set for each page
 * of it (180 ms in place of 1.7 ms a page at 200,000 entries, and that grows with the set).
 */
export async function refreshStatistics({ sql }: Queries, newRows: number): Promise<void> {
  if (newRows < STATISTICS_MIN_ROWS) return;
  const [table] = await sql<{ rows: number }[]>`
    select greatest(reltuples, 0)::float8 as rows from pg_class where oid = 'entry_versions'::regclass`;
  if (newRows > (table?.rows ?? 0) * STATISTICS_SHARE) await sql`analyze entry_versions`;
}

export type CurrentRow = { id: string; op: "put" | "del"; line: string | null; release: number };

/**
 * The newest version of each id in a range, staged rows included, sorted by id.
 *
 * @param from - inclusive; "" for the beginning
 * @param until - exclusive; undefined for no end
 */
export async function listCurrentRows(
  { sql }: Queries,
  setId: number,
  { from, until }: { from: string; until: string | undefined },
): Promise<CurrentRow[]> {
  return sql<CurrentRow[]>`
    select id, op, line, release from entry_versions
    where set_id = ${setId} and superseded_by is null and id >= ${from} ${until === undefined ? sql`` : sql`and id < ${until}`}
    order by id`;
}
