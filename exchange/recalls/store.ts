/** Rows of recalls: those accepted, and the counts of those refused. */

import type { Bytes, Digest } from "@breakwater/shared/bytes.ts";
import type { OpenedRecall } from "@breakwater/shared/recall.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import type { Queries, Tx } from "../platform/db.ts";
import type { SetRow } from "../sets/index.ts";

export type RecallRow = {
  recall: number;
  digest: Digest;
  envelope: Bytes;
  kids: string[];
  signedAt: Date;
  expiresAt: Date;
  logIndex: number;
};

const columns = (sql: Queries["sql"]) => sql`
  recall, digest, envelope, kids, signed_at as "signedAt", expires_at as "expiresAt", log_index::float8 as "logIndex"`;

export async function findRecall({ sql }: Queries, setId: number, recall: number): Promise<RecallRow | undefined> {
  const [row] = await sql<RecallRow[]>`
    select ${columns(sql)} from recalls where set_id = ${setId} and recall = ${recall}`;
  return row;
}

/** Those whose time is not over, by number. */
export async function listUnexpired({ sql }: Queries, setId: number, now: Date): Promise<RecallRow[]> {
  return sql<RecallRow[]>`
    select ${columns(sql)} from recalls where set_id = ${setId} and expires_at > ${now} order by recall`;
}

/** The newest ones, in force or not, newest first. */
export async function listNewest({ sql }: Queries, setId: number, limit: number): Promise<RecallRow[]> {
  return sql<RecallRow[]>`
    select ${columns(sql)} from recalls where set_id = ${setId} order by recall desc limit ${limit}`;
}

/** Whether the publisher's root still vouches for a recall: one that drops the keys that signed it has ended it. */
export function isVouchedFor({ kids }: Pick<RecallRow, "kids">, { root }: OpenedRoot): boolean {
  const { kids: listed, threshold } = root.roles.release;
  return kids.filter((kid) => listed.some((one) => one === kid)).length >= threshold;
}

export async function insertRecall(
  { sql }: Tx,
  set: SetRow,
  { recall, digest, kids }: OpenedRecall,
  { envelope, logIndex, now }: { envelope: Uint8Array; logIndex: number; now: Date },
): Promise<void> {
  await sql`
    insert into recalls (set_id, recall, digest, envelope, kids, signed_at, expires_at, log_index, accepted_at)
    values (${set.id}, ${recall.recall}, ${digest}, ${envelope}, ${kids as string[]}::text[], ${new Date(recall.iat * 1000)},
      ${new Date(recall.exp * 1000)}, ${logIndex}, ${now})`;
}

/** One row a code and member, so that whoever tries a thousand times leaves one trace. */
export async function noteRefusal(
  { sql }: Queries,
  { setId, code, memberId, now }: { setId: number; code: string; memberId: string; now: Date },
): Promise<void> {
  await sql`
    insert into recall_refusals (set_id, code, member_id, first_at, last_at)
    values (${setId}, ${code}, ${memberId}, ${now}, ${now})
    on conflict (set_id, code, member_id) do update
      set times = recall_refusals.times + 1, last_at = excluded.last_at`;
}

export type RefusalRow = { code: string; memberId: string; times: number; firstAt: Date; lastAt: Date };

export async function listRefusals({ sql }: Queries, setId: number): Promise<RefusalRow[]> {
  return sql<RefusalRow[]>`
    select code, member_id as "memberId", times, first_at as "firstAt", last_at as "lastAt"
    from recall_refusals where set_id = ${setId} order by last_at desc`;
}
