/**
 * The epochs of an index: one is served whole while the next is written beside it, and one row's change swaps them. What
 * is cut off half-way is taken back and begun anew under another number.
 */

import { hexOf, parseHex } from "@breakwater/shared/bytes.ts";
import { lookupBits, lookupPad } from "@breakwater/shared/lookup.ts";
import { type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { EPOCH_LIFE_MS, EPOCH_PACE_MS, EPOCH_RENEW_MS, WHOLE_EVERY_MS } from "./limits.ts";
import { SECRET_BYTES } from "./pad.ts";
import type { IndexSource, LookupSet } from "./sources.ts";

/** What the epoch that is being built will have. */
export type Plan = { bits: number; records: number; whole: boolean; entries: number; secret: string };
export type IndexRow = {
  id: number;
  folder: string;
  name: string;
  epoch: number;
  bits: number;
  records: number;
  secret: Uint8Array | null;
  wholeAt: Date | null;
  builtAt: Date | null;
  building: number | null;
  plan: Plan | null;
};
type Slot = { slot: number; setId: number; release: number; headRecall: number };

const columns = (sql: Tx["sql"]) => sql`
  id::float8 as id, folder, name, epoch, bits::int as bits, records, secret, whole_at as "wholeAt", built_at as "builtAt", building, plan`;

export async function listIndexes({ sql }: Pick<Tx, "sql"> | Deps): Promise<IndexRow[]> {
  return sql<IndexRow[]>`select ${columns(sql as Tx["sql"])} from lookup_indexes order by id`;
}

export async function findIndex({ sql }: Pick<Tx, "sql"> | Deps, id: number): Promise<IndexRow | undefined> {
  const [row] = await sql<IndexRow[]>`select ${columns(sql as Tx["sql"])} from lookup_indexes where id = ${id}`;
  return row;
}

/** A row for every index that there should be. Those that should be no more are answered no more, and go. */
export async function reconcileIndexes(deps: Deps, sources: readonly IndexSource[]): Promise<void> {
  const names = sources.map(({ name }) => name);
  const tiers = sources.map(({ tier }) => tier as string);
  await deps.sql`
    insert into lookup_indexes (name, tier)
    select n, t from unnest(${names}::text[], ${tiers}::text[]) as given(n, t) on conflict (name) do nothing`;
  const gone = (await listIndexes(deps)).filter(({ name }) => !names.includes(name));
  for (const { id } of gone) {
    const objects = await deps.sql<{ object: string }[]>`select object from lookup_buckets where index_id = ${id}`;
    await deps.objects.delete(objects.map(({ object }) => object));
    await deps.sql`delete from lookup_indexes where id = ${id}`;
  }
}

/** Whether anything of an index has changed since its epoch, and whether that can wait for more. */
export async function isDue(deps: Deps, index: IndexRow, source: IndexSource): Promise<boolean> {
  if (index.epoch === 0 || index.builtAt === null) return true;
  const age = deps.now().getTime() - index.builtAt.getTime();
  if (age >= EPOCH_RENEW_MS) return true;
  const served = await listSlots(deps, index.id, index.epoch);
  const shown = new Map(served.map((slot) => [slot.setId, slot]));
  // Taking back waits for nothing; neither does a set that is not for these readers any more.
  const isTakenBack =
    source.sets.some(({ id, headRecall }) => (shown.get(id)?.headRecall ?? headRecall) !== headRecall) ||
    served.some(({ setId }) => !source.sets.some(({ id }) => id === setId));
  if (isTakenBack) return true;
  if (age >= 0 && age < EPOCH_PACE_MS) return false;
  if (source.sets.some(({ id, headRelease }) => shown.get(id)?.release !== headRelease)) return true;
  const [dirty] = await deps.sql`select 1 from lookup_dirty where index_id = ${index.id} limit 1`;
  return dirty !== undefined;
}

/** @param atLeast - records that a bucket was found to need */
export async function beginEpoch(
  deps: Deps,
  index: IndexRow,
  { sets }: IndexSource,
  atLeast = 0,
): Promise<{ epoch: number; plan: Plan }> {
  await abandonEpoch(deps, index);
  const ids = sets.map(({ id }) => id);
  return transaction(deps, async (tx) => {
    const { sql } = tx;
    const [given] = await sql<{ epoch: number }[]>`
      update lookup_indexes set next_epoch = next_epoch + 1 where id = ${index.id} returning next_epoch - 1 as epoch`;
    if (given === undefined) throw new Error("an index vanished while it was built");
    const [count] = await sql<{ entries: number }[]>`
      select count(*)::float8 as entries from lookup_tags where set_id = any(${ids}::bigint[])`;
    const plan = planOf(deps, index, count?.entries ?? 0, atLeast);
    await placeSets(tx, index, given.epoch, sets);
    await sql`
      update lookup_indexes set building = ${given.epoch}, plan = ${JSON.stringify(plan)}::jsonb where id = ${index.id}`;
    return { epoch: given.epoch, plan };
  });
}

function planOf(deps: Deps, index: IndexRow, entries: number, atLeast: number): Plan {
  const bits = lookupBits(entries);
  const fresh = Math.max(lookupPad(entries, bits), atLeast);
  const age = index.wholeAt === null ? Number.POSITIVE_INFINITY : deps.now().getTime() - index.wholeAt.getTime();
  const isKept =
    index.secret !== null &&
    index.bits === bits &&
    index.records >= fresh &&
    index.records < 2 * fresh &&
    age < WHOLE_EVERY_MS;
  if (isKept && index.secret !== null) {
    return { bits, records: index.records, whole: false, entries, secret: hexOf(index.secret) };
  }
  return { bits, records: fresh, whole: true, entries, secret: hexOf(deps.random(SECRET_BYTES)) };
}

/** Each set keeps its bit; a new one takes the lowest that is free. Buckets of sets that come or go are written again. */
async function placeSets(tx: Tx, index: IndexRow, epoch: number, sets: readonly LookupSet[]): Promise<void> {
  const { sql } = tx;
  const before = new Map((await listSlots(tx, index.id, index.epoch)).map((slot) => [slot.setId, slot.slot]));
  const taken = new Set(sets.flatMap(({ id }) => before.get(id) ?? []));
  let free = 0;
  for (const { id, headRelease } of sets) {
    let slot = before.get(id);
    if (slot === undefined) {
      while (taken.has(free)) free += 1;
      slot = free;
      taken.add(slot);
      await dirtySet(tx, index.id, id);
    }
    await sql`
      insert into lookup_slots (index_id, epoch, slot, set_id, release, head_recall)
      select ${index.id}, ${epoch}, ${slot}, set_id, least(release, ${headRelease}), head_recall from lookup_sets where set_id = ${id}`;
  }
  const staying = new Set(sets.map(({ id }) => id));
  for (const id of before.keys()) if (!staying.has(id)) await dirtySet(tx, index.id, id);
}

async function dirtySet({ sql }: Tx, indexId: number, setId: number): Promise<void> {
  await sql`
    insert into lookup_dirty (index_id, bucket)
    select distinct ${indexId}::bigint, bucket from lookup_tags where set_id = ${setId}
    on conflict (index_id, bucket) do update set building = null`;
}

export async function listSlots({ sql }: Pick<Tx, "sql"> | Deps, indexId: number, epoch: number): Promise<Slot[]> {
  return sql<Slot[]>`
    select slot, set_id::float8 as "setId", release, head_recall as "headRecall" from lookup_slots
    where index_id = ${indexId} and epoch = ${epoch} order by slot`;
}

/** As if the epoch that was being built had never been begun. What it would have shown is to be written again. */
export async function abandonEpoch(deps: Deps, { id, building }: IndexRow): Promise<void> {
  if (building === null) return;
  const objects = await deps.sql<{ object: string }[]>`
    select object from lookup_buckets where index_id = ${id} and epoch = ${building}`;
  await deps.objects.delete(objects.map(({ object }) => object));
  await transaction(deps, async ({ sql }) => {
    await sql`delete from lookup_buckets where index_id = ${id} and epoch = ${building}`;
    await sql`delete from lookup_slots where index_id = ${id} and epoch = ${building}`;
    await sql`update lookup_dirty set building = null where index_id = ${id}`;
    await sql`update lookup_indexes set building = null, plan = null where id = ${id} and building = ${building}`;
  });
}

/** The compare-and-swap: from here on the new epoch is served and no other. @returns false when it is not the one in work */
export async function serveEpoch(deps: Deps, { id }: IndexRow, epoch: number): Promise<boolean> {
  const now = deps.now();
  return transaction(deps, async ({ sql }) => {
    const [row] = await sql<{ plan: Plan }[]>`
      select plan from lookup_indexes where id = ${id} and building = ${epoch} for update`;
    if (row === undefined) return false;
    const { bits, records, whole, entries, secret } = row.plan;
    await sql`
      update lookup_buckets b set ended = ${epoch}
      where index_id = ${id} and epoch < ${epoch} and ended is null
        and (${whole} or exists (select 1 from lookup_buckets n where n.index_id = ${id} and n.epoch = ${epoch} and n.prefix = b.prefix))`;
    await sql`delete from lookup_dirty where index_id = ${id} and building = ${epoch}`;
    await sql`delete from lookup_slots where index_id = ${id} and epoch < ${epoch}`;
    await sql`
      update lookup_indexes set epoch = ${epoch}, bits = ${bits}, records = ${records}, entries = ${entries},
        secret = ${parseHex(secret)}, whole_at = case when ${whole} then ${now} else whole_at end, built_at = ${now},
        ends_at = ${new Date(now.getTime() + EPOCH_LIFE_MS)}, building = null, plan = null
      where id = ${id}`;
    return true;
  });
}

/** Objects of buckets that no served epoch has: nobody can ask for them any more. */
export async function sweepBuckets(deps: Deps): Promise<void> {
  const ended = await deps.sql<{ object: string }[]>`
    select object from lookup_buckets b join lookup_indexes i on i.id = b.index_id where b.ended <= i.epoch`;
  if (ended.length === 0) return;
  const objects = ended.map(({ object }) => object);
  await deps.objects.delete(objects);
  await deps.sql`delete from lookup_buckets where object = any(${objects}::text[])`;
}
