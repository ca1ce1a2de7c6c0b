// Sends what is due, one at a time, urgent first. The state is written before every step that may not return:
// a worker stopped anywhere leaves a record that the next run picks up, and the report's id makes a repeat harmless.
import { advance, byPriority, isDue, type OutboxItem, type Outcome, type World } from "./machine.ts";
import type { HistoryItem, OutboxStore } from "./store.ts";

export type Delivered = { kind: "acknowledged"; history: HistoryItem };

/** Posts one envelope; resolves for every answer and every failure of the network. */
export type Post = (item: OutboxItem) => Promise<Delivered | Outcome>;

/** Runs the work alone among all windows and the worker, or not at all when somebody is at it. */
export type SingleFlight = (work: () => Promise<void>) => Promise<void>;

export type Delivery = { store: OutboxStore; post: Post; alone: SingleFlight; world: World; changed?: () => void };

export async function deliverDue({ store, post, alone, world, changed = () => undefined }: Delivery): Promise<void> {
  await alone(async () => {
    const done = new Set<string>();
    for (;;) {
      const next = (await store.list())
        .filter((item) => !done.has(item.id) && isDue(item, world.now()))
        .sort(byPriority)[0];
      if (!next) return;
      done.add(next.id);
      const sending = await store.update(next.id, (item) => advance(item, { kind: "start" }, world));
      changed();
      if (sending?.state !== "sending") continue;
      const outcome = await post(sending);
      if (outcome.kind === "acknowledged") await store.acknowledge(next.id, outcome.history);
      else await store.update(next.id, (item) => advance(item, outcome, world));
      changed();
    }
  });
}

/** When to wake next; undefined with nothing left to send. */
export function nextWake(items: OutboxItem[], nowMs: number): number | undefined {
  const due = items.flatMap((item) => {
    if (isDue(item, nowMs)) return [nowMs];
    return item.state === "retry_wait" && item.next_at !== undefined ? [item.next_at] : [];
  });
  return due.length === 0 ? undefined : Math.max(nowMs, Math.min(...due));
}
