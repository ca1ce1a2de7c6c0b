import { concatBytes, hexOf, parseHex } from "@breakwater/shared/bytes.ts";
import { compareBytes, lookupPrefix, lookupTag, RECORD_BYTES } from "@breakwater/shared/lookup.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { LookupIndex } from "@breakwater/shared/wire/lookup.ts";
import { describe, expect, it } from "vitest";
import { type LookupSource, lookupHashes } from "./lookup.ts";
import { type ExactHash, parseExactHash } from "./parse-hash.ts";

const BITS = 6;
const RECORDS = 4;
const LISTED = parseExactHash({ alg: "sha256", value: "ab".repeat(32) });
const OTHER = parseExactHash({ alg: "md5", value: "cd".repeat(16) });
/** requested_action 1, report_duty 1, human_review 1, two_reviewed. */
const CODE = (1 << 2) | (1 << 6) | (1 << 8) | (3 << 10);

type Fake = LookupSource & { asked: { index: string; epoch: number; prefix: number }[]; index: LookupIndex };

/** An exchange with one index that lists {@link LISTED}. */
function openFake(change: Partial<LookupIndex> = {}, { code = CODE, mask = 1 } = {}): Fake {
  const index = {
    index: `agreed-b${BITS}`,
    tier: "agreed",
    epoch: 3,
    ends_at: "2026-11-23T09:00:00Z",
    bits: BITS,
    bits_min: 2,
    records: RECORDS,
    record_bytes: RECORD_BYTES,
    algs: ["sha256"],
    sets: [
      {
        slot: 0,
        publisher: "hotline.example",
        set: "verified",
        stream: "photographic",
        release: 7,
        review_only: false,
      },
    ],
    budget: 64,
    left: 64,
    ...change,
  } as LookupIndex;
  const asked: Fake["asked"] = [];
  return {
    index,
    asked,
    listLookups: async () => ({ indexes: [index] }),
    async getBucket(place) {
      asked.push(place);
      const bits = Number(/-b(\d+)$/.exec(place.index)?.[1]);
      const tag = await lookupTag(LISTED.alg, LISTED.digest);
      const size = index.records * 2 ** (index.bits - bits);
      const rows = Array.from({ length: size }, (_, i) => recordOf(dummyTag(place.prefix, bits, i), 1, 0));
      if (lookupPrefix(tag, bits) === place.prefix) rows[0] = recordOf(tag, mask, code);
      return concatBytes(rows.sort(compareBytes));
    },
  };
}

function recordOf(tag: Uint8Array, mask: number, code: number): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES);
  bytes.set(tag);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, mask);
  view.setUint32(20, code);
  return bytes;
}

function dummyTag(prefix: number, bits: number, at: number): Uint8Array {
  const tag = new Uint8Array(16).fill(at + 1);
  new DataView(tag.buffer).setUint16(0, prefix << (16 - bits));
  return tag;
}

const prefixOf = async ({ alg, digest }: ExactHash, bits = BITS) => lookupPrefix(await lookupTag(alg, digest), bits);

describe("a look-up", () => {
  it("finds what is listed by its whole tag, and says what to do and who lists it", async () => {
    const { answers } = await lookupHashes(openFake(), [OTHER, LISTED], { country: "DE" });
    expect(answers.map(({ hits }) => hits.length)).toEqual([0, 1]);
    expect(answers[1]?.hits[0]).toMatchObject({
      hit_ref: `h_${hexOf(await lookupTag(LISTED.alg, LISTED.digest))}`,
      alg: "sha256",
      sets: ["hotline.example/verified"],
      releases: [7],
      requested_action: "block_remove_report",
      report_duty: "report",
      human_review: "not_required",
      verification: "two_reviewed",
      recalled: false,
      test: false,
      action: "review",
    });
    expect(answers[1]?.hits[0]?.next).toContain("Show it to a reviewer");
  });

  it("sends numbers of buckets and nothing of the hash; no request follows a hit", async () => {
    const hit = openFake();
    const miss = openFake();
    await lookupHashes(hit, [LISTED], { decoys: 0 });
    await lookupHashes(miss, [OTHER], { decoys: 0 });
    expect(hit.asked).toEqual([{ index: "agreed-b6", epoch: 3, prefix: await prefixOf(LISTED) }]);
    expect(miss.asked.length).toBe(hit.asked.length);
    expect(JSON.stringify(hit.asked)).not.toContain("abab");
  });

  it("asks each bucket once, among as many others, in an order that says nothing", async () => {
    const fake = openFake();
    const hashes = Array.from({ length: 10 }, (_, i) =>
      parseExactHash({ alg: "md5", value: hexOf(new Uint8Array(16).fill(i)) }),
    );
    const { asked } = await lookupHashes(fake, [...hashes, ...hashes]);
    const wanted = new Set(await Promise.all(hashes.map((hash) => prefixOf(hash))));
    const prefixes = fake.asked.map(({ prefix }) => prefix);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    expect(prefixes.length).toBe(2 * wanted.size);
    expect([...wanted].every((prefix) => prefixes.includes(prefix))).toBe(true);
    expect(asked[0]).toMatchObject({ buckets: 2 * wanted.size, decoys: wanted.size, left: 64 - 2 * wanted.size });
    const orders = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const again = openFake();
        await lookupHashes(again, hashes, { decoys: 0 });
        return again.asked.map(({ prefix }) => prefix).join();
      }),
    );
    expect(new Set(orders).size).toBeGreaterThan(10);
  });

  it("of one hash hides it among eight buckets", async () => {
    const fake = openFake();
    await lookupHashes(fake, [LISTED]);
    expect(fake.asked.length).toBe(8);
  });

  it("asks coarser buckets on request, as far as the index allows", async () => {
    const fake = openFake();
    const { answers } = await lookupHashes(fake, [LISTED], { bits: 0, decoys: 0 });
    expect(fake.asked).toEqual([{ index: "agreed-b2", epoch: 3, prefix: await prefixOf(LISTED, 2) }]);
    expect(answers[0]?.hits.length).toBe(1);
  });

  it("a list that is one bucket has no decoys", async () => {
    const fake = openFake({ index: "agreed-b0", bits: 0, bits_min: 0 });
    expect((await lookupHashes(fake, [LISTED])).answers[0]?.hits.length).toBe(1);
    expect(fake.asked.length).toBe(1);
  });

  it("begins anew when the epoch has ended meanwhile, and gives up when that goes on", async () => {
    const fake = openFake();
    const { getBucket, listLookups } = fake;
    let epoch = 3;
    fake.listLookups = async () => {
      const { indexes } = await listLookups();
      return { indexes: indexes.map((index) => ({ ...index, epoch })) };
    };
    fake.getBucket = async (place, max) => {
      if (place.epoch === 3) {
        epoch = 4;
        throw new ExchangeError("lookup_epoch", { epoch: 4 });
      }
      return getBucket(place, max);
    };
    const { answers, asked } = await lookupHashes(fake, [LISTED]);
    expect([answers[0]?.hits.length, asked[0]?.epoch]).toEqual([1, 4]);
    fake.getBucket = async () => {
      throw new ExchangeError("lookup_epoch");
    };
    await expect(lookupHashes(fake, [LISTED])).rejects.toMatchObject({ code: "lookup_epoch" });
  });
});

describe("what a hit may lead to", () => {
  it("never to blocking; what is taken back is for a reviewer", async () => {
    const recalled = await lookupHashes(openFake({}, { code: CODE | 1 }), [LISTED]);
    expect(recalled.answers[0]?.hits[0]).toMatchObject({ recalled: true, action: "review" });
    expect(recalled.answers[0]?.hits[0]?.next).toContain("block nothing");
    const [set] = openFake().index.sets;
    const behind = openFake({ sets: [{ ...set, review_only: true }] as LookupIndex["sets"] });
    expect((await lookupHashes(behind, [LISTED])).answers[0]?.hits[0]).toMatchObject({ recalled: true });
  });

  it("of made-up data to nothing", async () => {
    const { answers } = await lookupHashes(openFake({}, { code: CODE | 2 }), [LISTED]);
    expect(answers[0]?.hits[0]).toMatchObject({ test: true, action: "observe" });
  });

  it("of words that this version does not know to the most careful", async () => {
    const { answers } = await lookupHashes(openFake({}, { code: 0xfffc }), [LISTED]);
    expect(answers[0]?.hits[0]).toMatchObject({ requested_action: undefined, action: "review" });
  });

  it("a record of nobody is no hit", async () => {
    expect((await lookupHashes(openFake({}, { mask: 2 }), [LISTED])).answers[0]?.hits).toEqual([]);
  });
});

describe("what is refused", () => {
  it.each([
    ["pdq", "0".repeat(64), "lookup_alg"],
    ["photodna", "0", "lookup_alg"],
    ["crc32", "00000000", "usage_invalid"],
    ["sha256", "ab", "signal_invalid"],
  ])("%s", (alg, value, code) => {
    expect(() => parseExactHash({ alg, value })).toThrow(code);
  });

  it.each([
    ["too short", (bytes: Uint8Array) => bytes.slice(RECORD_BYTES)],
    ["of another bucket", (bytes: Uint8Array) => bytes.map((byte, i) => (i === 0 ? byte ^ 0x80 : byte))],
    ["not sorted", (bytes: Uint8Array) => concatBytes([bytes.slice(-RECORD_BYTES), bytes.slice(0, -RECORD_BYTES)])],
  ])("a bucket that is %s says nothing, rather than no hit", async (_, damage) => {
    const fake = openFake();
    const { getBucket } = fake;
    fake.getBucket = async (place, max) => Uint8Array.from(damage(await getBucket(place, max)));
    await expect(lookupHashes(fake, [LISTED])).rejects.toMatchObject({ code: "answer_invalid" });
  });

  it("no list for the key's tier is not the same as not listed", async () => {
    const source: LookupSource = { listLookups: async () => ({ indexes: [] }), getBucket: async () => parseHex("") };
    await expect(lookupHashes(source, [LISTED])).rejects.toMatchObject({ code: "not_found" });
  });
});
