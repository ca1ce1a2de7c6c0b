/** The one transaction in which a recall gets its number, its signature, its leaf, and its effect. */

import type { Bytes, Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openRecall, type Recall } from "@breakwater/shared/recall.ts";
import { append } from "../audit/index.ts";
import { appendLeaf, logTransaction } from "../log/index.ts";
import type { Tx } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { enqueue } from "../platform/jobs.ts";
import { getNewestRoot, holdBlobs, keepBlob, type SetRow, subjectOf, type Via } from "../sets/index.ts";
import { findRecall, insertRecall, type RecallRow } from "./store.ts";

export type ReadyRecall = {
  recall: Recall;
  digest: Digest;
  payload: Uint8Array;
  /** Null: the signer signs it, once nothing can refuse it any more. */
  envelope: Uint8Array | null;
  list: Bytes | undefined;
  via: Via;
};

/** @throws ExchangeError `recall_fork` when another one took the number meanwhile, `recall_key_revoked` and the like */
export async function commitRecall(
  deps: Deps,
  set: SetRow,
  { recall, digest, payload, envelope: signed, list, via }: ReadyRecall,
): Promise<RecallRow> {
  const now = deps.now();
  if (recall.list !== undefined && list !== undefined) {
    // Before the commit, so that no recall ever names a list that is not there.
    await holdBlobs(deps, [recall.list]);
    await keepBlob(deps, recall.list, list);
  }
  return logTransaction(deps, async (tx) => {
    // Under the log's row: nobody's next root comes in between.
    const root = await getNewestRoot(tx, recall.publisher);
    await swapNewest(tx, set, recall);
    if (recall.list !== undefined) await referList(tx, deps, set, recall);
    const envelope = signed ?? (await deps.signer.signRecall(payload));
    await deps.killPoint("after_recall_signed");
    // Also for what our own signer made: nothing enters the log that its publisher's root does not vouch for.
    const opened = await openRecall(envelope, root);
    if (opened.digest !== digest) throw new ExchangeError("recall_invalid", { path: "/" });
    const logIndex = await appendLeaf(tx, { typ: "bw-recall+jws", digest, envelope, now });
    await insertRecall(tx, set, opened, { envelope, logIndex, now });
    await tx.sql`delete from recall_signings where set_id = ${set.id} and recall = ${recall.recall}`;
    const subject = subjectOf(set.id);
    await append(tx, { at: now, actor: via.actor, action: "recall.accepted", subject, code: `n${recall.recall}` });
    return (await findRecall(tx, set.id, recall.recall)) as RecallRow;
  });
}

async function swapNewest({ sql }: Tx, set: SetRow, { recall }: Recall): Promise<void> {
  const { count } = await sql`
    update sets set head_recall = ${recall} where id = ${set.id} and head_recall = ${recall - 1}`;
  if (count === 0) throw new ExchangeError("recall_fork", { got: recall });
}

/** The list is readable for whoever may read the set, until the recall ends; then it is destroyed like a segment. */
export async function referList({ sql }: Tx, deps: Deps, set: SetRow, recall: Recall): Promise<void> {
  const until = new Date(recall.exp * 1000);
  const [kept] = await sql`
    update blobs set state = 'kept' where digest = ${recall.list as string} and state in ('pending', 'kept') returning 1`;
  if (kept === undefined) throw new ExchangeError("blob_missing", { digest: recall.list as string });
  await sql`
    insert into blob_refs (digest, set_id, release, recall, purge_after)
    values (${recall.list as string}, ${set.id}, ${set.headRelease}, ${recall.recall}, ${until})
    on conflict (digest, set_id) do update
      set recall = excluded.recall, purge_after = excluded.purge_after, purged_at = null`;
  const key = `sets.purge:${set.id}:recall:${recall.recall}`;
  await enqueue({ sql } as Tx, deps, { kind: "sets.purge", key, payload: {}, runAt: until });
}
