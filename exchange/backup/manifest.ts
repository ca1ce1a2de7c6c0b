/** What a backup is: a folder of table files and this document, which is written last and tells what they hold and until when. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";

export const FORMAT = "breakwater-backup/1";
export const MANIFEST_FILE = "backup.json";
/** An erased entry may live on in a backup for this long, and no longer (what every holder of entries is held to). */
export const BACKUP_KEEP_DAYS = 30;
const DAY_MS = 86_400_000;

/** For whoever finds the folder. */
export const CONTAINS =
  "Not encrypted: the rows of an exchange. Entries of its sets, reports (their text as ciphertext), members, people's names, devices' public keys, digests of API keys, audit records. No session, no sign-in link, no private key, no blob. Destroy it by `delete_by`.";

const Instant = z.iso.datetime();
const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const TableFile = z.strictObject({
  name: z.string().regex(/^[a-z_]{1,63}$/),
  columns: z.array(z.string().regex(/^[a-z0-9_]{1,63}$/)).min(1),
  rows: z.int().nonnegative(),
  sha256: Digest,
});
export type TableFile = z.infer<typeof TableFile>;
export const BackupManifest = z.strictObject({
  format: z.literal(FORMAT),
  contains: z.string(),
  taken_at: Instant,
  delete_by: Instant,
  /** A restore before this backup still asks devices for reports from here on. */
  resend_since: Instant.optional(),
  migration: z.int().positive(),
  log_size: z.int().nonnegative(),
  tables: z.array(TableFile),
  /** Blobs that the object store has to hold, by its own file; they are not part of the backup. */
  inventory: z.strictObject({ blobs: z.int().nonnegative(), bytes: z.int().nonnegative(), sha256: Digest }),
});
export type BackupManifest = z.infer<typeof BackupManifest>;
export const INVENTORY_FILE = "inventory.ndjson.gz";
export const tableFile = (name: string) => `${name}.copy.gz`;

export function deleteBy(takenAt: Date): Date {
  return new Date(takenAt.getTime() + BACKUP_KEEP_DAYS * DAY_MS);
}

/** @throws ExchangeError `backup_invalid` */
export async function readManifest(folder: string): Promise<BackupManifest> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(folder, MANIFEST_FILE), "utf8"));
  } catch (cause) {
    throw new ExchangeError("backup_invalid", { reason: "no manifest" }, { cause });
  }
  const parsed = BackupManifest.safeParse(value);
  if (!parsed.success) throw new ExchangeError("backup_invalid", { reason: "manifest" });
  return parsed.data;
}

export type FoundBackup = { folder: string; manifest: BackupManifest };

/** The folder itself, or the newest complete backup in it. @throws ExchangeError `backup_invalid` */
export async function findBackup(folder: string): Promise<FoundBackup> {
  const inside = await listBackups(folder);
  const newest = inside.at(-1);
  if (newest !== undefined) return newest;
  return { folder, manifest: await readManifest(folder) };
}

/** Complete ones, oldest first. One that was cut off has no manifest and is none. */
export async function listBackups(folder: string): Promise<FoundBackup[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: FoundBackup[] = [];
  for (const entry of entries.filter((one) => one.isDirectory())) {
    const path = join(folder, entry.name);
    const manifest = await readManifest(path).catch(() => undefined);
    if (manifest !== undefined) found.push({ folder: path, manifest });
  }
  return found.sort((a, b) => (a.manifest.taken_at < b.manifest.taken_at ? -1 : 1));
}

/**
 * Whole, unchanged, and not past its date.
 *
 * @throws ExchangeError `backup_expired`, `backup_invalid`
 */
export async function verifyBackup({ folder, manifest }: FoundBackup, now: Date): Promise<void> {
  // Recomputed: a date that somebody wrote later into the manifest does not make a backup younger.
  const end = Math.min(Date.parse(manifest.delete_by), deleteBy(new Date(manifest.taken_at)).getTime());
  if (now.getTime() > end) throw new ExchangeError("backup_expired", { delete_by: new Date(end).toISOString() });
  for (const { name, sha256 } of manifest.tables) {
    if ((await digestFile(join(folder, tableFile(name)))) !== sha256) {
      throw new ExchangeError("backup_invalid", { reason: "changed", table: name });
    }
  }
}

async function digestFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw new ExchangeError("backup_invalid", { reason: "missing" }, { cause });
  }
  return `sha256:${hash.digest("hex")}`;
}
