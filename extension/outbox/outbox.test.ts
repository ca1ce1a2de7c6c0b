// The outbox on a real (in-memory) IndexedDB: stopped at every await, an item is never lost, doubled or forged.
import { IDBFactory } from "fake-indexeddb";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../database.ts";
import { outcomeOf } from "./answers.ts";
import {
  FIRST_WAIT_MS,
  LONGEST_WAIT_MS,
  LONGEST_WAIT_URGENT_MS,
  parseRetryAfter,
  waitBeforeNextTry,
} from "./backoff.ts";
import { type Delivery, deliverDue, nextWake } from "./deliver.ts";
import { advance, isDue, isUnsent, OUTBOX_STATES, type OutboxEvent, OutboxItem } from "./machine.ts";
import { postReport } from "./send.ts";
import { forgetDetail, type HistoryItem, OUTBOX_MAX_ITEMS, openOutbox, type RecordLock } from "./store.ts";

const NOW = Date.parse("2026-11-22T14:02:00Z");
const world = { now: () => NOW, random: () => 0.5 };

function item(id: string, over: Partial<OutboxItem> = {}): OutboxItem {
  return {
    id,
    state: "queued",
    urgent: false,
    envelope: `envelope-of-${id}`,
    hotline: "Example Hotline",
    contains: { hashes: 2, addresses: 1, words: true },
    queued_at: NOW - 1000,
    attempts: 0,
    ...over,
  };
}

function historyOf(id: string): HistoryItem {
  return {
    id,
    reference: `BW-${id}`,
    received_at: "2026-11-22T14:02:00Z",
    hotline: "Example Hotline",
    urgent: false,
    state: "received",
    contains: { hashes: 2, addresses: 1, words: true },
  };
}

/** Locks that end with the run that holds them, as the browser's do when a worker is stopped. */
function freshLocks(): { record: RecordLock; alone: Delivery["alone"] } {
  let last: Promise<unknown> = Promise.resolve();
  const record: RecordLock = (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
  return { record, alone: (work) => work() };
}

/** The exchange: idempotent by report id, refuses other bytes under a known id. */
function fakeExchange() {
  const taken = new Map<string, string>();
  return {
    taken,
    accept(sent: OutboxItem): boolean {
      const before = taken.get(sent.id);
      if (before !== undefined && before !== sent.envelope) return false;
      taken.set(sent.id, sent.envelope);
      return true;
    },
  };
}

class Stopped extends Error {}

/** Stops the run at its n-th step: nothing after it happens, as when a worker is ended. */
function stopper(at: number) {
  let steps = 0;
  return {
    get steps() {
      return steps;
    },
    step() {
      steps += 1;
      if (steps >= at) throw new Stopped();
    },
  };
}

function breakable(db: Database, step: () => void): Database {
  return {
    ...db,
    get: async (...at) => {
      step();
      return db.get(...at);
    },
    list: async (...at) => {
      step();
      return db.list(...at);
    },
    // Both halves of a broken write: stopped before it is written, stopped after it was.
    write: async (changes) => {
      step();
      await db.write(changes);
      step();
    },
  };
}

let db: Database;
beforeEach(async () => {
  db = await openDatabase(new IDBFactory());
});

async function delivery(over: Partial<Delivery> & { base?: Database } = {}): Promise<Delivery> {
  const locks = freshLocks();
  return {
    store: openOutbox(over.base ?? db, locks.record),
    alone: locks.alone,
    world,
    post: async (sent) => ({ kind: "acknowledged", history: historyOf(sent.id) }),
    ...over,
  };
}

describe("stopped at every await", () => {
  it("an old state or a new one, never between, and the next run finishes", async () => {
    let stops = 0;
    for (let at = 1; ; at += 1) {
      db = await openDatabase(new IDBFactory());
      const { store } = await delivery();
      await store.add(item("a"));
      await store.add(item("b", { urgent: true }));
      await db.write([{ store: "drafts", key: "a", value: { typed: true } }]);
      const exchange = fakeExchange();
      const stop = stopper(at);
      const broken = await delivery({
        base: breakable(db, () => stop.step()),
        post: async (sent) => {
          stop.step();
          expect(exchange.accept(sent)).toBe(true);
          stop.step();
          return { kind: "acknowledged", history: historyOf(sent.id) };
        },
      });
      const finished = await deliverDue(broken).then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof Stopped)) throw error;
          return false;
        },
      );
      // Whatever was cut off, each report is either waiting whole or remembered whole.
      for (const id of ["a", "b"]) {
        const waiting = await store.get(id);
        const remembered = (await store.history()).some((entry) => entry.id === id);
        expect(Boolean(waiting) !== remembered, `report ${id}, stopped at ${at}`).toBe(true);
        if (waiting) expect(waiting.envelope).toBe(`envelope-of-${id}`);
      }
      await deliverDue(
        await delivery({
          post: async (sent) => {
            expect(exchange.accept(sent)).toBe(true);
            return { kind: "acknowledged", history: historyOf(sent.id) };
          },
        }),
      );
      expect(await store.list()).toEqual([]);
      expect((await store.history()).map((entry) => entry.id).sort()).toEqual(["a", "b"]);
      expect(await db.get("drafts", "a")).toBeUndefined();
      expect([...exchange.taken.keys()].sort()).toEqual(["a", "b"]);
      if (finished) break;
      stops += 1;
    }
    expect(stops).toBeGreaterThan(15);
  });

  it("deleting while the answer is under way does not bring the report back", async () => {
    const store = openOutbox(db, freshLocks().record);
    await store.add(item("a", { state: "retry_wait", next_at: NOW - 1 }));
    const run = await delivery({
      store,
      post: async () => {
        expect(await store.remove("a")).toBe(false);
        return { kind: "retry", problem: "offline" };
      },
    });
    await deliverDue(run);
    expect(await store.remove("a")).toBe(true);
    expect(await store.update("a", (held) => advance(held, { kind: "try_now" }, world))).toBeUndefined();
    expect(await store.list()).toEqual([]);
  });
});

describe("what lies on the disk", () => {
  it("neither envelope nor history is readable, and a record does not open in another's place", async () => {
    const { store } = await delivery();
    await store.add(item("a", { envelope: "test-term-0001" }));
    await store.recordHistory(historyOf("h"));
    const raw = [...(await db.list("outbox")), ...(await db.list("history"))] as { body: ArrayBuffer }[];
    for (const record of raw) {
      const text = new TextDecoder("latin1").decode(record.body);
      expect(text).not.toContain("test-term");
      expect(text).not.toContain("Example");
    }
    await db.write([{ store: "outbox", key: "b", value: { ...((await db.get("outbox", "a")) as object), id: "b" } }]);
    await expect(store.get("b")).rejects.toThrow();
  });

  it("after thirty days a sent report is a reference, a date and an outcome", () => {
    const held = historyOf("a");
    expect(forgetDetail(held, NOW + 29 * 86_400_000)).toEqual(held);
    expect(Object.keys(forgetDetail(held, NOW + 31 * 86_400_000)).sort()).toEqual([
      "hotline",
      "id",
      "received_at",
      "reference",
      "state",
      "urgent",
    ]);
  });
});

describe("an exchange that lost what it had receipted", () => {
  const EXCHANGE = "https://exchange.example";
  const LOST = { since: "2026-11-22T12:00:00.000Z", until: "2026-11-22T15:00:00.000Z", exchange: EXCHANGE };
  const at = (id: string, received_at: string) => ({ ...historyOf(id), received_at });

  async function sent(times: Record<string, string>, over: Partial<OutboxItem> = {}) {
    const run = await delivery({
      post: async ({ id }) => ({ kind: "acknowledged", history: at(id, times[id] as string) }),
    });
    for (const id of Object.keys(times)) await run.store.add(item(id, over));
    await deliverDue(run);
    return run.store;
  }

  it("gets the very bytes again, of that time and no other, once for each restore", async () => {
    const store = await sent({
      before: "2026-11-22T11:59:59.999Z",
      first: "2026-11-22T12:00:00.000Z",
      last: "2026-11-22T14:59:59.999Z",
      after: "2026-11-22T15:00:00.000Z",
    });
    expect(await store.sendAgain(LOST)).toBe(2);
    expect((await store.list()).map(({ id, envelope, state }) => [id, envelope, state]).sort()).toEqual([
      ["first", "envelope-of-first", "queued"],
      ["last", "envelope-of-last", "queued"],
    ]);
    // Neither was lost: their old receipts come back.
    const post: Delivery["post"] = async ({ id }) => ({ kind: "acknowledged", history: at(id, LOST.since) });
    await deliverDue(await delivery({ store, post }));
    expect(await store.sendAgain(LOST)).toBe(0);
    expect(await store.list()).toEqual([]);
    expect(await store.sendAgain({ ...LOST, until: "2026-11-22T16:00:00.000Z" })).toBe(3);
  });

  it("gets nothing that is older than thirty days: the copy went with the details", async () => {
    const store = await sent({ old: "2026-11-22T13:00:00.000Z" });
    const [held] = await store.history();
    await store.recordHistory(forgetDetail(held as HistoryItem, Date.parse("2026-12-23T13:00:00.000Z")));
    expect(await db.list("sent")).toEqual([]);
    expect(await store.sendAgain(LOST)).toBe(0);
  });

  it("gets nothing that was another exchange's", async () => {
    const store = await sent({ a: "2026-11-22T13:00:00.000Z" }, { exchange: "https://other.example" });
    expect(await store.sendAgain(LOST)).toBe(0);
    const own = await sent({ b: "2026-11-22T13:00:00.000Z" }, { exchange: EXCHANGE });
    expect(await own.sendAgain({ ...LOST, until: "2026-11-22T16:00:00.000Z" })).toBe(1);
    expect((await own.list()).map(({ exchange }) => exchange)).toEqual([EXCHANGE]);
  });

  it("keeps the copy when only the state changed, unreadable on the disk", async () => {
    const store = await sent({ a: "2026-11-22T13:00:00.000Z" });
    const [held] = await store.history();
    await store.recordHistory({ ...(held as HistoryItem), state: "verified" });
    const [copy] = (await db.list("sent")) as { body: ArrayBuffer }[];
    expect(new TextDecoder("latin1").decode(copy?.body)).not.toContain("envelope");
    expect(JSON.stringify(await store.history())).not.toContain("envelope");
    expect(await store.sendAgain(LOST)).toBe(1);
  });

  it("is not asked to wait for a full outbox: what fits goes, the rest when it is asked next", async () => {
    const store = await sent({ a: "2026-11-22T13:00:00.000Z", b: "2026-11-22T13:00:01.000Z" });
    for (let n = 1; n < OUTBOX_MAX_ITEMS; n++) await store.add(item(`waits-${n}`));
    expect(await store.sendAgain(LOST)).toBe(1);
    await store.remove("waits-1");
    expect(await store.sendAgain(LOST)).toBe(1);
    expect((await store.list()).filter(({ id }) => id === "a" || id === "b")).toHaveLength(2);
  });
});

describe("order and waiting", () => {
  it("urgent first, then the oldest; one that waits does not hold up the rest", async () => {
    const { store } = await delivery();
    await store.add(item("old", { queued_at: NOW - 9000 }));
    await store.add(item("waits", { state: "retry_wait", next_at: NOW + 60_000 }));
    await store.add(item("urgent", { urgent: true }));
    await store.add(item("new", { queued_at: NOW - 10 }));
    const order: string[] = [];
    await deliverDue(
      await delivery({
        post: async (sent) => {
          order.push(sent.id);
          return { kind: "retry", problem: "offline" };
        },
      }),
    );
    expect(order).toEqual(["urgent", "old", "new"]);
    expect(nextWake(await store.list(), NOW)).toBe(NOW + FIRST_WAIT_MS / 2);
  });

  it("a clock that was set back does not hold a report until it has caught up", () => {
    const waits = item("a", { state: "retry_wait", next_at: NOW + LONGEST_WAIT_MS, problem: "offline" });
    expect(isDue(waits, NOW)).toBe(false);
    const dayBefore = NOW - 24 * 60 * 60_000;
    expect(isDue(waits, dayBefore)).toBe(true);
    expect(nextWake([waits], dayBefore)).toBe(dayBefore);
    expect(isDue({ ...waits, urgent: true, next_at: NOW + LONGEST_WAIT_URGENT_MS + 1 }, NOW)).toBe(true);
  });

  it("a record that cannot be read stays, and keeps no other from being sent", async () => {
    const { store } = await delivery();
    await store.add(item("a"));
    await store.add(item("b", { urgent: true }));
    const damaged = { ...((await db.get("outbox", "b")) as object), body: new ArrayBuffer(40) };
    await db.write([{ store: "outbox", key: "b", value: damaged }]);
    await deliverDue(await delivery({ store }));
    expect((await store.history()).map(({ id }) => id)).toEqual(["a"]);
    expect(await db.get("outbox", "b")).toEqual(damaged);
  });

  it("waits grow to an hour, for urgent reports to two minutes, and keep to Retry-After", () => {
    const most = () => 0.999_999;
    expect(waitBeforeNextTry({ attempts: 1, urgent: false }, most)).toBeLessThanOrEqual(FIRST_WAIT_MS);
    expect(waitBeforeNextTry({ attempts: 60, urgent: false }, most)).toBeLessThanOrEqual(LONGEST_WAIT_MS);
    expect(waitBeforeNextTry({ attempts: 60, urgent: true }, most)).toBeLessThanOrEqual(LONGEST_WAIT_URGENT_MS);
    expect(waitBeforeNextTry({ attempts: 1, urgent: false, retryAfterMs: 90_000 }, most)).toBe(90_000);
    expect(waitBeforeNextTry({ attempts: 1, urgent: true, retryAfterMs: 9e9 }, most)).toBe(LONGEST_WAIT_URGENT_MS);
    expect(parseRetryAfter("120", NOW)).toBe(120_000);
    expect(parseRetryAfter("Sun, 22 Nov 2026 14:03:00 GMT", NOW)).toBe(60_000);
    expect(parseRetryAfter("soon", NOW)).toBeUndefined();
  });
});

describe("answers", () => {
  it.each([
    [{ status: 401, code: "unauthenticated" }, "blocked"],
    [{ status: 403, code: "device_revoked" }, "blocked"],
    [{ status: 400, code: "device_format" }, "blocked"],
    [{ status: 408 }, "retry"],
    [{ status: 429, retryAfterMs: 5000 }, "retry"],
    [{ status: 503, code: "busy" }, "retry"],
    [{ status: 302 }, "retry"],
    [{ status: 404 }, "retry"],
    [{ status: 409, code: "report_conflict" }, "refused"],
    [{ status: 413, code: "report_too_large" }, "refused"],
    [{ status: 422, code: "imagery_suspected", fields: ["/explanation"] }, "refused"],
  ])("%j is %s", (answer, kind) => {
    expect(outcomeOf(answer).kind).toBe(kind);
  });

  it.each([200, 400, 401, 403, 409, 413, 422])("%i without a code of the exchange's is no refusal of its", (status) => {
    expect(outcomeOf({ status }).kind).toBe("retry");
  });
});

describe("one post", () => {
  const posts = async (over: Partial<OutboxItem>, response: () => Response) => {
    const asked: string[] = [];
    const send = (async (url: string) => {
      asked.push(url);
      return response();
    }) as unknown as typeof fetch;
    const exchange = { origin: "https://exchange.example", now: () => NOW, fetch: send };
    const outcome = await postReport(item("a", { envelope: "eyJ9", ...over }), { exchange, receiptKeys: new Map() });
    return { asked, outcome };
  };
  const page = (status: number) => () =>
    new Response("<!doctype html><title>Sign in to this network</title>", { status });

  it.each([200, 201, 400, 403, 404, 409, 413, 451, 502])(
    "a page with status %i is nobody's refusal",
    async (status) => {
      expect((await posts({}, page(status))).outcome.kind).toBe("retry");
    },
  );

  it("is made to the exchange that the report was written for, and to no other", async () => {
    const { asked, outcome } = await posts({ exchange: "https://elsewhere.example" }, page(200));
    expect(asked).toEqual([]);
    expect(outcome).toEqual({ kind: "blocked", problem: "other_exchange" });
    expect((await posts({ exchange: "https://exchange.example" }, page(200))).asked).toHaveLength(1);
  });
});

describe("any sequence of events", () => {
  const events: fc.Arbitrary<OutboxEvent> = fc.oneof(
    fc.constantFrom<OutboxEvent>({ kind: "start" }, { kind: "try_now" }, { kind: "signed_in" }),
    fc.constantFrom<OutboxEvent>(
      { kind: "retry", problem: "offline" },
      { kind: "retry", problem: "busy", retryAfterMs: 1_000_000_000 },
      { kind: "blocked", problem: "device_revoked" },
      { kind: "refused", problem: "report_invalid", fields: ["/kind"] },
    ),
  );

  it("keeps the signed bytes, stays valid, never loses an urgent report for more than two minutes", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(fc.tuple(events, fc.nat(7_200_000)), { maxLength: 60 }), (urgent, steps) => {
        let held = item("a", { urgent });
        let now = NOW;
        for (const [event, passed] of steps) {
          now += passed;
          const before = held;
          held = advance(held, event, { now: () => now, random: () => 0.3 });
          expect(OutboxItem.parse(held)).toEqual(held);
          expect(held.envelope).toBe(before.envelope);
          expect(OUTBOX_STATES).toContain(held.state);
          if (held.state === "retry_wait" && urgent)
            expect((held.next_at as number) - now).toBeLessThanOrEqual(120_000);
          // Only a person ends a report that was refused; only an answer to a try can refuse it.
          if (before.state === "rejected_permanent") expect(held).toBe(before);
          if (before.state !== "sending" && held.state === "rejected_permanent") expect(before.state).toBe(held.state);
          if (isUnsent(held) && held.state !== "blocked_auth") expect(nextWake([held], now)).toBeDefined();
        }
      }),
    );
  });
});
