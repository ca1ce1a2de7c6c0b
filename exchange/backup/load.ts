/** Puts a backup's rows back, in one transaction, and shuts the exchange until it has caught up with what happened since. */

import { createReadStream } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Sql, TransactionSql } from "../platform/db.ts";
import { buildSchema, listMigrations, migrate } from "../platform/migrate.ts";
import { RESEND_MARGIN_MS } from "../platform/restore-state.ts";
import { nextTurn } from "../platform/turn.ts";
import { type BackupManifest, type FoundBackup, type TableFile, tableFile, verifyBackup } from "./manifest.ts";
import { dropAll, listTables, resetCounters } from "./schema.ts";

export type LoadOptions = {
  /** Where the migrations lie. */
  migrations: string;
  now: Date;
  /** What the database holds now is destroyed; otherwise a database with members in it is refused. */
  replace: boolean;
};

/**
 * Cut off anywhere, the database is as it was.
 *
 * @throws ExchangeError `backup_expired`, `backup_invalid`, `restore_target` when rows would be lost or the backup is of
 *   a newer version
 */
export async function loadBackup(
  sql: Sql,
  backup: FoundBackup,
  { migrations, now, replace }: LoadOptions,
): Promise<void> {
  const { manifest, folder } = backup;
  await verifyBackup(backup, now);
  const known = (await listMigrations(migrations)).map(({ number }) => number);
  if (!known.includes(manifest.migration)) throw new ExchangeError("restore_target", { reason: "version" });
  await sql.begin(async (tx) => {
    if (!replace && (await hasMembers(tx))) throw new ExchangeError("restore_target", { reason: "not empty" });
    await dropAll(tx);
    await buildSchema(tx, migrations, manifest.migration);
    await loadTables(tx, folder, manifest);
    await resetCounters(tx);
    await shut(tx, {
      takenAt: new Date(manifest.taken_at),
      resendSince: manifest.resend_since === undefined ? undefined : new Date(manifest.resend_since),
      now,
    });
  });
  await migrate(sql, migrations);
  await sql`analyze`;
}

/**
 * For a database that was put back by other means (point-in-time recovery, pg_restore): nothing is served until it has
 * caught up. To be called before the exchange is started on it.
 */
export async function markRestored(sql: Sql, { takenAt, now }: { takenAt: Date; now: Date }): Promise<void> {
  await sql.begin(async (tx) => {
    const [before] = await tx<{ since: Date }[]>`select resend_since as since from restore_state`;
    await tx`delete from restore_state`;
    await shut(tx, { takenAt, resendSince: before?.since, now });
  });
}

async function shut(
  tx: TransactionSql,
  { takenAt, resendSince, now }: { takenAt: Date; resendSince: Date | undefined; now: Date },
): Promise<void> {
  const own = takenAt.getTime() - RESEND_MARGIN_MS;
  const since = new Date(Math.min(own, resendSince?.getTime() ?? own));
  await tx`
    insert into restore_state (backup_taken_at, resend_since, restored_at, step)
    values (${takenAt}, ${since}, ${now}, 'sign_ins')`;
}

async function hasMembers(tx: TransactionSql): Promise<boolean> {
  const [table] = await tx`select 1 where to_regclass('members') is not null`;
  if (table === undefined) return false;
  const [row] = await tx`select 1 from members limit 1`;
  return row !== undefined;
}

async function loadTables(tx: TransactionSql, folder: string, { tables }: BackupManifest): Promise<void> {
  const given = new Map(tables.map((table) => [table.name, table]));
  for (const { name } of await listTables(tx)) {
    const table = given.get(name);
    if (table === undefined) continue;
    given.delete(name);
    // Rows that a migration begins a table with.
    await tx`delete from ${tx(name)}`;
    await loadTable(tx, folder, table);
  }
  if (given.size > 0) throw new ExchangeError("backup_invalid", { reason: "unknown table" });
}

async function loadTable(tx: TransactionSql, folder: string, { name, columns, rows }: TableFile): Promise<void> {
  const target = await tx`copy ${tx(name)} (${tx(columns)}) from stdin`.writable();
  let refused: Error | undefined;
  target.on("error", (error) => (refused = error));
  await pipeline(createReadStream(join(folder, tableFile(name))), createGunzip(), handingTo(target));
  target.end();
  // When the server refuses the rows at their end, postgres.js never finishes the stream; the next statement fails instead.
  await nextTurn();
  const [row] = await tx<{ rows: string }[]>`select count(*) as rows from ${tx(name)}`;
  if (refused !== undefined) throw refused;
  if (Number(row?.rows) !== rows) throw new ExchangeError("backup_invalid", { reason: "rows", table: name });
}

// Not the target itself: its end must not be waited for.
function handingTo(target: Writable): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      target.write(chunk, (error) => done(error ?? null));
    },
  });
}
