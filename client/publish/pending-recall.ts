/** A signed recall until it is accepted, in one file: a retry sends the very same bytes, so no number is signed twice. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, base64urlOf, type Digest, digestOf, findBase64url } from "@breakwater/shared/bytes.ts";
import { Digest as DigestSchema, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { setDir } from "../sync/paths.ts";

const Blob = z.object({ digest: DigestSchema, bytes: z.string() });
const PendingFile = z.object({
  v: z.literal(1),
  recall: z.int().positive(),
  digest: DigestSchema,
  signed_by: z.enum(["member", "exchange"]),
  /** What it recalls, so that the same command goes on with it and another one does not take it for its own. */
  target: z.string(),
  ends_at: z.iso.datetime(),
  body: Blob,
  list: Blob.optional(),
});
const LastFile = z.object({ v: z.literal(1), recall: z.int().positive() });

export type PendingRecall = Omit<z.infer<typeof PendingFile>, "v" | "body" | "list"> & {
  body: Bytes;
  list?: { digest: Digest; bytes: Uint8Array };
};

const pendingPath = (stateDir: string, setId: SetId) => join(setDir(stateDir, setId), "pending-recall.json");
const lastPath = (stateDir: string, setId: SetId) => join(setDir(stateDir, setId), "last-recall.json");

export async function writePendingRecall(
  stateDir: string,
  setId: SetId,
  pending: PendingRecall,
): Promise<PendingRecall> {
  const { body, list, ...rest } = pending;
  const file: z.infer<typeof PendingFile> = {
    v: 1,
    ...rest,
    body: { digest: await digestOf(body), bytes: base64urlOf(body) },
    ...(list === undefined ? {} : { list: { digest: list.digest, bytes: base64urlOf(list.bytes) } }),
  };
  await writePrivateFile(pendingPath(stateDir, setId), `${JSON.stringify(file)}\n`);
  return pending;
}

/** @throws ExchangeError `copy_damaged` when the bytes are not those that were written: they are never sent then */
export async function findPendingRecall(stateDir: string, setId: SetId): Promise<PendingRecall | undefined> {
  const bytes = await readIfThere(pendingPath(stateDir, setId));
  if (bytes === undefined) return undefined;
  const { v: _, body, list, ...rest } = parseFile(PendingFile, bytes);
  return {
    ...rest,
    body: await blobOf(body),
    ...(list === undefined ? {} : { list: { digest: list.digest, bytes: await blobOf(list) } }),
  };
}

export async function dropPendingRecall(stateDir: string, setId: SetId): Promise<void> {
  await rm(pendingPath(stateDir, setId), { force: true });
}

/** The highest number that was accepted from this machine; 0 before the first. */
export async function readLastRecall(stateDir: string, setId: SetId): Promise<number> {
  const bytes = await readIfThere(lastPath(stateDir, setId));
  return bytes === undefined ? 0 : parseFile(LastFile, bytes).recall;
}

export async function writeLastRecall(stateDir: string, setId: SetId, recall: number): Promise<void> {
  if ((await readLastRecall(stateDir, setId)) >= recall) return;
  await writePrivateFile(lastPath(stateDir, setId), `${JSON.stringify({ v: 1, recall })}\n`);
}

async function blobOf({ digest, bytes }: z.infer<typeof Blob>): Promise<Bytes> {
  const decoded = findBase64url(bytes);
  if (decoded === undefined || (await digestOf(decoded)) !== digest) {
    throw new ExchangeError("copy_damaged", { reason: "pending" });
  }
  return decoded;
}

function parseFile<Schema extends z.ZodType>(schema: Schema, bytes: Uint8Array): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ExchangeError("copy_damaged", { reason: "pending" });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ExchangeError("copy_damaged", { reason: "pending" });
  return parsed.data;
}
