/** Blobs: bytes by digest, in the object store under `pending/` until a release names them and under `blobs/` from then on. */

import { type Bytes, type Digest, digestHex, digestOf } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import type { StoredObject } from "../platform/objects.ts";
import type { CheckedBlob } from "./blob-format.ts";

/** How long an upload waits for the release that names it. */
export const PENDING_KEEP_MS = 24 * 3_600_000;

export const pendingKey = (digest: Digest) => `pending/${digestHex(digest)}`;
export const keptKey = (digest: Digest) => `blobs/${digestHex(digest)}`;

export type BlobRow = {
  digest: Digest;
  size: number;
  format: "segment" | "json";
  state: "arriving" | "pending" | "kept" | "purged";
};

/** By digest; a digest that is not there is absent from the map. */
export async function findBlobs({ sql }: Queries, digests: readonly Digest[]): Promise<Map<Digest, BlobRow>> {
  const rows = await sql<BlobRow[]>`
    select digest, size::float8 as size, format, state from blobs
    where digest in (select jsonb_array_elements_text(${JSON.stringify(digests)}::text::jsonb))`;
  return new Map(rows.map((row) => [row.digest, row]));
}

export async function wasUploadedBy({ sql }: Queries, digest: Digest, memberId: string): Promise<BlobRow | undefined> {
  const [row] = await sql<BlobRow[]>`
    select b.digest, b.size::float8 as size, b.format, b.state
    from blobs b join blob_uploads u on u.digest = b.digest and u.member_id = ${memberId}
    where b.digest = ${digest} and b.state in ('pending', 'kept')`;
  return row;
}

/**
 * Store an upload. Safe to repeat after a failure at any point: the row says `arriving` until the bytes are known to be
 * durable, and the bytes of a digest are always the same.
 *
 * @returns whether the exchange did not have the blob before
 * @throws ExchangeError `blob_digest_mismatch`, `blob_size_mismatch`
 */
export async function storeBlob(
  deps: Deps,
  {
    digest,
    size,
    memberId,
    blob,
  }: { digest: Digest; size: number; memberId: string; blob: Pick<CheckedBlob, "format" | "body"> },
): Promise<{ created: boolean }> {
  const { sql, objects } = deps;
  const keepUntil = new Date(deps.now().getTime() + PENDING_KEEP_MS);
  // The row comes first: from here on the sweep leaves this digest alone, so it cannot delete what is just being written.
  const [before] = await sql<{ state: BlobRow["state"] }[]>`
    insert into blobs (digest, size, format, state, keep_until)
    values (${digest}, ${size}, ${blob.format}, 'arriving', ${keepUntil})
    on conflict (digest) do update
      set keep_until = greatest(blobs.keep_until, excluded.keep_until),
          state = case blobs.state when 'purged' then 'arriving' else blobs.state end
    returning state`;
  // Also when the bytes are here already: who uploads has to have them, or a digest read somewhere would open the blob.
  await objects.put(pendingKey(digest), blob.body, { sha256Hex: digestHex(digest), size });
  await deps.killPoint("after_blob_put");
  await sql`
    with stored as (
      update blobs set state = case state when 'arriving' then 'pending' else state end, size = ${size}
      where digest = ${digest} returning digest)
    insert into blob_uploads (digest, member_id) select digest, ${memberId} from stored on conflict do nothing`;
  return { created: before?.state === "arriving" };
}

/** As {@link storeBlob}, for bytes made here. */
export async function storeOwnBlob(
  deps: Deps,
  memberId: string,
  bytes: Bytes,
  format: BlobRow["format"],
): Promise<Digest> {
  const digest = await digestOf(bytes);
  await storeBlob(deps, { digest, size: bytes.length, memberId, blob: { format, body: bytes } });
  return digest;
}

/** An admission needs these blobs for a while: the sweep passes them by. */
export async function holdBlobs(deps: Deps, digests: readonly Digest[]): Promise<void> {
  const keepUntil = new Date(deps.now().getTime() + PENDING_KEEP_MS);
  await deps.sql`
    update blobs set keep_until = greatest(keep_until, ${keepUntil})
    where digest in (select jsonb_array_elements_text(${JSON.stringify(digests)}::text::jsonb))`;
}

export async function openBlob({ objects }: Pick<Deps, "objects">, digest: Digest): Promise<StoredObject | undefined> {
  return (await objects.get(keptKey(digest))) ?? (await objects.get(pendingKey(digest)));
}

/** The whole blob, for blobs whose size a signed document has bounded. @throws `blob_missing`, `blob_size_mismatch` */
export async function readBlob(deps: Pick<Deps, "objects">, digest: Digest, size: number): Promise<Bytes> {
  const stored = await openBlob(deps, digest);
  if (stored === undefined) throw new ExchangeError("blob_missing", { digest });
  if (stored.size !== size) {
    await stored.body.cancel();
    throw new ExchangeError("blob_size_mismatch", { digest });
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const part of stored.body as unknown as AsyncIterable<Uint8Array>) {
    if (at + part.length > size) throw new ExchangeError("blob_size_mismatch", { digest });
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Verified bytes to their lasting place. Before the head moves, so that a head never names what is not there. */
export async function keepBlob({ objects }: Pick<Deps, "objects">, digest: Digest, bytes: Bytes): Promise<void> {
  await objects.put(keptKey(digest), bytes, { sha256Hex: digestHex(digest), size: bytes.length, ifAbsent: true });
}
