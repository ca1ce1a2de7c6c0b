// How long a recall takes to a subscriber who polls: from before it is signed until a hit asks for review and the publisher knows.
import { join } from "node:path";
import { openExchange, openMatcher, type PublisherContext, recallEntries, syncSet } from "@breakwater/client/index.ts";
import { heldLines } from "@breakwater/client/testing/copy-lines.ts";
import { parseEntry } from "@breakwater/shared/entries/index.ts";
import { randomBytes } from "@breakwater/shared/ids.ts";
import { type Bench, type Measured, peakMb, timed } from "./bench.ts";
import { type Demo, withDemo } from "./demo.ts";

/** Recalls, one after the other; what is given is the slowest. */
const DEFAULT_SIZE = 3;
const GOAL_SECONDS = 60;
/** As often as a subscriber may well ask when a look costs one small request. */
const POLL_MS = 1_000;

export const recall: Bench = {
  goal: `a recall is applied by a subscriber who polls every second within ${GOAL_SECONDS} s of its signing`,
  run: ({ size = DEFAULT_SIZE, say }) =>
    withDemo(say, async (demo): Promise<Measured> => {
      const { url, home, profiles, setId, pin } = demo;
      const source = openExchange({ origin: url, apiKey: profiles.company.apiKey });
      const stateDir = join(home, "bench-recall");
      const look = () => syncSet({ source, stateDir, setId, pin, now: new Date() });
      const loaded = await look();
      const lines = (await heldLines(stateDir, setId)) ?? [];
      const files = lines.map((line) => parseEntry("hash", line)).filter(({ alg }) => alg === "sha256");
      if (loaded.outcome !== "updated" || files.length < size)
        throw new Error(`${loaded.outcome}, ${files.length} files`);
      const baselineSeconds = await timed(look);
      let slowest = 0;
      let correct = true;
      for (const [at, { id, value }] of files.slice(0, size).entries()) {
        const isRecalled = async () => {
          const matcher = await openMatcher(stateDir, new Date());
          const [hit] = matcher.match({ hashes: { sha256: value } }, new Date()).found;
          matcher.close();
          return hit?.recalled?.recall === at + 1 && hit.level === "review";
        };
        correct &&= !(await isRecalled());
        // The subscriber polls all the time; the publisher signs at some moment in between.
        const signed = sleep(POLL_MS / 2).then(async () => {
          const startedMs = performance.now();
          await recallEntries(publisherOf(demo), { entries: [id] });
          return startedMs;
        });
        const applied = pollUntil(look, isRecalled);
        const [startedMs, endedMs] = await Promise.all([signed, applied]);
        const seconds = (endedMs - startedMs) / 1_000;
        say(`Recall ${at + 1}: ${seconds.toFixed(2)} s.`);
        slowest = Math.max(slowest, seconds);
      }
      const { recalls } = await publisherOf(demo).exchange.getApplied(setId, 1);
      const company = recalls.every(({ waiting }) => waiting.every(({ member }) => member !== "company"));
      correct &&= recalls.length === size && company;
      const met = correct && slowest <= GOAL_SECONDS;
      const baseline = "one look without news";
      const ratio = slowest / baselineSeconds;
      return {
        bench: "recall",
        size,
        seconds: slowest,
        baseline,
        baselineSeconds,
        ratio,
        peakMb: peakMb(),
        correct,
        met,
      };
    }),
};

function publisherOf({ url, profiles, setId, pin }: Demo): PublisherContext {
  const { apiKey, dir, stateDir } = profiles.hotline;
  const exchange = openExchange({ origin: url, apiKey });
  return { exchange, profileDir: dir, stateDir, setId, pin, now: new Date(), random: randomBytes };
}

/** @returns when it was so; polling ends without it after twice the goal */
async function pollUntil(look: () => Promise<unknown>, isDone: () => Promise<boolean>): Promise<number> {
  const lastMs = performance.now() + 2 * GOAL_SECONDS * 1_000;
  for (;;) {
    await look();
    if ((await isDone()) || performance.now() > lastMs) return performance.now();
    await sleep(POLL_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
