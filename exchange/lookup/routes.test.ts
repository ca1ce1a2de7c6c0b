import type { EntryByKind } from "@breakwater/shared/entries/index.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  del,
  expectProblem,
  HOUR_S,
  openTestExchange,
  openTestLookup,
  openTestPublisher,
  openTestRecalls,
  put,
  type TestExchange,
  type TestMember,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";
import { budgetOf, EPOCH_LIFE_MS, EPOCH_PACE_MS, LEASE_LEFT_MS, LEASE_MS } from "./limits.ts";

let x: TestExchange;
let lookup: ReturnType<typeof openTestLookup>;
let publisher: TestPublisher;
let set: TestSet;
let vetted: TestMember;
let agreed: TestMember;
let fresh: TestMember;
const entry = testHash(1, { requested_action: "remove_report", report_duty: "report" });
const narrow = testHash(2);

beforeAll(async () => {
  x = await openTestExchange();
  lookup = openTestLookup(x);
  publisher = await openTestPublisher(x);
  set = await publisher.openSet("wide", { audience: { tier: "agreed" } });
  await set.publish([put(entry), put(testHash(3, { alg: "pdq", quality: 90, ambiguous_bits: 1 }))]);
  await (await publisher.openSet("narrow", { audience: { tier: "vetted" } })).publish([put(narrow)]);
  vetted = await x.member({ tier: "vetted" });
  agreed = await x.member({ tier: "agreed" });
  fresh = await x.member({ tier: "test" });
  await lookup.build();
});
afterAll(() => x.close());

const later = async (ms = EPOCH_PACE_MS) => {
  x.clock.advance(ms);
  await lookup.build();
};
const indexOf = async (key: string) => {
  const [index] = await lookup.indexes(key);
  if (index === undefined) throw new Error("no index");
  return index;
};

describe("GET /v1/lookup", () => {
  describe("happy", () => {
    it("names the caller's own index, its sets and what is left of the day", async () => {
      const [index, ...others] = await lookup.indexes(vetted.key);
      expect(others).toEqual([]);
      expect(index).toMatchObject({ index: "vetted-b0", tier: "vetted", bits: 0, record_bytes: 24, budget: 32 });
      expect(index?.sets.map((one) => [one.set, one.release, one.review_only])).toEqual([
        ["wide", 1, false],
        ["narrow", 1, false],
      ]);
    });

    it("is empty for a tier that no set is for", async () => {
      expect(await lookup.indexes(fresh.key)).toEqual([]);
    });
  });

  describe("error", () => {
    it("takes no cookie and no stranger", async () => {
      await expectProblem(await x.request("/v1/lookup"), "unauthenticated");
      const key = (await x.apiKey(publisher.member.name, ["publish"])).key;
      await expectProblem(await x.request("/v1/lookup", { key }), "scope_required");
    });
  });

  describe("security", () => {
    it("says nothing of sets above the tier", async () => {
      const text = JSON.stringify(await lookup.indexes(agreed.key));
      expect(text).toContain('"wide"');
      expect(text).not.toContain("narrow");
    });

    it("a set by name only is an index of its own, for those whom it names", async () => {
      const own = await publisher.openSet("closed", { audience: { tier: "named", members: [agreed.name] } });
      const secret = testHash(77);
      await own.publish([put(secret)]);
      await later();
      const names = async (key: string) => (await lookup.indexes(key)).map(({ index }) => index);
      const name = `named.${publisher.publisher}.closed-b0`;
      expect(await names(agreed.key)).toContain(name);
      expect(await names(vetted.key)).not.toContain(name);
      expect(await lookup.find(agreed.key, secret)).toMatchObject([{ sets: [`${publisher.publisher}/closed`] }]);
      expect(await lookup.find(vetted.key, secret)).toEqual([]);
      await expectProblem(await lookup.bucket(vetted.key, name, 1, 0), "not_found");
      // Taken off the list: from then on as if it were not there.
      await x.request(own.path, {
        method: "PUT",
        key: publisher.member.key,
        json: { kind: "hash", stream: "test", audience: { tier: "named", members: [] } },
      });
      expect(await names(agreed.key)).not.toContain(name);
      x.clock.advance(LEASE_MS);
      await expectProblem(await lookup.bucket(agreed.key, name, 1, 0), "not_found");
    });
  });
});

describe("GET /v1/lookup/:index/:epoch/:prefix", () => {
  describe("happy", () => {
    it("holds what is listed, says what a hit asks for and who lists it", async () => {
      expect(await lookup.find(vetted.key, entry)).toEqual([
        {
          recalled: false,
          test: true,
          requestedAction: "remove_report",
          reportDuty: "report",
          humanReview: "not_required",
          verification: "two_reviewed",
          group: 0,
          sets: [`${publisher.publisher}/wide`],
        },
      ]);
      expect(await lookup.find(vetted.key, testHash(9))).toEqual([]);
      expect(await lookup.find(vetted.key, { alg: "md5", value: "0".repeat(32) })).toEqual([]);
    });

    it("is the same bytes for everybody of an index, padded, cached no longer than its epoch", async () => {
      const other = await x.member({ tier: "vetted" });
      const { index, epoch, records } = await indexOf(vetted.key);
      const [one, two] = [
        await lookup.bucket(vetted.key, index, epoch, 0),
        await lookup.bucket(other.key, index, epoch, 0),
      ];
      const bytes = new Uint8Array(await one.arrayBuffer());
      expect(new Uint8Array(await two.arrayBuffer())).toEqual(bytes);
      expect(bytes.length).toBe(records * 24);
      const age = Number(/^private, max-age=(\d+), immutable$/.exec(one.headers.get("cache-control") ?? "")?.[1]);
      expect(age).toBeGreaterThan(0);
      expect(age).toBeLessThanOrEqual(EPOCH_LIFE_MS / 1000);
    });

    it("one hash in several sets is one record that names them all", async () => {
      const second = await publisher.openSet("second", { audience: { tier: "vetted" } });
      await second.publish([put(testHash(2))]);
      await later();
      expect((await lookup.find(vetted.key, narrow)).map(({ sets }) => sets)).toEqual([
        [`${publisher.publisher}/narrow`, `${publisher.publisher}/second`],
      ]);
    });
  });

  describe("error", () => {
    it("an old epoch is gone, and the answer names the new one", async () => {
      const { index, epoch } = await indexOf(vetted.key);
      await set.publish([put(testHash(100))]);
      await later();
      const problem = await expectProblem(await lookup.bucket(vetted.key, index, epoch, 0), "lookup_epoch");
      expect(problem.epoch).toBe(epoch + 1);
    });

    it("a bucket that there is not, and an index that there is not, are not found", async () => {
      const { index, epoch } = await indexOf(vetted.key);
      await expectProblem(await lookup.bucket(vetted.key, index, epoch, 1), "not_found");
      await expectProblem(await lookup.bucket(vetted.key, "nonsense", epoch, 0), "not_found");
      await expectProblem(await lookup.bucket(vetted.key, "named.nobody.example.nothing-b0", epoch, 0), "not_found");
      await expectProblem(await x.request(`/v1/lookup/${index}/${epoch}/-1`, { key: vetted.key }), "not_found");
    });

    it("over the day's budget: refused until midnight, with what would be needed", async () => {
      const eager = await x.member({ tier: "vetted" });
      const { index, epoch, budget } = await indexOf(eager.key);
      for (let i = 0; i < budget; i++) expect((await lookup.bucket(eager.key, index, epoch, 0)).status).toBe(200);
      const response = await lookup.bucket(eager.key, index, epoch, 0);
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await expectProblem(response, "lookup_budget")).toMatchObject({ needs: "sync", budget });
      expect((await indexOf(eager.key)).left).toBe(0);
      expect((await lookup.bucket(vetted.key, index, epoch, 0)).status).toBe(200);
      x.clock.advance(24 * HOUR_S * 1000);
      await lookup.build();
      const next = await indexOf(eager.key);
      expect(next.left).toBe(budget);
      expect((await lookup.bucket(eager.key, next.index, next.epoch, 0)).status).toBe(200);
    });
  });

  describe("security", () => {
    it("a key of a tier that may not is told which would be needed", async () => {
      const { index, epoch } = await indexOf(vetted.key);
      const refused = await expectProblem(await lookup.bucket(fresh.key, index, epoch, 0), "lookup_tier");
      expect(refused).toMatchObject({ tier: "test", needs: "vetted" });
      await expectProblem(await lookup.bucket(agreed.key, index, epoch, 0), "lookup_tier");
    });

    it("a tier's index holds nothing of a narrower set", async () => {
      expect(await lookup.find(agreed.key, entry)).toHaveLength(1);
      expect(await lookup.find(agreed.key, narrow)).toEqual([]);
    });

    it("a set whose audience was narrowed is served to nobody outside of it, but for a lease of seconds", async () => {
      const shrinking = await publisher.openSet("shrinking", { audience: { tier: "agreed" } });
      const gone = testHash(55);
      await shrinking.publish([put(gone)]);
      await later();
      expect(await lookup.find(agreed.key, gone)).toHaveLength(1);
      const { index, epoch } = await indexOf(agreed.key);
      const json = { kind: "hash", stream: "test", audience: { tier: "vetted" } };
      await x.request(shrinking.path, { method: "PUT", key: publisher.member.key, json });
      x.clock.advance(LEASE_MS);
      await expectProblem(await lookup.bucket(agreed.key, index, epoch, 0), "busy");
      // Without waiting for the pace of ordinary changes.
      await x.settle();
      await lookup.build();
      expect(await lookup.find(agreed.key, gone)).toEqual([]);
      expect(await lookup.find(vetted.key, gone)).toHaveLength(1);
    });

    it("a harmful-but-legal set stands in no index", async () => {
      const body = await openTestPublisher(x, { roles: ["publisher", "authorised_body"] });
      const legal = await body.openSet("legal", { stream: "harmful_but_legal", audience: { tier: "vetted" } });
      const listed = testHash(66);
      await legal.publish([put(listed)]);
      await later();
      expect(await lookup.find(vetted.key, listed)).toEqual([]);
      expect((await indexOf(vetted.key)).sets.map((one) => one.set)).not.toContain("legal");
    });
  });
});

describe("a lease", () => {
  it("opens nothing to another secret of the same key, and ends with the key within seconds", async () => {
    const member = await x.member({ tier: "vetted" });
    const { index, epoch } = await indexOf(member.key);
    expect((await lookup.bucket(member.key, index, epoch, 0)).status).toBe(200);
    const forged = `${member.key.slice(0, -1)}${member.key.endsWith("A") ? "B" : "A"}`;
    await expectProblem(await lookup.bucket(forged, index, epoch, 0), "api_key_invalid");
    await x.request(`/v1/operator/members/${member.name}/keys/${member.keyId}`, {
      key: x.operatorKey,
      method: "DELETE",
    });
    expect((await lookup.bucket(member.key, index, epoch, 0)).status).toBe(200);
    x.clock.advance(LEASE_MS);
    await expectProblem(await lookup.bucket(member.key, index, epoch, 0), "api_key_revoked");
  });

  it("is counted to the last bucket, also when many come at once", async () => {
    const member = await x.member({ tier: "vetted" });
    const { index, epoch, budget } = await indexOf(member.key);
    const answers = await Promise.all(
      Array.from({ length: 13 }, async () => (await lookup.bucket(member.key, index, epoch, 0)).status),
    );
    expect(answers).toEqual(new Array(13).fill(200));
    await x.settle();
    expect((await indexOf(member.key)).left).toBe(budget - 13);
  });

  it("that is over is settled by its own member; of a crowd that never comes back nobody pays for more than one", async () => {
    await x.request("/v1/operator/lookups", { key: x.operatorKey });
    const crowd = await Promise.all(Array.from({ length: 5 }, () => x.member({ tier: "vetted" })));
    const { index, epoch } = await indexOf((crowd[0] as (typeof crowd)[number]).key);
    const askEach = (members: typeof crowd) =>
      Promise.all(members.map(async ({ key }) => (await lookup.bucket(key, index, epoch, 0)).status));
    const lending = async () => {
      await x.settle();
      const day = x.clock.now().toISOString().slice(0, 10);
      return (await x.sql`select 1 from lookup_uses where lent > 0 and day = ${day}`).length;
    };
    expect(await askEach(crowd)).toEqual(new Array(5).fill(200));
    expect(await lending()).toBe(5);
    x.clock.advance(LEASE_MS);
    // Its own, and what it is lent anew.
    expect(await askEach(crowd.slice(0, 1))).toEqual([200]);
    expect(await lending()).toBe(5);
    x.clock.advance(LEASE_LEFT_MS + LEASE_MS);
    // Its own, one other's, and what it is lent anew.
    expect(await askEach(crowd.slice(0, 1))).toEqual([200]);
    expect(await lending()).toBe(4);
    await x.request("/v1/operator/lookups", { key: x.operatorKey });
    expect(await lending()).toBe(0);
  });

  it("is taken for one index and not used for another", async () => {
    const member = await x.member({ tier: "vetted" });
    const { index, epoch } = await indexOf(member.key);
    expect((await lookup.bucket(member.key, index, epoch, 0)).status).toBe(200);
    await expectProblem(await lookup.bucket(member.key, index.replace("vetted", "agreed"), epoch, 0), "not_found");
    await expectProblem(await lookup.bucket(member.key, index, epoch + 1, 0), "lookup_epoch");
  });
});

describe("taking back", () => {
  it("a withdrawn entry is out with the next epoch, and the bucket that held it is destroyed", async () => {
    const going = testHash(200);
    await set.publish([put(going)]);
    await later();
    expect(await lookup.find(vetted.key, going)).toHaveLength(1);
    const before = x.objects.keys().filter((key) => key.startsWith("lookup/"));
    await set.publish([del(going.id)]);
    await later();
    expect(await lookup.find(vetted.key, going)).toEqual([]);
    const after = x.objects.keys().filter((key) => key.startsWith("lookup/"));
    expect(after.length).toBe(before.length);
    expect(after.filter((key) => before.includes(key) && key.includes("vetted"))).toEqual([]);
    const named = await x.sql<{ object: string }[]>`select object from lookup_buckets order by object`;
    expect(named.map(({ object }) => object).sort()).toEqual(after);
  });

  it("a recall says review at once, by set, and with the next epoch by entry; and ends by itself", async () => {
    const [wrong, right] = [testHash(300), testHash(301)];
    await set.publish([put(wrong), put(right)]);
    await later();
    const recalls = openTestRecalls(x, publisher, set);
    const posted = await recalls.offer({ entries: [wrong.id] });
    expect(posted.status).toBe(201);
    const live = (await indexOf(vetted.key)).sets.find((one) => one.set === "wide");
    expect(live?.review_only).toBe(true);
    // No pace: the look at the index has hurried the builder already.
    await x.settle();
    await x.runJobs();
    expect((await indexOf(vetted.key)).sets.find((one) => one.set === "wide")?.review_only).toBe(false);
    expect((await lookup.find(vetted.key, wrong)).map(({ recalled }) => recalled)).toEqual([true]);
    expect((await lookup.find(vetted.key, right)).map(({ recalled }) => recalled)).toEqual([false]);
    await later(72 * HOUR_S * 1000 + 1_000);
    await later();
    expect((await lookup.find(vetted.key, wrong)).map(({ recalled }) => recalled)).toEqual([false]);
  });

  it("an epoch past its end is not served, whatever kept the builder", async () => {
    const { index, epoch } = await indexOf(vetted.key);
    x.clock.advance(EPOCH_LIFE_MS);
    await expectProblem(await lookup.bucket(vetted.key, index, epoch, 0), "busy");
    expect(await lookup.indexes(vetted.key)).toEqual([]);
    await lookup.build();
    expect((await indexOf(vetted.key)).epoch).toBeGreaterThan(epoch);
  });

  it("an expired entry is out", async () => {
    const until = `${new Date(x.clock.now().getTime() + 3_600_000).toISOString().slice(0, 19)}Z`;
    const short = testHash(400, { expires_at: until } as Partial<EntryByKind["hash"]>);
    await set.publish([put(short)]);
    await later();
    expect(await lookup.find(vetted.key, short)).toHaveLength(1);
    await later(3_600_001);
    await later();
    expect(await lookup.find(vetted.key, short)).toEqual([]);
  });
});

describe("GET /v1/operator/lookups", () => {
  const uses = async () =>
    (
      (await (await x.request("/v1/operator/lookups", { key: x.operatorKey })).json()) as {
        uses: Record<string, unknown>[];
      }
    ).uses;

  describe("happy", () => {
    it("counts what each member asks", async () => {
      const asking = await x.member({ tier: "vetted" });
      const { index, epoch } = await indexOf(asking.key);
      for (let i = 0; i < 3; i++) await lookup.bucket(asking.key, index, epoch, 0);
      expect(await uses()).toContainEqual(
        expect.objectContaining({ member: asking.name, asked: 3, distinct: 1, refused: 0, buckets: 1, probing: false }),
      );
    });
  });

  describe("error", () => {
    it("is the operator's alone", async () => {
      await expectProblem(await x.request("/v1/operator/lookups", { key: vetted.key }), "scope_required");
      await expectProblem(await x.request("/v1/operator/lookups"), "unauthenticated");
    });
  });

  describe("security", () => {
    it("holds no bucket number; which were asked is blanked when the day is over", async () => {
      const rows = () => x.sql`select seen from lookup_uses where seen is not null`;
      expect((await rows()).length).toBeGreaterThan(0);
      await later(24 * HOUR_S * 1000);
      expect(await rows()).toEqual([]);
      expect(Object.keys((await uses())[0] ?? {}).sort()).toEqual(
        [
          "asked",
          "budget",
          "buckets",
          "day",
          "distinct",
          "index",
          "member",
          "probing",
          "refused",
          "share_30d",
          "tier",
        ].sort(),
      );
    });
  });
});

it("budgets stay well under all buckets, and grow with the tier", () => {
  for (const bits of [8, 11, 15, 16]) {
    const [test, some, most] = (["test", "agreed", "vetted"] as const).map((tier) => budgetOf(tier, bits));
    expect(most).toBeLessThanOrEqual(2 ** bits / 4);
    expect([test, some, most]).toEqual([...[test, some, most]].sort((a, b) => Number(a) - Number(b)));
  }
});
