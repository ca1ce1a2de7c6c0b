/** One bucket for one caller: who may ask, whether the index is fit to be served, what it counts, and the bytes. */

import { concatBytes } from "@breakwater/shared/bytes.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { LOOKUP_COARSER_MAX } from "@breakwater/shared/wire/lookup.ts";
import { type Caller, type KeyCaller, TIERS, type Tier } from "../platform/caller.ts";
import type { Deps } from "../platform/deps.ts";
import { getReadableSet } from "../sets/index.ts";
import { hurryLookup } from "./build.ts";
import { type Lease, type LeasedIndex, lend, readBucket, settleLeases, spend, takeEnded } from "./lease.ts";
import { budgetOf } from "./limits.ts";
import { parseIndexName, tiersIn } from "./sources.ts";
import { dayOf, holdToBudget, type Use } from "./uses.ts";

/** A read that failed for a moment is tried again so late. */
const BUILDING_RETRY_S = 3;

export type Asked = { index: string; epoch: number; prefix: number };
export type Bucket = { bytes: Uint8Array<ArrayBuffer>; endsAt: Date };

type Found = {
  id: number;
  folder: string;
  epoch: number;
  bits: number;
  ends_at: Date;
  unfit: boolean;
  objects: string[] | null;
  asked: number | null;
  lent: number;
  distinct: number;
  budget: number;
  probing: boolean;
  answered: boolean;
};

/**
 * @throws ExchangeError `lookup_tier`, `not_found`, `lookup_epoch`, `lookup_budget`, `lookup_probing`, `busy` while an
 *   index shows what is not for its readers any more
 */
export async function takeBucket(
  deps: Deps,
  caller: KeyCaller,
  authorization: string,
  { index, epoch, prefix }: Asked,
): Promise<Bucket> {
  const parsed = parseIndexName(index);
  if (parsed === undefined) throw new ExchangeError("not_found");
  const { name, bits } = parsed;
  const lent = spend(deps, caller, { index: name, bits, epoch, prefix });
  if (lent !== undefined) {
    const bytes = await readBucket(deps, lent.object);
    if (bytes !== undefined) return { bytes, endsAt: lent.endsAt };
  }
  const ended = takeEnded(deps, caller);
  let next: (LeasedIndex & { budget: number }) | undefined;
  try {
    const { bytes, ...of } = await findBucket(deps, caller, { name, bits, epoch, prefix }, ended);
    if (of.bits === bits) next = { ...of, name };
    return { bytes, endsAt: of.endsAt };
  } finally {
    // Nobody waits for it. Settled before anything is lent: a walk shows in what was asked last too.
    deps.defer(
      settleLeases(deps, ended).then(() => next && lend(deps, caller, authorization, next, dayOf(deps.now()))),
    );
  }
}

type Answered = Omit<LeasedIndex, "name"> & { budget: number; bytes: Uint8Array<ArrayBuffer> };

/** Counted, held to the budget, and read. @param ended - of these, what is given back may be asked for once more */
async function findBucket(
  deps: Deps,
  caller: KeyCaller,
  { name, bits, epoch, prefix }: Omit<Asked, "index"> & { name: string; bits: number },
  ended: Lease[],
): Promise<Answered> {
  const tier = await requireIndex(deps, caller, name);
  if (prefix >= 2 ** bits) throw new ExchangeError("not_found");
  const count = (isLast: boolean) => countAndFind(deps, caller, { name, tier, bits, epoch, prefix, isLast });
  let found = await count(ended.length === 0);
  if (found !== undefined && found.asked !== null && !found.answered && ended.length > 0) {
    await settleLeases(deps, ended.splice(0));
    found = await count(true);
  }
  if (found === undefined) throw new ExchangeError("not_found");
  const isCurrent = found.epoch === epoch && found.bits >= bits && found.bits - bits <= LOOKUP_COARSER_MAX;
  if (!isCurrent) throw new ExchangeError("lookup_epoch", { epoch: found.epoch, bits: found.bits });
  if (found.unfit || found.ends_at <= deps.now()) {
    await hurryLookup(deps);
    throw new ExchangeError("busy", { retry_after: BUILDING_RETRY_S });
  }
  if (found.asked !== null) await holdToBudget(deps, caller, { name, bits: found.bits }, found as Use);
  const parts = await Promise.all((found.objects ?? []).map((object) => readBucket(deps, object)));
  if (parts.length !== 2 ** (found.bits - bits) || parts.includes(undefined)) {
    // The epoch was replaced between the row and the object.
    throw new ExchangeError("lookup_epoch", { epoch: found.epoch });
  }
  const { id, folder, budget, ends_at: endsAt } = found;
  return { id, folder, bits: found.bits, epoch, budget, endsAt, bytes: concatBytes(parts as Uint8Array[]) };
}

/**
 * The tier of the index, if it is the caller's own. The index of a lower tier holds nothing that the caller's does not.
 *
 * @throws ExchangeError `lookup_tier` with what would be needed, `not_found`
 */
export async function requireIndex(deps: Deps, caller: Caller, name: string): Promise<Tier | "named"> {
  const rank = TIERS.indexOf(name as Tier);
  if (rank >= 0) {
    if (rank > TIERS.indexOf(caller.tier)) throw new ExchangeError("lookup_tier", { tier: caller.tier, needs: name });
    if (name !== caller.tier) throw new ExchangeError("not_found");
    return caller.tier;
  }
  const [, publisher = "", set = ""] = /^named\.(.+)\.([^.]+)$/.exec(name) ?? [];
  const row = await getReadableSet(deps, caller, { publisher, set } as SetId);
  if (row.audienceTier !== "named") throw new ExchangeError("not_found");
  return "named";
}

type Counted = Omit<Asked, "index"> & { name: string; tier: Tier | "named"; bits: number; isLast: boolean };

/**
 * Everything in one statement: the index, whether each of its sets may still stand in it, the bucket's objects, and the
 * count. A request under an old epoch counts nothing. Nobody waits for the disk: a database that is cut off loses half a
 * second of counts, and nothing else.
 *
 * @param counted - `isLast`: a refusal is one, and not the reason to look again
 */
async function countAndFind(
  { sql, now }: Deps,
  caller: Caller,
  { name, tier, bits, epoch, prefix, isLast }: Counted,
): Promise<Found | undefined> {
  const [row] = await sql<Found[]>`
    with quick as materialized (select set_config('synchronous_commit', 'off', true)),
    i as materialized (
      select id, folder, epoch, bits::int as bits, ends_at, bits::int - ${bits}::int as coarser,
        ${epoch}::int = epoch and bits >= ${bits}::int and bits - ${bits}::int <= ${LOOKUP_COARSER_MAX}::int as current
      from quick, lookup_indexes where name = ${name} and epoch > 0),
    u as (
      insert into lookup_uses as u (member_id, index_name, day, bits, asked, distinct_buckets, budget, seen)
      select ${caller.memberId}, ${name}, ${dayOf(now())}::date, bits, 1 << coarser, 1 << coarser, b.budget,
        set_bit(decode(repeat('00', greatest(1, (1 << bits) / 8)), 'hex'), (${prefix}::int << coarser)::bigint, 1)
      from i, (select greatest(${budgetOf(caller.tier, 0)}::int, (1 << i.bits) * ${budgetOf(caller.tier, 16)}::int / 65536) as budget from i) b
      where i.current
      on conflict (member_id, index_name, day) do update set
        bits = excluded.bits, budget = excluded.budget,
        answered = u.asked + excluded.asked <= excluded.budget,
        asked = u.asked + case when u.asked + excluded.asked <= excluded.budget then excluded.asked else 0 end,
        refused = u.refused + case when u.asked + excluded.asked <= excluded.budget or not ${isLast} then 0 else 1 end,
        distinct_buckets = u.distinct_buckets + case
          when u.asked + excluded.asked > excluded.budget then 0
          when u.bits <> excluded.bits or u.seen is null then excluded.asked
          when get_bit(u.seen, (${prefix}::int << (excluded.bits - ${bits}::int))::bigint) = 1 then 0
          else excluded.asked end,
        seen = case when u.bits <> excluded.bits or u.seen is null then excluded.seen
          else set_bit(u.seen, (${prefix}::int << (excluded.bits - ${bits}::int))::bigint, 1) end
      returning asked, lent, distinct_buckets as distinct, budget, probing, answered)
    select i.id::float8 as id, i.folder, i.epoch, i.bits, i.ends_at,
      exists (select 1 from lookup_slots s join sets on sets.id = s.set_id
        where s.index_id = i.id and s.epoch = i.epoch and not (sets.audience_tier = any(${[...tiersIn(tier)]}::text[]))) as unfit,
      (select array_agg(b.object order by b.prefix) from lookup_buckets b
        where b.index_id = i.id and b.prefix >= ${prefix}::int << greatest(0, i.coarser)
          and b.prefix < (${prefix}::int + 1) << greatest(0, i.coarser)
          and b.epoch <= i.epoch and (b.ended is null or b.ended > i.epoch) and i.current) as objects,
      u.asked, u.lent, u.distinct, u.budget, u.probing, coalesce(u.answered, false) as answered
    from i left join u on true`;
  return row;
}
