// How many hashes a second the match daemon answers over HTTP on one core, beside the library alone on that core; and what a
// reload under load costs: dropped requests, waiting, memory.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openExchange, syncSet, writePin, writeProfile } from "@breakwater/client/index.ts";
import { openDouble, TEST_API_KEY } from "@breakwater/client/testing/double-exchange.ts";
import type { Bench, Measured } from "./bench.ts";
import { BATCH_ITEMS } from "./serve-asks.ts";
import { type Asked, startLoad } from "./serve-load.ts";
import { type LargeAlg, makeLargeSet } from "./serve-set.ts";

const DEFAULT_SIZE = 1_000_000;
const GOAL_EXACT = 5_000;
const GOAL_PDQ = 1_500;
const GOAL_MEMORY_RATIO = 1.1;
const EXACT_ASKS = 160_000;
const PDQ_ASKS = 32_000;
const DELTA_ENTRIES = 1_000;
const RELOADS = 1;
const SERVER_CORE = "0";
const CLIENT_CORE = "1";
const SETTLE_MS = 3_000;
const START_TIMEOUT_MS = 120_000;

const MAIN = fileURLToPath(new URL("../client/cli/main.ts", import.meta.url));
const LIBRARY = fileURLToPath(new URL("./serve-library.ts", import.meta.url));
const run = promisify(execFile);

type Large = Awaited<ReturnType<typeof makeLargeSet>>;
type Server = { child: ChildProcess; origin: string };

export const serve: Bench = {
  goal: `over HTTP on one core in batches of ${BATCH_ITEMS} at least ${GOAL_EXACT} exact and ${GOAL_PDQ} PDQ matches a second; a reload under load drops nothing and leaves memory within 10 %`,
  async run({ size = DEFAULT_SIZE, say }): Promise<Measured> {
    const home = await mkdtemp(join(tmpdir(), "breakwater-bench-"));
    const double = await openDouble();
    const profile = { dir: home, exchange: double.origin, apiKey: TEST_API_KEY, stateDir: join(home, "state") };
    await writeProfile(profile);
    const source = openExchange({ origin: double.origin, apiKey: TEST_API_KEY });
    const sync = async ({ setId, pin }: Large) => {
      const { outcome, code } = await syncSet({ source, stateDir: profile.stateDir, setId, pin, now: new Date() });
      if (outcome !== "updated") throw new Error(`sync: ${outcome} ${code}`);
    };
    let server: Server | undefined;
    try {
      const sets = { sha256: await makeLargeSet(double, "sha256", size), pdq: await makeLargeSet(double, "pdq", size) };
      for (const [alg, set] of Object.entries(sets)) {
        await writePin(home, set.setId.publisher, set.pin);
        await set.publish();
        await sync(set);
        say(`${size} entries of ${alg} are synced.`);
      }
      const plain = await runLibrary(profile.stateDir, size);
      say(
        `The library: ${rate(EXACT_ASKS, plain.sha256)} exact and ${rate(PDQ_ASKS, plain.pdq)} PDQ matches a second.`,
      );
      await run("taskset", ["-a", "-cp", CLIENT_CORE, String(process.pid)]);
      server = await startServer(home);
      const exact = await startLoad({ origin: server.origin, size, counts: { sha256: EXACT_ASKS } }).ended;
      const pdq = await startLoad({ origin: server.origin, size, counts: { pdq: PDQ_ASKS } }).ended;
      say(
        `Over HTTP: ${rate(EXACT_ASKS, exact.seconds)} exact and ${rate(PDQ_ASKS, pdq.seconds)} PDQ matches a second.`,
      );
      const reload = await reloadUnderLoad(server, size, sets, sync);
      say(`Reloads under load: ${JSON.stringify(reload)}`);
      const answered = [exact, pdq, reload];
      const correct = plain.wrong === 0 && answered.every(({ wrong }) => wrong === 0);
      const seconds = exact.seconds + pdq.seconds;
      const baselineSeconds = plain.sha256 + plain.pdq;
      const memoryRatio = reload.memoryAfterMb / reload.memoryBeforeMb;
      const met =
        correct &&
        EXACT_ASKS / exact.seconds >= GOAL_EXACT &&
        PDQ_ASKS / pdq.seconds >= GOAL_PDQ &&
        answered.every(({ dropped }) => dropped === 0) &&
        memoryRatio <= GOAL_MEMORY_RATIO;
      return {
        bench: "serve",
        size,
        seconds,
        baseline: "the library without HTTP",
        baselineSeconds,
        ratio: seconds / baselineSeconds,
        peakMb: reload.memoryPeakMb,
        correct,
        met,
        counts: {
          "exact a second": rate(EXACT_ASKS, exact.seconds),
          "PDQ a second": rate(PDQ_ASKS, pdq.seconds),
          "exact a second by the library": rate(EXACT_ASKS, plain.sha256),
          "PDQ a second by the library": rate(PDQ_ASKS, plain.pdq),
          "requests dropped by reloads": reload.dropped,
          "ms the slowest batch waited during reloads": Math.round(reload.slowestMs),
          "MB before reloads": reload.memoryBeforeMb,
          "MB after reloads": reload.memoryAfterMb,
        },
      };
    } finally {
      await stopServer(server);
      await double.close();
      await rm(home, { recursive: true, force: true });
    }
  },
};

function rate(count: number, seconds: number): number {
  return Math.round(count / seconds);
}

async function runLibrary(stateDir: string, size: number): Promise<{ sha256: number; pdq: number; wrong: number }> {
  const measure = async (alg: LargeAlg, count: number) => {
    const words = ["-c", SERVER_CORE, process.execPath, LIBRARY, stateDir, alg, String(size), String(count)];
    const { stdout } = await run("taskset", words);
    return JSON.parse(stdout) as { seconds: number; wrong: number };
  };
  const [exact, pdq] = [await measure("sha256", EXACT_ASKS), await measure("pdq", PDQ_ASKS)];
  return { sha256: exact.seconds, pdq: pdq.seconds, wrong: exact.wrong + pdq.wrong };
}

async function startServer(home: string): Promise<Server> {
  const words = ["-c", SERVER_CORE, process.execPath, MAIN, "serve", "--json", "--no-sync", "--listen", "127.0.0.1:0"];
  const child = spawn("taskset", words, {
    env: { PATH: process.env.PATH, LANG: "C.UTF-8", BREAKWATER_CONFIG: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const origin = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      const found = /"address":"([^"]+)"/.exec(text)?.[1];
      if (found !== undefined) resolve(`http://${found}`);
    });
    child.once("exit", () => reject(new Error("the daemon ended")));
    setTimeout(() => reject(new Error("the daemon did not start")), START_TIMEOUT_MS).unref();
  });
  return { child, origin };
}

async function stopServer(server: Server | undefined): Promise<void> {
  if (server === undefined || server.child.exitCode !== null) return;
  const ended = new Promise((resolve) => server.child.once("exit", resolve));
  server.child.kill("SIGTERM");
  await ended;
}

type Reloaded = Asked & { memoryBeforeMb: number; memoryAfterMb: number; memoryPeakMb: number };

/** Small changes are taken over by the thread that answers, new snapshots by a new one; both while everybody asks. */
async function reloadUnderLoad(
  server: Server,
  size: number,
  sets: Record<LargeAlg, Large>,
  sync: (set: Large) => Promise<void>,
): Promise<Reloaded> {
  const total: Asked = { seconds: 0, wrong: 0, dropped: 0, slowestMs: 0 };
  const memoryMb: number[] = [];
  for (let round = 0; round <= RELOADS; round++) {
    const load = startLoad({ origin: server.origin, size, counts: { sha256: PDQ_ASKS, pdq: PDQ_ASKS }, over: true });
    try {
      await reload(server, sets.sha256, sync, false);
      await reload(server, sets.pdq, sync, true);
      // The newest thread is used as much each time: what grows by use is not what a reload leaves behind.
      await sleep(SETTLE_MS);
    } finally {
      load.stop();
    }
    const { seconds, wrong, dropped, slowestMs } = await load.ended;
    total.seconds += seconds;
    total.wrong += wrong;
    total.dropped += dropped;
    total.slowestMs = Math.max(total.slowestMs, slowestMs);
    await sleep(SETTLE_MS);
    memoryMb.push(await residentMb(server));
  }
  const [memoryBeforeMb = 0] = memoryMb;
  return {
    ...total,
    memoryBeforeMb,
    memoryAfterMb: memoryMb.at(-1) ?? 0,
    memoryPeakMb: await residentMb(server, "VmHWM"),
  };
}

/** Ends when the daemon says that it has taken the release over. */
async function reload(
  server: Server,
  set: Large,
  sync: (set: Large) => Promise<void>,
  isSnapshot: boolean,
): Promise<void> {
  await set.publish(DELTA_ENTRIES, isSnapshot);
  await sync(set);
  const name = `${set.setId.publisher}/${set.setId.set}`;
  const { release } = (await readHealth(server)).find((one) => one.set === name) ?? { release: 0 };
  const until = Date.now() + START_TIMEOUT_MS;
  for (let now = release; ; now = (await readHealth(server)).find((one) => one.set === name)?.release ?? 0) {
    if (now >= set.newest()) return;
    if (Date.now() > until) throw new Error("the daemon has not taken the release over");
    await sleep(100);
  }
}

async function readHealth({ origin }: Server): Promise<{ set: string; release: number }[]> {
  const answer = await fetch(`${origin}/healthz`);
  return ((await answer.json()) as { sets: { set: string; release: number }[] }).sets;
}

async function residentMb({ child }: Server, what = "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Math.round(Number(new RegExp(`^${what}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024);
}
