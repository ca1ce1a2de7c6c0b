/**
 * Recalls that the exchange signs survive whatever ends the request: once reserved, this very statement is admitted. The
 * signer never signs a number twice, so a number that it gave and nobody stored would end recalling in this set for good.
 */

import { type Bytes, digestOf } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseRecall, type Recall } from "@breakwater/shared/recall.ts";
import { transaction } from "../platform/db.ts";
import { toExchangeError } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import { enqueue, type JobHandler } from "../platform/jobs.ts";
import { getSetById, type SetRow, type Via } from "../sets/index.ts";
import { commitRecall } from "./commit.ts";
import { checkCoverage } from "./coverage.ts";

export const FINISH_RECALL = "recalls.finish";
/** A request is through long before; what is still here then was left behind. */
export const FINISH_AFTER_MS = 5_000;

type SigningRow = { set_id: number; recall: number; payload: Bytes; via: Via };

/** @throws ExchangeError `recall_fork` when another statement holds the set's next number */
export async function reserveSigning(
  deps: Deps,
  set: SetRow,
  { recall, payload, via }: { recall: Recall; payload: Uint8Array; via: Via },
): Promise<void> {
  const now = deps.now();
  await transaction(deps, async (tx) => {
    const { count } = await tx.sql`
      insert into recall_signings (set_id, recall, payload, via, created_at)
      values (${set.id}, ${recall.recall}, ${payload}, ${JSON.stringify(via)}::jsonb, ${now})
      on conflict (set_id) do nothing`;
    if (count === 0) throw new ExchangeError("recall_fork", { got: recall.recall });
    await enqueue(tx, deps, {
      kind: FINISH_RECALL,
      key: `${FINISH_RECALL}:${set.id}:${recall.recall}`,
      payload: { set_id: set.id },
      runAt: new Date(now.getTime() + FINISH_AFTER_MS),
    });
  });
}

/** Admit what was reserved and not stored, its time over or not: an expired recall in the log has no effect. */
export async function finishLeftRecall(deps: Deps, set: SetRow): Promise<void> {
  const [row] = await deps.sql<SigningRow[]>`
    select set_id::float8 as set_id, recall, payload, via from recall_signings where set_id = ${set.id}`;
  if (row === undefined) return;
  try {
    const recall = parseRecall(row.payload);
    const { list } = await checkCoverage(deps, set, recall, row.via.memberId);
    const digest = await digestOf(row.payload);
    await commitRecall(deps, set, { recall, digest, payload: row.payload, envelope: null, list, via: row.via });
  } catch (error) {
    const refusal = toExchangeError(error);
    // Somebody else's finishing it is the same end. A refusal for good (another key by now) frees the set; the rest passes.
    if (refusal.status >= 500) throw error;
    await deps.sql`delete from recall_signings where set_id = ${row.set_id} and recall = ${row.recall}`;
  }
}

export const finishRecallJob: JobHandler = async (deps, { payload }) => {
  const set = await getSetById(deps, Number(payload.set_id));
  await finishLeftRecall(deps, set);
  return undefined;
};
