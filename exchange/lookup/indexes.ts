/** What may be looked up, for one caller: the indexes, whose sets their masks name, and what is left of the day's budget. */

import type { Publisher, SetName } from "@breakwater/shared/ids.ts";
import { LOOKUP_ALGS, RECORD_BYTES } from "@breakwater/shared/lookup.ts";
import { LOOKUP_COARSER_MAX, type LookupIndex, type LookupIndexes } from "@breakwater/shared/wire/lookup.ts";
import type { Caller } from "../platform/caller.ts";
import type { Deps } from "../platform/deps.ts";
import { hurryLookup } from "./build.ts";
import { budgetOf } from "./limits.ts";
import { tiersIn } from "./sources.ts";
import { dayOf } from "./uses.ts";

type Row = {
  id: number;
  name: string;
  tier: LookupIndex["tier"];
  epoch: number;
  bits: number;
  records: number;
  ends_at: Date;
  asked: number | null;
};
type SlotRow = {
  slot: number;
  publisher: string;
  set: string;
  stream: LookupIndex["sets"][number]["stream"];
  release: number;
  tier: string;
  behind: boolean;
  review_only: boolean;
};

export async function listLookups(deps: Deps, caller: Caller): Promise<LookupIndexes> {
  const { sql } = deps;
  const rows = await sql<Row[]>`
    select i.id::float8 as id, i.name, i.tier, i.epoch, i.bits::int as bits, i.records, i.ends_at, u.asked
    from lookup_indexes i
    left join lookup_uses u on u.member_id = ${caller.memberId} and u.index_name = i.name and u.day = ${dayOf(deps.now())}::date
    where i.epoch > 0 and i.ends_at > ${deps.now()}
      and (i.name = ${caller.tier} or i.tier = 'named' and exists (
        select 1 from lookup_slots s join sets on sets.id = s.set_id
        where s.index_id = i.id and s.epoch = i.epoch and (sets.publisher = ${caller.publisher ?? ""}
          or exists (select 1 from set_audience a where a.set_id = sets.id and a.member = ${caller.member}))))
    order by i.name`;
  const indexes: LookupIndex[] = [];
  let behind = false;
  for (const row of rows) {
    const slots = await listSlotRows(deps, row);
    behind ||= slots.some((slot) => slot.behind);
    // A set that is not for these readers any more: nothing is said before its entries are out.
    if (slots.some(({ tier }) => !tiersIn(row.tier).includes(tier))) behind = true;
    else indexes.push(answerOf(row, slots, caller));
  }
  // Whoever looks up waits for no timer: what has moved since is taken up after this answer.
  if (behind) await hurryLookup(deps);
  return { indexes };
}

async function listSlotRows({ sql }: Deps, { id, epoch }: Row): Promise<SlotRow[]> {
  return sql<SlotRow[]>`
    select l.slot, s.publisher, s.name as set, s.stream, l.release, s.audience_tier as tier,
      s.head_recall > l.head_recall as review_only, s.head_recall > l.head_recall or s.head_release > l.release as behind
    from lookup_slots l join sets s on s.id = l.set_id
    where l.index_id = ${id} and l.epoch = ${epoch} order by l.slot`;
}

function answerOf(row: Row, slots: readonly SlotRow[], { tier }: Caller): LookupIndex {
  const budget = budgetOf(tier, row.bits);
  return {
    index: `${row.name}-b${row.bits}`,
    tier: row.tier,
    epoch: row.epoch,
    ends_at: row.ends_at.toISOString(),
    bits: row.bits,
    bits_min: Math.max(0, row.bits - LOOKUP_COARSER_MAX),
    records: row.records,
    record_bytes: RECORD_BYTES,
    algs: [...LOOKUP_ALGS],
    sets: slots.map(({ slot, publisher, set, stream, release, review_only }) => ({
      slot,
      publisher: publisher as Publisher,
      set: set as SetName,
      stream,
      release,
      review_only,
    })),
    budget,
    left: Math.max(0, budget - (row.asked ?? 0)),
  };
}
