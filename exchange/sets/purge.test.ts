import { digestHex } from "@breakwater/shared/bytes.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runRetention } from "../platform/retention.ts";
import {
  del,
  openTestExchange,
  openTestPublisher,
  put,
  TEST_START,
  type TestExchange,
  type TestPublisher,
  testHash,
} from "../testing/index.ts";
import { setsRetention } from "./index.ts";

const HOUR_MS = 3_600_000;
let exchange: TestExchange;
let publisher: TestPublisher;
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
});
afterAll(() => exchange.close());
beforeEach(() => exchange.clock.set(TEST_START));

const has = (digest: string, prefix: string) =>
  exchange.objects.keys().includes(`${prefix}/${digest.slice("sha256:".length)}`);
const later = async (hours: number) => {
  exchange.clock.advance(hours * HOUR_MS);
  await exchange.tick();
  await exchange.runJobs();
};

describe("the sweep", () => {
  it("ends uploads that no release took within a day, and nothing that waits", async () => {
    const set = await publisher.openSet("swept");
    const composed = await set.compose([put(testHash(1))]);
    await set.upload(composed);
    await later(23);
    for (const { digest } of composed.blobs) expect(has(digest, "pending")).toBe(true);
    await later(2);
    for (const { digest } of composed.blobs) {
      expect(has(digest, "pending")).toBe(false);
      expect(await exchange.sql`select 1 from blobs where digest = ${digest}`).toHaveLength(0);
    }
    exchange.clock.set(TEST_START);
    await set.publish([put(testHash(1))]);
  });

  it("ends an upload that broke off before its row said so", async () => {
    const set = await publisher.openSet("broke");
    const [blob] = (await set.compose([put(testHash(1))])).blobs;
    exchange.killAt("after_blob_put");
    await publisher.putBlob(blob?.bytes as never, digestHex(blob?.digest as never));
    exchange.killAt(undefined);
    expect(has(blob?.digest as string, "pending")).toBe(true);
    await later(26);
    expect(has(blob?.digest as string, "pending")).toBe(false);
  });

  it("ends the waiting copies of blobs that have their lasting place", async () => {
    const set = await publisher.openSet("copied");
    const { blobs } = await set.publish([put(testHash(1))]);
    expect(blobs.every(({ digest }) => has(digest, "pending") && has(digest, "blobs"))).toBe(true);
    // The clock was set back; the sweep's next turn lies after the other tests' last.
    await later(30);
    expect(blobs.every(({ digest }) => !has(digest, "pending") && has(digest, "blobs"))).toBe(true);
  });
});

describe("the purge", () => {
  it("keeps what the newest manifest names, and the rest until its date", async () => {
    const set = await publisher.openSet("dated");
    const all = Array.from({ length: 60 }, (_, at) => testHash(at));
    const first = await set.publish(all.map(put));
    const second = await set.publish([del(all[0]?.id as string)]);
    expect(second.manifest.snapshot.release).toBe(1);
    const snapshot = first.blobs
      .filter(({ digest }) => digest !== first.statement.manifest)
      .map(({ digest }) => digest);
    await later(6 * 24);
    expect(has(first.statement.manifest, "blobs")).toBe(true);
    await later(2 * 24);
    expect(has(first.statement.manifest, "blobs")).toBe(false);
    for (const digest of [...snapshot, ...second.blobs.map(({ digest }) => digest)])
      expect(has(digest, "blobs")).toBe(true);
    const key = (await exchange.apiKey(publisher.member.name, ["read"])).key;
    const entries = await exchange.request(`${set.path}/entries.ndjson`, { key });
    expect((await entries.text()).trim().split("\n")).toHaveLength(59);
    expect(
      await exchange.sql`select 1 from entry_versions where superseded_by is not null and id = ${all[0]?.id as string}`,
    ).toHaveLength(0);
  });

  it("waits for no one when the publisher wants it gone within a day", async () => {
    const set = await publisher.openSet("at-once");
    const entry = testHash(1);
    const first = await set.publish([put(entry), put(testHash(2))]);
    const second = await set.publish([del(entry.id)], { purpose: "erasure" });
    await exchange.settle();
    const [row] = await exchange.sql<{ purged_at: Date; due_at: Date; release: number }[]>`
      select r.purged_at, r.due_at from releases r join sets s on s.id = r.set_id where s.name = ${set.set} and release = 2`;
    expect(row?.purged_at).toEqual(TEST_START);
    // Holders of copies have their day all the same.
    expect(row?.due_at.getTime()).toBe(TEST_START.getTime() + 24 * HOUR_MS);
    expect(
      await exchange.sql`select 1 from entry_versions where line like ${`%${entry.value}%`} and id = ${entry.id}`,
    ).toEqual([]);
    for (const { digest } of first.blobs) expect(has(digest, "blobs") || has(digest, "pending")).toBe(false);
    for (const { digest } of second.blobs) expect(has(digest, "blobs")).toBe(true);
  });

  it("records what it destroyed as counts, for the release that dropped it", async () => {
    const set = await publisher.openSet("recorded");
    const [kept, gone] = [testHash(1), testHash(2)];
    const first = await set.publish([put(kept), put(gone)]);
    await set.publish([del(gone.id)], { purpose: "erasure" });
    await exchange.settle();
    const rows = await exchange.sql`
      select p.release, p.blobs::int, p.entries::int, p.derived::int, p.purged_at
      from purges p join sets s on s.id = p.set_id where s.name = ${set.set}`;
    expect(rows).toEqual([{ release: 2, blobs: first.blobs.length, entries: 1, derived: 0, purged_at: TEST_START }]);
  });

  it("lets nobody take what an erasure cut short for the whole set", async () => {
    const set = await publisher.openSet("cut");
    const gone = testHash(2);
    await set.publish([put(testHash(1)), put(gone)]);
    const key = (await exchange.member({ roles: ["subscriber"] })).key;
    const reading = await exchange.request(`${set.path}/entries.ndjson`, { key });
    await set.publish([del(gone.id)], { purpose: "erasure" });
    // As if the purge had been run by another instance meanwhile; the publishing request's own nudge may be at it already.
    const countPurges = async () => {
      await exchange.runJobs();
      return exchange.sql`
        select 1 from purges p join sets s on s.id = p.set_id where s.name = ${set.set} and p.entries > 0`;
    };
    await expect.poll(countPurges).toHaveLength(1);
    await expect(reading.text()).rejects.toThrow();
  });
});

describe("retention", () => {
  it("ends traces of admissions, purged blobs and acknowledgements", async () => {
    const set = await publisher.openSet("retained");
    const { digest } = await set.publish([put(testHash(1))]);
    const ack = await exchange.request(`${set.path}/acks`, {
      key: publisher.member.key,
      json: { release: 1, statement: digest },
    });
    expect(ack.status).toBe(204);
    exchange.clock.advance(31 * 24 * HOUR_MS);
    await exchange.withDeps((deps) => runRetention(deps, setsRetention));
    expect(await exchange.sql`select 1 from admissions`).toHaveLength(0);
    expect(await exchange.sql`select 1 from acks`).toHaveLength(1);
    exchange.clock.advance(800 * 24 * HOUR_MS);
    await exchange.withDeps((deps) => runRetention(deps, setsRetention));
    expect(await exchange.sql`select 1 from acks`).toHaveLength(0);
    expect(await exchange.sql`select 1 from blob_refs where purged_at is not null`).toHaveLength(0);
  });
});
