// What `breakwater operator backup` and `restore` do on the exchange's own machine: they need its database, not its API.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findBackup, loadBackup, markRestored, takeBackup } from "@breakwater/exchange/backup/index.ts";
import { openDb, type Sql } from "@breakwater/exchange/platform/db.ts";
import { migrate } from "@breakwater/exchange/platform/migrate.ts";
import { ExchangeError, formatProblem } from "@breakwater/shared/problem.ts";
import { findHome, leaveHome, ROOT, takeHome } from "./home.ts";
import { findPostgres, startPostgres } from "./postgres.ts";

const USAGE = 2;
const REFUSED = 5;
const MIGRATIONS = join(ROOT, "migrations");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    replace: { type: "boolean", default: false },
    "taken-at": { type: "string" },
  },
});

/** One line for a person, or one object for a program. */
function tell(result: Record<string, unknown>, ...sentences: string[]): void {
  console.log(values.json ? JSON.stringify(result) : sentences.join("\n"));
}

/**
 * Opens the database of `DATABASE_URL`, or of this machine's home.
 *
 * @param alone - only while no exchange of this home runs: what it holds in its hands would be of the old rows
 */
async function withDatabase<T>(work: (sql: Sql) => Promise<T>, { alone }: { alone: boolean }): Promise<T> {
  const home = findHome();
  const running = process.env.DATABASE_URL ?? (alone ? undefined : await findPostgres(home));
  if (running !== undefined) return withUrl(running, work);
  if (!existsSync(join(home, "secrets"))) {
    throw new Error(
      `There is no exchange in ${home}. Set BREAKWATER_HOME to its folder, or DATABASE_URL to its database.`,
    );
  }
  const say = (sentence: string) => console.error(sentence);
  await takeHome(home, say);
  try {
    const database = await startPostgres({ home, say });
    try {
      return await withUrl(database.url, work);
    } finally {
      await database.stop();
    }
  } finally {
    leaveHome(home);
  }
}

async function withUrl<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const { sql } = openDb(url);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function backup(directory: string): Promise<void> {
  const { folder, manifest, destroyed } = await withDatabase((sql) => takeBackup(sql, resolve(directory), new Date()), {
    alone: false,
  });
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const { taken_at, delete_by, inventory } = manifest;
  tell(
    { backup: folder, taken_at, delete_by, rows, tables: manifest.tables.length, ...inventory, destroyed },
    `Backup of ${taken_at}: ${rows} rows of ${manifest.tables.length} tables, in ${folder}`,
    `  not in it: ${inventory.blobs} blobs (the object store outlives the database), keys of the signers, sessions`,
    `  readable by you alone, not encrypted; destroy it by ${delete_by}`,
    ...destroyed.map((gone) => `  past its date and destroyed: ${gone}`),
  );
}

async function restore(directory: string): Promise<void> {
  const found = await findBackup(resolve(directory));
  const { taken_at } = found.manifest;
  const options = { migrations: MIGRATIONS, now: new Date(), replace: values.replace };
  await withDatabase((sql) => loadBackup(sql, found, options), { alone: true });
  tell({ restored: found.folder, taken_at }, `The rows of ${taken_at} are back.`, ...NEXT);
}

async function mark(text: string): Promise<void> {
  const takenAt = new Date(text);
  if (Number.isNaN(takenAt.getTime()) || takenAt > new Date()) {
    throw new ExchangeError("usage_invalid", { reason: "taken_at" });
  }
  await withDatabase(
    async (sql) => {
      await migrate(sql, MIGRATIONS);
      await markRestored(sql, { takenAt, now: new Date() });
    },
    { alone: true },
  );
  const taken_at = takenAt.toISOString();
  tell({ marked: true, taken_at }, `The exchange knows that its rows are of ${taken_at}.`, ...NEXT);
}

const NEXT = [
  "  The exchange answers nothing (restoring) until it has caught up from the log and the object store.",
  "  Next: start it. Keys made since the backup do not exist; everybody signs in again.",
];

function run(): Promise<void> {
  const [word, directory] = positionals;
  const takenAt = values["taken-at"];
  if (word === "backup" && directory !== undefined) return backup(directory);
  if (word === "restore" && directory !== undefined && takenAt === undefined) return restore(directory);
  if (word === "restore" && directory === undefined && takenAt !== undefined) return mark(takenAt);
  throw new ExchangeError("usage_invalid", { reason: "backup_or_restore" });
}

try {
  await run();
} catch (error) {
  if (error instanceof ExchangeError) {
    const { reason, table } = error.detail;
    const why = [reason, table].filter((part) => part !== undefined).join(", ");
    if (values.json) console.error(JSON.stringify(formatProblem(error)));
    else
      console.error(
        `${error.message}${why === "" ? "" : ` (${why})`}.\n  kept  everything as it was\n  code  ${error.code}`,
      );
    process.exitCode = error.code === "usage_invalid" ? USAGE : REFUSED;
  } else {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
