// Sends requests from a thread of its own, so that the clock of what is measured does not wait for whoever measures.
import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

export type Load = { url: string; requests: { path: string; key?: string }[]; atOnce: number };
/** Times in milliseconds, in the order of the requests; bodies of the first answer of each path. */
export type Loaded = {
  seconds: number;
  ms: number[];
  statuses: Record<string, number>;
  bodies: Map<string, Uint8Array>;
};

async function run({ url, requests, atOnce }: Load): Promise<Loaded> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const ms: number[] = [];
  const statuses: Record<string, number> = {};
  const bodies = new Map<string, Uint8Array>();
  const one = ({ path, key }: Load["requests"][number], at: number) =>
    new Promise<void>((resolve, reject) => {
      const startedMs = performance.now();
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
      request(url + path, { agent, headers }, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part)).on("error", reject);
        answer.on("end", () => {
          ms[at] = performance.now() - startedMs;
          const status = String(answer.statusCode);
          statuses[status] = (statuses[status] ?? 0) + 1;
          if (!bodies.has(path)) bodies.set(path, new Uint8Array(Buffer.concat(parts)));
          resolve();
        });
      })
        .on("error", reject)
        .end();
    });
  const startedMs = performance.now();
  const next = requests.entries();
  const sender = async () => {
    for (const [at, wanted] of next) await one(wanted, at);
  };
  await Promise.all(Array.from({ length: atOnce }, sender));
  const seconds = (performance.now() - startedMs) / 1_000;
  agent.destroy();
  return { seconds, ms, statuses, bodies };
}

parentPort?.postMessage(await run(workerData as Load));
