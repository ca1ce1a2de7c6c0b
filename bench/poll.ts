// What a subscriber's look at an exchange without news costs, for a small set and a large one: requests, bytes, time.
import { join } from "node:path";
import { openExchange, type SyncOutcome, syncSet } from "@breakwater/client/index.ts";
import { readLogInfo } from "@breakwater/local/welcome.ts";
import { type Bench, type Measured, median, peakMb } from "./bench.ts";
import { type Demo, withDemo } from "./demo.ts";
import { publishLargeSet } from "./large-set.ts";
import { openCountingRelay } from "./relay.ts";

const DEFAULT_SIZE = 1_000_000;
const SMALL = 10_000;
const POLLS = 40;
const GOAL_BYTES = 1_000;
/** "The same time": what two rows of polls of one set differ by. */
const SAME = 1.25;
/** The first polls may still see a checkpoint that was made while the copy was loaded. */
const SETTLE_POLLS = 10;
const SETTLE_MS = 1_000;

type Seen = { method: string; path: string; status: number; conditional: boolean };
type Poller = { look: () => Promise<SyncOutcome>; seen: Seen[]; tookMs: number[]; outcomes: string[] };

export const poll: Bench = {
  goal: `one conditional GET of under ${GOAL_BYTES} bytes, request and answer together, and the same time whatever the size`,
  run: ({ size = DEFAULT_SIZE, say }) =>
    withDemo(say, async (demo): Promise<Measured> => {
      const relay = await openCountingRelay(demo.url);
      try {
        const small = await openPoller(demo, relay.url, Math.min(SMALL, size), say);
        const large = await openPoller(demo, relay.url, size, say);
        for (const poller of [small, large]) await settle(poller);
        relay.reset();
        // In turns, so that whatever else the machine does falls on both.
        for (let n = 0; n < POLLS; n++) for (const poller of [small, large]) await lookOnce(poller);
        const all = [...small.seen, ...large.seen];
        const bytes = Math.ceil(relay.bytes() / (2 * POLLS));
        const requests = all.length / (2 * POLLS);
        const [smallMs, largeMs] = [median(small.tookMs), median(large.tookMs)];
        const correct = [...small.outcomes, ...large.outcomes].every((outcome) => outcome === "current");
        const isOne = requests === 1 && all.every(isUnchanged) && bytes < GOAL_BYTES;
        return {
          bench: "poll",
          size,
          seconds: largeMs / 1_000,
          baseline: `the same at ${SMALL} entries`,
          baselineSeconds: smallMs / 1_000,
          ratio: largeMs / smallMs,
          peakMb: peakMb(),
          correct,
          met: correct && isOne && largeMs <= smallMs * SAME,
          counts: { "bytes a poll": bytes, "requests a poll": requests, polls: POLLS },
        };
      } finally {
        await relay.close();
      }
    }),
};

async function openPoller(
  demo: Demo,
  relayUrl: string,
  size: number,
  say: (sentence: string) => void,
): Promise<Poller> {
  say(`Publishing ${size} entries.`);
  const { setId } = await publishLargeSet(demo, `bench-poll-${size}`, size);
  const seen: Seen[] = [];
  const source = openExchange({ origin: relayUrl, apiKey: demo.profiles.company.apiKey, fetch: noting(seen) });
  const stateDir = join(demo.home, `bench-poll-${size}`);
  const log = { ...(await readLogInfo(demo.url)), url: `${relayUrl}/log` };
  const look = () => syncSet({ source, stateDir, setId, pin: demo.pin, log, now: new Date() });
  const first = await look();
  if (first.outcome !== "updated" || first.entries !== size) throw new Error(`${first.outcome} ${first.code}`);
  return { look, seen, tookMs: [], outcomes: [] };
}

/** Until one look sees nothing new, not even a checkpoint that was made meanwhile. */
async function settle({ look, seen }: Poller): Promise<void> {
  for (let n = 0; n < SETTLE_POLLS; n++) {
    seen.length = 0;
    await look();
    if (isIdle(seen)) break;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
  seen.length = 0;
}

async function lookOnce({ look, tookMs, outcomes }: Poller): Promise<void> {
  const startedMs = performance.now();
  const { outcome } = await look();
  tookMs.push(performance.now() - startedMs);
  outcomes.push(outcome);
}

function noting(seen: Seen[]): typeof fetch {
  return async (input, init) => {
    const answer = await fetch(input, init);
    const conditional = new Headers(init?.headers).has("if-none-match");
    const { pathname } = new URL(String(input));
    seen.push({ method: init?.method ?? "GET", path: pathname, status: answer.status, conditional });
    return answer;
  };
}

function isUnchanged({ method, status, conditional, path }: Seen): boolean {
  return method === "GET" && status === 304 && conditional && path === "/log/checkpoint";
}

function isIdle(seen: readonly Seen[]): boolean {
  return seen.length === 1 && seen.every(isUnchanged);
}
