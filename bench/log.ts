// How many statements a second become part of the published log: sequenced under the row lock, into bundles, tiles and signed checkpoints.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { appendLeaf, logTransaction, publishLog } from "@breakwater/exchange/log/index.ts";
import { openLogSignerCore } from "@breakwater/exchange/log-signer/core.ts";
import { LOG_PACE_MS } from "@breakwater/exchange/platform/bindings.ts";
import { openDb, type Sql, transaction } from "@breakwater/exchange/platform/db.ts";
import { type Deps, makeDeps, type OpenDeps } from "@breakwater/exchange/platform/deps.ts";
import { type EventLine, makeEvents } from "@breakwater/exchange/platform/events.ts";
import type { LogSigner } from "@breakwater/exchange/platform/log-signer.ts";
import { type MemoryObjects, memoryObjects } from "@breakwater/exchange/platform/memory-objects.ts";
import { migrate } from "@breakwater/exchange/platform/migrate.ts";
import { openMemoryState } from "@breakwater/exchange/signer/state.ts";
import { verifySoundLog } from "@breakwater/exchange/testing/sound-log.ts";
import { startPostgres } from "@breakwater/local/postgres.ts";
import { base64urlOf, type Digest, digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import type { LogOrigin } from "@breakwater/shared/ids.ts";
import { type Bench, type Measured, peakMb, timed } from "./bench.ts";

const DEFAULT_SIZE = 5_000;
const GOAL_PER_SECOND = 200;
/** Requests that admit something at the same time, each with a connection of its own. */
const ADMITTING = 8;
/** As long as a release's envelope with one signature. */
const PAYLOAD_BYTES = 307;
const SIGNATURE_BYTES = 64;
const ORIGIN = "exchange.example/log1" as LogOrigin;
const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

type Statement = { digest: Digest; envelope: Uint8Array };

export const log: Bench = {
  goal: `${GOAL_PER_SECOND} envelopes a second, appended and under a published checkpoint`,
  async run({ size = DEFAULT_SIZE, say }): Promise<Measured> {
    const home = mkdtempSync(join(tmpdir(), "breakwater-bench-"));
    const database = await startPostgres({ home });
    try {
      const { sql } = openDb(database.url, { maxConnections: 1 });
      await migrate(sql, MIGRATIONS);
      await sql`create table plain (digest text primary key, envelope bytea not null)`;
      const statements = await makeStatements(size);
      const baselineSeconds = await timed(() => insertPlainly(database.url, statements));
      say(`Plain inserts took ${baselineSeconds.toFixed(2)} s; now the log.`);
      const exchange = await openExchange(database.url);
      const seconds = await timed(() => appendAndPublish(exchange, statements));
      const correct = await isSound(exchange, sql, size);
      const checkpoints = exchange.events.filter(({ event }) => event === "log_published").length;
      say(`${checkpoints} checkpoints.`);
      await sql.end();
      const ratio = seconds / baselineSeconds;
      const baseline = "the same rows inserted, one transaction each, without a log";
      const met = correct && size / seconds >= GOAL_PER_SECOND;
      return { bench: "log", size, seconds, baseline, baselineSeconds, ratio, peakMb: peakMb(), correct, met };
    } finally {
      await database.stop();
      rmSync(home, { recursive: true, force: true });
    }
  },
};

async function makeStatements(size: number): Promise<Statement[]> {
  const protectedHeader = base64urlOf(
    utf8Of(JSON.stringify({ alg: "Ed25519", kid: "k".repeat(43), typ: "bw-release+jws" })),
  );
  return Promise.all(
    Array.from({ length: size }, async () => {
      const payload = crypto.getRandomValues(new Uint8Array(PAYLOAD_BYTES));
      const signature = base64urlOf(crypto.getRandomValues(new Uint8Array(SIGNATURE_BYTES)));
      const envelope = utf8Of(
        JSON.stringify({ payload: base64urlOf(payload), signatures: [{ protected: protectedHeader, signature }] }),
      );
      return { digest: await digestOf(payload), envelope };
    }),
  );
}

/** Shares the statements out among so many at once. */
async function together(
  statements: readonly Statement[],
  each: (statement: Statement, worker: number) => Promise<unknown>,
) {
  const waiting = statements.values();
  const work = async (worker: number) => {
    for (const statement of waiting) await each(statement, worker);
  };
  await Promise.all(Array.from({ length: ADMITTING }, (_, worker) => work(worker)));
}

async function insertPlainly(url: string, statements: readonly Statement[]): Promise<void> {
  const clients = Array.from({ length: ADMITTING }, () => openDb(url));
  await together(statements, ({ digest, envelope }, worker) =>
    transaction(clients[worker] as { sql: Sql }, ({ sql }) => sql`insert into plain values (${digest}, ${envelope})`),
  );
  await Promise.all(clients.map(({ sql }) => sql.end()));
}

type Exchange = {
  open: () => OpenDeps;
  objects: MemoryObjects;
  logSigner: LogSigner;
  events: (EventLine & { event: string })[];
};

async function openExchange(databaseUrl: string): Promise<Exchange> {
  const objects = memoryObjects();
  const logSigner = await openLogSignerCore({ state: openMemoryState(), secret: "bench-only-".repeat(4) });
  const events: Exchange["events"] = [];
  const config: Deps["config"] = {
    origin: "https://exchange.example",
    name: "Bench",
    version: "0",
    secure: true,
    logOrigin: ORIGIN,
    logPaceMs: LOG_PACE_MS,
  };
  // The log needs no other signer, and there is none to ask.
  const signer = {} as Deps["signer"];
  const open = () =>
    makeDeps({ databaseUrl, objects, logSigner, signer, config, events: makeEvents((line) => void events.push(line)) });
  return { open, objects, logSigner, events };
}

/** As admissions do: each statement in its transaction, with its nudge; over when the last is under a checkpoint. */
async function appendAndPublish({ open }: Exchange, statements: readonly Statement[]): Promise<void> {
  const requests = Array.from({ length: ADMITTING }, open);
  await together(statements, ({ digest, envelope }, worker) => {
    const { deps } = requests[worker] as OpenDeps;
    return logTransaction(deps, (tx) => appendLeaf(tx, { typ: "bw-release+jws", digest, envelope, now: deps.now() }));
  });
  await Promise.all(requests.map(({ close }) => close()));
  const last = open();
  await publishLog(last.deps);
  await last.close();
}

async function isSound({ objects, logSigner }: Exchange, sql: Sql, size: number): Promise<boolean> {
  const rows = await sql<{ envelope: Uint8Array }[]>`select envelope from log_leaves order by log_index`;
  const leaves = rows.map(({ envelope }) => new Uint8Array(envelope));
  const read = (path: string) => objects.bytes(`log/${path}`);
  const published = await verifySoundLog({ read, leaves, origin: ORIGIN, vkey: await logSigner.vkey(ORIGIN) });
  return published === size && leaves.length === size;
}
