/** After a restore of the database: whoever was locked out since the backup stays out, and nobody is signed in. */

import { AUDIENCE_TIERS } from "@breakwater/shared/wire/sets.ts";
import type { Tx } from "../platform/db.ts";
import type { NotedTakeAway } from "../platform/take-aways.ts";

/** Sessions and links may have been ended or used since, and no one can tell: all of them end. */
export async function endAllSignIns({ sql }: Tx): Promise<{ sessions: number; links: number }> {
  const sessions = await sql`delete from sessions`;
  const links = await sql`delete from sign_in_links`;
  return { sessions: sessions.count, links: links.count };
}

/** Take away again what the rows have forgotten. What is not in the rows was made after the backup and needs nothing. */
export async function reapplyTakeAways(tx: Tx, noted: readonly NotedTakeAway[]): Promise<void> {
  for (const takeAway of noted) await reapply(tx, takeAway);
}

async function reapply({ sql }: Tx, noted: NotedTakeAway): Promise<void> {
  const { at } = noted;
  switch (noted.kind) {
    case "api_key": {
      const revokedAt = noted.revoked ? at : null;
      await sql`
        update api_keys set expires_at = least(expires_at, ${new Date(noted.ends_at)}), revoked_at = coalesce(revoked_at, ${revokedAt})
        where id = ${noted.id}`;
      return;
    }
    case "device":
      await sql`update devices set state = 'revoked', revoked_at = coalesce(revoked_at, ${at}) where id = ${noted.id}`;
      return;
    case "invite_used":
      // The device that it let in is gone with the rows; a second one does not come in on the same code.
      await sql`update invites set used_at = coalesce(used_at, ${at}) where id = ${noted.id}`;
      return;
    case "invite_refused":
      await sql`
        update invites set state = 'refused', decided_at = coalesce(decided_at, ${at}) where id = ${noted.id}`;
      await sql`
        update devices set state = 'revoked', revoked_at = coalesce(revoked_at, ${at})
        where invite_id = ${noted.id} and state = 'waiting'`;
      return;
    case "person":
      await sql`update people set removed_at = coalesce(removed_at, ${at}) where id = ${noted.id}`;
      return;
    case "member_suspended":
      await sql`update members set suspended_at = coalesce(suspended_at, ${at}) where id = ${noted.id}`;
      return;
    case "member_rights": {
      const tiers = [...AUDIENCE_TIERS];
      await sql`
        update members set rung3 = rung3 and ${noted.rung3},
          roles = array(select role from unnest(roles) as role where role = any(${noted.roles}::text[])),
          tier = case when array_position(${tiers}::text[], tier) > array_position(${tiers}::text[], ${noted.tier}::text)
            then ${noted.tier} else tier end
        where id = ${noted.id}`;
      return;
    }
    case "set_audience":
    case "recipients":
      // Other slices' own.
      return;
  }
}
