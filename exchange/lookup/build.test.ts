/** The builder against an oracle that makes the buckets from the entries alone, through changes, kills and growth. */
import { hexOf, parseHex } from "@breakwater/shared/bytes.ts";
import { lookupBits, lookupPrefix, lookupTag, RECORD_BYTES, TAG_BYTES } from "@breakwater/shared/lookup.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LOOKUP_KILL_POINTS } from "../platform/kill-points.ts";
import {
  del,
  openTestExchange,
  openTestLookup,
  openTestPublisher,
  put,
  type TestExchange,
  type TestMember,
  type TestSet,
  testHash,
} from "../testing/index.ts";
import { EPOCH_PACE_MS, EPOCH_RENEW_MS, isProbing, WHOLE_EVERY_MS } from "./limits.ts";
import { openPadder } from "./pad.ts";

const ENTRIES = 3_000;
let x: TestExchange;
let lookup: ReturnType<typeof openTestLookup>;
let set: TestSet;
let reader: TestMember;
const made = Array.from({ length: ENTRIES }, (_, at) => testHash(at + 1));

beforeAll(async () => {
  x = await openTestExchange();
  lookup = openTestLookup(x);
  set = await (await openTestPublisher(x)).openSet("many", { audience: { tier: "vetted" } });
  await set.publish(made.map(put));
  reader = await x.member({ tier: "vetted" });
  await lookup.build();
});
afterAll(() => x.close());

const later = async () => {
  x.clock.advance(EPOCH_PACE_MS);
  await lookup.build();
};
const objects = () => x.objects.keys().filter((key) => key.startsWith("lookup/"));
const newIndex = async () => {
  const [index] = await lookup.indexes(reader.key);
  if (index === undefined) throw new Error("no index");
  return index;
};

/** Without a look at the index, which would hurry the builder. */
const servedEpoch = async () => {
  const [row] = await x.sql<{ epoch: number }[]>`select epoch from lookup_indexes where name = 'vetted'`;
  return row?.epoch;
};

/** Tags of every bucket as served, dummies among them, by bucket. Read from the store, so that no budget is spent. */
async function servedTags(): Promise<string[][]> {
  const rows = await x.sql<{ prefix: number; object: string }[]>`
    select b.prefix, b.object from lookup_buckets b join lookup_indexes i on i.id = b.index_id
    where i.name = 'vetted' and b.epoch <= i.epoch and (b.ended is null or b.ended > i.epoch) order by b.prefix`;
  return rows.map(({ object }) => {
    const bytes = x.objects.bytes(object) as Uint8Array;
    return Array.from({ length: bytes.length / RECORD_BYTES }, (_, i) =>
      hexOf(bytes.slice(i * RECORD_BYTES, i * RECORD_BYTES + TAG_BYTES)),
    );
  });
}

/** Every entry of the set is in its bucket; how many records of all are dummies; every bucket of one size. */
async function expectWhole(): Promise<void> {
  const lines = [...set.entries().values()].map((line) => JSON.parse(line) as { alg: string; value: string });
  const { bits, records } = await newIndex();
  expect(bits).toBe(lookupBits(lines.length));
  const served = await servedTags();
  expect(served.map((tags) => tags.length)).toEqual(new Array(2 ** bits).fill(records));
  const places = served.map((tags) => new Set(tags));
  expect(places.reduce((sum, tags) => sum + tags.size, 0)).toBe(records * 2 ** bits);
  for (const { value } of lines) {
    const tag = await lookupTag("sha256", parseHex(value));
    expect(places[lookupPrefix(tag, bits)]?.has(hexOf(tag))).toBe(true);
  }
}

async function has(value: string): Promise<boolean> {
  const tag = hexOf(await lookupTag("sha256", parseHex(value)));
  return (await servedTags()).some((tags) => tags.includes(tag));
}

describe("an epoch", () => {
  it("holds every entry in its bucket, every bucket as full as the others", expectWhole);

  it("after a change writes again only what changed, and shows the change alone", async () => {
    const before = objects();
    const tagsBefore = await servedTags();
    const added = testHash(ENTRIES + 1);
    await set.publish([put(added)]);
    await later();
    await expectWhole();
    const fresh = objects().filter((key) => !before.includes(key));
    expect(fresh.length).toBe(1);
    expect(objects().length).toBe(before.length);
    const tagsAfter = await servedTags();
    const changed = tagsAfter.flatMap((tags, i) => tags.filter((tag) => !tagsBefore[i]?.includes(tag)));
    expect(changed).toEqual([hexOf(await lookupTag("sha256", parseHex(added.value)))]);
  });

  it("is renewed before its end without a change, and drawn anew every week", async () => {
    const { epoch } = await newIndex();
    const tags = await servedTags();
    x.clock.advance(EPOCH_RENEW_MS);
    await lookup.build();
    expect((await newIndex()).epoch).toBeGreaterThan(epoch);
    expect(await servedTags()).toEqual(tags);
    x.clock.advance(WHOLE_EVERY_MS);
    await lookup.build();
    expect(await servedTags()).not.toEqual(tags);
    await expectWhole();
  });

  it("an entry that a release changes keeps one record", async () => {
    const [first] = made;
    if (first === undefined) throw new Error("no entry");
    await set.publish([put({ ...first, requested_action: "observe" })]);
    await later();
    await expectWhole();
    expect((await lookup.find(reader.key, first)).map(({ requestedAction }) => requestedAction)).toEqual(["observe"]);
  });

  it("many changes at once, and a list that shrinks below its bits", async () => {
    await set.publish(made.slice(10, 1_800).map(({ id }) => del(id)));
    await later();
    await expectWhole();
    await set.publish(made.slice(10, 1_800).map((entry) => put(entry)));
    await later();
    await expectWhole();
  });
});

describe("a kill", () => {
  it.each(LOOKUP_KILL_POINTS)(
    "at %s leaves the old epoch or the new one, and the next run ends with the new",
    async (point) => {
      const [old] = [...set.entries().keys()].slice(5);
      const gone = JSON.parse(set.entries().get(old as string) as string) as { id: string; value: string };
      const added = testHash(9_000 + LOOKUP_KILL_POINTS.indexOf(point));
      const epoch = await servedEpoch();
      await set.publish([del(gone.id), put(added)]);
      x.clock.advance(EPOCH_PACE_MS);
      x.killAt(point);
      await x.tick().catch(() => {});
      await x.runJobs().catch(() => {});
      await x.settle();
      x.killAt(undefined);
      const now = await servedEpoch();
      expect(now === epoch).toBe(point !== "lookup_after_epoch");
      expect([await has(gone.value), await has(added.value)]).toEqual(now === epoch ? [true, false] : [false, true]);
      // The lock of the process that is gone, and the wait after a failure.
      x.clock.advance(10 * 60_000);
      await lookup.build();
      expect([await has(gone.value), await has(added.value)]).toEqual([false, true]);
      await expectWhole();
      const named = await x.sql<{ object: string }[]>`select object from lookup_buckets`;
      expect(named.map(({ object }) => object).sort()).toEqual(objects());
    },
  );
});

describe("objects that fail", () => {
  it.each(["failed_and_not_written", "failed_but_written"] as const)(
    "%s: the old epoch stays, then the new one",
    async (fault) => {
      const epoch = await servedEpoch();
      await set.publish([put(testHash(fault.length + 20_000))]);
      x.clock.advance(EPOCH_PACE_MS);
      x.objects.breakNextPut(fault, "lookup/");
      await lookup.build();
      expect(await servedEpoch()).toBe(epoch);
      await later();
      expect(await servedEpoch()).toBeGreaterThan(epoch as number);
      await expectWhole();
    },
  );
});

describe("coarser buckets", () => {
  it("are neighbours in one answer, and cost what they hold", async () => {
    const { index, epoch, bits, records, left } = await newIndex();
    const coarse = index.replace(/-b\d+$/, `-b${bits - 2}`);
    const response = await lookup.bucket(reader.key, coarse, epoch, 1);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(4 * records * RECORD_BYTES);
    for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
      expect(lookupPrefix(bytes.slice(at, at + TAG_BYTES), bits - 2)).toBe(1);
    }
    expect((await newIndex()).left).toBe(left - 4);
  });
});

describe("probing", () => {
  it("is what repeats nothing where chance would; the ordinary is not", () => {
    expect(isProbing(512, 512, 2_048)).toBe(true);
    expect(isProbing(512, 453, 2_048)).toBe(false);
    expect(isProbing(20, 20, 2_048)).toBe(false);
    expect(isProbing(60, 60, 256)).toBe(false);
  });

  it("is slowed down, shown to the operator and written in the record, once a day", async () => {
    const walker = await x.member({ tier: "vetted" });
    const { epoch, index } = await newIndex();
    await lookup.bucket(walker.key, index, epoch, 0);
    await x.request("/v1/operator/lookups", { key: x.operatorKey }); // what was lent is counted
    // What a walk through a long list would have left: a list of this size has too few buckets for one.
    await x.sql`
      update lookup_uses set bits = 11, asked = 250, distinct_buckets = 250, seen = decode(repeat('00', 256), 'hex')
      where asked = 1 and index_name = 'vetted'`;
    await x.sql`update lookup_indexes set bits = 11 where name = 'vetted'`;
    const wide = index.replace(/-b\d+$/, "-b11");
    const answers: number[] = [];
    // The buckets of so many bits are not there: what counts is who gets as far as asking for them.
    for (let i = 0; i < 12; i++) answers.push((await lookup.bucket(walker.key, wide, epoch, i)).status);
    await x.sql`update lookup_indexes set bits = 3 where name = 'vetted'`;
    expect(answers.slice(-2)).toEqual([429, 429]);
    const { uses } = (await (await x.request("/v1/operator/lookups", { key: x.operatorKey })).json()) as {
      uses: { member: string; probing: boolean }[];
    };
    expect(uses[0]).toMatchObject({ member: walker.name, probing: true });
    const records = await x.sql`select 1 from audit_records where action = 'lookup.probing'`;
    expect(records.length).toBe(1);
  });
});

describe("padding", () => {
  const secret = Uint8Array.from({ length: 32 }, (_, i) => i);
  const record = (first: number) => Uint8Array.from({ length: RECORD_BYTES }, (_, i) => (i === 0 ? first : 7));

  it("is the same for the same secret, and another for another", async () => {
    const pad = await openPadder(secret, { bits: 4, size: 64 });
    const again = await openPadder(secret, { bits: 4, size: 64 });
    const other = await openPadder(
      secret.map((byte) => byte ^ 1),
      { bits: 4, size: 64 },
    );
    const records = record(0x30);
    expect(await pad(3, records)).toEqual(await again(3, records));
    expect(await pad(3, records)).not.toEqual(await other(3, records));
    expect(await pad(3, records)).not.toEqual(await pad(4, records));
  });

  it("borrows its mask and code from the bucket's own records, and lies in the bucket", async () => {
    const bytes = await (await openPadder(secret, { bits: 4, size: 64 }))(3, record(0x3f));
    for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
      expect(bytes.slice(at + TAG_BYTES, at + RECORD_BYTES)).toEqual(record(0).slice(TAG_BYTES));
      expect(lookupPrefix(bytes.slice(at, at + TAG_BYTES), 4)).toBe(3);
    }
  });

  it("never drops a record", async () => {
    const pad = await openPadder(secret, { bits: 0, size: 1 });
    await expect(pad(0, Uint8Array.from([...record(1), ...record(2)]))).rejects.toThrow(RangeError);
  });
});
