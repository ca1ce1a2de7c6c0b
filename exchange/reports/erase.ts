/** What a hotline's cases keep of an entry goes with the entry: once the set has let go of it, no value of it stays here. */

import { append } from "../audit/index.ts";
import { SYSTEM_ACTOR } from "../platform/caller.ts";
import type { Tx } from "../platform/db.ts";
import type { PurgedEntries } from "../sets/index.ts";
import { eraseCases } from "./retention.ts";
import { addStep } from "./steps.ts";

/**
 * Cases that led to purged entries. One with nothing left in the set, and any that an erasure touches, is erased as
 * retention would: what reports said, their hashes and findings; outcome and steps stay, in codes. (A report's hashes
 * stand in its signed envelope, of which no part can be taken.) Of one that a withdrawal left partly listed, the
 * purged values go.
 *
 * @returns how many rows were removed or blanked
 */
export async function purgeReports(tx: Tx, { publisher, set, ids, erasure, now }: PurgedEntries): Promise<number> {
  if (ids.length === 0) return 0;
  const { sql } = tx;
  const list = JSON.stringify(ids);
  const gone = await sql<{ case_id: string; alg: string; value: string }[]>`
    delete from case_entries e using cases c
    where c.id = e.case_id and c.published_publisher = ${publisher} and c.published_set = ${set}
      and e.published_at is not null and e.entry_id in (select jsonb_array_elements_text(${list}::text::jsonb))
    returning e.case_id, e.alg, e.value`;
  let derived = gone.length;
  for (const { case_id, alg, value } of gone) {
    derived += (await sql`delete from report_hashes where case_id = ${case_id} and alg = ${alg} and value = ${value}`)
      .count;
  }
  const touched = [...new Set(gone.map(({ case_id }) => case_id))];
  const ending = await sql<{ id: string; left: boolean }[]>`
    select id, exists (select 1 from case_entries e where e.case_id = c.id and e.published_at is not null) as left
    from cases c where id = any(${touched}::text[]) and erased_at is null for update`;
  const erased: string[] = [];
  for (const { id, left } of ending) {
    if (!left) await markWithdrawn(tx, id, now);
    if (!left || erasure) erased.push(id);
  }
  return derived + (await eraseCases(tx, erased, now));
}

// Settling would find it withdrawn within a minute, but not once there is nothing left to look at.
async function markWithdrawn(tx: Tx, caseId: string, now: Date): Promise<void> {
  const { count } = await tx.sql`
    update cases set state = 'withdrawn', updated_at = ${now} where id = ${caseId} and state = 'published'`;
  if (count === 0) return;
  await addStep(tx, { caseId, at: now, code: "withdrawn" });
  await append(tx, { at: now, actor: SYSTEM_ACTOR, action: "case.withdrawn", subject: caseId });
}
