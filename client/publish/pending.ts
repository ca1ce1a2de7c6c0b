/** A composed release until it is admitted: a retry after a kill sends the very same bytes, so it cannot publish twice. */

import { readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Bytes, type Digest, digestHex, digestOf } from "@breakwater/shared/bytes.ts";
import { Digest as DigestSchema, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { isFileError, makePrivateDir, readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { blobsDir, setDir } from "../sync/paths.ts";

const PendingFile = z.object({
  v: z.literal(1),
  release: z.int().positive(),
  /** The statement's digest: what the answer must name. */
  digest: DigestSchema,
  signed_by: z.enum(["member", "exchange"]),
  /** Of the body: an envelope, or the statement to be signed. */
  body_digest: DigestSchema,
  blobs: z.array(DigestSchema),
  change: z.object({ added: z.int(), changed: z.int(), removed: z.int() }),
  entries: z.int().nonnegative(),
  composed_at: z.iso.datetime(),
});
type PendingFile = z.infer<typeof PendingFile>;

export type Pending = Omit<PendingFile, "v" | "body_digest"> & { body: Bytes };
export type NewPending = Omit<Pending, "blobs">;

/** A release that is being composed: what is kept of it is nothing yet. */
export type PendingDraft = {
  keep(blob: { digest: Digest; bytes: Uint8Array }): Promise<void>;
  finish(pending: NewPending): Promise<Pending>;
};

function pendingDir(stateDir: string, setId: SetId): string {
  return join(setDir(stateDir, setId), "pending");
}

/** Blobs and body first, `pending.json` last: what a crash leaves without it was never sent and is thrown away. */
export async function openPendingDraft(stateDir: string, setId: SetId): Promise<PendingDraft> {
  const dir = pendingDir(stateDir, setId);
  await rm(dir, { recursive: true, force: true });
  const blobs: Digest[] = [];
  return {
    async keep({ digest, bytes }) {
      await writePrivateFile(join(dir, digestHex(digest)), bytes);
      blobs.push(digest);
    },
    async finish({ body, ...rest }) {
      await writePrivateFile(join(dir, "body"), body);
      const file: PendingFile = { v: 1, ...rest, blobs, body_digest: await digestOf(body) };
      await writePrivateFile(join(dir, "pending.json"), `${JSON.stringify(file, null, 2)}\n`);
      return { ...rest, blobs, body };
    },
  };
}

/** @throws ExchangeError `copy_damaged` when the files are not those that were written: they are never sent then */
export async function findPending(stateDir: string, setId: SetId): Promise<Pending | undefined> {
  const dir = pendingDir(stateDir, setId);
  const bytes = await readIfThere(join(dir, "pending.json"));
  if (bytes === undefined) return undefined;
  const parsed = PendingFile.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
  const body = await readIfThere(join(dir, "body"));
  if (!parsed.success || body === undefined || (await digestOf(body)) !== parsed.data.body_digest) {
    throw new ExchangeError("copy_damaged", { reason: "pending" });
  }
  const { v: _, body_digest: __, ...rest } = parsed.data;
  return { ...rest, body: Uint8Array.from(body) };
}

export async function readPendingBlob(stateDir: string, setId: SetId, digest: Digest): Promise<Uint8Array> {
  const bytes = await readIfThere(join(pendingDir(stateDir, setId), digestHex(digest)));
  if (bytes === undefined || (await digestOf(bytes)) !== digest)
    throw new ExchangeError("copy_damaged", { reason: "pending" });
  return bytes;
}

/** It is admitted: its files are the own copy's to be, which then need not fetch what this machine made. */
export async function settlePending(stateDir: string, setId: SetId, { blobs }: Pick<Pending, "blobs">): Promise<void> {
  const kept = blobsDir(setDir(stateDir, setId));
  await makePrivateDir(kept);
  for (const digest of blobs) await moveIfThere(join(pendingDir(stateDir, setId), digestHex(digest)), kept);
  await dropPending(stateDir, setId);
}

async function moveIfThere(path: string, dir: string): Promise<void> {
  try {
    await rename(path, join(dir, basename(path)));
  } catch (error) {
    if (!isFileError(error, "ENOENT")) throw error;
  }
}

export async function dropPending(stateDir: string, setId: SetId): Promise<void> {
  await rm(pendingDir(stateDir, setId), { recursive: true, force: true });
}

/** Is there something half written that never became a pending release? For tests and for `status`. */
export async function hasPendingFiles(stateDir: string, setId: SetId): Promise<boolean> {
  try {
    return (await readdir(pendingDir(stateDir, setId))).length > 0;
  } catch (error) {
    if (isFileError(error, "ENOENT")) return false;
    throw error;
  }
}
