// What a cold sync of a large set costs, verified to the last byte and indexed, beside fetching, unpacking and hashing the same bytes.
import { join } from "node:path";
import { parseIndex } from "@breakwater/shared/manifest.ts";
import type { Bench, Measured } from "./bench.ts";
import { withDemo } from "./demo.ts";
import { withLargeDouble } from "./large-double.ts";
import { publishLargeSet } from "./large-set.ts";
import { type Done, runSubscriber } from "./subscriber.ts";

const DEFAULT_SIZE = 1_000_000;
const GOAL_RATE = 250_000;
const GOAL_RATIO = 5;
const GOAL_FEED_RATIO = 5;
const GOAL_PEAK_MB = 400;
/** "The same" memory at twice the size: what two runs of one size differ by. */
const SAME = 1.1;
/** The plain feed is read for so many rows; its pace does not depend on how many there are. */
const FEED_ROWS = 100_000;

export const sync: Bench = {
  goal: `at least ${GOAL_RATE.toLocaleString("en")} entries a second and at most ${GOAL_RATIO} times as long as fetch, gunzip and SHA-256, ${GOAL_FEED_RATIO} times the plain feed, under ${GOAL_PEAK_MB} MB and the same at twice the size`,
  run: ({ size = DEFAULT_SIZE, say }) =>
    withDemo(say, async (demo): Promise<Measured> => {
      say(`Publishing ${size} entries.`);
      const { setId, composed } = await publishLargeSet(demo, "bench-sync", size);
      const where = { exchange: demo.url, apiKey: demo.profiles.company.apiKey };
      const { snapshot } = composed.manifest;
      const bytes = composed.blobs.find(({ digest }) => digest === snapshot.index)?.bytes ?? new Uint8Array();
      const segments = (await parseIndex(bytes, snapshot)).map(({ segment }) => ({ digest: segment, packed: true }));
      const blobs = [...segments, { digest: snapshot.index, packed: false }];
      composed.blobs.length = 0;
      const job = { job: "sync", setId, pin: demo.pin, entries: size, state: snapshot.state } as const;
      const cold = await runSubscriber({ ...where, ...job, stateDir: join(demo.home, "bench-sync") });
      const baseline = await runSubscriber({ ...where, job: "fetch", blobs });
      say("Reading the plain feed.");
      const feed = await runSubscriber({ ...where, job: "feed", setId, rows: Math.min(size, FEED_ROWS) });
      say(`Serving ${size} and ${2 * size} entries without a database, for memory.`);
      const [single, twice] = [await syncDouble(size, demo.home), await syncDouble(2 * size, demo.home)];
      const rate = size / cold.seconds;
      const ratio = cold.seconds / baseline.seconds;
      const feedRatio = rate / (feed.count / feed.seconds);
      const correct = [cold, baseline, feed, single, twice].every((done) => done.correct);
      const peakMb = Math.max(cold.peakMb, single.peakMb, twice.peakMb);
      const met =
        correct &&
        rate >= GOAL_RATE &&
        ratio <= GOAL_RATIO &&
        feedRatio >= GOAL_FEED_RATIO &&
        peakMb < GOAL_PEAK_MB &&
        twice.peakMb <= single.peakMb * SAME;
      return {
        bench: "sync",
        size,
        seconds: cold.seconds,
        baseline: "fetch, gunzip and SHA-256 of the same bytes",
        baselineSeconds: baseline.seconds,
        ratio,
        peakMb,
        correct,
        met,
        counts: {
          "entries a second": Math.round(rate),
          "packed bytes": snapshot.bytes,
          "times the plain feed": Math.round(feedRatio * 10) / 10,
          "feed rows": feed.count,
          "MB at size": single.peakMb,
          "MB at twice": twice.peakMb,
        },
      };
    }),
};

function syncDouble(size: number, home: string): Promise<Done> {
  return withLargeDouble(size, (double) =>
    runSubscriber({ ...double, job: "sync", stateDir: join(home, `bench-sync-${size}-memory`) }),
  );
}
