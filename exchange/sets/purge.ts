/** The end of what is no longer named: uploads that no release took, blobs and rows past their manifest's purge date. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { enqueue, type JobHandler } from "../platform/jobs.ts";
import { keptKey, pendingKey } from "./blob-store.ts";

export const SWEEP_EVERY_MS = 3_600_000;
/** At most this many in one transaction, so that admission never waits long for a row. */
const PURGE_BATCH = 200;

/** Makes sure that the sweep exists; called by every scheduled run, changes nothing when it does. */
export async function scheduleSweep(deps: Deps): Promise<void> {
  await enqueue(deps, deps, { kind: "sets.sweep", key: "sets.sweep", runAt: deps.now() });
}

export const sweepJob: JobHandler = async (deps) => {
  await sweepUploads(deps);
  await sweepCopies(deps);
  await purgeDue(deps);
  return { again: new Date(deps.now().getTime() + SWEEP_EVERY_MS) };
};

export const purgeJob: JobHandler = async (deps) => {
  await purgeDue(deps);
  return undefined;
};

/** Uploads whose time is over and that no release names: the object and then its row, while nobody can upload it anew. */
export async function sweepUploads(deps: Deps): Promise<number> {
  return inBatches(deps, async (tx) => {
    const rows = await tx.sql<{ digest: Digest }[]>`
      select digest from blobs b
      where state in ('arriving', 'pending') and keep_until < ${deps.now()}
        and not exists (select 1 from blob_refs r where r.digest = b.digest and r.purged_at is null)
      limit ${PURGE_BATCH} for update skip locked`;
    const digests = rows.map(({ digest }) => digest);
    await deps.objects.delete(digests.flatMap((digest) => [pendingKey(digest), keptKey(digest)]));
    // A digest that some set named once keeps its row: those who could read it are told that it is gone.
    await tx.sql`
      update blobs set state = 'purged' where digest in (select jsonb_array_elements_text(${JSON.stringify(digests)}::text::jsonb))
        and exists (select 1 from blob_refs r where r.digest = blobs.digest)`;
    await tx.sql`
      delete from blobs where digest in (select jsonb_array_elements_text(${JSON.stringify(digests)}::text::jsonb))
        and state <> 'purged'`;
    return digests.length;
  });
}

/** Copies under `pending/` of blobs that have their lasting place by now. */
export async function sweepCopies(deps: Deps): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await deps.objects.list("pending/", cursor);
    const digests = page.objects.map(({ key }) => `sha256:${key.slice("pending/".length)}` as Digest);
    const rows = await deps.sql<{ digest: Digest }[]>`
      select d.digest from jsonb_array_elements_text(${JSON.stringify(digests)}::text::jsonb) as d(digest)
      left join blobs b on b.digest = d.digest where b.digest is null or b.state in ('kept', 'purged')`;
    // An upload writes its row first, so an object without one is left from a sweep that was cut short.
    if (rows.length > 0) await deps.objects.delete(rows.map(({ digest }) => pendingKey(digest)));
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** Everything whose purge date has come: references, then blobs that no set names any more, then replaced rows. */
export async function purgeDue(deps: Deps): Promise<void> {
  await inBatches(deps, (tx) => purgeReferences(deps, tx));
  await purgeRows(deps);
}

async function purgeReferences(deps: Deps, tx: Tx): Promise<number> {
  const now = deps.now();
  const due = await tx.sql<{ digest: Digest; set_id: string }[]>`
    select digest, set_id from blob_refs where purge_after <= ${now} and purged_at is null
    limit ${PURGE_BATCH} for update skip locked`;
  for (const { digest, set_id } of due) {
    // The blob's row is locked before its references are counted, so a head that moves now waits or is seen.
    await tx.sql`select 1 from blobs where digest = ${digest} for update`;
    await tx.sql`update blob_refs set purged_at = ${now} where digest = ${digest} and set_id = ${set_id}`;
    const [named] = await tx.sql`select 1 from blob_refs where digest = ${digest} and purged_at is null limit 1`;
    if (named !== undefined) continue;
    await deps.objects.delete([keptKey(digest), pendingKey(digest)]);
    await tx.sql`update blobs set state = 'purged' where digest = ${digest}`;
    await tx.sql`delete from blob_uploads where digest = ${digest}`;
  }
  return due.length;
}

/** Versions that a release replaced, once that release's purge date has come: the erased entry leaves the database too. */
async function purgeRows(deps: Deps): Promise<void> {
  const now = deps.now();
  const due = await deps.sql<{ set_id: string; release: number }[]>`
    select r.set_id, r.release from releases r where r.purge_by <= ${now} and r.purged_at is null order by r.set_id, r.release`;
  for (const { set_id, release } of due) {
    await transaction(deps, async ({ sql }) => {
      await sql`delete from entry_versions where set_id = ${set_id} and superseded_by <= ${release}`;
      await sql`update releases set purged_at = ${now} where set_id = ${set_id} and release = ${release}`;
    });
  }
}

async function inBatches(deps: Deps, batch: (tx: Tx) => Promise<number>): Promise<number> {
  let total = 0;
  for (;;) {
    const done = await transaction(deps, batch);
    total += done;
    if (done < PURGE_BATCH) return total;
  }
}
