// A whole exchange on one machine: database, pooler, the Workers in miniflare with R2 on disk, and the ticker. Tests start it the same way.
import { randomBytes } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { migrate } from "@breakwater/exchange/platform/migrate.ts";
import { Log, LogLevel, Miniflare } from "miniflare";
import postgres from "postgres";
import { keepSecret, leaveHome, noteRun, openHome, ROOT, type Say, takeHome } from "./home.ts";
import { type Pooler, startPooler } from "./pooler.ts";
import { type Database, startPostgres } from "./postgres.ts";
import { endProcess, listChildren, listProcessesOf, RUN_MARKER } from "./processes.ts";
import { startTicker, type Ticker } from "./ticker.ts";
import { loadWorker, stopBundling } from "./workers.ts";

const READY_PATIENCE_MS = 30_000;
const POLL_MS = 50;
const CATCH_UP_POLL_MS = 500;
const WORKER = "exchange";

export type ExchangeOptions = {
  home: string;
  /** 0 asks the system for a free one. */
  port?: number;
  /** Variables for the Worker, over those of wrangler.toml. `KILL_AT` names the point at which to kill(). */
  env?: Record<string, string>;
  say?: Say;
  /** False for tests: no wait for the disk. */
  durable?: boolean;
  /** A folder of files that the Worker serves in place of the console, for measuring. */
  assets?: string;
  /** Opens the runtime's inspector on a free port of this machine, for measuring. */
  inspect?: boolean;
  /** False leaves scheduled work to `tick`. */
  ticking?: boolean;
};

export type RunningExchange = {
  url: string;
  /** The database itself, not the pooler. */
  databaseUrl: string;
  /** Of the exchange's Worker, when `inspect` was asked for (Chrome DevTools protocol). */
  inspectorUrl: string | undefined;
  /** Runs scheduled work now; without a cron the due jobs. */
  tick(cron?: string): Promise<void>;
  stop(): Promise<void>;
  /** Ends Worker and database as SIGKILL does, and resolves when both are gone. */
  kill(): Promise<void>;
  /** Resolves once a kill point was reached and all is gone. */
  killed: Promise<void>;
  /** Resolves when the database has ended without being asked. (A Worker runtime that ends is started again by miniflare.) */
  databaseLost: Promise<void>;
};

/** Starts from the home's data, or makes it. Answers once `/readyz` does. */
export async function startExchange(options: ExchangeOptions): Promise<RunningExchange> {
  const { home, port = 0, say = () => {}, durable = true, ticking = true } = options;
  openHome(home);
  await takeHome(home, say);
  const parts: Parts & { database?: Database } = {};
  const { promise: killed, resolve: onKilled } = Promise.withResolvers<void>();

  const killAll = async () => {
    // The Worker first: it must not answer "database away" to a request that a real power cut would have left without an answer.
    for (const runtime of runtimesOf(home)) await endProcess(runtime, ["SIGKILL"], READY_PATIENCE_MS);
    await parts.database?.kill();
    await stopParts(parts);
    onKilled();
  };
  // A retried request reaches the kill point again while the first kill is under way.
  let killing: Promise<void> | undefined;
  const kill = () => {
    killing ??= killAll();
    return killing;
  };
  const stop = async () => {
    await stopParts(parts);
    await parts.database?.stop();
    leaveHome(home);
  };

  try {
    parts.database = await startPostgres({ home, say, durable });
    await migrateDatabase(parts.database, say);
    parts.pooler = await startPooler(parts.database.url);
    if (options.env?.KILL_AT) parts.killServer = await listenForKill(() => void kill());
    const { miniflare, crons, url } = await startWorkers(
      { ...options, home, port, say },
      parts.pooler.url,
      parts.killServer,
    );
    parts.miniflare = miniflare;
    await waitUntilReady(url);
    parts.ticker = startTicker(miniflare, WORKER, crons, { automatic: ticking });
    // What a kill left between a head and its checkpoint is in the log before anybody asks. A failure is the next tick's.
    if (ticking) await parts.ticker.tick().catch(() => {});
    noteRun(home, url);
    const { ticker, database } = parts as Required<typeof parts>;
    const inspectorUrl = options.inspect ? await inspectorOf(miniflare) : undefined;
    return {
      url,
      databaseUrl: database.url,
      inspectorUrl,
      tick: ticker.tick,
      stop,
      kill,
      killed,
      databaseLost: database.lost,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function inspectorOf(miniflare: Miniflare): Promise<string> {
  return new URL(`/core:user:${WORKER}`, await miniflare.getInspectorURL()).href;
}

type Parts = { pooler?: Pooler; miniflare?: Miniflare; ticker?: Ticker; killServer?: Server };

async function stopParts(parts: Parts): Promise<void> {
  await parts.ticker?.stop();
  await parts.miniflare?.dispose();
  await parts.pooler?.stop();
  parts.killServer?.closeAllConnections();
  parts.killServer?.close();
}

async function migrateDatabase(database: Database, say: Say): Promise<void> {
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    const applied = await migrate(sql, join(ROOT, "migrations"));
    if (applied.length > 0) say(`Brought the database to migration ${applied.at(-1)}.`);
  } finally {
    await sql.end();
  }
}

async function startWorkers(
  options: ExchangeOptions & { home: string; port: number; say: Say },
  databaseUrl: string,
  killServer: Server | undefined,
) {
  const { home, say } = options;
  const port = options.port || (await findFreePort());
  await refuseTakenPort(port);
  const url = `http://127.0.0.1:${port}`;
  const dist = join(ROOT, "console", "dist");
  const withoutConsole = join(home, "no-console");
  if (!existsSync(dist)) mkdirSync(withoutConsole, { recursive: true });
  const exchange = await loadWorker(join(ROOT, "wrangler.toml"), {
    vars: {
      DATABASE_URL: databaseUrl,
      EXCHANGE_ORIGIN: url,
      ...(killServer ? { KILL_URL: addressOf(killServer) } : {}),
      ...options.env,
    },
    ...(options.assets !== undefined ? { assets: options.assets } : existsSync(dist) ? {} : { assets: withoutConsole }),
  });
  const signer = await loadWorker(join(ROOT, "exchange", "signer", "wrangler.toml"), {
    vars: { SIGNER_SECRET: keepSecret(home, "signer", () => randomBytes(32).toString("base64url")) },
  });
  const logSigner = await loadWorker(join(ROOT, "exchange", "log-signer", "wrangler.toml"), {
    vars: { LOG_SIGNER_SECRET: keepSecret(home, "log-signer", () => randomBytes(32).toString("base64url")) },
  });
  await stopBundling();
  const miniflare = withoutSignalHooks(
    () =>
      new Miniflare({
        host: "127.0.0.1",
        port,
        // Otherwise each start tries to reach the network for two seconds.
        cf: false,
        log: new Log(LogLevel.NONE),
        r2Persist: join(home, "r2"),
        ...(options.inspect ? { inspectorPort: 0 } : {}),
        unsafeRuntimeEnv: { [RUN_MARKER]: home },
        handleRuntimeStdio: (out: Readable, err: Readable) => keepLog(home, out, err),
        workers: [exchange.options, signer.options, logSigner.options],
      }),
  );
  try {
    await miniflare.ready;
  } catch (cause) {
    await miniflare.dispose().catch(() => {});
    throw new Error(`The exchange's Workers did not start: ${(cause as Error).message}`, { cause });
  }
  say(`The exchange answers at ${url}.`);
  return { miniflare, crons: exchange.crons, url };
}

/** Miniflare ends the process at the first Ctrl-C; the runner must first stop the database. */
function withoutSignalHooks<T>(make: () => T): T {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const before = new Map(signals.map((signal) => [signal, new Set(process.listeners(signal))]));
  const made = make();
  for (const signal of signals) {
    for (const listener of process.listeners(signal))
      if (!before.get(signal)?.has(listener)) process.off(signal, listener);
  }
  return made;
}

function keepLog(home: string, out: Readable, err: Readable): void {
  const log = createWriteStream(join(home, "logs", "exchange.log"), { flags: "a", mode: 0o600 });
  for (const stream of [out, err]) stream.pipe(log, { end: false });
}

/** The Worker runtime has no name of ours in its command line; its environment has. */
function runtimesOf(home: string) {
  const own = new Set(listChildren(/workerd/).map(({ pid }) => pid));
  return listProcessesOf(home).filter(({ pid }) => own.has(pid));
}

async function waitUntilReady(url: string): Promise<void> {
  let last = "no answer";
  for (const until = Date.now() + READY_PATIENCE_MS; Date.now() < until; await sleep(POLL_MS)) {
    try {
      const answer = await fetch(`${url}/readyz`);
      if (answer.ok) return;
      last = `${answer.status} ${(await answer.text()).slice(0, 200)}`;
    } catch (error) {
      last = (error as Error).message;
    }
  }
  throw new Error(`The exchange did not become ready (${last}). Its log is in logs/exchange.log of the home.`);
}

/** After a restore the exchange is there and answers nobody until it has caught up; the ticker goes on with that. */
export async function waitUntilCaughtUp(url: string, say: Say, signal: AbortSignal): Promise<void> {
  for (let told = false; ; told = true) {
    const { restoring } = (await (await fetch(`${url}/readyz`)).json()) as { restoring?: boolean };
    if (restoring !== true) return;
    if (!told) say("The exchange catches up with what happened since its backup; it answers nobody until then.");
    await sleep(CATCH_UP_POLL_MS, undefined, { signal });
  }
}

async function refuseTakenPort(port: number): Promise<void> {
  const taken = await new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
  if (taken)
    throw new Error(`Another program already uses port ${port}. Stop it, or set BREAKWATER_PORT to a free port.`);
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A door that only a kill test opens: the Worker calls it at the named point and never gets an answer. */
function listenForKill(onCall: () => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onCall).on("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
}
