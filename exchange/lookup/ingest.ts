/** From the rows of published entries to tags: what a set's new releases put and took out, and what has expired. */

import { LOOKUP_ALGS, LOOKUP_CODE, LOOKUP_DOMAIN } from "@breakwater/shared/lookup.ts";
import { type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { INGEST_ROWS } from "./limits.ts";
import type { LookupSet } from "./sources.ts";

/**
 * One portion of what a set's releases changed since the last time.
 *
 * The tags are made in the database: a million lines never leave it.
 *
 * @returns false when the set's tags say its head
 */
export async function ingest(deps: Deps, { id, headRelease, stream }: LookupSet): Promise<boolean> {
  return transaction(deps, async (tx) => {
    const { sql } = tx;
    await sql`insert into lookup_sets (set_id) values (${id}) on conflict do nothing`;
    // Locked: whoever else builds waits, and finds nothing left to do.
    const [state] = await sql<{ seq: number; release: number }[]>`
      select seq::float8 as seq, release from lookup_sets where set_id = ${id} for update`;
    if (state === undefined) throw new Error("a set vanished while its tags were made");
    if (state.release >= headRelease) return false;
    const [portion] = await sql<{ rows: number; last: number | null }[]>`
      select count(*)::int as rows, max(seq)::float8 as last from (
        select seq from entry_versions where set_id = ${id} and seq > ${state.seq} and release <= ${headRelease}
        order by seq limit ${INGEST_ROWS}) as portion`;
    const rows = portion?.rows ?? 0;
    const last = portion?.last ?? state.seq;
    if (rows > 0) {
      await dropTags(tx, id, { after: state.seq, last, head: headRelease });
      await makeTags(tx, { id, stream, now: deps.now() }, { after: state.seq, last, head: headRelease });
    }
    const isDone = rows < INGEST_ROWS;
    await sql`
      update lookup_sets set seq = ${last}, release = case when ${isDone} then ${headRelease} else release end
      where set_id = ${id}`;
    return !isDone;
  });
}

type Portion = { after: number; last: number; head: number };

async function dropTags({ sql }: Tx, id: number, { after, last, head }: Portion): Promise<void> {
  const gone = await sql<{ bucket: number }[]>`
    delete from lookup_tags t using entry_versions v
    where v.set_id = ${id} and v.seq > ${after} and v.seq <= ${last} and v.release <= ${head}
      and t.set_id = ${id} and t.entry = v.id
    returning t.bucket`;
  await markDirty({ sql }, id, gone);
}

async function makeTags(
  { sql }: Tx,
  { id, stream, now }: { id: number; stream: string; now: Date },
  { after, last, head }: Portion,
): Promise<void> {
  const { requestedAction, reportDuty, humanReview, verification, test } = LOOKUP_CODE;
  const isTest = stream === "test" ? 1 << test.shift : 0;
  // Materialised: without it the line is parsed once for every member that is read from it.
  const made = await sql<{ bucket: number }[]>`
    with parsed as materialized (
      select id, release, line::jsonb as e from entry_versions
      where set_id = ${id} and seq > ${after} and seq <= ${last} and op = 'put'
        and release <= ${head} and (superseded_by is null or superseded_by > ${head})),
    tagged as materialized (
      select id, release, e, substring(sha256(
          convert_to(${`${LOOKUP_DOMAIN}\n`} || (e->>'alg') || chr(10), 'UTF8') || decode(e->>'value', 'hex')) from 1 for 16) as tag
      from parsed
      where e->>'alg' = any(${[...LOOKUP_ALGS]}::text[])
        and ((e->>'expires_at') is null or (e->>'expires_at')::timestamptz > ${now}))
    insert into lookup_tags (set_id, entry, bucket, tag, code, release, expires_at)
    select ${id}, id, get_byte(tag, 0) * 256 + get_byte(tag, 1), tag,
      ${isTest}::int
        | (coalesce(array_position(${[...requestedAction.words]}::text[], e->>'requested_action'), 0) << ${requestedAction.shift}::int)
        | (coalesce(array_position(${[...reportDuty.words]}::text[], e->>'report_duty'), 0) << ${reportDuty.shift}::int)
        | (coalesce(array_position(${[...humanReview.words]}::text[], e->>'human_review'), 0) << ${humanReview.shift}::int)
        | (coalesce(array_position(${[...verification.words]}::text[], e->'verification'->>'level'), 0) << ${verification.shift}::int),
      release, (e->>'expires_at')::timestamptz
    from tagged
    returning bucket`;
  await markDirty({ sql }, id, made);
}

/** Entries whose time is over. */
export async function dropExpired(deps: Deps): Promise<void> {
  await transaction(deps, async ({ sql }) => {
    const gone = await sql<{ set_id: string; bucket: number }[]>`
      delete from lookup_tags where expires_at <= ${deps.now()} returning set_id, bucket`;
    for (const [setId, rows] of Map.groupBy(gone, ({ set_id }) => set_id))
      await markDirty({ sql }, Number(setId), rows);
  });
}

/** These buckets of every index that shows the set, now or in the epoch that is being built, have to be written again. */
export async function markDirty(
  { sql }: Pick<Tx, "sql">,
  setId: number,
  rows: readonly { bucket: number }[],
): Promise<void> {
  const buckets = [...new Set(rows.map(({ bucket }) => bucket))];
  if (buckets.length === 0) return;
  await sql`
    insert into lookup_dirty (index_id, bucket)
    select i.index_id, b from (select distinct index_id from lookup_slots where set_id = ${setId}) i,
      unnest(${buckets}::int[]) as b
    on conflict (index_id, bucket) do update set building = null`;
}
