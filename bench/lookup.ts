// Private lookup over the whole exchange: buckets a second for many members, how late the slowest come, and whether every listed hash lies in its bucket.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { openExchange } from "@breakwater/client/http/index.ts";
import { lookupHashes, parseExactHash } from "@breakwater/client/lookup/index.ts";
import { hexOf } from "@breakwater/shared/bytes.ts";
import { LOOKUP_BITS_MAX, lookupBits, lookupPad, RECORD_BYTES, TAG_BYTES } from "@breakwater/shared/lookup.ts";
import type { LookupIndex } from "@breakwater/shared/wire/lookup.ts";
import { type Bench, type Measured, peakMb } from "./bench.ts";
import { type Demo, withDemo } from "./demo.ts";
import { publishLargeSet } from "./large-set.ts";
import type { Load, Loaded } from "./lookup-load.ts";

const DEFAULT_SIZE = 1_000_000;
const GOAL_PER_SECOND = 500;
const GOAL_P99_MS = 50;
const REQUESTS = 6_000;
const WARM_REQUESTS = 400;
/** Fills both cores: eight at once are answered no faster, and only wait for each other. */
const AT_ONCE = 4;
/** Each stays below the day's budget and below what looks like probing. */
const MEMBERS = 48;
/** Of its budget a member spends at most this much here: more would be refused, or look like a walk through the list. */
const BUDGET_SHARE = 0.75;
const SAMPLES = 8;
const SET = "bench-lookup";
const FILE = "bucket.bin";
const BUILD_PATIENCE_MS = 15 * 60_000;
const POLL_MS = 500;

export const lookup: Bench = {
  goal: `${GOAL_PER_SECOND} buckets a second with p99 under ${GOAL_P99_MS} ms, every listed hash in its bucket`,
  run: async ({ size = DEFAULT_SIZE, say }) => {
    const assets = mkdtempSync(join(tmpdir(), "breakwater-bench-assets-"));
    // The demo's own sets add a few entries, which do not change what the buckets are padded to.
    writeFileSync(join(assets, FILE), Buffer.alloc(lookupPad(size, lookupBits(size)) * RECORD_BYTES, 7));
    try {
      return await withDemo(say, (demo) => measure(demo, size, say), { assets });
    } finally {
      rmSync(assets, { recursive: true, force: true });
    }
  },
};

async function measure(demo: Demo, size: number, say: (sentence: string) => void): Promise<Measured> {
  const { url, profiles } = demo;
  const { seconds: publishSeconds } = await publishLargeSet(demo, SET, size);
  say(`${size} entries are published, in ${publishSeconds.toFixed(1)} s.`);
  const keys = await makeMembers(demo);
  const reader = openExchange({ origin: url, apiKey: profiles.company.apiKey });
  const startedMs = performance.now();
  const index = await waitForIndex(demo);
  const buildSeconds = (performance.now() - startedMs) / 1_000;
  say(
    `The lists of every tier were whole ${buildSeconds.toFixed(1)} s after the head moved, in ${2 ** index.bits} buckets each.`,
  );

  const count = Math.min(REQUESTS, Math.floor(MEMBERS * index.budget * BUDGET_SHARE) - WARM_REQUESTS);
  await load({ url, requests: plan(index, keys, WARM_REQUESTS), atOnce: AT_ONCE });
  const looked = await load({ url, requests: plan(index, keys, count), atOnce: AT_ONCE });
  const file = Array.from({ length: count }, () => ({ path: `/${FILE}` }));
  await load({ url, requests: file.slice(0, WARM_REQUESTS), atOnce: AT_ONCE });
  const plain = await load({ url, requests: file, atOnce: AT_ONCE });

  const p99 = percentile(looked.ms, 0.99);
  const perSecond = count / looked.seconds;
  say(
    `${Math.round(perSecond)} buckets a second, p50 ${percentile(looked.ms, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; the file p99 ${percentile(plain.ms, 0.99).toFixed(1)} ms.`,
  );
  const all = looked.statuses["200"] === count && plain.statuses["200"] === count;
  const fileBytes = plain.bodies.get(`/${FILE}`)?.length;
  const exact = await isExact(demo, index, looked.bodies);
  const sampled = await findsSamples(demo, reader);
  const correct = all && exact && sampled && fileBytes === index.records * RECORD_BYTES;
  if (!correct) say(JSON.stringify({ looked: looked.statuses, plain: plain.statuses, exact, sampled, fileBytes }));
  return {
    bench: "lookup",
    size,
    seconds: looked.seconds,
    baseline: "a static file of that size through the same Worker",
    baselineSeconds: plain.seconds,
    ratio: looked.seconds / plain.seconds,
    peakMb: peakMb(),
    correct,
    met: correct && perSecond >= GOAL_PER_SECOND && p99 < GOAL_P99_MS,
    counts: {
      requests: count,
      "lookups/s": Math.round(perSecond),
      "ms p50": Math.round(percentile(looked.ms, 0.5) * 10) / 10,
      "ms p99": Math.round(p99 * 10) / 10,
      "bytes a bucket": index.records * RECORD_BYTES,
      "seconds to build": Math.round(buildSeconds * 10) / 10,
    },
  };
}

async function makeMembers({ url, profiles }: Demo): Promise<string[]> {
  const { operator } = openExchange({ origin: url, apiKey: profiles.operator.apiKey });
  const keys: string[] = [];
  for (let n = 0; n < MEMBERS; n++) {
    const name = `bench-reader-${n}`;
    await operator.addMember({ name, title: "Reader", roles: ["subscriber"], tier: "vetted" });
    keys.push((await operator.createKey(name, { scopes: ["read"] })).api_key);
  }
  return keys;
}

/** Once no tier's list is behind: what is being built must not be measured beside what is served. */
async function waitForIndex({ url, profiles }: Demo): Promise<LookupIndex> {
  const sources = [profiles.flaggers, profiles.sme, profiles.company].map(({ apiKey }) =>
    openExchange({ origin: url, apiKey }),
  );
  for (const until = Date.now() + BUILD_PATIENCE_MS; Date.now() < until; ) {
    const answers = await Promise.all(sources.map((source) => source.listLookups()));
    const found = answers.map(({ indexes }) => indexes.find(({ sets }) => sets.some(({ set }) => set === SET)));
    const last = found.at(-1);
    if (found.every((index) => index !== undefined) && last !== undefined) return last;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error("the list did not become whole in time");
}

/** Buckets as hashes fall: evenly, and each member its share. */
function plan(index: LookupIndex, keys: readonly string[], count: number): Load["requests"] {
  return Array.from({ length: count }, (_, at) => ({
    path: `/v1/lookup/${index.index}/${index.epoch}/${Math.floor(Math.random() * 2 ** index.bits)}`,
    key: keys[at % keys.length] as string,
  }));
}

function load(workerData: Load): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./lookup-load.ts", import.meta.url), { workerData });
    worker.on("message", resolve).on("error", reject);
  });
}

function percentile(ms: readonly number[], share: number): number {
  return [...ms].sort((a, b) => a - b)[Math.floor(ms.length * share)] as number;
}

/** Every hash that the set lists, against every bucket that was fetched: made from the feed's lines, by another way than the exchange's. */
async function isExact(
  { url, profiles }: Demo,
  index: LookupIndex,
  bodies: ReadonlyMap<string, Uint8Array>,
): Promise<boolean> {
  const buckets = new Map<number, Set<string>>();
  for (const [path, bytes] of bodies) {
    if (bytes.length !== index.records * RECORD_BYTES) return false;
    const tags = new Set<string>();
    for (let at = 0; at < bytes.length; at += RECORD_BYTES) tags.add(hexOf(bytes.subarray(at, at + TAG_BYTES)));
    buckets.set(Number(path.split("/").at(-1)), tags);
  }
  const headers = { authorization: `Bearer ${profiles.company.apiKey}` };
  const answer = await fetch(`${url}/v1/sets/hotline.example/${SET}/entries.ndjson`, { headers });
  let checked = 0;
  for await (const line of linesOf(answer)) {
    const { alg, value } = JSON.parse(line) as { alg: string; value: string };
    const tag = createHash("sha256").update(`bw-lookup-v1\n${alg}\n`).update(Buffer.from(value, "hex")).digest();
    const tags = buckets.get(tag.readUInt16BE(0) >>> (LOOKUP_BITS_MAX - index.bits));
    if (tags === undefined) continue;
    if (!tags.has(tag.toString("hex", 0, TAG_BYTES))) return false;
    checked += 1;
  }
  return checked > 0;
}

async function* linesOf(answer: Response): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  const reader = answer.body?.getReader();
  for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) {
    const lines = (rest + decoder.decode(read.value, { stream: true })).split("\n");
    rest = lines.pop() as string;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** The client as a member uses it: what is listed is a hit in this set, what is not is none. */
async function findsSamples({ url, profiles }: Demo, source: ReturnType<typeof openExchange>): Promise<boolean> {
  const headers = { authorization: `Bearer ${profiles.company.apiKey}` };
  const answer = await fetch(`${url}/v1/sets/hotline.example/${SET}/changes?limit=${SAMPLES}`, { headers });
  const { entries } = (await answer.json()) as { entries: { entry: { alg: string; value: string } }[] };
  const listed = entries.map(({ entry }) => parseExactHash(entry));
  const others = listed.map(({ value }) =>
    parseExactHash({ alg: "sha256", value: createHash("sha256").update(value).digest("hex") }),
  );
  const { answers } = await lookupHashes(source, [...listed, ...others], { decoys: 0 });
  const hits = answers.map((one) => one.hits.some(({ sets }) => sets.includes(`hotline.example/${SET}`)));
  return hits.slice(0, listed.length).every(Boolean) && !hits.slice(listed.length).some(Boolean);
}
