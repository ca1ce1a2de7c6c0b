/** What was made from entries goes with them, and objects that no row names go too. */

import type { Tx } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import type { JobOutcome } from "../platform/jobs.ts";
import type { PurgedEntries } from "../sets/index.ts";
import { markDirty } from "./ingest.ts";
import { LOOKUP_PREFIX } from "./write-buckets.ts";

export const SWEEP = "lookup.sweep";
export const SWEEP_EVERY_MS = 24 * 3_600_000;
/** An object of a bucket is named by a row before it is written, so an unnamed one is left from another database. */
const UNNAMED_AFTER_MS = 3_600_000;

/** Tags of entries that a set has let go of. As a rule the builder was faster. @returns how many rows were removed */
export async function purgeLookup(tx: Tx, { publisher, set, ids }: PurgedEntries): Promise<number> {
  if (ids.length === 0) return 0;
  const gone = await tx.sql<{ set_id: string; bucket: number }[]>`
    delete from lookup_tags t using sets s
    where s.publisher = ${publisher} and s.name = ${set} and t.set_id = s.id
      and t.entry in (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))
    returning t.set_id, t.bucket`;
  const [first] = gone;
  if (first !== undefined) await markDirty(tx, Number(first.set_id), gone);
  return gone.length;
}

/** After a restore the rows begin anew, and buckets of before would lie in the store for ever. */
export async function sweepUnnamed(deps: Deps): Promise<JobOutcome> {
  const before = deps.now().getTime() - UNNAMED_AFTER_MS;
  let cursor: string | undefined;
  do {
    const page = await deps.objects.list(LOOKUP_PREFIX, cursor);
    const keys = page.objects.filter(({ uploadedAt }) => uploadedAt.getTime() < before).map(({ key }) => key);
    const rows = await deps.sql<{ object: string }[]>`
      select object from lookup_buckets where object = any(${keys}::text[])`;
    const named = new Set(rows.map(({ object }) => object));
    const unnamed = keys.filter((key) => !named.has(key));
    if (unnamed.length > 0) await deps.objects.delete(unnamed);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return { again: new Date(deps.now().getTime() + SWEEP_EVERY_MS) };
}

/** In a restored database nothing of the old lists is believed: they are made anew from what is published then. */
export async function dropLookup(deps: Deps): Promise<void> {
  const { sql, objects } = deps;
  await sql`delete from lookup_indexes`;
  await sql`delete from lookup_sets`;
  let page = await objects.list(LOOKUP_PREFIX);
  while (page.objects.length > 0) {
    await objects.delete(page.objects.map(({ key }) => key));
    page = await objects.list(LOOKUP_PREFIX);
  }
}
