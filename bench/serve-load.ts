// Asks a daemon in batches over kept connections, in a thread of its own, so that what else the bench does is not taken for waiting.

import { Agent, request } from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Ask, BATCH_ITEMS, isAnswered, makeAsks } from "./serve-asks.ts";
import type { LargeAlg } from "./serve-set.ts";

/** Enough that the daemon never waits for the next request. */
const CONNECTIONS = 4;

export type Load = {
  origin: string;
  size: number;
  /** How many asks of each. */
  counts: Partial<Record<LargeAlg, number>>;
  /** Over and over until stopped. */
  over?: boolean;
};
export type Asked = { seconds: number; wrong: number; dropped: number; slowestMs: number };

export function startLoad(load: Load): { ended: Promise<Asked>; stop(): void } {
  const worker = new Worker(new URL(import.meta.url), { workerData: load });
  const ended = new Promise<Asked>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  return { ended, stop: () => worker.postMessage("stop") };
}

if (!isMainThread && parentPort !== null) {
  let stopped = false;
  parentPort.once("message", () => {
    stopped = true;
  });
  parentPort.unref();
  parentPort.postMessage(await askAll(workerData as Load, () => stopped));
}

async function askAll({ origin, size, counts, over = false }: Load, isStopped: () => boolean): Promise<Asked> {
  const asks = (Object.entries(counts) as [LargeAlg, number][]).flatMap(([alg, count]) => makeAsks(alg, size, count));
  const batches: { asks: Ask[]; body: string }[] = [];
  for (let at = 0; at < asks.length; at += BATCH_ITEMS) {
    const own = asks.slice(at, at + BATCH_ITEMS);
    batches.push({ asks: own, body: JSON.stringify({ items: own.map(({ hashes }) => ({ ref: "bench", hashes })) }) });
  }
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const total: Asked = { seconds: 0, wrong: 0, dropped: 0, slowestMs: 0 };
  let next = 0;
  const startedMs = performance.now();
  const one = async () => {
    while (!isStopped() && (over || next < batches.length)) {
      const batch = batches[next++ % batches.length] as (typeof batches)[0];
      const sentMs = performance.now();
      const answer = await post(origin, agent, batch.body).catch(() => undefined);
      total.slowestMs = Math.max(total.slowestMs, performance.now() - sentMs);
      if (answer?.status !== 200) total.dropped += 1;
      else total.wrong += countWrong(batch.asks, answer.text);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  total.seconds = (performance.now() - startedMs) / 1000;
  agent.destroy();
  return total;
}

function countWrong(asks: readonly Ask[], text: string): number {
  const { items } = JSON.parse(text) as { items: object[] };
  return asks.filter((ask, at) => !isAnswered(ask, items[at] ?? {})).length;
}

function post(origin: string, agent: Agent, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request(`${origin}/v1/match`, { method: "POST", agent, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
