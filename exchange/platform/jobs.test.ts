/** Jobs: exist with what they belong to, run once at a time, come back after failures and crashes. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openTestExchange, type TestExchange } from "../testing/index.ts";
import { transaction } from "./db.ts";
import { enqueue, JOB_LOCK_MS, JOB_MAX_ATTEMPTS, type JobHandlers, runDueJobs } from "./jobs.ts";
import { runRetention } from "./retention.ts";

let x: TestExchange;
beforeAll(async () => {
  x = await openTestExchange();
});
afterAll(() => x.close());
beforeEach(() => x.sql`delete from jobs`);

const queue = (key: string, payload = {}) =>
  x.withDeps((deps) => enqueue(deps, deps, { kind: "test", key, payload, runAt: deps.now() }));
const run = (handlers: JobHandlers, limit = 10) => x.withDeps((deps) => runDueJobs(deps, handlers, { limit }));
const rows = () =>
  x.sql`select key, attempts, last_code, done_at, failed_at, locked_until, payload from jobs order by key`;

it("runs what is due, with its payload, and not what is due later", async () => {
  const seen: unknown[] = [];
  await queue("now", { set: "hotline.example/verified", release: 7 });
  await x.withDeps((deps) =>
    enqueue(deps, deps, { kind: "test", key: "later", runAt: new Date(deps.now().getTime() + 1_000) }),
  );
  const test: JobHandlers = { test: async (_, { key, payload }) => void seen.push([key, payload]) };
  expect(await run(test)).toBe(1);
  expect(seen).toEqual([["now", { set: "hotline.example/verified", release: 7 }]]);
  x.clock.advance(1_000);
  expect(await run(test)).toBe(1);
  expect(await run(test)).toBe(0);
});

it("is queued with the transaction that it belongs to or not at all", async () => {
  await x.withDeps(async (deps) => {
    const undone = transaction(deps, async (tx) => {
      await enqueue(tx, deps, { kind: "test", key: "undone", runAt: deps.now() });
      throw new Error("undone");
    });
    await expect(undone).rejects.toThrow();
  });
  expect(await rows()).toHaveLength(0);
});

it("is one job a key while it waits, and a new one after it is done", async () => {
  let ran = 0;
  const test: JobHandlers = {
    test: async () => {
      ran += 1;
    },
  };
  await queue("same");
  await queue("same");
  await run(test);
  expect(ran).toBe(1);
  await queue("same");
  await run(test);
  expect(ran).toBe(2);
  expect(await rows()).toHaveLength(1);
});

it("runs once when several runners look at once", async () => {
  let ran = 0;
  for (const key of ["a", "b", "c"]) await queue(key);
  const test: JobHandlers = {
    test: async () => {
      ran += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
  await Promise.all([run(test), run(test), run(test), run(test)]);
  expect(ran).toBe(3);
});

it("comes back later and later after failures, and stops at the limit", async () => {
  await queue("failing");
  const failing: JobHandlers = { test: () => Promise.reject(new ExchangeError("signer_unavailable")) };
  await run(failing);
  expect(await rows()).toMatchObject([
    { attempts: 1, last_code: "signer_unavailable", done_at: null, failed_at: null },
  ]);
  expect(await run(failing)).toBe(0);
  for (let attempts = 1; attempts < JOB_MAX_ATTEMPTS; attempts += 1) {
    x.clock.advance(3_600_000);
    expect(await run(failing)).toBe(1);
  }
  expect(await rows()).toMatchObject([{ attempts: JOB_MAX_ATTEMPTS, failed_at: x.clock.now() }]);
  x.clock.advance(3_600_000);
  expect(await run(failing)).toBe(0);
  expect(x.logged.at(-1)).toMatchObject({ event: "job_failed", code: "signer_unavailable", final: true });
});

it("is taken up by another runner when its own was killed, after the lock and not before", async () => {
  await queue("killed");
  await x.sql`update jobs set attempts = 1, locked_until = ${new Date(x.clock.now().getTime() + JOB_LOCK_MS)}`;
  expect(await run({ test: async () => undefined })).toBe(0);
  x.clock.advance(JOB_LOCK_MS);
  expect(await run({ test: async () => undefined })).toBe(1);
});

it("goes on where it says, as often as it needs", async () => {
  await queue("steps", { at: 0 });
  const test: JobHandlers = {
    test: async ({ now }, { payload }) =>
      payload.at === 2 ? undefined : { again: now(), payload: { at: Number(payload.at) + 1 } },
  };
  expect(await run(test)).toBe(3);
  expect(await rows()).toMatchObject([{ payload: { at: 2 }, done_at: x.clock.now() }]);
});

it("fails, and says so, when nobody handles its kind", async () => {
  await queue("unknown");
  await run({});
  expect(await rows()).toMatchObject([{ last_code: "internal", done_at: null }]);
});

it("logs no words of an error", async () => {
  await queue("wordy");
  await run({ test: () => Promise.reject(new Error("test-term-0001")) });
  expect(JSON.stringify(x.logged)).not.toContain("test-term-0001");
});

it("keeps the other rules of retention when one fails, and shows that one did", async () => {
  const enforced: string[] = [];
  const rule = (table: string, enforce: () => Promise<number>) => ({ table, what: "test", keepDays: 1, enforce });
  const rules = [
    rule("first", async () => 1),
    rule("broken", () => Promise.reject(new Error("test-term-0001"))),
    rule("last", async () => enforced.push("last")),
  ];
  await x.withDeps(async (deps) => expect(runRetention(deps, rules)).rejects.toThrow());
  expect(enforced).toEqual(["last"]);
  expect(await x.sql`select table_name, removed from retention_runs order by id`).toMatchObject([
    { table_name: "first", removed: 1 },
    { table_name: "last", removed: 1 },
  ]);
});
