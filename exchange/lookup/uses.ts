/** How much each member asks: counted in the statement that answers, held to a day's budget, watched for walks through the list. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { append } from "../audit/index.ts";
import { actorOf, type Caller } from "../platform/caller.ts";
import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { takeRate } from "../platform/rates.ts";
import { isProbing, PROBING_RATE } from "./limits.ts";

const DAY_MS = 86_400_000;

export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** Seconds until budgets begin anew. */
function untilMidnight(now: Date): number {
  return Math.max(1, Math.ceil((DAY_MS - (now.getTime() % DAY_MS)) / 1000));
}

export type Use = {
  asked: number;
  /** Of those, lent and not settled: nothing is known of them. */
  lent: number;
  distinct: number;
  budget: number;
  probing: boolean;
  answered: boolean;
};

/**
 * Refuses what is over the budget, and slows down who walks; both are counted already.
 *
 * @throws ExchangeError `lookup_budget`, `lookup_probing` with `retry_after`
 */
export async function holdToBudget(
  deps: Deps,
  caller: Caller,
  index: { name: string; bits: number },
  use: Use,
): Promise<void> {
  const now = deps.now();
  if (!use.answered) {
    throw new ExchangeError("lookup_budget", { budget: use.budget, retry_after: untilMidnight(now), needs: "sync" });
  }
  const walks = use.probing || isProbing(use.asked - use.lent, use.distinct, 2 ** index.bits);
  if (!walks) return;
  if (!use.probing) await noteProbing(deps, caller, index.name, dayOf(now));
  await takeRate(deps, PROBING_RATE, caller.memberId).catch((error: unknown) => {
    if (!(error instanceof ExchangeError) || error.code !== "rate_limited") throw error;
    throw new ExchangeError("lookup_probing", { ...error.detail, needs: "sync" }, { cause: error });
  });
}

/** Once a day, member and index. */
export async function noteProbing(deps: Deps, caller: Caller, name: string, day: string): Promise<void> {
  await transaction(deps, async (tx) => {
    const { count } = await tx.sql`
      update lookup_uses set probing = true
      where member_id = ${caller.memberId} and index_name = ${name} and day = ${day} and not probing`;
    if (count === 0) return;
    const subject = `member/${caller.memberId}`;
    await append(tx, {
      at: deps.now(),
      actor: actorOf(caller),
      action: "lookup.probing",
      subject,
      code: "slowed_down",
    });
  });
}

/** Which buckets were asked for is nobody's to know once the day is over: the counts stay. */
export async function blankPastDays({ sql, now }: Deps): Promise<void> {
  await sql`update lookup_uses set seen = null where day < ${dayOf(now())} and seen is not null`;
}
