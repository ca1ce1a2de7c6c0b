/** What readers may ask of the rows: the catalogue, releases, and entries as they stood at one head. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { AudienceTier } from "@breakwater/shared/wire/sets.ts";
import { and, eq, inArray } from "drizzle-orm";
import type { Queries } from "../platform/db.ts";
import { type Reader, tiersOf } from "./audience.ts";
import { type ReleaseRow, releases, type SetRow, sets } from "./tables.ts";

/** The column's: a higher number is nobody's release, and the database would refuse the question itself. */
const RELEASE_MAX = 2 ** 31 - 1;

export async function findRelease({ db }: Queries, setId: number, release: number): Promise<ReleaseRow | undefined> {
  if (release > RELEASE_MAX) return undefined;
  const [row] = await db
    .select()
    .from(releases)
    .where(and(eq(releases.setId, setId), eq(releases.release, release)));
  return row;
}

/** @throws ExchangeError `not_found` */
export async function getSetById({ db }: Queries, id: number): Promise<SetRow> {
  const [row] = await db.select().from(sets).where(eq(sets.id, id));
  if (row === undefined) throw new ExchangeError("not_found");
  return row;
}

/** Sets that the reader may see, by publisher and name, after the one that the cursor names. */
export async function listReadableSets(
  { sql, db }: Queries,
  reader: Reader,
  { after, limit }: { after: { publisher: string; set: string } | undefined; limit: number },
): Promise<SetRow[]> {
  const tiers = JSON.stringify(tiersOf(reader.tier) satisfies AudienceTier[]);
  const rows = await sql<{ id: number }[]>`
    select s.id::float8 as id from sets s
    where (s.publisher = ${reader.publisher ?? ""}
        or s.audience_tier in (select jsonb_array_elements_text(${tiers}::text::jsonb))
        or (s.audience_tier = 'named'
          and exists (select 1 from set_audience a where a.set_id = s.id and a.member = ${reader.member})))
      and (s.publisher, s.name) > (${after?.publisher ?? ""}, ${after?.set ?? ""})
    order by s.publisher, s.name limit ${limit}`;
  if (rows.length === 0) return [];
  return db
    .select()
    .from(sets)
    .where(
      inArray(
        sets.id,
        rows.map(({ id }) => id),
      ),
    )
    .orderBy(sets.publisher, sets.name);
}

export type ChangesText = {
  /** Rows as JSON, joined by commas: `put` with the entry as its publisher wrote it, `del` with its reason. */
  text: string;
  /** Undefined when there are none. */
  lastSeq: number | undefined;
  /** Whether there are rows after these. */
  more: boolean;
};

/**
 * The newest state of each entry at a head, in the order of its last change, after `afterSeq`.
 *
 * One text from the database: as rows, reading them costs more than finding them.
 */
export async function listChanges(
  { sql }: Queries,
  setId: number,
  { head, afterSeq, limit }: { head: number; afterSeq: number; limit: number },
): Promise<ChangesText> {
  const [row] = await sql<{ text: string | null; last: number | null; found: number }[]>`
    with found as (
      select seq, op, release, id, line, why, row_number() over (order by seq) as place
      from entry_versions
      where set_id = ${setId} and seq > ${afterSeq}
        and release <= ${head} and (superseded_by is null or superseded_by > ${head})
      order by seq limit ${limit + 1})
    select count(*)::int as found, max(seq) filter (where place <= ${limit})::float8 as last,
      string_agg(case op
        when 'put' then '{"op":"put","seq":' || seq || ',"release":' || release || ',"entry":' || line || '}'
        else '{"id":"' || id || '","op":"del","release":' || release || ',"seq":' || seq || ',"why":' || to_json(why) || '}'
      end, ',' order by seq) filter (where place <= ${limit}) as text
    from found`;
  return { text: row?.text ?? "", lastSeq: row?.last ?? undefined, more: (row?.found ?? 0) > limit };
}

/** Entries as they stood at a head, by id. Later heads do not show: what they replaced carries their number. */
export async function listEntries(
  { sql }: Queries,
  setId: number,
  { head, afterId, limit }: { head: number; afterId: string; limit: number },
): Promise<{ id: string; line: string }[]> {
  return sql<{ id: string; line: string }[]>`
    select id, line from entry_versions
    where set_id = ${setId} and id > ${afterId} and op = 'put'
      and release <= ${head} and (superseded_by is null or superseded_by > ${head})
    order by id limit ${limit}`;
}

/** Changes with a restore, so that no cursor from before it is believed. */
export async function getFeedEpoch({ sql }: Queries): Promise<string> {
  const [row] = await sql<{ epoch: string }[]>`select epoch from feed_epoch where id = 1`;
  if (row === undefined) throw new Error("feed_epoch has no row");
  return row.epoch;
}

/** To be called after a restore, before anything is served. */
export async function renewFeedEpoch({ sql }: Queries): Promise<void> {
  await sql`update feed_epoch set epoch = encode(sha256(gen_random_uuid()::text::bytea), 'hex') where id = 1`;
}

export type BlobAccess = { digest: Digest; size: number; format: "segment" | "json"; gone: boolean };

/**
 * A blob, if some set that the reader may see names it, or named it and it was purged.
 *
 * @returns undefined for what is not there and for what is not theirs alike
 */
export async function findReadableBlob(
  { sql }: Queries,
  reader: Reader,
  digest: Digest,
): Promise<BlobAccess | undefined> {
  const tiers = JSON.stringify(tiersOf(reader.tier) satisfies AudienceTier[]);
  const [row] = await sql<BlobAccess[]>`
    select b.digest, b.size::float8 as size, b.format, bool_and(r.purged_at is not null) as gone
    from blobs b join blob_refs r on r.digest = b.digest join sets s on s.id = r.set_id
    where b.digest = ${digest}
      and (s.publisher = ${reader.publisher ?? ""}
        or s.audience_tier in (select jsonb_array_elements_text(${tiers}::text::jsonb))
        or (s.audience_tier = 'named'
          and exists (select 1 from set_audience a where a.set_id = s.id and a.member = ${reader.member})))
    group by b.digest, b.size, b.format`;
  return row;
}

export async function saveAck(
  { sql }: Queries,
  {
    setId,
    memberId,
    release,
    statement,
    recall,
    at,
  }: { setId: number; memberId: string; release: number; statement: Digest; recall: number; at: Date },
): Promise<void> {
  // A slow answer to an older sync must not take back what a newer one has said, of releases and of recalls.
  await sql`
    insert into acks (set_id, member_id, release, statement, recall, acknowledged_at)
    values (${setId}, ${memberId}, ${release}, ${statement}, ${recall}, ${at})
    on conflict (set_id, member_id) do update
      set release = greatest(acks.release, excluded.release),
          statement = case when excluded.release >= acks.release then excluded.statement else acks.statement end,
          recall = greatest(acks.recall, excluded.recall), acknowledged_at = excluded.acknowledged_at
      where acks.release <= excluded.release or acks.recall < excluded.recall`;
}

/** Whether rows that a reader at this head should see were destroyed meanwhile: an erasure does not wait for readers. */
export async function isPurgedPast({ sql }: Queries, setId: number, head: number): Promise<boolean> {
  const [row] = await sql`
    select 1 from purges where set_id = ${setId} and release > ${head} limit 1`;
  return row !== undefined;
}
