/** A few threads that verify and scan segments, or none where starting them would take longer than the work. */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ExchangeError, type ProblemCode, type ProblemDetail } from "@breakwater/shared/problem.ts";
import type { ScanOptions } from "./scan-rows.ts";
import { runSegmentJob, type SegmentDone, type SegmentJob } from "./segment-job.ts";

/** Threads share the memory's bandwidth and the disk: more of them do not finish sooner. */
const WORKERS_MAX = 4;
/** A thread takes about 100 ms to start; so does this much work. */
const WORTH_WORKERS_ENTRIES = 65_536;
/**
 * What streams through a thread is forgotten at once. Left alone, V8 lets the space for it grow to 48 MiB a thread, and a
 * longer stream then costs more memory than a short one.
 */
export const STREAMING_LIMITS = { maxYoungGenerationSizeMb: 12 };

export type WorkerAnswer =
  | { done: SegmentDone; refused?: never }
  | { refused: { code: ProblemCode; detail: ProblemDetail }; done?: never };

export type SegmentPool = {
  /** How many jobs keep every thread busy. */
  width: number;
  run(job: SegmentJob): Promise<SegmentDone>;
  close(): Promise<void>;
};

export function openSegmentPool(entries: number, options: ScanOptions): SegmentPool {
  if (entries < WORTH_WORKERS_ENTRIES) {
    return { width: 1, run: async (job) => runSegmentJob(job, options), close: async () => {} };
  }
  const width = Math.min(WORKERS_MAX, availableParallelism());
  const all = Array.from({ length: width }, () => new SegmentThread(options));
  const idle = [...all];
  const waiting: ((thread: SegmentThread) => void)[] = [];
  return {
    width,
    async run(job) {
      const thread = idle.pop() ?? (await new Promise<SegmentThread>((resolve) => waiting.push(resolve)));
      try {
        return await thread.run(job);
      } finally {
        const next = waiting.shift();
        if (next === undefined) idle.push(thread);
        else next(thread);
      }
    },
    async close() {
      await Promise.all(all.map((thread) => thread.close()));
    },
  };
}

class SegmentThread {
  readonly #worker: Worker;
  #settle: { resolve: (done: SegmentDone) => void; reject: (error: Error) => void } | undefined;
  #broken: Error | undefined;

  constructor(options: ScanOptions) {
    this.#worker = new Worker(new URL("./segment-worker.ts", import.meta.url), {
      workerData: options,
      execArgv: [],
      resourceLimits: STREAMING_LIMITS,
    });
    this.#worker.unref();
    this.#worker.on("message", ({ done, refused }: WorkerAnswer) => {
      if (done !== undefined) this.#settle?.resolve(done);
      else this.#settle?.reject(new ExchangeError(refused.code, refused.detail));
    });
    // A thread that ends by itself (out of memory) would leave its job without an answer.
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("a segment thread ended")));
  }

  run(job: SegmentJob): Promise<SegmentDone> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#worker.ref();
      // A view into somebody's larger buffer must not take that along.
      const isOwn = job.packed.length === job.packed.buffer.byteLength;
      const packed = isOwn ? job.packed : job.packed.slice();
      this.#worker.postMessage({ ...job, packed }, [packed.buffer]);
    }).finally(() => {
      this.#worker.unref();
      this.#settle = undefined;
    }) as Promise<SegmentDone>;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#broken = error;
    this.#settle?.reject(error);
  }
}
