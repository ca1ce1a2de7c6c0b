/** After a restore: rows of blobs that the object store has and the database forgot, and the end of objects that nobody names. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Deps } from "../platform/deps.ts";
import type { ObjectHead } from "../platform/objects.ts";
import { keptKey, PENDING_KEEP_MS, pendingKey } from "./blob-store.ts";

const HEADS_AT_ONCE = 16;

/**
 * Put back the rows of these blobs, as uploads that wait for the release that names them. What the bytes are is checked
 * by whoever reads them: the digest is signed, the store is not trusted.
 *
 * @throws ExchangeError `blob_missing` when the store does not have one
 */
export async function adoptBlobs(
  deps: Deps,
  digests: readonly Digest[],
  format: "segment" | "json",
): Promise<Map<Digest, number>> {
  const sizes = new Map<Digest, number>();
  for (let at = 0; at < digests.length; at += HEADS_AT_ONCE) {
    const some = digests.slice(at, at + HEADS_AT_ONCE);
    const heads = await Promise.all(some.map((digest) => findObject(deps, digest)));
    heads.forEach((head, i) => {
      const digest = some[i] as Digest;
      if (head === undefined) throw new ExchangeError("blob_missing", { digest });
      sizes.set(digest, head.size);
    });
  }
  const rows = JSON.stringify([...sizes].map(([digest, size]) => ({ digest, size })));
  const keepUntil = new Date(deps.now().getTime() + PENDING_KEEP_MS);
  await deps.sql`
    insert into blobs (digest, size, format, state, keep_until)
    select digest, size, ${format}, 'pending', ${keepUntil}
    from jsonb_to_recordset(${rows}::text::jsonb) as given(digest text, size bigint)
    on conflict (digest) do update
      set size = excluded.size, keep_until = greatest(blobs.keep_until, excluded.keep_until),
        state = case when blobs.state = 'kept' then 'kept' else 'pending' end`;
  return sizes;
}

async function findObject({ objects }: Deps, digest: Digest): Promise<ObjectHead | undefined> {
  return (await objects.head(keptKey(digest))) ?? (await objects.head(pendingKey(digest)));
}

/** As {@link adoptBlobs}, for one that a member has to have uploaded itself. */
export async function adoptUpload(deps: Deps, digest: Digest, memberId: string): Promise<void> {
  await adoptBlobs(deps, [digest], "segment");
  await deps.sql`insert into blob_uploads (digest, member_id) values (${digest}, ${memberId}) on conflict do nothing`;
}

/** Rows of uploads whose bytes were swept since: a publisher that is told "here already" would never send them again. */
export async function dropLostUploads(deps: Deps): Promise<number> {
  const rows = await deps.sql<{ digest: Digest }[]>`
    select digest from blobs b where state in ('arriving', 'pending')
      and not exists (select 1 from blob_refs r where r.digest = b.digest)`;
  const lost: Digest[] = [];
  for (const { digest } of rows) if ((await findObject(deps, digest)) === undefined) lost.push(digest);
  if (lost.length > 0) await deps.sql`delete from blobs where digest = any(${lost as string[]}::text[])`;
  return lost.length;
}

/**
 * Destroy objects that no row names: they were kept for releases that came and were replaced since the backup, and
 * nothing else would ever end them. To be called once every newest manifest has its rows.
 *
 * @param cursor - where an earlier call stopped
 * @returns where to go on; undefined at the end
 */
export async function dropUnnamedObjects(deps: Deps, cursor: string | undefined): Promise<string | undefined> {
  const prefix = keptKey("sha256:" as Digest);
  const page = await deps.objects.list(prefix, cursor);
  const digests = page.objects.map(({ key }) => `sha256:${key.slice(prefix.length)}` as Digest);
  const rows = await deps.sql<{ digest: Digest }[]>`
    select digest from blobs where state in ('kept', 'pending', 'arriving') and digest = any(${digests as string[]}::text[])`;
  const named = new Set(rows.map(({ digest }) => digest));
  const unnamed = digests.filter((digest) => !named.has(digest));
  if (unnamed.length > 0) await deps.objects.delete(unnamed.map(keptKey));
  return page.cursor;
}
