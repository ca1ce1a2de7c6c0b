/** The thread that matches: it holds the copies and the ledger, so that whoever speaks HTTP never waits for either. */

import { parentPort, workerData } from "node:worker_threads";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openActing } from "../controls/acting.ts";
import { HEAVY_RECORDS, openMatcher } from "../match/index.ts";
import { answerBatch } from "./answer-batch.ts";
import { answerMedia } from "./answer-media.ts";
import type { EngineData, FromEngine, ToEngine } from "./engine-messages.ts";
import { healthOf } from "./standing.ts";

const { stateDir, profileDir } = workerData as EngineData;
const port = parentPort as NonNullable<typeof parentPort>;
const tell = (message: FromEngine) => port.postMessage(message);

const matcher = await openMatcher(stateDir, new Date());
const acting = await openActing({ stateDir, profileDir, onEvent: (fact) => tell({ event: "told", fact }) });
const asking = { matcher, acting };
/** A refresh closes what an older one opened: they run one after the other. */
let refreshing: Promise<unknown> = Promise.resolve();

async function handle(message: ToEngine): Promise<FromEngine> {
  const { id } = message;
  switch (message.ask) {
    case "match": {
      const { answer, tally } = await answerBatch(asking, message.body, new Date());
      return { id, body: JSON.stringify(answer), tally };
    }
    case "media": {
      const { answer, tally } = await answerMedia(asking, message, new Date());
      return { id, body: JSON.stringify(answer), tally };
    }
    case "refresh": {
      const refreshed = refreshing.then(() => matcher.refresh(new Date(), { maxRecords: HEAVY_RECORDS }));
      refreshing = refreshed.catch(() => undefined);
      return { id, refreshed: await refreshed };
    }
    case "standing": {
      const { floods, controlsReadable, dropped } = acting.stats();
      const health = healthOf(matcher, message.maxAgeSeconds, new Date());
      return { id, standing: { ready: health.sets.length > 0, health, acting: { floods, controlsReadable, dropped } } };
    }
    case "close": {
      await refreshing;
      await acting.close();
      matcher.close();
      return { id, closed: true };
    }
  }
}

port.on("message", (message: ToEngine) => {
  handle(message).then(tell, (error: unknown) => {
    // A fault of ours goes no further than its kind: its message may hold what was asked.
    const known =
      error instanceof ExchangeError
        ? error
        : new ExchangeError("internal", { reason: error instanceof Error ? error.name : "unknown" });
    tell({ id: message.id, problem: { code: known.code, detail: known.detail } });
  });
});
tell({ event: "ready" });
