// A subscriber in a process of its own, so that its memory is its own: reads one job, does it, prints what it took.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { openExchange, syncSet } from "@breakwater/client/index.ts";
import type { Pin } from "@breakwater/client/profile/pins.ts";
import { openCopy } from "@breakwater/client/sync/copy.ts";
import { type Digest, digestHex, parseHex } from "@breakwater/shared/bytes.ts";
import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { openExactIndex } from "@breakwater/shared/match/exact.ts";
import { peakMb, timed } from "./bench.ts";

const SAMPLES = 1_000;
const FEED_LIMIT = 1_000;

type Where = { exchange: string; apiKey: string };
export type Job =
  /** A cold, verified sync; then, outside of the time, whether what came out is right. */
  | (Where & { job: "sync"; stateDir: string; setId: SetId; pin: Pin; entries: number; state: Digest })
  /** The same bytes, fetched, unpacked and hashed, one after the other. */
  | (Where & { job: "fetch"; blobs: { digest: Digest; packed: boolean }[] })
  /** The plain feed, page by page. */
  | (Where & { job: "feed"; setId: SetId; rows: number });
export type Done = { seconds: number; peakMb: number; count: number; correct: boolean };

/** Runs the job in a new process. */
export async function runSubscriber(job: Job): Promise<Done> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the subscriber ended with ${code}`);
  return JSON.parse(text) as Done;
}

async function sync({ exchange, apiKey, stateDir, setId, pin, entries, state }: Job & { job: "sync" }): Promise<Done> {
  const source = openExchange({ origin: exchange, apiKey });
  let outcome: Awaited<ReturnType<typeof syncSet>> | undefined;
  const seconds = await timed(async () => {
    outcome = await syncSet({ source, stateDir, setId, pin, now: new Date() });
  });
  const measured = { seconds, peakMb: peakMb(), count: outcome?.entries ?? 0 };
  const isRight = outcome?.outcome === "updated" && outcome.entries === entries && outcome.state === state;
  return { ...measured, correct: isRight && (await isFound(stateDir, setId, entries)) };
}

/** Samples from all over the copy: each line is where its id says, and its digest leads back to its row. */
async function isFound(stateDir: string, setId: SetId, entries: number): Promise<boolean> {
  const copy = await openCopy(stateDir, setId);
  const file = copy?.indexFiles().find(({ name }) => name === "exact-sha256");
  if (copy === undefined || file === undefined || file.count !== entries) return false;
  const rows = (offset: number, length: number) => {
    const bytes = new Uint8Array(length);
    readSync(file.fd, bytes, 0, length, offset);
    return bytes;
  };
  const index = openExactIndex({ rows, digestBytes: 32, count: file.count });
  const isRowRight = (row: number) => {
    const { id, value } = JSON.parse(copy.lineAt(row)) as { id: string; value: string };
    return copy.findRow(id) === row && index.find(parseHex(value)).includes(row);
  };
  const isRight = Array.from({ length: SAMPLES }, (_, n) => Math.floor((n * entries) / SAMPLES)).every(isRowRight);
  copy.close();
  return isRight;
}

async function fetchAll({ exchange, apiKey, blobs }: Job & { job: "fetch" }): Promise<Done> {
  const headers = { authorization: `Bearer ${apiKey}` };
  let correct = true;
  const seconds = await timed(async () => {
    for (const { digest, packed } of blobs) {
      const answer = await fetch(`${exchange}/v1/blobs/sha256/${digestHex(digest)}`, { headers });
      const bytes = Buffer.from(await answer.arrayBuffer());
      correct &&= createHash("sha256").update(bytes).digest("hex") === digestHex(digest);
      if (packed) gunzipSync(bytes);
    }
  });
  return { seconds, peakMb: peakMb(), count: blobs.length, correct };
}

async function readFeed({ exchange, apiKey, setId, rows }: Job & { job: "feed" }): Promise<Done> {
  const headers = { authorization: `Bearer ${apiKey}` };
  const seen = new Set<string>();
  let [count, cursor, more] = [0, "", true];
  const seconds = await timed(async () => {
    while (more && count < rows) {
      const query = `limit=${FEED_LIMIT}${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
      const answer = await fetch(`${exchange}/v1/sets/${formatSetId(setId)}/changes?${query}`, { headers });
      const page = (await answer.json()) as { entries: { entry: { id: string } }[]; cursor: string; more: boolean };
      for (const { entry } of page.entries) seen.add(entry.id);
      count += page.entries.length;
      [cursor, more] = [page.cursor, page.more];
    }
  });
  return { seconds, peakMb: peakMb(), count, correct: seen.size === count };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const job = JSON.parse(process.argv[2] ?? "") as Job;
  const done = job.job === "sync" ? await sync(job) : job.job === "fetch" ? await fetchAll(job) : await readFeed(job);
  console.log(JSON.stringify(done));
}
