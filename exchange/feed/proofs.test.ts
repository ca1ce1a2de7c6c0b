import { openProof, parseVkey } from "@breakwater/shared/log/index.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  appendTestLeaves,
  del,
  expectProblem,
  expectSoundLog,
  openTestExchange,
  openTestPublisher,
  put,
  TEST_LOG_ORIGIN,
  type TestExchange,
  type TestMember,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";

let x: TestExchange;
let p: TestPublisher;
let set: TestSet;
let reader: TestMember;
let log: Parameters<typeof openProof>[1];

beforeAll(async () => {
  x = await openTestExchange();
  p = await openTestPublisher(x);
  reader = await x.member({ tier: "test" });
  set = await p.openSet("verified");
  const entry = testHash(1);
  await set.publish([put(entry)]);
  await set.publish([del(entry.id)]);
  await x.settle();
  log = { origin: TEST_LOG_ORIGIN, vkey: parseVkey(await x.logSigner.vkey(TEST_LOG_ORIGIN)) };
});
afterAll(async () => {
  await x.settle();
  await expectSoundLog(x);
  await x.close();
});

const get = (path: string, key = reader.key, headers: Record<string, string> = {}) => x.request(path, { key, headers });

/** Verified with nothing but the log's key. @returns the envelope that it vouches for */
async function verify(response: Response): Promise<{ entry: Uint8Array; index: number; size: number }> {
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  const { entry, index, checkpoint } = await openProof(await response.text(), log);
  return { entry, index, size: checkpoint.size };
}

async function envelopeOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await get(path)).arrayBuffer());
}

/** Admissions whose publication does not come about, as after a crash: a row in the log and nothing published. */
async function publishUnseen(sets: TestSet, changes: Parameters<TestSet["publish"]>[0]): Promise<void> {
  const until = new Date(x.clock.now().getTime() + 60_000);
  await x.settle();
  await x.sql`update log_publication set lease_token = 'elsewhere', lease_until = ${until}`;
  await sets.publish(changes);
  await x.settle();
}

async function giveBackLease(): Promise<void> {
  // Whoever was nudged meanwhile has found it taken by now.
  await x.settle();
  await x.sql`update log_publication set lease_token = null, lease_until = null`;
}

describe("GET /v1/sets/{publisher}/{set}/proof", () => {
  describe("happy", () => {
    it("proves the head to a stranger who has the log's key and nothing else", async () => {
      const response = await get(`${set.path}/proof`);
      expect(response.headers.get("breakwater-release")).toBe("2");
      expect(response.headers.get("cache-control")).toBe("private, no-cache");
      const proven = await verify(response);
      expect(proven.entry).toEqual(await envelopeOf(`${set.path}/head`));
      expect(proven.index).toBe(2);
    });

    it("stays the same, and answers a condition with 304", async () => {
      const first = await get(`${set.path}/proof`);
      const text = await first.text();
      await (await p.openSet("more")).publish([put(testHash(2))]);
      await x.settle();
      expect(await (await get(`${set.path}/proof`)).text()).toBe(text);
      const etag = first.headers.get("etag") as string;
      expect((await get(`${set.path}/proof`, reader.key, { "if-none-match": etag })).status).toBe(304);
    });

    it("is there within a second of the release", async () => {
      const soon = await p.openSet("soon");
      const before = performance.now();
      await soon.publish([put(testHash(3))]);
      const published = performance.now();
      await expect.poll(async () => (await get(`${soon.path}/proof`)).status, { interval: 20 }).toBe(200);
      expect(performance.now() - published).toBeLessThan(1_000 + (published - before));
    });

    it("is one text for many who ask at once, while the log goes on", async () => {
      const busy = await p.openSet("busy");
      await busy.publish([put(testHash(4))]);
      await x.settle();
      const asked = Array.from({ length: 8 }, () => get(`${busy.path}/proof`));
      const other = (await p.openSet("other")).publish([put(testHash(5))]);
      const texts = await Promise.all(asked.map(async (response) => (await response).text()));
      await other;
      await x.settle();
      texts.push(await (await get(`${busy.path}/proof`)).text());
      // Whoever came second may have been given what they made themselves; it has to verify all the same.
      for (const text of texts) await openProof(text, log);
      expect(new Set(texts).size).toBe(1);
    });
  });

  describe("error", () => {
    it("says so while no checkpoint covers the release, when to ask again, and sees to it", async () => {
      const late = await p.openSet("late");
      await publishUnseen(late, [put(testHash(6))]);
      const response = await get(`${late.path}/proof`);
      expect(response.headers.get("retry-after")).toBe("1");
      await expectProblem(response, "not_logged_yet");
      await giveBackLease();
      await expectProblem(await get(`${late.path}/proof`), "not_logged_yet");
      await x.settle();
      await verify(await get(`${late.path}/proof`));
    });

    it("has none of a set without a release", async () => {
      const empty = await p.openSet("empty");
      await expectProblem(await get(`${empty.path}/proof`), "not_found");
    });

    it("gives out no proof that would not verify: the leaf is another than the release", async () => {
      const forged = await p.openSet("forged");
      await forged.publish([put(testHash(7))]);
      await x.settle();
      await x.sql`update releases set envelope = envelope || ' '::bytea where set_id = (select id from sets where name = 'forged')`;
      await expectProblem(await get(`${forged.path}/proof`), "log_conflict");
      expect(x.objects.keys().filter((key) => key.startsWith("log/proof/"))).not.toContain("log/proof/undefined");
      await x.withDeps(
        ({ sql }) => sql`update releases r set envelope = l.envelope from log_leaves l where l.log_index = r.log_index`,
      );
      await verify(await get(`${forged.path}/proof`));
    });
  });

  describe("security", () => {
    it("is not there for whoever may not read the set, and tells nothing of it", async () => {
      const named = await p.openSet("named", { audience: { tier: "named", members: [] } });
      await named.publish([put(testHash(8))]);
      await x.settle();
      const problems = [];
      for (const path of [named.path, `/v1/sets/${p.publisher}/nothing`]) {
        const { instance, ...problem } = await expectProblem(await get(`${path}/proof`), "not_found");
        expect(instance).toMatch(/^urn:uuid:/);
        problems.push(JSON.stringify(problem));
      }
      expect(new Set(problems).size).toBe(1);
      await verify(await get(`${named.path}/proof`, p.member.key));
      await expectProblem(await x.request(`${set.path}/proof`), "unauthenticated");
    });
  });
});

describe("GET /v1/sets/{publisher}/{set}/releases/{release}/proof", () => {
  describe("happy", () => {
    it("proves each release, to be kept for ever", async () => {
      for (const release of [1, 2]) {
        const response = await get(`${set.path}/releases/${release}/proof`);
        expect(response.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
        const proven = await verify(response);
        expect(proven.entry).toEqual(await envelopeOf(`${set.path}/releases/${release}`));
        expect(proven.index).toBe(release);
      }
    });

    it("proves also what is deep inside the log", async () => {
      await x.withDeps((deps) => appendTestLeaves(deps, 600));
      const deep = await p.openSet("deep");
      await deep.publish([put(testHash(9))]);
      await deep.publish([put(testHash(10))]);
      await x.settle();
      const { index, size } = await verify(await get(`${deep.path}/releases/1/proof`));
      expect(index).toBeGreaterThan(600);
      expect(size).toBe(index + 2);
    });
  });

  describe("error", () => {
    it.each(["3", "0", "x", "1.5", "99999999999"])("has none of release %s", async (release) => {
      await expectProblem(await get(`${set.path}/releases/${release}/proof`), "not_found");
    });

    it("says so while no checkpoint covers the release", async () => {
      const later = await p.openSet("later");
      await publishUnseen(later, [put(testHash(11))]);
      await expectProblem(await get(`${later.path}/releases/1/proof`), "not_logged_yet");
      await giveBackLease();
    });
  });

  describe("security", () => {
    it("is not there for whoever may not read the set, proven before or not", async () => {
      const closed = await p.openSet("closed", { audience: { tier: "named", members: [] } });
      await closed.publish([put(testHash(12))]);
      await x.settle();
      await verify(await get(`${closed.path}/releases/1/proof`, p.member.key));
      await expectProblem(await get(`${closed.path}/releases/1/proof`), "not_found");
      await expectProblem(await x.request(`${closed.path}/releases/1/proof`), "unauthenticated");
    });
  });
});
