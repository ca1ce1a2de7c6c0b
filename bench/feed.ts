// How fast a script reads a whole set through the plain feed, how much depth costs, and what a crowd of readers is told.
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { createStateDigest } from "@breakwater/shared/state.ts";
import { type Bench, type Measured, peakMb, timed } from "./bench.ts";
import { type Demo, withDemo } from "./demo.ts";
import { type LargeSet, publishLargeSet } from "./large-set.ts";

const DEFAULT_SIZE = 1_000_000;
const LIMIT = 1_000;
const GOAL_ROWS_PER_SECOND = 50_000;
const GOAL_DEPTH_RATIO = 1.3;
const READERS = 500;
/** The least disturbed round of each depth is compared: whatever else this machine does falls on one or the other. */
const ROUNDS = 5;
const SAMPLES = 40;
/** How deep the far pages lie. */
const DEPTH_SHARE = 0.9;
const P95 = 0.95;

type Answer = { status: number; headers: IncomingHttpHeaders; text: string; ms: number };
type Page = { entries: { op: string; seq: number; entry: { id: string } }[]; cursor: string; more: boolean };

export const feed: Bench = {
  goal:
    `${GOAL_ROWS_PER_SECOND} rows a second by one reader, p95 of a page at ${DEPTH_SHARE * 100} % depth at most ${GOAL_DEPTH_RATIO} ` +
    `times that at the beginning, and of ${READERS} readers at once none told anything but a page or busy`,
  run: ({ size = DEFAULT_SIZE, say }) =>
    withDemo(say, async (demo): Promise<Measured> => {
      const large = await publishLargeSet(demo, "bench-feed", size);
      say(`${size} entries are admitted, in ${large.admissionSeconds.toFixed(1)} s.`);
      const read = openReader(demo, large);
      try {
        const walked = await walk(read, size);
        say(`${Math.round(size / walked.seconds)} rows a second by one reader.`);
        const whole = await readWhole(read);
        const correct =
          walked.state === large.composed.manifest.snapshot.state &&
          whole.state === walked.state &&
          walked.rows === size;
        const [near, far] = await sampleDepths(read, walked.deepCursor);
        say(
          `p95 of a page ${near.toFixed(1)} ms at the beginning, ${far.toFixed(1)} ms at depth ${Math.round(size * DEPTH_SHARE)}.`,
        );
        const crowd = await crowdOf(read);
        say(`${READERS} at once: ${crowd.pages} pages, ${crowd.busy} told busy, ${crowd.other} anything else.`);
        const isFast = size / walked.seconds >= GOAL_ROWS_PER_SECOND;
        const met = correct && isFast && far <= near * GOAL_DEPTH_RATIO && crowd.other === 0;
        return {
          bench: "feed",
          size,
          seconds: walked.seconds,
          baseline: "entries.ndjson of the same set in one stream",
          baselineSeconds: whole.seconds,
          ratio: walked.seconds / whole.seconds,
          peakMb: peakMb(),
          correct,
          met,
          counts: {
            rowsPerSecond: Math.round(size / walked.seconds),
            p95NearMs: Math.round(near * 10) / 10,
            p95FarMs: Math.round(far * 10) / 10,
            crowdPages: crowd.pages,
            crowdBusy: crowd.busy,
            crowdOther: crowd.other,
          },
        };
      } finally {
        read.close();
      }
    }),
};

type Reader = { page: (cursor?: string) => Promise<Answer>; whole: () => Promise<Answer>; close: () => void };

/** As curl asks: one connection kept, no packing. */
function openReader({ url, profiles }: Demo, { setId }: LargeSet): Reader {
  const agent = new Agent({ keepAlive: true });
  const get = (path: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const startedMs = performance.now();
      const headers = { authorization: `Bearer ${profiles.company.apiKey}` };
      request(`${url}/v1/sets/${setId.publisher}/${setId.set}${path}`, { agent, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part)).on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          const ms = performance.now() - startedMs;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, ms });
        });
      })
        .on("error", reject)
        .end();
    });
  return {
    page: (cursor) => get(`/changes?limit=${LIMIT}${cursor === undefined ? "" : `&cursor=${cursor}`}`),
    whole: () => get("/entries.ndjson"),
    close: () => agent.destroy(),
  };
}

/** Every page, one after the other; the time is that of the pages alone, what they hold is judged beside it. */
async function walk(read: Reader, size: number) {
  const state = createStateDigest();
  let [rows, seconds] = [0, 0];
  let cursor: string | undefined;
  let deepCursor: string | undefined;
  for (let more = true; more; ) {
    const { status, text, ms } = await read.page(cursor);
    if (status !== 200) throw new Error(`a page was answered ${status}`);
    seconds += ms / 1_000;
    const page = JSON.parse(text) as Page;
    // A release's rows are numbered by id, and a line is its entry written in order: what came is what was signed.
    for (const { entry } of page.entries) state.add(JSON.stringify(entry));
    rows += page.entries.length;
    if (rows >= size * DEPTH_SHARE) deepCursor ??= page.cursor;
    ({ cursor, more } = page);
  }
  return { rows, seconds, state: await state.digest(), deepCursor };
}

async function readWhole(read: Reader) {
  const state = createStateDigest();
  let text = "";
  const seconds = await timed(async () => {
    ({ text } = await read.whole());
  });
  for (const line of text.trimEnd().split("\n")) state.add(line);
  return { seconds, state: await state.digest() };
}

/** In turn, page by page. @returns p95 near and far, in ms */
async function sampleDepths(read: Reader, deepCursor: string | undefined): Promise<[number, number]> {
  let [near, far] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    const times: { near: number[]; far: number[] } = { near: [], far: [] };
    for (let at = 0; at < SAMPLES; at++) {
      times.near.push((await read.page()).ms);
      times.far.push((await read.page(deepCursor)).ms);
    }
    near = Math.min(near, p95(times.near));
    far = Math.min(far, p95(times.far));
  }
  return [near, far];
}

function p95(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * P95))] ?? 0;
}

async function crowdOf(read: Reader): Promise<{ pages: number; busy: number; other: number }> {
  const answers = await Promise.all(Array.from({ length: READERS }, () => read.page().catch(() => undefined)));
  const isBusy = (answer: Answer | undefined) =>
    answer?.status === 503 && answer.headers["retry-after"] !== undefined && /"code":"busy"/.test(answer.text);
  const pages = answers.filter((answer) => answer?.status === 200 && /"more":(true|false)\}$/.test(answer.text)).length;
  const busy = answers.filter(isBusy).length;
  return { pages, busy, other: READERS - pages - busy };
}
