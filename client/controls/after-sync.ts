/** What follows a round of syncs: marks, webhooks, daily counts, opinions. Whatever of it fails is done by the next round. */

import { markTakenBack, type TakenBackEvent } from "../ledger/taken-back.ts";
import { queueDailyCounts } from "../opinions/daily.ts";
import { type Flushed, flushOpinions, type OpinionsDoor } from "../opinions/flush.ts";
import { takeLock } from "../profile/lock.ts";
import { type Delivered, deliverWebhooks } from "../webhooks/deliver.ts";
import { findEndpoint } from "../webhooks/endpoint.ts";
import { queueTakenBack } from "../webhooks/outbox.ts";

export type AfterSync = {
  /** Entries that hit here, newly found to be taken back. */
  takenBack: TakenBackEvent[];
  opinions: Flushed;
  webhooks: Delivered;
};

type AfterSyncOptions = {
  stateDir: string;
  profileDir: string;
  exchange: OpinionsDoor;
  now: Date;
  fetch?: typeof globalThis.fetch;
};

/** Never throws for what the network does, only for faults of this machine. */
export async function afterSync({ stateDir, profileDir, exchange, now, fetch }: AfterSyncOptions): Promise<AfterSync> {
  const endpoint = await findEndpoint(profileDir);
  let takenBack: TakenBackEvent[] = [];
  // Another process that does this already does it for all.
  const lock = await takeLock(stateDir, "acting", 0);
  if (lock !== undefined) {
    try {
      takenBack = await markTakenBack(stateDir, now, async (events) => {
        if (endpoint !== undefined) await queueTakenBack(stateDir, events, now);
      });
      await queueDailyCounts(stateDir, now);
    } finally {
      await lock.release();
    }
  }
  const webhooks = await deliverWebhooks(stateDir, endpoint, now, fetch === undefined ? {} : { fetch });
  const opinions = await flushOpinions(stateDir, exchange, now);
  return { takenBack, opinions, webhooks };
}
