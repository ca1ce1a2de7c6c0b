/** Recalls as the tags say them: which entries of a set are for review only, as long as a recall is in force. */

import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { type Covered, listCovered } from "../recalls/index.ts";
import { getSetById } from "../sets/index.ts";
import { markDirty } from "./ingest.ts";
import type { LookupSet } from "./sources.ts";

/**
 * To be called after the set's tags say its head. A new release may have brought entries under a recall again, so this
 * is done over whenever one is in force and anything has changed.
 */
export async function applyRecalls(deps: Deps, { id }: LookupSet): Promise<void> {
  const set = await getSetById(deps, id);
  const covered = await listCovered(deps, set);
  const key = `${covered.map(({ recall }) => recall).join(".")}@${covered.length > 0 ? set.headRelease : 0}`;
  await transaction(deps, async (tx) => {
    const { sql } = tx;
    const [state] = await sql<{ recalls: string }[]>`select recalls from lookup_sets where set_id = ${id} for update`;
    if (state === undefined) return;
    if (state.recalls !== key) {
      const { ids, from, until, all } = columnsOf(covered);
      const changed = await sql<{ bucket: number }[]>`
        update lookup_tags t set recalled = not t.recalled
        where t.set_id = ${id} and t.recalled is distinct from (
          ${all} or t.entry in (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))
          or exists (select 1 from unnest(${from}::int[], ${until}::int[]) as r(a, z) where t.release between r.a and r.z))
        returning t.bucket`;
      await markDirty(tx, id, changed);
    }
    await sql`update lookup_sets set recalls = ${key}, head_recall = ${set.headRecall} where set_id = ${id}`;
  });
}

function columnsOf(covered: readonly Covered[]) {
  const ranges = covered.flatMap(({ releases }) => (releases === undefined ? [] : [releases]));
  return {
    all: covered.some(({ all }) => all === true),
    ids: covered.flatMap(({ ids }) => ids ?? []),
    from: ranges.map(([from]) => from),
    until: ranges.map(([, until]) => until),
  };
}
