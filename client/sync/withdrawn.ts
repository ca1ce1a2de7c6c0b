/** A hold stops growth, never a withdrawal: what the held release no longer has goes from the copy now. */

import { randomBytes } from "node:crypto";
import type { Digest } from "@breakwater/shared/bytes.ts";
import type { Manifest } from "@breakwater/shared/manifest.ts";
import type { ReleaseLink } from "@breakwater/shared/release.ts";
import { purgeBlobs } from "./blobs.ts";
import type { LoadContext } from "./build-base.ts";
import { keptRows } from "./compare.ts";
import { type Held, readManifestBytes, switchCopy } from "./copy.ts";
import { knownOrigins, originRecords } from "./known-origins.ts";
import { referencedBlobs } from "./load.ts";
import type { OpenedRows } from "./open-rows.ts";
import { PlainPartWriter } from "./part/plain-part.ts";
import type { ScanOptions } from "./part/scan-rows.ts";
import type { SyncContext } from "./sync-set.ts";
import { viewOf } from "./take-release.ts";

const NAME_BYTES = 6;

export type Withdrawal = {
  copy: Held;
  rows: OpenedRows;
  /** The held release's rows. */
  after: OpenedRows;
  /** How many rows of the copy it no longer has. */
  removed: number;
  manifest: Manifest;
  head: ReleaseLink;
  load: LoadContext;
};

/**
 * The rows that stay are written anew, by ourselves: the packed segments hold what was withdrawn, and of the publisher's
 * own there is none with exactly these rows.
 *
 * @returns how many rows went
 */
export async function removeWithdrawn(context: SyncContext, withdrawal: Withdrawal): Promise<number> {
  const { rows, removed, manifest, load } = withdrawal;
  const keep = await referencedBlobs(manifest, load.blobsDir);
  const isStillReferenced =
    rows.base.part.stored === "plain" || rows.base.part.segments.every(({ digest }) => keep.has(digest));
  if (removed > 0 || !isStillReferenced) await repack(context, withdrawal);
  await purgeBlobs(load.blobsDir, keep);
  return removed;
}

async function repack(context: SyncContext, { copy, rows, after, removed, head, load }: Withdrawal): Promise<void> {
  const { current } = copy;
  const view = viewOf({}, copy);
  const { built, origin } = await writeKept(copy, rows, after, { ...load.scan, kind: copy.manifest.about.kind, view });
  const count = removed + (current.withdrawn?.count ?? 0);
  const withdrawn = { release: head.statement.release, statement: head.digest as Digest, count };
  await switchCopy(
    context.stateDir,
    {
      setId: context.setId,
      link: copy.link,
      envelope: copy.envelope,
      manifestBytes: await readManifestBytes(copy),
      root: current.root,
      entries: built.ref.rows,
      state: built.state,
      rows: { base: built.ref, origin },
      view,
      ...(count > 0 && { withdrawn }),
    },
    new Date(current.switched_at),
  );
}

async function writeKept(copy: Held, rows: OpenedRows, after: OpenedRows, scan: ScanOptions) {
  const name = `base-${copy.current.release}-${randomBytes(NAME_BYTES).toString("hex")}`;
  const writer = await PlainPartWriter.open(copy.dir, name, scan);
  try {
    for (const { line } of keptRows(rows, after)) await writer.add(line());
    const known = knownOrigins(rows);
    await writer.append("origins", originRecords(known?.puts ?? new Map()));
    return { built: await writer.finish(), origin: known?.base ?? copy.current.release };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
