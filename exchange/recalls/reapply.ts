/** After a restore: a recall that the log has and the rows lost is a row again, in force until its own end. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openRecall, parseRecall } from "@breakwater/shared/recall.ts";
import { append } from "../audit/index.ts";
import { SYSTEM_ACTOR } from "../platform/caller.ts";
import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { adoptBlobs, findRootBefore, getSet, subjectOf } from "../sets/index.ts";
import { referList } from "./commit.ts";
import { insertRecall } from "./store.ts";

export type LoggedRecall = { logIndex: number; digest: Digest; envelope: Uint8Array };

/**
 * Verified by the root that was newest at its place in the log; by no clock, since one that has ended has its number all
 * the same. Safe to repeat. The leaf is there already.
 *
 * @throws ExchangeError what openRecall throws, `not_found` for a set that is not there
 */
export async function reapplyRecall(deps: Deps, { logIndex, digest, envelope }: LoggedRecall): Promise<void> {
  const claimed = parseRecall(parseEnvelope(envelope).payloadBytes);
  const root = await findRootBefore(deps, claimed.publisher, logIndex);
  if (root === undefined) throw new ExchangeError("root_missing");
  const opened = await openRecall(envelope, root);
  if (opened.digest !== digest) throw new ExchangeError("recall_invalid", { path: "/" });
  const { recall } = opened;
  const set = await getSet(deps, recall);
  const now = deps.now();
  const inForce = recall.exp * 1000 > now.getTime();
  // A list that the store lost too is no reason to lose the recall: without it, it covers the whole set.
  if (recall.list !== undefined && inForce) await adoptBlobs(deps, [recall.list], "segment").catch(passMissing);
  await transaction(deps, async (tx) => {
    const [before] = await tx.sql`select 1 from recalls where set_id = ${set.id} and recall = ${recall.recall}`;
    if (before !== undefined) return;
    await insertRecall(tx, set, opened, { envelope, logIndex, now });
    await tx.sql`update sets set head_recall = greatest(head_recall, ${recall.recall}) where id = ${set.id}`;
    await tx.sql`delete from recall_signings where set_id = ${set.id} and recall <= ${recall.recall}`;
    const [list] =
      await tx.sql`select 1 from blobs where digest = ${recall.list ?? ""} and state in ('pending', 'kept')`;
    if (inForce && list !== undefined) await referList(tx, deps, set, recall);
    const subject = subjectOf(set.id);
    await append(tx, { at: now, actor: SYSTEM_ACTOR, action: "recall.reapplied", subject, code: `n${recall.recall}` });
  });
}

/** Every recall that the log has and the rows forgot, in log order; roots and releases come first. @returns how many */
export async function reapplyRecalls(deps: Deps): Promise<number> {
  const leaves = await deps.sql<LoggedRecall[]>`
    select log_index::float8 as "logIndex", digest, envelope from log_leaves l
    where typ = 'bw-recall+jws' and not exists (select 1 from recalls r where r.log_index = l.log_index)
    order by l.log_index`;
  for (const leaf of leaves) await reapplyRecall(deps, leaf);
  return leaves.length;
}

function passMissing(error: unknown): void {
  if (!(error instanceof ExchangeError) || error.code !== "blob_missing") throw error;
}
