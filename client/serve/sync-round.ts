/** One round of the daemon's own syncs: every set that this member may read of publishers it has pinned, and what follows from it. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { afterSync } from "../controls/after-sync.ts";
import { openExchange } from "../http/index.ts";
import { readPins } from "../profile/pins.ts";
import { openProfile } from "../profile/profile.ts";
import { findSets, readLog, type SyncOutcome, syncSet } from "../sync/index.ts";

/** As much of an outcome as a log line or a metric may say. */
export type RoundOutcome = Pick<SyncOutcome, "set" | "outcome" | "release" | "code" | "tookMs">;
export type Round = { outcomes: RoundOutcome[]; takenBack: number; problem?: string };

/** Never throws for what the exchange or the network does: then the copies stay as they are, and their age is told. */
export async function runRound(profileDir: string, now: Date): Promise<Round> {
  const profile = await openProfile(profileDir);
  const { stateDir } = profile;
  const source = openExchange({ origin: profile.exchange, apiKey: profile.apiKey });
  const pins = await readPins(profileDir);
  const outcomes: RoundOutcome[] = [];
  const round = { source, stateDir, pins, now };
  const { isNew: _, ...log } = await readLog(profileDir, round);
  const found = await findSets(round, log.tail);
  let problem: string | undefined = found.problem?.code ?? log.tail.error?.code;
  for (const setId of found.sets) {
    try {
      const outcome = await syncSet({ source, stateDir, setId, pin: pins[setId.publisher], now, ...log });
      const { set, outcome: ended, release, code, tookMs } = outcome;
      outcomes.push({ set, outcome: ended, release, tookMs, ...(code === undefined ? {} : { code }) });
    } catch (error) {
      // A fault with one set's files here must not keep the others' recalls away.
      problem = error instanceof ExchangeError ? error.code : "internal";
    }
  }
  const { takenBack } = await afterSync({ stateDir, profileDir, exchange: source, now });
  return { outcomes, takenBack: takenBack.length, ...(problem === undefined ? {} : { problem }) };
}
