/** The thread that verifies and scans segments: messages in, messages out, nothing else. */

import { parentPort, workerData } from "node:worker_threads";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { ScanOptions } from "./scan-rows.ts";
import { buffersOf, runSegmentJob, type SegmentJob } from "./segment-job.ts";
import type { WorkerAnswer } from "./segment-pool.ts";

const options = workerData as ScanOptions;

parentPort?.on("message", (job: SegmentJob) => {
  try {
    const done = runSegmentJob(job, options);
    parentPort?.postMessage({ done } satisfies WorkerAnswer, buffersOf(done));
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    parentPort?.postMessage({ refused: { code: error.code, detail: error.detail } } satisfies WorkerAnswer);
  }
});
