// Where one machine keeps its data, secrets and pid file; and that only one runner uses it at a time.
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endProcess, isSame, lineage, listOrphansOf, RUN_MARKER, type Seen } from "./processes.ts";

/** The repository's root: the folder above `local/`. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const END_PATIENCE_MS = 10_000;
const DYING_MS = 1_500;
const POLL_MS = 50;
const LOG_MAX_BYTES = 10 * 1024 * 1024;
const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
const PASSABLE_FOLDER = 0o711;

export type Say = (sentence: string) => void;

/** `BREAKWATER_HOME`, seen from where the person stands (npm changes the folder), or `.breakwater` in the repository. */
export function findHome(env: NodeJS.ProcessEnv = process.env): string {
  if (!env.BREAKWATER_HOME) return join(ROOT, ".breakwater");
  return resolve(env.INIT_CWD ?? process.cwd(), env.BREAKWATER_HOME);
}

/** Makes the home with its folders. Each is private on its own: the database's user must be able to pass through the home itself. */
export function openHome(home: string): void {
  mkdirSync(home, { recursive: true, mode: PASSABLE_FOLDER });
  for (const folder of ["secrets", "profiles", "logs", "r2"])
    mkdirSync(join(home, folder), { recursive: true, mode: PRIVATE_FOLDER });
  for (const name of readdirSync(join(home, "logs"))) endLog(join(home, "logs", name));
}

/** A log that has grown long is kept once more, then gone: ids and codes, too, have an end. */
function endLog(path: string): void {
  if (!path.endsWith(".old") && statSync(path).size > LOG_MAX_BYTES) renameSync(path, `${path}.old`);
}

/** Writes a file that nobody else may read, whole or not at all. */
export function writePrivate(path: string, text: string): void {
  const draft = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  writeFileSync(draft, text, { mode: PRIVATE_FILE });
  chmodSync(draft, PRIVATE_FILE);
  renameSync(draft, path);
}

/** A secret of this home, made at first use and kept. */
export function keepSecret(home: string, name: string, make: () => string): string {
  const path = join(home, "secrets", name);
  if (existsSync(path)) return readFileSync(path, "utf8");
  const secret = make();
  writePrivate(path, secret);
  return secret;
}

type Run = { line: Pick<Seen, "pid" | "started">[]; url?: string };

/**
 * Takes the home for this process. What a killed runner left behind (its Worker, its database, its hotline agent) is ended first;
 * a runner that is alive and well is left alone.
 *
 * @throws Error with one sentence for the person if another runner has the home
 */
export async function takeHome(home: string, say: Say): Promise<void> {
  const held = readRun(home);
  const [runner] = held?.line ?? [];
  const isAlive = () =>
    held !== undefined && runner !== undefined && runner.pid !== process.pid && held.line.every(isSame);
  // Just killed is not yet gone: whoever starts again at once must not be told that the dead one still runs.
  for (let waitedMs = 0; isAlive() && waitedMs < DYING_MS; waitedMs += POLL_MS) await sleep(POLL_MS);
  if (held && runner && isAlive()) {
    const where = held.url ? ` at ${held.url}` : "";
    throw new Error(
      `Breakwater already runs from ${home}${where} (process ${runner.pid}). Stop it with Ctrl-C there, or set BREAKWATER_HOME and BREAKWATER_PORT to run a second one.`,
    );
  }
  if (runner && runner.pid !== process.pid) await endLeftovers(home, say, held?.line ?? []);
  else if (!held) await endLeftovers(home, say, []);
  process.env[RUN_MARKER] = home;
  writeRun(home, { line: lineage() });
}

async function endLeftovers(home: string, say: Say, recorded: Run["line"]): Promise<void> {
  const own = new Set(lineage().map(({ pid }) => pid));
  const runners = recorded.slice(0, 1);
  const left = listOrphansOf(home).filter(({ pid }) => !own.has(pid));
  if (left.length === 0 && !runners.some(isSame)) return;
  say("An earlier run ended without stopping its parts; ending them now.");
  for (const runner of runners) {
    // Its launcher is gone but it lives: let it stop its own parts properly.
    if (!own.has(runner.pid))
      await endProcess({ ...runner, parent: 0, command: "" }, ["SIGTERM", "SIGKILL"], END_PATIENCE_MS);
  }
  for (const process of left) {
    const signals: NodeJS.Signals[] = process.command.includes("postgres -D")
      ? ["SIGINT", "SIGQUIT", "SIGKILL"]
      : ["SIGTERM", "SIGKILL"];
    await endProcess(process, signals, END_PATIENCE_MS / 4);
  }
}

/** Notes where this run answers, for the sentence that a second runner gets. */
export function noteRun(home: string, url: string): void {
  writeRun(home, { line: lineage(), url });
}

export function leaveHome(home: string): void {
  delete process.env[RUN_MARKER];
  rmSync(join(home, "run.json"), { force: true });
}

function writeRun(home: string, run: Run): void {
  writePrivate(
    join(home, "run.json"),
    JSON.stringify({ ...run, line: run.line.map(({ pid, started }) => ({ pid, started })) }),
  );
}

function readRun(home: string): Run | undefined {
  const path = join(home, "run.json");
  if (!existsSync(path)) return undefined;
  try {
    const run = JSON.parse(readFileSync(path, "utf8")) as Run;
    return Array.isArray(run.line) ? run : { line: [] };
  } catch {
    // Cut off by a full disk: the processes are found by their marker instead.
    return { line: [] };
  }
}
