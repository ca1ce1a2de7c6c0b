/** An entry that is erased leaves no opinion behind; one that was withdrawn may have been withdrawn for them. */

import type { Tx } from "../platform/db.ts";
import type { PurgedEntries } from "../sets/index.ts";

/** @returns how many rows were removed */
export async function purgeOpinions({ sql }: Tx, { publisher, set, ids, erasure }: PurgedEntries): Promise<number> {
  if (!erasure || ids.length === 0) return 0;
  const list = JSON.stringify(ids);
  const [row] = await sql<{ id: number }[]>`
    select id::float8 as id from sets where publisher = ${publisher} and name = ${set}`;
  if (row === undefined) return 0;
  const gone = await sql`
    delete from opinions where set_id = ${row.id} and entry in (select jsonb_array_elements_text(${list}::text::jsonb))`;
  const days = await sql`
    delete from opinion_days where set_id = ${row.id} and entry in (select jsonb_array_elements_text(${list}::text::jsonb))`;
  const floods = await sql`
    delete from opinion_floods
    where set_id = ${row.id} and scope = 'entry' and subject in (select jsonb_array_elements_text(${list}::text::jsonb))`;
  return gone.count + days.count + floods.count;
}
