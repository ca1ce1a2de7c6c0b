/** The thread that syncs: verifying a large release takes a core for seconds, and nobody who asks should wait for that. */

import { parentPort, workerData } from "node:worker_threads";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type Round, runRound } from "./sync-round.ts";

const { profileDir } = workerData as { profileDir: string };
const port = parentPort as NonNullable<typeof parentPort>;

port.on("message", () => {
  runRound(profileDir, new Date()).then(
    (round) => port.postMessage(round satisfies Round),
    (error: unknown) => {
      const problem = error instanceof ExchangeError ? error.code : "internal";
      port.postMessage({ outcomes: [], takenBack: 0, problem } satisfies Round);
    },
  );
});
