// Where signed reports wait and what is remembered of sent ones: each record encrypted, each change whole.
import { z } from "zod";
import type { Change, Database } from "../database.ts";
import { courierKey } from "../keys/courier.ts";
import { openRecord, readable, type SealedRecord, sealRecord } from "../keys/sealed-record.ts";
import { Contains, OutboxItem } from "./machine.ts";

export const OUTBOX_MAX_ITEMS = 500;
/** After this a sent report is a reference, a date and an outcome; its sealed copy and how much it contained are gone. */
export const HISTORY_DETAIL_MS = 30 * 24 * 60 * 60_000;

/** What stays of a sent report, and is shown. No address, no hash, no word of it. */
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

type RecordStore = "outbox" | "history" | "sent";
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
  /** Queue what was sent in this time once more, byte for byte. @returns how many */
  sendAgain(asked: Resend): Promise<number>;
};

/** An exchange that lost what it had received asks for it: receipts from `since` up to, and without, `until`. */
export type Resend = { since: string; until: string; exchange: string };

/** The signed bytes of a sent report: kept as long as its exchange may ask for them after a restore. */
const SentReport = z.strictObject({ envelope: z.string().min(1), exchange: z.string().optional() });
const RESENT = "resent";

export class OutboxFull extends Error {}

export function openOutbox(db: Database, locked: RecordLock): OutboxStore {
  const seal = async (store: RecordStore, id: string, value: unknown): Promise<Change> => ({
    store,
    key: id,
    value: { ...(await sealRecord(await courierKey(db), `${store}/${id}`, value)), id },
  });
  /** The key is had before any record is opened: a store that fails is a failure, a record that does is one record. */
  const opener = async (store: RecordStore): Promise<(stored: Stored) => Promise<unknown>> => {
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

  const history = async (): Promise<HistoryItem[]> => {
    const stored = (await db.list("history")) as Stored[];
    const open = await opener("history");
    const items = await readable(stored.map(async (record) => HistoryItem.parse(await open(record))));
    return items.sort((a, b) => (a.received_at < b.received_at ? 1 : -1));
  };
  /** Urgent ones first: should there not be room for all. */
  const findSent = async ({ since, until, exchange }: Resend, except: ReadonlySet<string>): Promise<OutboxItem[]> => {
    const open = await opener("sent");
    const all = (await history()).filter(
      ({ id, received_at }) => !except.has(id) && isBetween(received_at, since, until),
    );
    const found = await readable(
      all.map(async (item) => {
        const stored = (await db.get("sent", item.id)) as Stored | undefined;
        const copy = stored && SentReport.parse(await open(stored));
        return copy !== undefined && (copy.exchange ?? exchange) === exchange ? [queuedAgain(item, copy)] : [];
      }),
    );
    return found.flat().sort((a, b) => Number(b.urgent) - Number(a.urgent));
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
    // These belong together: a sent report does not wait any more, and its draft is gone.
    acknowledge: (id, history) =>
      locked(async () => {
        const sent = await get(id);
        await db.write([
          ...(sent === undefined ? [] : [await seal("sent", id, copyOf(sent))]),
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
    history,
    recordHistory: (item) =>
      locked(async () => {
        // With its details goes its copy.
        const gone: Change[] = item.contains === undefined ? [{ store: "sent", key: item.id, value: undefined }] : [];
        await db.write([await seal("history", item.id, item), ...gone]);
      }),
    sendAgain: (asked) =>
      locked(async () => {
        // Once for each restore: what it had after all is receipted as before, and would be asked for for ever.
        if ((await db.get("meta", RESENT)) === asked.until) return 0;
        const waiting = new Set((await list()).map(({ id }) => id));
        const room = OUTBOX_MAX_ITEMS - (await db.list("outbox")).length;
        const lost = await findSent(asked, waiting);
        const again = await Promise.all(lost.slice(0, Math.max(0, room)).map((item) => seal("outbox", item.id, item)));
        // A full outbox takes the rest when it is asked next.
        const done: Change[] = lost.length > room ? [] : [{ store: "meta", key: RESENT, value: asked.until }];
        await db.write([...again, ...done]);
        return again.length;
      }),
  };
}

type SentReport = z.infer<typeof SentReport>;

function copyOf({ envelope, exchange }: OutboxItem): SentReport {
  return { envelope, ...(exchange === undefined ? {} : { exchange }) };
}

function isBetween(at: string, since: string, until: string): boolean {
  return Date.parse(at) >= Date.parse(since) && Date.parse(at) < Date.parse(until);
}

function queuedAgain({ id, urgent, hotline, contains, received_at }: HistoryItem, copy: SentReport): OutboxItem {
  const queued_at = Date.parse(received_at);
  const unknown = { hashes: 0, addresses: 0, words: false };
  return { ...copy, id, state: "queued", urgent, hotline, contains: contains ?? unknown, queued_at, attempts: 0 };
}

/** What a record keeps once its thirty days are over. */
export function forgetDetail(item: HistoryItem, nowMs: number): HistoryItem {
  const age = nowMs - Date.parse(item.received_at);
  if (!(age > HISTORY_DETAIL_MS)) return item;
  const { contains: _contains, next_step: _next, receipt_digest: _digest, duplicate_of: _first, ...kept } = item;
  return kept;
}
