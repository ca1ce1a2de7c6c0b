/** Whatever a publisher does in whatever order, and wherever the process ends: numbers, log and what readers see agree. */

import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { checkNextRecall, openRecall, parseRecall, type RecallLink } from "@breakwater/shared/recall.ts";
import { openRoot } from "@breakwater/shared/root.ts";
import { RecallsAnswer } from "@breakwater/shared/wire/recalls.ts";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  del,
  expectSoundLog,
  HOUR_S,
  openTestExchange,
  openTestPublisher,
  openTestRecalls,
  put,
  type TestExchange,
  type TestPublisher,
  testHash,
} from "../testing/index.ts";

let x: TestExchange;
let reader: string;
beforeAll(async () => {
  x = await openTestExchange();
  reader = (await x.member()).key;
});
afterAll(() => x.close());

type Act =
  | { do: "publish" | "withdraw" | "erase" | "heartbeat" }
  | { do: "recall"; off: number; hours: number; way: "entries" | "releases"; kill: 0 | 1 | 2 }
  | { do: "wait"; hours: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ do: fc.constantFrom("publish" as const, "withdraw" as const, "erase" as const, "heartbeat" as const) }),
  fc.record({
    do: fc.constant("recall" as const),
    // Mostly the next number; else one that does not follow.
    off: fc.constantFrom(0, 0, 0, -1, 1),
    hours: fc.integer({ min: 1, max: 73 }),
    way: fc.constantFrom("entries" as const, "releases" as const),
    kill: fc.constantFrom(0 as const, 0 as const, 1 as const, 2 as const),
  }),
  fc.record({ do: fc.constant("wait" as const), hours: fc.integer({ min: 1, max: 40 }) }),
);
const KILLS = [undefined, "after_recall_reserved", "after_recall_signed"] as const;
let runs = 0;

/** A set of its own for every run; the log is the same for all. */
async function openRun(publisher: TestPublisher) {
  runs += 1;
  const set = await publisher.openSet(`run-${runs}`);
  await set.publish([put(testHash(runs * 100))]);
  const recalls = openTestRecalls(x, publisher, set);
  const everPut = [...set.entries().keys()];
  let next = 1;

  async function recall(one: Extract<Act, { do: "recall" }>, custody: "member" | "exchange"): Promise<void> {
    const number = next + one.off;
    if (number < 1) return;
    const head = set.previous()?.statement.release as number;
    const named = one.way === "entries" ? { entries: [...everPut].sort().slice(0, 5) } : { releases: [1, head] };
    const statement = recalls.make({ recall: number, ...named });
    const change = { ...statement, exp: statement.iat + one.hours * HOUR_S };
    if (one.hours > 72)
      return void (await expect(recalls.offer(change)).rejects.toMatchObject({ code: "recall_lifetime" }));
    x.killAt(KILLS[one.kill]);
    const offer = custody === "exchange" ? recalls.offerStatement : recalls.offer;
    const { status } = await offer(change).finally(() => x.killAt(undefined));
    const before = next;
    // Where the process ends, the exchange may have kept its word to the signer, or nothing at all.
    await x.settle();
    x.clock.advance(6_000);
    await x.runJobs();
    const held = RecallsAnswer.parse(await (await x.request(recalls.path, { key: reader })).json()).recall;
    if (status === 201) expect(held).toBe(before);
    else if (status < 500) expect(held).toBe(before - 1);
    else expect(held - (before - 1)).toBe(custody === "exchange" && one.off === 0 ? 1 : 0);
    next = held + 1;
  }

  async function run(one: Act, custody: "member" | "exchange"): Promise<void> {
    const [oldest] = set.entries().keys();
    if (one.do === "recall") await recall(one, custody);
    else if (one.do === "wait") x.clock.advance(one.hours * HOUR_S * 1000);
    else if (one.do === "publish") {
      const entry = testHash(runs * 100 + everPut.length);
      everPut.push(entry.id);
      await set.publish([put(entry)]);
    } else if (one.do === "heartbeat" || oldest === undefined) await set.publish([]);
    else await set.publish([del(oldest)], one.do === "erase" ? { purpose: "erasure" } : {});
    await x.settle();
    await x.runJobs();
  }

  /** What must hold after every step. */
  async function check(): Promise<void> {
    const { path } = recalls;
    const answer = RecallsAnswer.parse(await (await x.request(path, { key: reader })).json());
    const head = await x.request(`${set.path}/head`, { key: reader });
    expect(head.headers.get("breakwater-recall")).toBe(String(answer.recall));
    const root = await openRoot(publisher.firstRoot.bytes);
    let held: RecallLink | undefined;
    const inForce: number[] = [];
    for (let number = 1; number <= answer.recall; number++) {
      const bytes = new Uint8Array(await (await x.request(`${path}/${number}`, { key: reader })).arrayBuffer());
      const opened = await openRecall(bytes, root);
      expect(checkNextRecall(held, opened)).toBe("next");
      held = opened;
      if (opened.recall.exp * 1000 > x.clock.now().getTime()) inForce.push(number);
    }
    expect((await x.request(`${path}/${answer.recall + 1}`, { key: reader })).status).toBe(404);
    expect(answer.recalls.map(({ recall }) => recall)).toEqual(inForce);
    const leaves = await x.sql<{ envelope: Uint8Array }[]>`
      select envelope from log_leaves where typ = 'bw-recall+jws' order by log_index`;
    const logged = leaves.flatMap(({ envelope }) => {
      const recall = parseRecall(parseEnvelope(envelope).payloadBytes);
      return recall.set === set.set && recall.publisher === publisher.publisher ? [recall.recall] : [];
    });
    expect(logged).toEqual(Array.from({ length: answer.recall }, (_, at) => at + 1));
    expect(await x.sql`select 1 from recall_signings`).toHaveLength(0);
  }

  return { run, check };
}

it.each(["member", "exchange"] as const)(
  "with the release key held by the %s",
  async (custody) => {
    const publisher = await openTestPublisher(x, { custody });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 9 }), async (acts) => {
        const { run, check } = await openRun(publisher);
        for (const one of acts) {
          await run(one, custody);
          await check();
        }
      }),
      { numRuns: 6 },
    );
    const { rows } = await expectSoundLog(x);
    expect(rows).toBeGreaterThan(8);
  },
  180_000,
);
