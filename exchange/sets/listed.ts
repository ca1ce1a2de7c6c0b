/** What a publisher's own sets list at their heads: for a hotline that asks whether it has listed a hash already. */

import { naturalKeyDigest } from "@breakwater/shared/entries/checker.ts";
import { hashNaturalKey } from "@breakwater/shared/entries/index.ts";
import type { SignalAlg } from "@breakwater/shared/signals/index.ts";
import { eq } from "drizzle-orm";
import type { Queries } from "../platform/db.ts";
import { type SetRow, sets } from "./tables.ts";

export type HashToFind = { alg: string; value: string };
export type ListedHash = HashToFind & { publisher: string; set: string; id: string };

/** Those of the hashes that any hash set of the publisher holds at its head. */
export async function findListedHashes(
  { sql }: Queries,
  publisher: string,
  hashes: readonly HashToFind[],
): Promise<ListedHash[]> {
  const found: ListedHash[] = [];
  for (const { alg, value } of hashes) {
    const key = naturalKeyDigest("hash", hashNaturalKey({ alg: alg as SignalAlg, value }));
    const rows = await sql<{ set: string; id: string }[]>`
      select s.name as set, e.id from entry_versions e join sets s on s.id = e.set_id
      where e.natural_key = ${key} and s.publisher = ${publisher} and s.kind = 'hash' and e.op = 'put'
        and e.release <= s.head_release and (e.superseded_by is null or e.superseded_by > s.head_release)`;
    found.push(...rows.map((row) => ({ publisher, set: row.set, id: row.id, alg, value })));
  }
  return found;
}

/** Those of the ids that the set still holds at its head. */
export async function findListedIds({ sql }: Queries, set: SetRow, ids: readonly string[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from entry_versions
    where set_id = ${set.id} and id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)) and op = 'put'
      and release <= ${set.headRelease} and (superseded_by is null or superseded_by > ${set.headRelease})`;
  return rows.map(({ id }) => id);
}

/** A publisher's sets by name, whoever else may see them. */
export async function listPublisherSets({ db }: Queries, publisher: string): Promise<SetRow[]> {
  return db.select().from(sets).where(eq(sets.publisher, publisher)).orderBy(sets.name);
}

/** Members that have said which release of the set they hold. */
export async function countSubscribers({ sql }: Queries, set: SetRow): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from acks where set_id = ${set.id}`;
  return row?.count ?? 0;
}
