/** Rows of a hotline's keys: its agent, its analysts' browser keys, its signed lists of recipients. */
import type { Bytes } from "@breakwater/shared/bytes.ts";
import type { PublicJwk, SealingJwk } from "@breakwater/shared/keys.ts";
import type { Queries, Tx } from "../../platform/db.ts";

export type HotlineRow = {
  member_id: string;
  signing_kid: string;
  signing_key: PublicJwk;
  sealing_kid: string;
  sealing_key: SealingJwk;
  forward_to: string | null;
  forward_url: string | null;
  alert_url: string | null;
};

export async function findHotline({ sql }: Queries, memberId: string): Promise<HotlineRow | undefined> {
  const [row] = await sql<HotlineRow[]>`
    select member_id, signing_kid, signing_key, sealing_kid, sealing_key, forward_to, forward_url, alert_url
    from hotlines where member_id = ${memberId}`;
  return row;
}

/** @returns false when the hotline has an agent already */
export async function insertHotline(
  { sql }: Tx,
  row: Omit<HotlineRow, "forward_to" | "forward_url" | "alert_url">,
  at: Date,
): Promise<boolean> {
  const rows = await sql`
    insert into hotlines (member_id, signing_kid, signing_key, sealing_kid, sealing_key, created_at)
    values (${row.member_id}, ${row.signing_kid}, ${JSON.stringify(row.signing_key)}::jsonb, ${row.sealing_kid},
      ${JSON.stringify(row.sealing_key)}::jsonb, ${at})
    on conflict do nothing returning member_id`;
  return rows.length === 1;
}

export type NamedForward = { to: string; url: string | null; alertUrl: string | null };

export async function setForward({ sql }: Tx, memberId: string, named: NamedForward): Promise<boolean> {
  const rows = await sql`
    update hotlines set forward_to = ${named.to}, forward_url = ${named.url}, alert_url = ${named.alertUrl}
    where member_id = ${memberId} returning member_id`;
  return rows.length === 1;
}

export type SealingKeyRecord = { kid: string; person_id: string; jwk: SealingJwk; created_at: Date };

export async function listSealingKeys({ sql }: Queries, hotlineId: string): Promise<SealingKeyRecord[]> {
  return sql<SealingKeyRecord[]>`
    select kid, person_id, jwk, created_at from sealing_keys where hotline_id = ${hotlineId} order by created_at, kid`;
}

/** @returns the owner of the key as it now is */
export async function insertSealingKey(
  { sql }: Tx,
  key: { kid: string; hotlineId: string; personId: string; jwk: SealingJwk; at: Date },
): Promise<{ person_id: string; hotline_id: string }> {
  await sql`
    insert into sealing_keys (kid, hotline_id, person_id, jwk, created_at)
    values (${key.kid}, ${key.hotlineId}, ${key.personId}, ${JSON.stringify(key.jwk)}::jsonb, ${key.at})
    on conflict (kid) do nothing`;
  const [row] = await sql<{ person_id: string; hotline_id: string }[]>`
    select person_id, hotline_id from sealing_keys where kid = ${key.kid}`;
  if (row === undefined) throw new Error("sealing key vanished inside its transaction");
  return row;
}

export type ListRow = { version: number; envelope: Bytes; kids: string[] };

export async function findNewestList({ sql }: Queries, hotlineId: string): Promise<ListRow | undefined> {
  const [row] = await sql<ListRow[]>`
    select version, envelope, kids from recipient_lists where hotline_id = ${hotlineId} order by version desc limit 1`;
  return row;
}

export async function insertList(
  { sql }: Tx,
  list: { hotlineId: string; version: number; envelope: Uint8Array; kids: string[]; at: Date },
): Promise<void> {
  await sql`insert into recipient_lists (hotline_id, version, envelope, kids, accepted_at)
    values (${list.hotlineId}, ${list.version}, ${list.envelope}, ${list.kids}::text[], ${list.at})`;
}

export async function lockHotlineRow({ sql }: Tx, memberId: string): Promise<void> {
  await sql`select 1 from hotlines where member_id = ${memberId} for update`;
}
