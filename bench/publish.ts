// A list in a file becomes the head that everybody sees: the command, the exchange and its database together, against COPY of the same rows.
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { openExchange, syncSet } from "@breakwater/client/index.ts";
import { readPins } from "@breakwater/client/profile/pins.ts";
import { openCopy } from "@breakwater/client/sync/index.ts";
import { readLogInfo } from "@breakwater/local/welcome.ts";
import { hexOf } from "@breakwater/shared/bytes.ts";
import { parseSetId, randomBytes, type SetId } from "@breakwater/shared/ids.ts";
import postgres from "postgres";
import { type Bench, type Measured, timed } from "./bench.ts";
import { type Demo, withDemo } from "./demo.ts";
import { watchWorkerMemory } from "./worker-memory.ts";

const DEFAULT_SIZE = 1_000_000;
const GOAL_RATIO = 3;
const CLIENT_GOAL_MB = 300;
const WORKER_GOAL_MB = 128;
const POLL_MS = 100;
const ROWS_A_WRITE = 5_000;
const VALUE_BYTES = 32;
const MAIN = fileURLToPath(new URL("../client/cli/main.ts", import.meta.url));
const ROWS_TABLE = "bench_rows";

const ABOUT = {
  ...{ kind: "hash", stream: "test", title: "Synthetic digests", description: "Numbers, hashed." },
  ...{ purpose: "To measure.", basis: "Synthetic data: nothing here concerns a person.", severity: "None." },
  ...{ tlp: "GREEN", contact: "desk@hotline.example", surfaces: ["uploads"], algs: ["sha256"] },
  ...{ retention_days: 365, act_stale_days: 7, keep_stale_days: 90, consent_based: false, person_linked: false },
};
const ROW = {
  ...{ act: "not_assessed", age: "not_assessed", alg: "sha256", category: "synthetic_test", media: "image" },
  ...{ human_review: "required", origin: "synthetic", production: "drawn_or_cgi", report_duty: "do_not_report" },
  ...{ requested_action: "review", source_fidelity: "original_bytes" },
  verification: { level: "two_reviewed", on: "2026-11-22", people: 2 },
};

export const publish: Bench = {
  goal: `from the list to the visible head in at most ${GOAL_RATIO} times COPY of the same rows, client under ${CLIENT_GOAL_MB} MB, Worker under ${WORKER_GOAL_MB} MB`,
  run: ({ size = DEFAULT_SIZE, say }) => {
    // A Worker in production has this much. The local runtime sets no limit, so its heap would grow by what nobody needs.
    process.env.MINIFLARE_WORKERD_V8_FLAGS = `--max-heap-size=${WORKER_GOAL_MB}`;
    return withDemo(say, (demo) => measure(demo, size, say), { inspect: true });
  },
};

async function measure(demo: Demo, size: number, say: (sentence: string) => void): Promise<Measured> {
  const dir = join(demo.home, "bench-publish");
  await mkdir(dir, { mode: 0o700 });
  const setId = parseSetId("hotline.example/large");
  const exchange = openExchange({ origin: demo.url, apiKey: demo.profiles.hotline.apiKey });
  await exchange.putSet(setId, { kind: "hash", stream: "test", audience: { tier: "test" } });
  const list = join(dir, "list.ndjson");
  const listed = await writeList(list, size);
  await writeFile(join(dir, "about.json"), JSON.stringify(ABOUT));
  const sql = postgres(demo.databaseUrl, { max: 2, onnotice: () => {} });
  try {
    await sql`checkpoint`;
    const worker = await watchWorkerMemory(demo.inspectorUrl as string);
    const isVisible = async () => (await exchange.getSet(setId)).release >= 1;
    const published = await runPublish(demo, setId, dir, isVisible);
    const workerMb = await worker.stop();
    const held = await syncElsewhere(demo, setId, dir);
    const baselineSeconds = await copyRows(sql, demo.databaseUrl, setId, dir);
    const [counted] = await sql<{ count: string }[]>`select count(*) from ${sql(ROWS_TABLE)}`;
    const correct = held.entries === size && held.sum === listed && held.isSameState && Number(counted?.count) === size;
    const ratio = published.headSeconds / baselineSeconds;
    say(
      `Head after ${published.headSeconds.toFixed(1)} s, own copy after ${published.seconds.toFixed(1)} s; ` +
        `client at most ${published.clientMb} MB, the Worker at most ${workerMb} MB.`,
    );
    return {
      bench: "publish",
      size,
      seconds: published.headSeconds,
      baseline: "COPY of the same rows into the same indexed table",
      baselineSeconds,
      ratio,
      peakMb: published.clientMb,
      correct,
      met: correct && ratio <= GOAL_RATIO && published.clientMb < CLIENT_GOAL_MB && workerMb < WORKER_GOAL_MB,
      counts: { "MB of the Worker": workerMb, "s until the own copy": Math.round(published.seconds) },
    };
  } finally {
    await sql.end();
  }
}

/** @returns the sum of what makes each row itself, so that an order does not matter and a missing one shows */
async function writeList(path: string, size: number): Promise<bigint> {
  const file = await open(path, "wx", 0o600);
  let sum = 0n;
  for (let done = 0; done < size; done += ROWS_A_WRITE) {
    let text = "";
    for (let row = done; row < Math.min(size, done + ROWS_A_WRITE); row++) {
      const value = hexOf(randomBytes(VALUE_BYTES));
      sum += sumOf(value);
      text += `${JSON.stringify({ ...ROW, value })}\n`;
    }
    await file.write(text);
  }
  await file.close();
  return sum;
}

function sumOf(value: string): bigint {
  return BigInt(`0x${value.slice(0, 16)}`);
}

/** The command as a person runs it, in a process of its own, which says at its end how large it was. */
async function runPublish(demo: Demo, setId: SetId, dir: string, isVisible: () => Promise<boolean>) {
  const rssPath = join(dir, "rss");
  const tellRss = `import{writeFileSync}from"node:fs";import{peakMb}from"${new URL("./bench.ts", import.meta.url)}";process.on("exit",()=>writeFileSync(process.env.BENCH_RSS,String(peakMb())))`;
  const args = [
    "--disable-warning=ExperimentalWarning",
    "--import",
    `data:text/javascript,${tellRss}`,
    MAIN,
    "publish",
  ];
  const options = [
    "--set",
    setId.set,
    "--from",
    join(dir, "list.ndjson"),
    "--about",
    join(dir, "about.json"),
    "--json",
  ];
  const env = { PATH: process.env.PATH, BREAKWATER_CONFIG: demo.profiles.hotline.dir, BENCH_RSS: rssPath };
  const startedMs = performance.now();
  const since = () => (performance.now() - startedMs) / 1_000;
  const child = spawn(process.execPath, [...args, ...options], { env, stdio: ["ignore", "pipe", "inherit"] });
  let answer = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  let over = false;
  void ended.then(() => {
    over = true;
  });
  let headSeconds = Number.NaN;
  while (Number.isNaN(headSeconds)) {
    const looksLast = over;
    if (await isVisible()) headSeconds = since();
    else if (looksLast) break;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const code = await ended;
  if (code !== 0) throw new Error(`publish ended with ${code}: ${answer}`);
  const clientMb = Number(await readFile(rssPath, "utf8"));
  return { headSeconds, seconds: since(), clientMb };
}

/** A subscriber loads and verifies everything; what it holds is compared with the list. */
async function syncElsewhere(demo: Demo, setId: SetId, dir: string) {
  const { company } = demo.profiles;
  const source = openExchange({ origin: demo.url, apiKey: company.apiKey });
  const pin = (await readPins(company.dir))[setId.publisher];
  const stateDir = join(dir, "subscriber");
  const log = await readLogInfo(demo.url);
  for (;;) {
    const { outcome } = await syncSet({ source, stateDir, setId, pin, log, now: new Date() });
    if (outcome === "updated") break;
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // until a checkpoint covers the release
  }
  const copy = await openCopy(stateDir, setId);
  if (copy === undefined) throw new Error("the subscriber has no copy");
  let sum = 0n;
  for await (const { line } of copy.rows()) {
    const at = line.indexOf('"value":"') + '"value":"'.length;
    sum += sumOf(line.slice(at, at + 2 * VALUE_BYTES));
  }
  copy.close();
  const isSameState = copy.current.state === copy.manifest.snapshot.state;
  return { entries: copy.entries, sum, isSameState };
}

/** The rows as the exchange has them, into a table with the same columns, checks and indexes; psql where there is one. */
async function copyRows(sql: postgres.Sql, databaseUrl: string, setId: SetId, dir: string): Promise<number> {
  const rows = join(dir, "rows.copy");
  const [found] = await sql<{ id: string }[]>`
    select id from sets where publisher = ${setId.publisher} and name = ${setId.set}`;
  await writeRows(sql, String(found?.id), rows);
  await sql.unsafe(`create table ${ROWS_TABLE} (like entry_versions including all)`);
  await sql.unsafe(`alter table ${ROWS_TABLE} add foreign key (set_id) references sets (id)`);
  await sql`checkpoint`;
  return timed(async () => {
    if (await runPsql(databaseUrl, `\\copy ${ROWS_TABLE} from '${rows}'`)) return;
    const into = await sql.unsafe(`copy ${ROWS_TABLE} from stdin`).writable();
    await pipeline(createReadStream(rows), into);
  });
}

/** In the text format of COPY, in the order of the table's own columns. */
async function writeRows(sql: postgres.Sql, id: string, path: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  const columns = await sql<{ name: string }[]>`
    select column_name as name from information_schema.columns
    where table_schema = current_schema() and table_name = 'entry_versions' order by ordinal_position`;
  const texts = columns.map(({ name }) => `"${name}"::text as "${name}"`).join(", ");
  const reading = sql.unsafe<Record<string, string | null>[]>(
    `select ${texts} from entry_versions where set_id = ${Number(id)} order by seq`,
  );
  for await (const some of reading.cursor(ROWS_A_WRITE)) {
    const cells = (row: Record<string, string | null>) =>
      columns.map(({ name }) => cellOf(row[name] ?? null)).join("\t");
    await file.write(some.map((row) => `${cells(row)}\n`).join(""));
  }
  await file.close();
}

function cellOf(value: string | null): string {
  if (value === null) return "\\N";
  return value.replaceAll("\\", "\\\\").replaceAll("\t", "\\t").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
}

/** @returns false when there is no psql on this machine */
function runPsql(databaseUrl: string, command: string): Promise<boolean> {
  const child = spawn("psql", [databaseUrl, "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-c", command], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.on("error", (error) => ("code" in error && error.code === "ENOENT" ? resolve(false) : reject(error)));
    child.on("close", (code) => (code === 0 ? resolve(true) : reject(new Error(`psql ended with ${code}`))));
  });
}
