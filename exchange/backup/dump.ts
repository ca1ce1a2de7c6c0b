/** Takes a backup: every table in one snapshot of the database, without stopping anybody. */

import { createHash, type Hash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Sql, TransactionSql } from "../platform/db.ts";
import { RESEND_DAYS } from "../platform/restore-state.ts";
import {
  type BackupManifest,
  CONTAINS,
  deleteBy,
  FORMAT,
  type FoundBackup,
  INVENTORY_FILE,
  listBackups,
  MANIFEST_FILE,
  type TableFile,
  tableFile,
} from "./manifest.ts";
import { LEFT_OUT, listTables, type Table } from "./schema.ts";

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
const INVENTORY_PAGE = 10_000;
const COPY_NUDGE_MS = 20;

/**
 * @param directory - gets a folder named by the time; backups in it whose time is over are destroyed
 * @throws ExchangeError `restoring` while the database itself is being restored
 */
export async function takeBackup(
  sql: Sql,
  directory: string,
  now: Date,
): Promise<FoundBackup & { destroyed: string[] }> {
  await mkdir(directory, { recursive: true, mode: PRIVATE_FOLDER });
  const backup = await sql.begin("isolation level repeatable read read only", async (tx) => {
    const takenAt = await readSnapshotTime(tx, now);
    const folder = join(directory, takenAt.toISOString().replaceAll(":", "-"));
    await mkdir(folder, { mode: PRIVATE_FOLDER });
    try {
      return { folder, manifest: await writeAll(tx, folder, takenAt) };
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  });
  return { ...backup, destroyed: await destroyExpired(directory, now) };
}

// The earlier of two clocks: what happened after it is asked for again, and a repeat does no harm.
async function readSnapshotTime(tx: TransactionSql, now: Date): Promise<Date> {
  const [row] = await tx<{ now: Date; restoring: boolean }[]>`
    select transaction_timestamp() as now, exists (select 1 from restore_state where finished_at is null) as restoring`;
  if (row === undefined) throw new Error("the database tells no time");
  // Its rows are of an older time than it says.
  if (row.restoring) throw new ExchangeError("restoring");
  return new Date(Math.min(row.now.getTime(), now.getTime()));
}

async function writeAll(tx: TransactionSql, folder: string, takenAt: Date): Promise<BackupManifest> {
  const tables: TableFile[] = [];
  for (const table of await listTables(tx))
    if (!LEFT_OUT.has(table.name)) tables.push(await writeTable(tx, folder, table));
  const inventory = await writeInventory(tx, folder);
  const [facts] = await tx<{ migration: number; size: string; since: Date | null }[]>`
    select (select max(number) from schema_migrations) as migration, (select size from log_head) as size,
      (select resend_since from restore_state
        where finished_at > ${new Date(takenAt.getTime() - RESEND_DAYS * 86_400_000)}) as since`;
  if (facts === undefined) throw new Error("the database tells no migration");
  const manifest: BackupManifest = {
    format: FORMAT,
    contains: CONTAINS,
    taken_at: takenAt.toISOString(),
    delete_by: deleteBy(takenAt).toISOString(),
    ...(facts.since === null ? {} : { resend_since: facts.since.toISOString() }),
    migration: facts.migration,
    log_size: Number(facts.size),
    tables,
    inventory,
  };
  await writeLast(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

async function writeTable(tx: TransactionSql, folder: string, { name, columns }: Table): Promise<TableFile> {
  const rows = { count: 0 };
  const source = await tx`copy ${tx(name)} (${tx(columns)}) to stdout`.readable();
  // postgres.js pauses its socket at each chunk that fills the stream, also at those after the last question for more,
  // and the end of the COPY is then never read: ask while it runs, and once when all is here.
  const nudge = setInterval(() => source._read(0), COPY_NUDGE_MS);
  try {
    const sha256 = await writeFileOf(source, join(folder, tableFile(name)), rows);
    return { name, columns, rows: rows.count, sha256 };
  } finally {
    clearInterval(nudge);
    source._read(0);
  }
}

async function writeInventory(tx: TransactionSql, folder: string): Promise<BackupManifest["inventory"]> {
  const total = { blobs: 0, bytes: 0 };
  async function* lines() {
    for (let after = ""; ; ) {
      const page = await tx<{ digest: string; size: number }[]>`
        select digest, size::float8 as size from blobs where state = 'kept' and digest > ${after}
        order by digest limit ${INVENTORY_PAGE}`;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.digest;
      for (const { size } of page) {
        total.blobs += 1;
        total.bytes += size;
      }
      yield page.map((row) => `${JSON.stringify(row)}\n`).join("");
    }
  }
  const sha256 = await writeFileOf(Readable.from(lines()), join(folder, INVENTORY_FILE), { count: 0 });
  return { ...total, sha256 };
}

/** Packed, hashed as it lies there, on the disk when this returns. @param lines - counts them */
async function writeFileOf(source: Readable, path: string, lines: { count: number }): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(
    source,
    passing((chunk) => {
      // COPY's text escapes line ends inside values: one LF is one row.
      for (const byte of chunk) if (byte === 0x0a) lines.count += 1;
    }),
    createGzip(),
    hashing(hash),
    createWriteStream(path, { flags: "wx", mode: PRIVATE_FILE, flush: true }),
  );
  return `sha256:${hash.digest("hex")}`;
}

function hashing(hash: Hash): Transform {
  return passing((chunk) => hash.update(chunk));
}

function passing(look: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      look(chunk);
      done(null, chunk);
    },
  });
}

/** Whole or not at all, after everything that it tells of. */
async function writeLast(path: string, text: string): Promise<void> {
  const draft = `${path}.tmp`;
  await writeFile(draft, text, { flag: "wx", mode: PRIVATE_FILE });
  const file = await open(draft, "r+");
  await file.sync();
  await file.close();
  await rename(draft, path);
}

async function destroyExpired(directory: string, now: Date): Promise<string[]> {
  const expired = (await listBackups(directory)).filter(({ manifest }) => deleteBy(new Date(manifest.taken_at)) < now);
  for (const { folder } of expired) await rm(folder, { recursive: true, force: true });
  return expired.map(({ folder }) => folder);
}
