/** Who has fetched a set, and who has said what it applies: the two halves of "did it reach everybody". */

import type { Caller } from "../platform/caller.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import type { SetRow } from "./tables.ts";

/** A member that polls every few seconds is written down once in this time. */
export const SEEN_EVERY_MS = 60_000;

/** Of an instance of the Worker: who was written down by it a moment ago. Losing it costs one write each. */
const noted = new Map<string, number>();
const NOTED_MAX = 10_000;

/**
 * Note that a member has fetched something of a set, after the answer. Keys only: a person who looks at the console
 * takes no copy, unless `isCopy`. The publisher's own reading counts nothing.
 */
export function noteReader(deps: Deps, caller: Caller, set: SetRow, { isCopy = false } = {}): void {
  if (caller.publisher === set.publisher || (caller.kind !== "key" && !isCopy)) return;
  const now = deps.now();
  const name = `${deps.config.origin} ${set.id} ${caller.memberId}`;
  if (Math.abs(now.getTime() - (noted.get(name) ?? 0)) < SEEN_EVERY_MS) return;
  const before = new Date(now.getTime() - SEEN_EVERY_MS);
  deps.defer(
    deps.sql`
      insert into set_readers (set_id, member_id, first_seen_at, last_seen_at)
      values (${set.id}, ${caller.memberId}, ${now}, ${now})
      on conflict (set_id, member_id) do update set last_seen_at = excluded.last_seen_at
        where set_readers.last_seen_at < ${before}`.then(
      () => {
        if (noted.size >= NOTED_MAX) noted.clear();
        noted.set(name, now.getTime());
      },
      // Who reads is never kept from reading because it could not be written down.
      () => {},
    ),
  );
}

export type ReaderState = {
  memberId: string;
  release: number;
  recall: number;
  acknowledgedAt: Date | null;
  lastSeenAt: Date;
};

/** Every member that fetched anything of the set or acknowledged it, its publisher's own left out. */
export async function listReaders({ sql }: Queries, set: SetRow, ownMemberId: string): Promise<ReaderState[]> {
  return sql<ReaderState[]>`
    select coalesce(r.member_id, a.member_id) as "memberId", coalesce(a.release, 0) as release, coalesce(a.recall, 0) as recall,
      a.acknowledged_at as "acknowledgedAt", greatest(r.last_seen_at, a.acknowledged_at) as "lastSeenAt"
    from (select * from set_readers where set_id = ${set.id}) r
    full join (select * from acks where set_id = ${set.id}) a on a.member_id = r.member_id
    where coalesce(r.member_id, a.member_id) <> ${ownMemberId}
    order by 1`;
}
