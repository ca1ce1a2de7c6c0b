/** The end of what is no longer named: uploads that no release took, blobs and rows past their manifest's purge date. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { PURGE_ERASURE_SECONDS } from "@breakwater/shared/manifest.ts";
import { type Tx, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { enqueue, type JobHandler } from "../platform/jobs.ts";
import { keptKey, pendingKey } from "./blob-store.ts";

export const SWEEP_EVERY_MS = 3_600_000;
/** At most this many in one transaction, so that admission never waits long for a row. */
const PURGE_BATCH = 200;
/** Replaced versions in one transaction: a set may be replaced whole. */
const PURGE_ROWS = 10_000;

/** Makes sure that the sweep exists; called by every scheduled run, changes nothing when it does. */
export async function scheduleSweep(deps: Deps): Promise<void> {
  await enqueue(deps, deps, { kind: "sets.sweep", key: "sets.sweep", runAt: deps.now() });
}

/**
 * What other slices made from entries and must let go of with them; told in the transaction that destroys the rows.
 *
 * @returns how many rows it removed
 */
export type AfterPurge = (tx: Tx, purged: PurgedEntries) => Promise<number>;
export type PurgedEntries = {
  publisher: string;
  set: string;
  release: number;
  /** Entries whose content is gone from here for good, being in the set no more. */
  ids: readonly string[];
  /** The publisher wants it gone everywhere, whatever else it belongs to. */
  erasure: boolean;
  now: Date;
};

/** The slice's jobs, with those that hear of a purge. */
export function purgeJobs(afterPurge: readonly AfterPurge[]): { purge: JobHandler; sweep: JobHandler } {
  return {
    purge: async (deps) => {
      await purgeDue(deps, afterPurge);
      return undefined;
    },
    sweep: async (deps) => {
      await sweepUploads(deps);
      await sweepCopies(deps);
      await purgeDue(deps, afterPurge);
      return { again: new Date(deps.now().getTime() + SWEEP_EVERY_MS) };
    },
  };
}

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
export async function purgeDue(deps: Deps, afterPurge: readonly AfterPurge[]): Promise<void> {
  await inBatches(deps, (tx) => purgeReferences(deps, tx));
  await purgeRows(deps, afterPurge);
}

type DueReference = { digest: Digest; set_id: string; recall: number | null };

async function purgeReferences(deps: Deps, tx: Tx): Promise<number> {
  const now = deps.now();
  const due = await tx.sql<DueReference[]>`
    select digest, set_id, recall from blob_refs where purge_after <= ${now} and purged_at is null
    limit ${PURGE_BATCH} for update skip locked`;
  const destroyed = new Map<string, number>();
  for (const reference of due) {
    const { set_id, recall } = reference;
    const isGone = await purgeReference(deps, tx, reference, now);
    if (isGone && recall === null) destroyed.set(set_id, (destroyed.get(set_id) ?? 0) + 1);
  }
  // In the name of the newest release whose time has come: it is the one that no longer names them.
  for (const [setId, blobs] of destroyed) {
    await tx.sql`
      insert into purges (set_id, release, blobs, purged_at)
      select set_id, max(release), ${blobs}, ${now} from releases where set_id = ${setId} and purge_by <= ${now} group by set_id
      on conflict (set_id, release) do update set blobs = purges.blobs + excluded.blobs, purged_at = excluded.purged_at`;
  }
  return due.length;
}

/** @returns whether the blob itself is destroyed: no other set names it */
async function purgeReference(deps: Deps, tx: Tx, { digest, set_id }: DueReference, now: Date): Promise<boolean> {
  // The blob's row is locked before its references are counted, so a head that moves now waits or is seen.
  await tx.sql`select 1 from blobs where digest = ${digest} for update`;
  await tx.sql`update blob_refs set purged_at = ${now} where digest = ${digest} and set_id = ${set_id}`;
  const [named] = await tx.sql`select 1 from blob_refs where digest = ${digest} and purged_at is null limit 1`;
  if (named !== undefined) return false;
  await deps.objects.delete([keptKey(digest), pendingKey(digest)]);
  await tx.sql`update blobs set state = 'purged' where digest = ${digest}`;
  await tx.sql`delete from blob_uploads where digest = ${digest}`;
  return true;
}

/** Versions that a release replaced, once that release's purge date has come: the erased entry leaves the database too. */
async function purgeRows(deps: Deps, afterPurge: readonly AfterPurge[]): Promise<void> {
  const now = deps.now();
  const due = await deps.sql<{ set_id: string; release: number; publisher: string; set: string; erasure: boolean }[]>`
    select r.set_id, r.release, s.publisher, s.name as set,
      r.due_at <= r.released_at + make_interval(secs => ${PURGE_ERASURE_SECONDS}) as erasure
    from releases r join sets s on s.id = r.set_id
    where r.purge_by <= ${now} and r.purged_at is null order by r.set_id, r.release`;
  for (const { set_id, release, publisher, set, erasure } of due) {
    for (let removed = PURGE_ROWS; removed === PURGE_ROWS; ) {
      removed = await transaction(deps, async (tx) => {
        const { ids, count } = await deleteVersions(tx, set_id, release);
        let derived = 0;
        for (const after of afterPurge) derived += await after(tx, { publisher, set, release, ids, erasure, now });
        await tx.sql`
          insert into purges (set_id, release, entries, derived, purged_at)
          values (${set_id}, ${release}, ${count}, ${derived}, ${now})
          on conflict (set_id, release) do update set entries = purges.entries + excluded.entries,
            derived = purges.derived + excluded.derived, purged_at = excluded.purged_at`;
        return count;
      });
    }
    await deps.sql`update releases set purged_at = ${now} where set_id = ${set_id} and release = ${release}`;
  }
}

/** @returns how many rows, and the ids among them that the set holds no more */
async function deleteVersions({ sql }: Tx, setId: string, release: number): Promise<{ ids: string[]; count: number }> {
  const gone = await sql<{ id: string; left: boolean }[]>`
    with destroyed as (
      delete from entry_versions where set_id = ${setId} and seq in (
        select seq from entry_versions where set_id = ${setId} and superseded_by <= ${release} limit ${PURGE_ROWS})
      returning id, op)
    select d.id, d.op = 'put' and not exists (
        select 1 from entry_versions v where v.set_id = ${setId} and v.id = d.id and v.op = 'put'
          and (v.superseded_by is null or v.superseded_by > ${release})) as left
    from destroyed d`;
  return { ids: [...new Set(gone.flatMap(({ id, left }) => (left ? [id] : [])))], count: gone.length };
}

async function inBatches(deps: Deps, batch: (tx: Tx) => Promise<number>): Promise<number> {
  let total = 0;
  for (;;) {
    const done = await transaction(deps, batch);
    total += done;
    if (done < PURGE_BATCH) return total;
  }
}
