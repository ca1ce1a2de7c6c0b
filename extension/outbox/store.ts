// Where signed reports wait and what is remembered of sent ones: each record encrypted, each change whole.
import { z } from "zod";
import type { Change, Database } from "../database.ts";
import { courierKey } from "../keys/courier.ts";
import { openRecord, readable, type SealedRecord, sealRecord } from "../keys/sealed-record.ts";
import { Contains, OutboxItem } from "./machine.ts";

export const OUTBOX_MAX_ITEMS = 500;
/** After this a sent report is a reference, a date and an outcome; how much it contained is forgotten. */
export const HISTORY_DETAIL_MS = 30 * 24 * 60 * 60_000;

/** What stays of a sent report. No address, no hash, no word of it. */
export const HistoryItem = z.strictObject({
  id: z.string(),
  reference: z.string(),
  received_at: z.string(),
  hotline: z.string(),
  urgent: z.boolean(),
  state: z.string(),
  contains: Contains.optional(),
  next_step: z.string().optional(),
  receipt_digest: z.string().optional(),
  outcome_code: z.string().optional(),
  duplicate_of: z.string().optional(),
});
export type HistoryItem = z.infer<typeof HistoryItem>;

type Stored = SealedRecord & { id: string };

/** One change at a time to any record, whichever window or worker makes it. */
export type RecordLock = <T>(work: () => Promise<T>) => Promise<T>;

export type OutboxStore = {
  list(): Promise<OutboxItem[]>;
  get(id: string): Promise<OutboxItem | undefined>;
  add(item: OutboxItem, alongside?: Change[]): Promise<void>;
  update(id: string, change: (item: OutboxItem) => OutboxItem): Promise<OutboxItem | undefined>;
  acknowledge(id: string, history: HistoryItem): Promise<void>;
  remove(id: string): Promise<boolean>;
  history(): Promise<HistoryItem[]>;
  recordHistory(item: HistoryItem): Promise<void>;
};

export class OutboxFull extends Error {}

export function openOutbox(db: Database, locked: RecordLock): OutboxStore {
  const seal = async (store: "outbox" | "history", id: string, value: unknown): Promise<Change> => ({
    store,
    key: id,
    value: { ...(await sealRecord(await courierKey(db), `${store}/${id}`, value)), id },
  });
  /** The key is had before any record is opened: a store that fails is a failure, a record that does is one record. */
  const opener = async (store: "outbox" | "history"): Promise<(stored: Stored) => Promise<unknown>> => {
    const key = await courierKey(db);
    return (stored) => openRecord(key, `${store}/${stored.id}`, stored);
  };

  const get = async (id: string): Promise<OutboxItem | undefined> => {
    const stored = (await db.get("outbox", id)) as Stored | undefined;
    return stored && OutboxItem.parse(await (await opener("outbox"))(stored));
  };
  const list = async (): Promise<OutboxItem[]> => {
    const stored = (await db.list("outbox")) as Stored[];
    const open = await opener("outbox");
    return readable(stored.map(async (record) => OutboxItem.parse(await open(record))));
  };

  return {
    list,
    get,
    add: (item, alongside = []) =>
      locked(async () => {
        if ((await db.list("outbox")).length >= OUTBOX_MAX_ITEMS) throw new OutboxFull();
        await db.write([await seal("outbox", item.id, item), ...alongside]);
      }),
    update: (id, change) =>
      locked(async () => {
        const before = await get(id);
        // Deleted meanwhile: an answer that comes late must not bring it back.
        if (!before) return undefined;
        const after = change(before);
        if (after !== before) await db.write([await seal("outbox", id, after)]);
        return after;
      }),
    // The three belong together: were only the first written, a sent report would still lie here in clear.
    acknowledge: (id, history) =>
      locked(async () => {
        await db.write([
          { store: "outbox", key: id, value: undefined },
          { store: "drafts", key: id, value: undefined },
          await seal("history", id, history),
        ]);
      }),
    remove: (id) =>
      locked(async () => {
        const item = await get(id);
        if (!item || item.state === "sending") return false;
        await db.write([
          { store: "outbox", key: id, value: undefined },
          { store: "drafts", key: id, value: undefined },
        ]);
        return true;
      }),
    history: async () => {
      const stored = (await db.list("history")) as Stored[];
      const open = await opener("history");
      const items = await readable(stored.map(async (record) => HistoryItem.parse(await open(record))));
      return items.sort((a, b) => (a.received_at < b.received_at ? 1 : -1));
    },
    recordHistory: (item) => locked(async () => db.write([await seal("history", item.id, item)])),
  };
}

/** What a record keeps once its thirty days are over. */
export function forgetDetail(item: HistoryItem, nowMs: number): HistoryItem {
  const age = nowMs - Date.parse(item.received_at);
  if (!(age > HISTORY_DETAIL_MS)) return item;
  const { contains: _contains, next_step: _next, receipt_digest: _digest, duplicate_of: _first, ...kept } = item;
  return kept;
}
