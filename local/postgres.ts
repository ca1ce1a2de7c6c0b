// The database of one machine: a packaged Postgres in the home, or the one that DATABASE_URL names.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, createWriteStream, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { keepSecret, openHome, type Say } from "./home.ts";
import { openPlace, type Place } from "./postgres-place.ts";
import { endProcess, findProcess, listChildren, RUN_MARKER } from "./processes.ts";

/** More than the pooler ever opens, so that a person with psql and the tests still get in. */
const MAX_CONNECTIONS = 300;
/** After a SIGKILL the old backends take a moment to let go of shared memory, and recovery replays what was in flight. */
const START_PATIENCE_MS = 15_000;
const READY_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 8_000;
const RETRY_MS = 300;
const POLL_MS = 40;
const USER = "breakwater";
const DATABASE = "breakwater";

/**
 * What the server may write down: on one error an untamed Postgres printed thousands of entry values. Values reach its log as the statement,
 * as parameters and as detail; each has its own switch.
 */
const LOG_FLAGS = {
  log_min_messages: "fatal",
  log_min_error_statement: "panic",
  log_parameter_max_length_on_error: "0",
  log_parameter_max_length: "0",
  log_error_verbosity: "terse",
  log_statement: "none",
  log_min_duration_statement: "-1",
};

export type Database = {
  url: string;
  /** True if the data is older than this start. */
  found: boolean;
  /** Resolves when the server has ended without being asked; never for one that somebody else runs. */
  lost: Promise<void>;
  stop(): Promise<void>;
  /** As a power cut of the process would end it: nothing is flushed, nobody is told. */
  kill(): Promise<void>;
};

export type DatabaseOptions = {
  home: string;
  say?: Say;
  env?: NodeJS.ProcessEnv;
  /** False for tests: a killed process loses nothing then either, only a crash of the whole machine would. */
  durable?: boolean;
};

/** Starts the database and answers once it takes connections. */
export async function startPostgres({
  home,
  say = () => {},
  env = process.env,
  durable = true,
}: DatabaseOptions): Promise<Database> {
  if (env.DATABASE_URL) {
    const lost = new Promise<void>(() => {});
    return { url: env.DATABASE_URL, found: true, lost, stop: async () => {}, kill: async () => {} };
  }
  openHome(home);
  const place = await openPlace(home, say);
  const password = keepSecret(home, "postgres", () => randomBytes(24).toString("base64url"));
  await endFormer(place);
  const found = existsSync(place.marker);
  if (!found) await initialise(place, password, say);
  const { child, port } = await start(place, password, { home, durable });
  const url = `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  await createDatabase(url);
  let isAsked = false;
  const { promise: lost, resolve: onLost } = Promise.withResolvers<void>();
  child.once("exit", () => isAsked || onLost());
  const asked = (act: (child: ChildProcess) => Promise<void>) => () => {
    isAsked = true;
    return act(child);
  };
  return { url, found, lost, stop: asked(stop), kill: asked(kill) };
}

/** The address of the server that runs on this home's data just now, whoever started it; undefined when none does. */
export async function findPostgres(home: string): Promise<string | undefined> {
  if (!existsSync(join(home, "secrets", "postgres"))) return undefined;
  const { data } = await openPlace(home, () => {});
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return undefined;
  // Process, data folder, start, port: one a line.
  const lines = readFileSync(file, "utf8").split("\n");
  const running = findProcess(Number.parseInt(lines[0] ?? "", 10));
  if (!running?.command.includes(data)) return undefined;
  const password = readFileSync(join(home, "secrets", "postgres"), "utf8");
  return `postgres://${USER}:${password}@127.0.0.1:${Number(lines[3])}/${DATABASE}`;
}

/** A server that an earlier run left on this data; a pid file that names anything else is stale and would only stop the start. */
async function endFormer({ data }: Place): Promise<void> {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return;
  const former = findProcess(Number.parseInt(readFileSync(file, "utf8"), 10));
  if (former?.command.includes(data)) await endProcess(former, ["SIGINT", "SIGQUIT", "SIGKILL"], STOP_PATIENCE_MS);
  else rmSync(file, { force: true });
}

/** `initdb` refuses a folder with anything in it, so what a kill half made is removed; the marker is written only after success. */
async function initialise({ data, marker, programs, identity }: Place, password: string, say: Say): Promise<void> {
  say("Making the database.");
  rmSync(data, { recursive: true, force: true });
  const passwordFile = join(dirname(data), "password");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (identity) chownSync(passwordFile, identity.uid, identity.gid);
  if (identity) await run("mkdir", ["-m", "700", data]).then(() => chownSync(data, identity.uid, identity.gid));
  try {
    const args = [
      `--pgdata=${data}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
    ];
    await run(programs.initdb, args, { ...identity, cwd: "/" });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  writeFileSync(marker, "");
}

function run(
  command: string,
  args: string[],
  options: { uid?: number; gid?: number; cwd?: string } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...options,
      env: { ...process.env, LC_ALL: "C" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let problem = "";
    child.stderr.on("data", (chunk) => {
      problem += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`The database could not be made: ${problem.trim().split("\n").at(-1)}`)),
    );
  });
}

async function start(
  place: Place,
  password: string,
  options: { home: string; durable: boolean },
): Promise<{ child: ChildProcess; port: number }> {
  const until = Date.now() + START_PATIENCE_MS;
  for (;;) {
    const port = await findFreePort();
    const { child, problem } = spawnServer(place, port, options);
    if (await becomesReady(child, port, password)) return { child, port };
    if (Date.now() > until) throw new Error(`The database did not start: ${problem() || "it ended without a word"}`);
    await sleep(RETRY_MS);
  }
}

function spawnServer(
  { data, programs, identity }: Place,
  port: number,
  { home, durable }: { home: string; durable: boolean },
) {
  const flags = {
    ...LOG_FLAGS,
    max_connections: String(MAX_CONNECTIONS),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    // A container's /dev/shm is often too small for a parallel query; a file in the data folder never is.
    dynamic_shared_memory_type: "mmap",
    // Commits are still handed to the system one by one: without synchronous_commit a kill would lose the last of them.
    ...(durable ? {} : { fsync: "off", full_page_writes: "off" }),
  };
  const args = [
    "-D",
    data,
    "-p",
    String(port),
    ...Object.entries(flags).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  // A group of its own: Ctrl-C in the terminal must reach the runner first, which lets requests end before it stops the database.
  const child = spawn(programs.postgres, args, {
    ...identity,
    cwd: "/",
    env: { ...process.env, LC_ALL: "C", [RUN_MARKER]: home },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const log = createWriteStream(join(home, "logs", "postgres.log"), { flags: "a", mode: 0o600 });
  let last = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    last = chunk.toString().trim().split("\n").at(-1) ?? last;
    log.write(chunk);
  });
  child.on("error", (error) => {
    last = error.message;
  });
  child.on("close", () => log.end());
  return { child, problem: () => last };
}

/** The server's log is silenced, so readiness is asked for, not read. False if it ended first. */
async function becomesReady(child: ChildProcess, port: number, password: string): Promise<boolean> {
  const ended = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  for (const until = Date.now() + READY_PATIENCE_MS; Date.now() < until; await sleep(POLL_MS)) {
    if (ended()) return false;
    const sql = open(`postgres://${USER}:${password}@127.0.0.1:${port}/postgres`);
    try {
      await sql`select 1`;
      return true;
    } catch {
      // Still starting up or recovering; whether it ended is asked at the top.
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
  child.kill("SIGKILL");
  return false;
}

function open(url: string): postgres.Sql {
  return postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 5, fetch_types: false });
}

async function createDatabase(url: string): Promise<void> {
  const sql = open(url.replace(/\/[^/]*$/, "/postgres"));
  try {
    const [held] = await sql`select 1 from pg_database where datname = ${DATABASE}`;
    if (!held) await sql.unsafe(`create database ${DATABASE}`);
  } finally {
    await sql.end();
  }
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

async function stop(child: ChildProcess): Promise<void> {
  const seen = child.pid === undefined ? undefined : findProcess(child.pid);
  // SIGINT is Postgres' "fast": sessions are cut, what was committed is written. SIGQUIT leaves the rest to recovery.
  if (seen) await endProcess(seen, ["SIGINT", "SIGQUIT", "SIGKILL"], STOP_PATIENCE_MS);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  const all = [findProcess(child.pid), ...listChildren(/^postgres/, child.pid)].flatMap((seen) => seen ?? []);
  for (const one of all) await endProcess(one, ["SIGKILL"], STOP_PATIENCE_MS);
}
