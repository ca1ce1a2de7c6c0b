/** What an operator sees of lookups: who asks how much, and who seems to be copying a list. Counts, never what was asked. */

import type { OperatorLookups } from "@breakwater/shared/wire/lookup.ts";
import { listMemberTitles } from "../members/index.ts";
import type { Deps } from "../platform/deps.ts";
import { OPERATOR_DAYS, OPERATOR_ROWS_MAX, SHARE_DAYS } from "./limits.ts";

type Row = {
  member_id: string;
  tier: "test" | "agreed" | "vetted";
  index: string;
  day: string;
  bits: number;
  asked: number;
  distinct: number;
  refused: number;
  budget: number;
  probing: boolean;
  share: number;
};
const DAY_MS = 86_400_000;

export async function listUses(deps: Deps): Promise<OperatorLookups> {
  const daysAgo = (days: number) => new Date(deps.now().getTime() - days * DAY_MS).toISOString().slice(0, 10);
  const rows = await deps.sql<Row[]>`
    with recent as (
      select *, sum(distinct_buckets::float8 / (1 << bits)) filter (where day > ${daysAgo(SHARE_DAYS)}::date)
        over (partition by member_id, index_name) as share
      from lookup_uses where day > ${daysAgo(OPERATOR_DAYS)}::date)
    select u.member_id, m.tier, u.index_name as index, to_char(u.day, 'YYYY-MM-DD') as day, u.bits::int as bits, u.asked,
      u.distinct_buckets as distinct, u.refused, u.budget, u.probing, coalesce(u.share, 0) as share
    from recent u join members m on m.id = u.member_id
    order by u.probing desc, u.refused > 0 desc, u.day desc, u.asked desc limit ${OPERATOR_ROWS_MAX}`;
  const names = await listMemberTitles(deps, [...new Set(rows.map(({ member_id }) => member_id))]);
  return {
    uses: rows.map(({ member_id, share, bits, ...row }) => ({
      ...row,
      member: names.get(member_id)?.name ?? "removed",
      buckets: 2 ** bits,
      share_30d: Math.round(share * 100) / 100,
    })),
  };
}
