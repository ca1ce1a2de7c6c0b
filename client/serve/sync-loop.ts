/** Rounds of syncs, one after the other, by one daemon of a state folder at a time; the others take over what it brings. */

import { Worker } from "node:worker_threads";
import { takeLock } from "../profile/lock.ts";
import { STREAMING_LIMITS } from "../sync/part/segment-pool.ts";
import { SYNC_JITTER } from "./limits.ts";
import type { Round } from "./sync-round.ts";

export type SyncLoop = {
  /** A round now, or once the one under way has ended. */
  nudge(): void;
  close(): Promise<void>;
};

type SyncLoopOptions = {
  stateDir: string;
  profileDir: string;
  everyMs: number;
  onRound(round: Round): void;
  /** Another process is syncing this folder. */
  onSkipped(): void;
  random?: () => number;
};

export function startSyncLoop(options: SyncLoopOptions): SyncLoop {
  const { stateDir, profileDir, everyMs, onRound, onSkipped, random = Math.random } = options;
  let worker: Worker | undefined;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let closed = false;
  let nudged = false;

  async function round(): Promise<void> {
    // Taken here and not by the thread: it is given back also when the thread dies.
    const lock = await takeLock(stateDir, "state", 0);
    if (lock === undefined) return onSkipped();
    try {
      // Closed meanwhile: the thread is gone, and whoever asks it now waits for ever.
      if (closed) return;
      const ended = await askWorker();
      if (!closed) onRound(ended);
    } finally {
      await lock.release();
    }
  }

  function askWorker(): Promise<Round> {
    worker ??= new Worker(new URL("./sync-worker.ts", import.meta.url), {
      workerData: { profileDir },
      resourceLimits: STREAMING_LIMITS,
    });
    const asked = worker;
    return new Promise((resolve) => {
      // One by one: removeAllListeners would also take those by which a thread hands on its messages.
      const end = (ended: Round) => {
        asked.off("message", end).off("error", fail).off("exit", leave);
        resolve(ended);
      };
      const die = (problem: string) => {
        worker = undefined;
        end({ outcomes: [], takenBack: 0, problem });
      };
      const fail = () => die("internal");
      const leave = () => die("interrupted");
      asked.on("message", end).on("error", fail).on("exit", leave);
      asked.postMessage("round");
    });
  }

  function plan(ms: number): void {
    if (!closed) timer = setTimeout(run, ms);
  }

  function run(): void {
    clearTimeout(timer);
    if (running !== undefined || closed) return;
    nudged = false;
    running = round()
      .catch(() => onRound({ outcomes: [], takenBack: 0, problem: "internal" }))
      .finally(() => {
        running = undefined;
        plan(nudged ? 0 : everyMs * (1 + SYNC_JITTER * (2 * random() - 1)));
      });
  }

  plan(0);
  return {
    nudge() {
      nudged = true;
      run();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      // What is half done lies in drafts that the next sync sweeps.
      await worker?.terminate();
      await running;
    },
  };
}
