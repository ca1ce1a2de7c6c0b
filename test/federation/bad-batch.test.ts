/** A bad batch, on the real exchange: 800 harmless files among 10,000 entries, and twenty subscribers who must hear of it. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePublisher, parseSetId, randomBytes } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  addBenign,
  createRoot,
  type Exchange,
  openExchange,
  type PublisherContext,
  publishList,
  readPins,
  readStatus,
  type SyncOutcome,
  syncSet,
  withdrawEntries,
  writeStatus,
} from "../../client/index.ts";
import { recallEntries } from "../../client/publish/recall.ts";
import { heldLines } from "../../client/testing/copy-lines.ts";
import { aboutOfKind, ndjsonOf, rowOf, testHashEntry } from "../../client/testing/entries.ts";
import { openLooker } from "../../client/testing/match-file.ts";
import { type ServedExchange, serveExchange } from "./served-exchange.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const SET = parseSetId("batch.example/verified");
const ENTRIES = 10_000;
const BAD = 800;
const SUBSCRIBERS = 20;
const STALE_AGE_MS = 10 * 24 * 3_600_000;
const NUMBERS = Array.from({ length: ENTRIES }, (_, n) => n);
const VALUES = NUMBERS.map((n) => testHashEntry(n).value);
/** In the second release, and among one subscriber's own harmless files. */
const LATE = testHashEntry(ENTRIES);

type Subscriber = { name: string; source: Exchange; stateDir: string; before: string[] };
let dir: string;
let served: ServedExchange;
let context: PublisherContext;
let subscribers: Subscriber[];
let badIds: string[];

const settle = () => served.exchange.settle();

async function publish(numbers: readonly number[]): Promise<void> {
  const bytes = new TextEncoder().encode(ndjsonOf(numbers.map((n) => rowOf(testHashEntry(n)))));
  const about = aboutOfKind("hash", { stream: "photographic" });
  await publishList(now(), { list: { format: "ndjson", chunks: [bytes] }, about });
  await settle();
}

function now(): PublisherContext {
  return { ...context, now: new Date() };
}

async function sync({ source, stateDir }: Subscriber, changes: Partial<Exchange> = {}): Promise<SyncOutcome> {
  await settle();
  const { pin } = context;
  return syncSet({ source: { ...source, ...changes }, stateDir, setId: SET, pin, now: new Date(), sleep: settle });
}

/** What each of the first 10,000 files leads to. */
async function decisions({ stateDir }: Subscriber): Promise<string[]> {
  const matcher = await openLooker(stateDir, { "batch.example/verified": "block" });
  return VALUES.map((sha256) => {
    const [hit] = matcher.look({ sha256 });
    return hit === undefined ? "none" : `${hit.mode} ${hit.level} ${hit.recalled?.recall ?? "-"}`;
  });
}

/** A person let the new publisher's set do more than be observed; `ageMs` ago it was verified last. */
async function setStatus({ stateDir }: Subscriber, ageMs = 0): Promise<void> {
  const status = await readStatus(stateDir, SET);
  if (status === undefined) throw new Error("never synced");
  const verified = new Date(Date.now() - ageMs).toISOString();
  await writeStatus(stateDir, SET, { ...status, released_new: true, verified_at: verified });
}

async function expectReviewOfTheBatch(subscriber: Subscriber): Promise<void> {
  const after = await decisions(subscriber);
  expect(new Set(after.slice(0, BAD)), subscriber.name).toEqual(new Set(["review review 1"]));
  expect(after.slice(BAD), subscriber.name).toEqual(subscriber.before.slice(BAD));
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "breakwater-batch-"));
  served = await serveExchange();
  const { origin, exchange: test } = served;
  const { key } = await test.member({ name: "batch", roles: ["publisher"], scopes: ["read", "publish"] });
  const exchange = openExchange({ origin, apiKey: key });
  const profileDir = join(dir, "batch");
  await mkdir(profileDir);
  const publisher = parsePublisher(SET.publisher);
  await createRoot({ exchange, profileDir, publisher, custody: "member", now: new Date() });
  await exchange.putSet(SET, { kind: "hash", stream: "photographic", audience: { tier: "vetted" } });
  const pin = (await readPins(profileDir))[SET.publisher];
  const stateDir = join(profileDir, "state");
  context = { exchange, profileDir, stateDir, setId: SET, pin, now: new Date(), random: randomBytes };
  await publish(NUMBERS);
  const bad = new Set(VALUES.slice(0, BAD));
  const rows = ((await heldLines(stateDir, SET)) ?? []).map((line) => JSON.parse(line));
  badIds = rows.filter(({ value }) => bad.has(value)).map(({ id }) => id);

  subscribers = [];
  for (let n = 0; n < SUBSCRIBERS; n++) {
    const member = await test.member({ name: `reader-${n}`, roles: ["subscriber"], scopes: ["read"] });
    const source = openExchange({ origin, apiKey: member.key, sleep: async () => undefined });
    const subscriber = { name: member.name, source, stateDir: join(dir, member.name), before: [] as string[] };
    expect(await sync(subscriber)).toMatchObject({ outcome: "updated", release: 1, entries: ENTRIES });
    subscribers.push(subscriber);
  }
});
afterAll(async () => {
  await served?.close();
  await rm(dir, { recursive: true, force: true });
});

/** Two that cannot read the log: nobody answers, and what answers is signed by nobody known. */
const UNREACHED: Partial<Exchange> = {
  getCheckpoint: async () => {
    throw new ExchangeError("fetch_failed");
  },
};
const FORGED: Partial<Exchange> = {
  getCheckpoint: async () => ({
    at: new Date(),
    etag: '"forged"',
    note: new TextEncoder().encode(
      `localhost.example/log1\n9\n${"A".repeat(43)}=\n\n— localhost.example/log1 ${"A".repeat(91)}=\n`,
    ),
  }),
};

describe("a bad batch", () => {
  const parts = () => {
    const [old, forged, held, offline, ...online] = subscribers as [Subscriber, Subscriber, Subscriber, Subscriber];
    return { old, forged, held, offline, online: online as Subscriber[] };
  };

  it("finds subscribers in every state: sixteen current, two stale, one held, one offline", async () => {
    expect(badIds).toHaveLength(BAD);
    const { old, forged, held, offline, online } = parts();
    await addBenign(held.stateDir, [{ md5: "0".repeat(32), sha1: "0".repeat(40), sha256: LATE.value }]);
    await publish([...NUMBERS, ENTRIES]);
    for (const one of online) expect(await sync(one)).toMatchObject({ outcome: "updated", release: 2 });
    expect(await sync(held)).toMatchObject({ outcome: "held", code: "policy_benign", release: 1 });
    for (const one of subscribers) await setStatus(one, one === old ? STALE_AGE_MS : 0);
    expect(await sync(old, UNREACHED)).toMatchObject({ outcome: "stale", code: "fetch_failed", release: 1 });
    expect(await sync(forged, FORGED)).toMatchObject({ outcome: "stale", release: 1 });
    for (const one of subscribers) one.before = await decisions(one);
    // What is held blocks as before; only what was not verified for too long is for review altogether.
    for (const one of [forged, held, offline, ...online]) expect(new Set(one.before)).toEqual(new Set(["block act -"]));
    expect([...new Set(old.before)]).toEqual([expect.stringMatching(/^review review -$/)]);
  });

  it("is recalled: at their first contact all of them ask for review of the 800, and of nothing else", async () => {
    const { old, forged, held, offline, online } = parts();
    expect(await recallEntries(now(), { entries: badIds })).toMatchObject({ recall: 1 });
    for (const one of online) {
      expect(await sync(one)).toMatchObject({ outcome: "current", entries: ENTRIES + 1 });
      await expectReviewOfTheBatch(one);
    }
    expect(await sync(old, UNREACHED)).toMatchObject({ outcome: "stale", entries: ENTRIES });
    expect(await sync(forged, FORGED)).toMatchObject({ outcome: "stale", entries: ENTRIES });
    expect(await sync(held)).toMatchObject({ outcome: "held", entries: ENTRIES });
    for (const one of [old, forged, held]) await expectReviewOfTheBatch(one);

    const early = await context.exchange.getApplied(SET, 1);
    expect(early.recalls[0]).toMatchObject({ recall: 1, in_force: true, applied: SUBSCRIBERS - 1 });
    expect(early.recalls[0]?.waiting).toMatchObject([{ member: offline.name, has: 0 }]);
    expect(await decisions(offline)).toEqual(offline.before);
    await sync(offline);
    await expectReviewOfTheBatch(offline);
    const { recalls } = await context.exchange.getApplied(SET, 1);
    expect(recalls[0]).toMatchObject({ recall: 1, applied: SUBSCRIBERS, waiting: [] });
  });

  it("is withdrawn, 8 % of the set, and no brake stops it anywhere", async () => {
    const { held, ...rest } = parts();
    await withdrawEntries(now(), { ids: badIds, values: [], reason: "bad_batch" });
    for (const one of [rest.old, rest.forged, rest.offline, ...rest.online]) {
      expect(await sync(one), one.name).toMatchObject({ outcome: "updated", release: 3, entries: ENTRIES + 1 - BAD });
    }
    // The hold stops what was added, and nothing that was taken back.
    expect(await sync(held)).toMatchObject({ outcome: "held", code: "policy_benign", entries: ENTRIES - BAD });
    for (const one of subscribers) {
      const after = await decisions(one);
      expect(new Set(after.slice(0, BAD)), one.name).toEqual(new Set(["none"]));
      expect(new Set(after.slice(BAD)), one.name).toEqual(new Set(["block act -"]));
    }
    const status = await readStatus(held.stateDir, SET);
    if (status?.held_statement === undefined) throw new Error("nothing is held");
    await writeStatus(held.stateDir, SET, { ...status, released_statement: status.held_statement });
    expect(await sync(held)).toMatchObject({ outcome: "updated", release: 3, entries: ENTRIES + 1 - BAD });
    const applied = await context.exchange.getApplied(SET, 1);
    expect(applied.releases[0]).toMatchObject({ release: 3, applied: SUBSCRIBERS, waiting: [] });
    expect(applied.members).toHaveLength(SUBSCRIBERS);
  });

  it("opens the door to no other removal: 800 more that nobody recalled are held", async () => {
    const [one] = parts().online as [Subscriber];
    await publish(NUMBERS.slice(2 * BAD));
    const held = await sync(one);
    expect(held).toMatchObject({ outcome: "held", code: "policy_removal", entries: ENTRIES + 1 - BAD });
    expect(held.detail).toMatchObject({ percent: 9, limit_percent: 5 });
  });
});
