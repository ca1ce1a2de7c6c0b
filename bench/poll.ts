// What a subscriber's look at an exchange without news costs: requests, and bytes on the wire in both directions.

import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { openExchange, syncSet } from "@breakwater/client/index.ts";
import { readLogInfo } from "@breakwater/local/welcome.ts";
import { type Bench, type Measured, peakMb, timed } from "./bench.ts";
import { withDemo } from "./demo.ts";

const DEFAULT_SIZE = 20;
const GOAL_BYTES = 1_000;
/** The first polls may still see a checkpoint that was made while the copy was loaded. */
const SETTLE_POLLS = 10;
const SETTLE_MS = 1_000;

type Seen = { method: string; path: string; status: number; conditional: boolean };

export const poll: Bench = {
  goal: `one conditional GET of under ${GOAL_BYTES} bytes, request and answer together`,
  run: ({ size = DEFAULT_SIZE, say }) =>
    withDemo(say, async ({ url, home, profiles, setId, pin }): Promise<Measured> => {
      const relay = await openCountingRelay(url);
      try {
        const seen: Seen[] = [];
        const source = openExchange({ origin: relay.url, apiKey: profiles.company.apiKey, fetch: noting(seen) });
        const stateDir = join(home, "bench-poll");
        const log = { ...(await readLogInfo(url)), url: `${relay.url}/log` };
        const look = () => syncSet({ source, stateDir, setId, pin, log, now: new Date() });
        const first = await look();
        for (let n = 0; n < SETTLE_POLLS && !isIdle(seen.splice(0)); n++) {
          await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
          await look();
        }
        const plain = async () => void (await (await fetch(`${url}/healthz`)).arrayBuffer());
        const baselineSeconds = await timed(async () => {
          for (let n = 0; n < size; n++) await plain();
        });
        seen.length = 0;
        relay.reset();
        const outcomes: string[] = [];
        const seconds = await timed(async () => {
          for (let n = 0; n < size; n++) outcomes.push((await look()).outcome);
        });
        const bytes = Math.ceil(relay.bytes() / size);
        const requests = seen.length / size;
        say(`${requests} requests and ${bytes} bytes a poll.`);
        const correct = first.outcome === "updated" && outcomes.every((outcome) => outcome === "current");
        const met = correct && requests === 1 && seen.every(isUnchanged) && bytes < GOAL_BYTES;
        const baseline = "as many GETs of /healthz";
        const ratio = seconds / baselineSeconds;
        const counts = { bytes, requests };
        return {
          bench: "poll",
          size,
          seconds,
          baseline,
          baselineSeconds,
          ratio,
          peakMb: peakMb(),
          correct,
          met,
          counts,
        };
      } finally {
        await relay.close();
      }
    }),
};

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

/** Passes connections on as they are, and counts what goes through, headers and all. */
async function openCountingRelay(target: string) {
  const { hostname, port } = new URL(target);
  let bytes = 0;
  const sockets = new Set<ReturnType<typeof connect>>();
  const server = createServer((from) => {
    const to = connect(Number(port), hostname);
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(a);
      a.on("data", (chunk) => {
        bytes += chunk.length;
      });
      a.on("error", () => b.destroy());
      a.on("close", () => sockets.delete(a));
      a.pipe(b);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
    reset() {
      bytes = 0;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
