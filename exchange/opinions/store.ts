/** Rows of opinions as they come in: each replaces what the same member said before of the same thing. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { PURGE_ERASURE_SECONDS } from "@breakwater/shared/manifest.ts";
import type { OpinionItem, OpinionsAnswer } from "@breakwater/shared/wire/opinions.ts";
import type { Queries, Tx } from "../platform/db.ts";
import type { SetRow } from "../sets/index.ts";

export type Batch = { memberId: string; batchId: string; setId: number; digest: Digest };

/**
 * One batch of a member after the other. The same one in two requests at once: the second waits here, and finds the
 * first's answer. Two that say the same things in another order would each wait for the other's rows.
 */
export async function findBatch(
  { sql }: Tx,
  { memberId, batchId }: Batch,
): Promise<{ digest: Digest; answer: OpinionsAnswer } | undefined> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`opinions:${memberId}`}, 0))`;
  const [row] = await sql<{ digest: Digest; answer: OpinionsAnswer }[]>`
    select digest, answer from opinion_batches where member_id = ${memberId} and batch_id = ${batchId}`;
  return row;
}

export async function saveBatch(
  { sql }: Tx,
  { memberId, batchId, setId, digest }: Batch,
  answer: OpinionsAnswer,
  now: Date,
): Promise<void> {
  await sql`
    insert into opinion_batches (member_id, batch_id, set_id, digest, answer, taken_at)
    values (${memberId}, ${batchId}, ${setId}, ${digest}, ${JSON.stringify(answer)}::jsonb, ${now})`;
}

/**
 * Those that the set holds or held: an id leaves a row for good, its withdrawal at the least. Of what was erased nothing is
 * known any more: what a member's queue brings late would stand here again after the purge.
 */
export async function listKnownEntries(
  { sql }: Queries,
  set: SetRow,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await sql<{ id: string }[]>`
    select distinct v.id from entry_versions v
    where v.set_id = ${set.id} and v.release <= ${set.headRelease}
      and v.id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))
      and not exists (
        select 1 from entry_versions d join releases r on r.set_id = d.set_id and r.release = d.release
        where d.set_id = v.set_id and d.id = v.id and d.op = 'del' and d.release <= ${set.headRelease}
          and (d.superseded_by is null or d.superseded_by > ${set.headRelease})
          and r.due_at <= r.released_at + make_interval(secs => ${PURGE_ERASURE_SECONDS}))`;
  return new Set(rows.map(({ id }) => id));
}

type Whose = { setId: number; memberId: string };

export async function saveItems(tx: Tx, whose: Whose, items: readonly OpinionItem[]): Promise<void> {
  for (const item of items) {
    if (item.kind === "opinion") await saveOpinion(tx, whose, item);
    else if (item.kind === "flood") await saveFlood(tx, whose, item);
    else await saveDay(tx, whose, item);
  }
}

type Of<Kind extends OpinionItem["kind"]> = Extract<OpinionItem, { kind: Kind }>;

async function saveOpinion({ sql }: Tx, { setId, memberId }: Whose, item: Of<"opinion">): Promise<void> {
  const { entry, release, verdict, reason = null, named = false } = item;
  const at = new Date(item.at);
  await sql`
    insert into opinions (set_id, entry, member_id, release, verdict, reason, named, said_at)
    values (${setId}, ${entry}, ${memberId}, ${release}, ${verdict}, ${reason}, ${named}, ${at})
    on conflict (set_id, entry, member_id) do update
      set release = excluded.release, verdict = excluded.verdict, reason = excluded.reason, named = excluded.named,
        said_at = excluded.said_at
      -- A queue that was offline may bring the older word last.
      where opinions.said_at <= excluded.said_at`;
}

async function saveDay({ sql }: Tx, { setId, memberId }: Whose, item: Of<"sighting" | "outcomes">): Promise<void> {
  const { entry, day } = item;
  if (item.kind === "sighting") {
    await sql`
      insert into opinion_days (set_id, entry, member_id, day, band)
      values (${setId}, ${entry}, ${memberId}, ${day}, ${item.count_band})
      on conflict (set_id, entry, member_id, day) do update set band = excluded.band`;
    return;
  }
  const { matched = null, reviewed = null, confirmed = null, rejected = null, overturned = null } = item;
  await sql`
    insert into opinion_days (set_id, entry, member_id, day, matched, reviewed, confirmed, rejected, overturned)
    values (${setId}, ${entry}, ${memberId}, ${day}, ${matched}, ${reviewed}, ${confirmed}, ${rejected}, ${overturned})
    on conflict (set_id, entry, member_id, day) do update
      set matched = excluded.matched, reviewed = excluded.reviewed, confirmed = excluded.confirmed,
        rejected = excluded.rejected, overturned = excluded.overturned`;
}

async function saveFlood({ sql }: Tx, { setId, memberId }: Whose, item: Of<"flood">): Promise<void> {
  const { scope, entry, release, times } = item;
  const subject = entry ?? (release === undefined ? "" : String(release));
  const day = new Date(item.at).toISOString().slice(0, 10);
  await sql`
    insert into opinion_floods (set_id, member_id, scope, subject, day, times)
    values (${setId}, ${memberId}, ${scope}, ${subject}, ${day}, ${times})
    on conflict (set_id, member_id, scope, subject, day) do update
      set times = greatest(opinion_floods.times, excluded.times)`;
}
