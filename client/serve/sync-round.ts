/** One round of the daemon's own syncs: every set that this member may read of publishers it has pinned, and what follows from it. */

import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { afterSync } from "../controls/after-sync.ts";
import { openExchange } from "../http/index.ts";
import { obtainLogPin } from "../profile/log-pins.ts";
import { readPins } from "../profile/pins.ts";
import { openProfile } from "../profile/profile.ts";
import { listCopies, readLogState, type SyncOutcome, syncSet, type Tail, tailLog } from "../sync/index.ts";

/** What may be read besides changes rarely: it is asked for at the first round and then so often. */
export const CATALOGUE_EVERY_MS = 10 * 60 * 1000;

/** As much of an outcome as a log line or a metric may say. */
export type RoundOutcome = Pick<SyncOutcome, "set" | "outcome" | "release" | "code" | "tookMs">;
export type Round = { outcomes: RoundOutcome[]; takenBack: number; problem?: string };

/** What one round leaves to the next. */
export type RoundMemory = { offered: SetId[]; askedAtMs: number };

export function newRoundMemory(): RoundMemory {
  return { offered: [], askedAtMs: Number.NEGATIVE_INFINITY };
}

/** Never throws for what the exchange or the network does: then the copies stay as they are, and their age is told. */
export async function runRound(profileDir: string, memory: RoundMemory, now: Date): Promise<Round> {
  const profile = await openProfile(profileDir);
  const { stateDir } = profile;
  const source = openExchange({ origin: profile.exchange, apiKey: profile.apiKey });
  const pins = await readPins(profileDir);
  const log = await readLog();
  const outcomes: RoundOutcome[] = [];
  let problem: string | undefined;
  for (const setId of await findSets()) {
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

  async function readLog(): Promise<{ tail: Tail; log?: Awaited<ReturnType<typeof obtainLogPin>>["pin"] }> {
    try {
      const { pin } = await obtainLogPin(profileDir, source, now);
      return { log: pin, tail: await tailLog({ source, stateDir, pins, log: pin, now }) };
    } catch (error) {
      if (!(error instanceof ExchangeError) || error.code === "profile_invalid") throw error;
      problem = error.code;
      return { tail: { state: await readLogState(stateDir, source.origin), advanced: false, error } };
    }
  }

  async function findSets(): Promise<SetId[]> {
    const held = await listCopies(stateDir);
    if (Math.abs(now.getTime() - memory.askedAtMs) > CATALOGUE_EVERY_MS || held.length === 0) {
      try {
        // A set without a release has nothing to sync yet.
        memory.offered = (await source.listSets()).filter(({ release }) => release > 0);
        memory.askedAtMs = now.getTime();
      } catch (error) {
        if (!(error instanceof ExchangeError)) throw error;
        problem = error.code;
      }
    }
    const pinned = memory.offered.filter(({ publisher }) => pins[publisher] !== undefined);
    const sets = [...held, ...pinned].map(({ publisher, set }) => [`${publisher}/${set}`, { publisher, set }] as const);
    return [...new Map(sets).values()].sort((a, b) => (formatSetId(a) < formatSetId(b) ? -1 : 1));
  }
}
