/** Saying to the exchange what waits to be said: what it heard is let go of, what it could not hear now stays. */

import { parseSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, PROBLEMS, type ProblemCode } from "@breakwater/shared/problem.ts";
import type { OpinionsAnswer, OpinionsRequest } from "@breakwater/shared/wire/opinions.ts";
import { takeLock } from "../profile/lock.ts";
import { countWaiting, dropBatch, gatherBatches } from "./queue.ts";

export type OpinionsDoor = { sendOpinions(setId: SetId, batch: OpinionsRequest): Promise<OpinionsAnswer> };

export type Flushed = {
  sent: number;
  /** Items that the exchange will never take: an entry it does not know, too old. */
  ignored: number;
  /** Items of batches that it refused for good, by its reason. */
  refused: { code: ProblemCode; items: number }[];
  waiting: number;
  /** Why the rest waits. */
  code?: ProblemCode;
};

/** Heard and answered no: sending it again changes nothing. */
const FINAL_STATUS = new Set([400, 404, 409, 410, 413, 422]);
const FINAL_CODES = new Set<string>(["opinion_own"]);

/** Never throws for what the exchange or the network does. Another process that flushes already is left to it. */
export async function flushOpinions(stateDir: string, exchange: OpinionsDoor, now: Date): Promise<Flushed> {
  const flushed: Flushed = { sent: 0, ignored: 0, refused: [], waiting: 0 };
  const lock = await takeLock(stateDir, "opinions", 0);
  if (lock !== undefined) {
    try {
      for (const batch of await gatherBatches(stateDir, now)) {
        const { items } = batch.request;
        try {
          const answer = await exchange.sendOpinions(parseSetId(batch.set), batch.request);
          flushed.ignored += answer.ignored.length;
          flushed.sent += items.length - answer.ignored.length;
        } catch (error) {
          if (!(error instanceof ExchangeError)) throw error;
          if (!isFinal(error.code)) {
            flushed.code ??= error.code;
            // Nobody answers, or the key is not good: the next set would hear the same.
            if (error.code !== "scope_required") break;
            continue;
          }
          flushed.refused.push({ code: error.code, items: items.length });
        }
        await dropBatch(stateDir, batch);
      }
    } finally {
      await lock.release();
    }
  }
  flushed.waiting = await countWaiting(stateDir);
  return flushed;
}

function isFinal(code: ProblemCode): boolean {
  return FINAL_CODES.has(code) || (FINAL_STATUS.has(PROBLEMS[code].status) && code !== "fetch_failed");
}
