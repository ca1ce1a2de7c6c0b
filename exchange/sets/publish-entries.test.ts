import { openRelease } from "@breakwater/shared/release.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Caller } from "../platform/caller.ts";
import {
  openTestExchange,
  openTestPublisher,
  put,
  STATEMENT,
  type TestExchange,
  type TestPublisher,
  testHash,
} from "../testing/index.ts";
import { type EntriesToPublish, getCurrentRoot, planEntries, publishEntries } from "./index.ts";

let exchange: TestExchange;
let publisher: TestPublisher;
let by: Caller;
let made = 0;
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange, { custody: "exchange" });
  const [row] = await exchange.sql<{ id: string }[]>`select id from members where publisher = ${publisher.publisher}`;
  by = {
    kind: "person",
    memberId: row?.id as string,
    member: publisher.member.name,
    memberRoles: ["publisher"],
    tier: "vetted",
    publisher: publisher.publisher,
    hotlineId: undefined,
    personId: "ab".repeat(16),
    personName: "B. Senior",
    roles: ["publisher"],
    sessionId: "s",
  };
});
afterAll(() => exchange.close());

async function openWith(count: number) {
  const set = await publisher.openSet(`hotline-${++made}`);
  const entries = Array.from({ length: count }, (_, at) => testHash(at));
  await set.publish(entries.map(put));
  const publish = (change: Partial<EntriesToPublish>) =>
    exchange.withDeps((deps) =>
      publishEntries(deps, { publisher: publisher.publisher, set: set.set, puts: [], dels: [], by, ...change }),
    );
  const plan = (change: Partial<EntriesToPublish>) =>
    exchange.withDeps((deps) =>
      planEntries(deps, { publisher: publisher.publisher, set: set.set, puts: [], dels: [], by, ...change }),
    );
  const lines = async () => {
    const text = await (await exchange.request(`${set.path}/entries.ndjson`, { key: publisher.member.key })).text();
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  };
  return { set, entries, publish, plan, lines };
}

describe("publishing from inside the exchange", () => {
  it("composes, signs and admits the next release, whose signature its publisher's root vouches for", async () => {
    const { set, entries, publish, lines } = await openWith(3);
    const added = testHash(50);
    const outcome = await publish({
      puts: [added],
      dels: [{ id: entries[0]?.id as string, why: "withdrawn" }],
      expectedRelease: 1,
    });
    expect(outcome).toMatchObject({ kind: "accepted", answer: { release: 2, entries: 3 } });
    expect(await lines()).toContainEqual(added);
    expect((await lines()).map(({ id }) => id)).not.toContain(entries[0]?.id);
    const head = await exchange.request(`${set.path}/head`, { key: publisher.member.key });
    const root = await exchange.withDeps((deps) => getCurrentRoot(deps, publisher.publisher, deps.now()));
    const opened = await openRelease(new Uint8Array(await head.arrayBuffer()), root);
    expect(opened.statement).toMatchObject({ release: 2, set: set.set });
  });

  it("gives an entry that is listed already its listed id, and publishes nothing that is so already", async () => {
    const { entries, publish, plan, lines } = await openWith(3);
    const [listed] = entries as [(typeof entries)[number]];
    const again = { ...testHash(0), requested_action: "observe" as const };
    expect(again.id).not.toBe(listed.id);
    expect(await plan({ puts: [again as never] })).toMatchObject([
      { op: "put", id: listed.id, before: expect.any(String) },
    ]);
    await publish({ puts: [again as never] });
    expect(await lines()).toHaveLength(3);
    expect((await lines()).find(({ id }) => id === listed.id)).toMatchObject({ requested_action: "observe" });
    expect(await plan({ puts: [again as never], dels: [{ id: "00".repeat(16), why: "withdrawn" }] })).toEqual([]);
    await expect(publish({ puts: [again as never] })).rejects.toMatchObject({ code: "delta_invalid" });
  });

  it("composes snapshots from the rows, in the order of ids", async () => {
    const { publish, lines } = await openWith(5);
    for (let at = 100; at < 110; at++) await publish({ puts: [testHash(at)] });
    expect(await lines()).toHaveLength(15);
    const erased = (await lines())[0];
    expect(await publish({ dels: [{ id: erased.id, why: "withdrawn" }], purpose: "erasure" })).toMatchObject({
      kind: "accepted",
      answer: { entries: 14 },
    });
  });

  it("refuses a change that was shown against another head", async () => {
    const { publish } = await openWith(2);
    await publish({ puts: [testHash(50)] });
    await expect(publish({ puts: [testHash(51)], expectedRelease: 1 })).rejects.toMatchObject({
      code: "conflict",
      detail: { have: 2, expected: 1 },
    });
  });

  it("refuses another publisher's set, a set without a first release, and a key that is held elsewhere", async () => {
    const { publish } = await openWith(1);
    await expect(publish({ by: { ...by, publisher: "other.example" }, puts: [testHash(9)] })).rejects.toMatchObject({
      code: "publisher_mismatch",
    });
    await publisher.openSet("unreleased");
    await expect(publish({ set: "unreleased", puts: [testHash(9)] })).rejects.toMatchObject({
      code: "snapshot_missing",
    });
    await expect(publish({ set: "never-was", puts: [testHash(9)] })).rejects.toMatchObject({ code: "not_found" });
    const own = await openTestPublisher(exchange);
    const theirs = await own.openSet("theirs");
    await theirs.publish([put(testHash(1))]);
    const asOwn = { ...by, publisher: own.publisher };
    await expect(
      publish({ publisher: own.publisher, set: "theirs", by: asOwn, puts: [testHash(9)] }),
    ).rejects.toMatchObject({ code: "custody_mismatch" });
  });

  it("refuses an entry that no client could publish either", async () => {
    const { publish, lines } = await openWith(1);
    await expect(publish({ puts: [testHash(9, { value: "ab" })] })).rejects.toMatchObject({ code: "signal_invalid" });
    expect(await lines()).toHaveLength(1);
  });

  it("of two at once admits one, and the other may be tried again", async () => {
    const { publish, lines } = await openWith(1);
    const tries = await Promise.allSettled([publish({ puts: [testHash(60)] }), publish({ puts: [testHash(61)] })]);
    const refused = tries.find(({ status }) => status === "rejected");
    expect(tries.filter(({ status }) => status === "fulfilled").length).toBeGreaterThanOrEqual(1);
    if (refused?.status === "rejected")
      expect(refused.reason.code).toMatch(/^(admission_pending|release_fork|release_chain)$/);
    await publish({ puts: [testHash(60), testHash(61), testHash(62)] });
    expect(await lines()).toHaveLength(4);
  });

  it("leaves the way open for its publisher's own statements", async () => {
    const { set, publish } = await openWith(1);
    await publish({ puts: [testHash(70)] });
    const stale = await set.compose([put(testHash(71))]);
    await set.upload(stale);
    expect((await set.post(stale.statementBytes, STATEMENT)).status).toBe(409);
  });
});
