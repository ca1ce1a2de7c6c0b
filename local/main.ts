// `npm start`: the whole product on this machine, from an empty folder or from what an earlier start left, until somebody stops it.
import { setTimeout as sleep } from "node:timers/promises";
import { type Agent, initAgent, mintInvite, nameDutyDesk, startAgent } from "./agent.ts";
import { buildConsole, buildExtension } from "./build.ts";
import { type DemoSite, startDemoSite } from "./demo-site.ts";
import { type RunningExchange, startExchange, waitUntilCaughtUp } from "./exchange.ts";
import { findHome } from "./home.ts";
import { step } from "./progress.ts";
import { seed } from "./seed.ts";
import { formatWelcome, mintLinks, readLogInfo, writeDemo } from "./welcome.ts";

const DEFAULT_PORT = 8787;
/** A terminal sends Ctrl-C to every process of the group and the launcher passes it on: the echo is not a second wish. */
const ECHO_MS = 2_000;
const STOP_PATIENCE_MS = 20_000;

const USAGE = `Usage: npm start

Starts the whole product on this machine, with the demo's data; Ctrl-C stops it.

  BREAKWATER_HOME   where data, secrets, profiles and logs are (otherwise .breakwater)
  BREAKWATER_PORT   the exchange's port (otherwise ${DEFAULT_PORT}); the demo page takes the next one
  DATABASE_URL      a Postgres of your own (otherwise one is started)
  BREAKWATER_DEBUG  1 shows where a failure came from

More: docs/operations.md`;

const say = (sentence: string) => console.log(sentence);
const startedMs = performance.now();
const parts: { exchange?: RunningExchange; agent?: Agent; site?: DemoSite } = {};
const stopping = new AbortController();
let starting: Promise<void> = Promise.resolve();
let askedMs: number | undefined;

function askToStop(): void {
  if (askedMs !== undefined) {
    if (performance.now() - askedMs < ECHO_MS) return;
    say("Stopping at once. The next start clears up.");
    process.exit(1);
  }
  askedMs = performance.now();
  stopping.abort();
  void stop();
}

async function stop(): Promise<void> {
  say("Stopping.");
  const giveUp = setTimeout(() => process.exit(1), STOP_PATIENCE_MS);
  giveUp.unref();
  await starting.catch(() => {});
  await parts.agent?.stop();
  await parts.site?.stop();
  await parts.exchange?.stop();
  say("Stopped. Everything is kept for the next start.");
  process.exit();
}

function readPort(text: string | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error("BREAKWATER_PORT must be a port number from 1 to 65535.");
  return port;
}

async function start(): Promise<void> {
  const home = findHome();
  const port = readPort(process.env.BREAKWATER_PORT);
  say(`Breakwater starts from ${home}.`);
  await buildConsole(say);
  const extension = await buildExtension(say, "demo");
  stopping.signal.throwIfAborted();
  const exchange = await startExchange({ home, port, say });
  parts.exchange = exchange;
  void exchange.databaseLost.then(() => {
    if (stopping.signal.aborted) return;
    console.error("The database has ended by itself, so Breakwater stops. The next start goes on from what was kept.");
    process.exitCode = 1;
    askToStop();
  });
  await waitUntilCaughtUp(exchange.url, say, stopping.signal);
  const site = await startDemoSite(port + 1, say);
  parts.site = site;
  stopping.signal.throwIfAborted();
  const seeded = await step(say, "Making the demo's members and sets", () =>
    seed({ home, exchange, say, signal: stopping.signal }),
  );
  const { hotline, operator } = seeded.profiles;
  const invite = await step(say, "Setting up the hotline's agent", async () => {
    await initAgent(hotline);
    // At every start: the desk's port may be another one.
    await nameDutyDesk(hotline, site.dutyDesk);
    parts.agent = await startAgent({ hotline, operator, home });
    return mintInvite(hotline, operator);
  });
  const links = await mintLinks(seeded);
  writeDemo(home, { seeded, links, invite, log: await readLogInfo(exchange.url) });
  const seconds = (performance.now() - startedMs) / 1_000;
  say(formatWelcome({ home, seeded, links, invite, site, extension, seconds }));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, askToStop);
// The launcher is gone, killed perhaps: a database that nobody can stop any more must not stay behind.
process.on("disconnect", askToStop);
process.channel?.unref();

// Whoever read our words may be gone first; that must not end us before the database is stopped.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.on("uncaughtException", (error) => {
  console.error(`Breakwater met a fault of its own and stops. ${error.message}`);
  if (process.env.BREAKWATER_DEBUG) console.error(error.stack);
  process.exitCode = 1;
  askToStop();
});

const [word] = process.argv.slice(2);
if (word !== undefined) {
  const isAsked = ["--help", "-h", "help"].includes(word);
  console[isAsked ? "log" : "error"](isAsked ? USAGE : `Not understood: ${word}. Settings are variables.\n\n${USAGE}`);
  process.exit(isAsked ? 0 : 2);
}

starting = start();
starting.catch(async (error: Error) => {
  if (stopping.signal.aborted) return;
  console.error(`\nBreakwater could not start. ${error.message}`);
  if (process.env.BREAKWATER_DEBUG) console.error(error.stack);
  await parts.agent?.stop();
  await parts.site?.stop();
  await parts.exchange?.stop();
  // Output to a pipe may still be on its way.
  await sleep(50);
  process.exit(1);
});
