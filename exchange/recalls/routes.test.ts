import { digestHex, hexOf } from "@breakwater/shared/bytes.ts";
import { signEnvelope } from "@breakwater/shared/envelope.ts";
import { generateSigningKey } from "@breakwater/shared/keys.ts";
import { openRecall, signRecall } from "@breakwater/shared/recall.ts";
import { encodeRecallList } from "@breakwater/shared/recall-list.ts";
import { openRoot } from "@breakwater/shared/root.ts";
import {
  type AppliedAnswer,
  RECALLS_ACTIVE_MAX,
  RecallAnswer,
  RecallsAnswer,
} from "@breakwater/shared/wire/recalls.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  del,
  expectProblem,
  HOUR_S,
  openTestExchange,
  openTestPublisher,
  openTestRecalls,
  put,
  STATEMENT,
  TEST_START,
  type TestExchange,
  type TestMember,
  type TestPublisher,
  type TestRecalls,
  type TestSet,
  testHash,
} from "../testing/index.ts";

const SALT = "5a".repeat(32);
const HOUR_MS = HOUR_S * 1000;
let x: TestExchange;
let publisher: TestPublisher;
let subscriber: TestMember;
let made = 0;
beforeAll(async () => {
  x = await openTestExchange();
  publisher = await openTestPublisher(x);
  subscriber = await x.member({ roles: ["subscriber"] });
});
afterAll(() => x.close());
beforeEach(() => x.clock.set(TEST_START));

type Open = { set: TestSet; recalls: TestRecalls; ids: string[] };

/** A set of its own with three entries at release 1. */
async function openSet(from: TestPublisher = publisher): Promise<Open> {
  made += 1;
  const set = await from.openSet(`recalled-${made}`);
  const entries = [1, 2, 3].map((at) => testHash(made * 10 + at));
  await set.publish(entries.map(put));
  return { set, recalls: openTestRecalls(x, from, set), ids: entries.map(({ id }) => id).sort() };
}

const get = (path: string, key = subscriber.key, headers: Record<string, string> = {}) =>
  x.request(path, { key, headers });
const inForce = async (path: string, key?: string) => RecallsAnswer.parse(await (await get(path, key)).json());

/** A list blob of a recall, uploaded by the publisher. */
async function upload(open: Open, ids: string[], change: { recall?: number; set?: string } = {}) {
  const place = { publisher: publisher.publisher, set: open.set.set as never, recall: 1, ...change } as never;
  const list = await encodeRecallList(place, ids, SALT);
  const response = await publisher.putBlob(list.bytes, digestHex(list.digest));
  expect([200, 201]).toContain(response.status);
  return { ...list, members: { list: list.digest, list_size: list.size, list_plain: list.plain } };
}

describe("POST /v1/sets/:publisher/:set/recalls", () => {
  describe("happy", () => {
    it("is in force, numbered and logged from the answer on", async () => {
      const { recalls, ids, set } = await openSet();
      const bytes = await recalls.sign(recalls.make({ entries: ids.slice(0, 2) }));
      const response = await recalls.post(bytes);
      expect(response.status).toBe(201);
      const answer = RecallAnswer.parse(await response.json());
      expect(answer).toMatchObject({ publisher: publisher.publisher, set: set.set, recall: 1 });
      expect(answer.ends_at).toBe(new Date(TEST_START.getTime() + 72 * HOUR_MS).toISOString());
      const [leaf] = await x.sql<{ envelope: Uint8Array; typ: string }[]>`
        select envelope, typ from log_leaves where log_index = ${answer.log_index}`;
      expect(leaf?.typ).toBe("bw-recall+jws");
      expect(hexOf(leaf?.envelope as Uint8Array)).toBe(hexOf(bytes));
      const { recalls: held } = await inForce(recalls.path);
      expect(held.map(({ envelope }) => envelope)).toEqual([new TextDecoder().decode(bytes)]);
    });

    it("answers the same bytes as the first time, also when they have ended", async () => {
      const { recalls, ids } = await openSet();
      const bytes = await recalls.sign(recalls.make({ entries: ids }));
      const first = await (await recalls.post(bytes)).json();
      x.clock.advance(80 * HOUR_MS);
      const again = await recalls.post(bytes);
      expect(again.status).toBe(200);
      expect(await again.json()).toEqual(first);
      expect(await x.sql`select 1 from log_leaves where digest = ${(first as { digest: string }).digest}`).toHaveLength(
        1,
      );
    });

    it("takes a range of releases, and withdrawn entries too", async () => {
      const { recalls, ids, set } = await openSet();
      await set.publish([del(ids[0] as string)], { purpose: "erasure" });
      await x.settle();
      expect((await recalls.offer({ releases: [1, 2] })).status).toBe(201);
      expect((await recalls.offer({ recall: 2, entries: [ids[0]] })).status).toBe(201);
      expect((await inForce(recalls.path)).recalls.map(({ recall }) => recall)).toEqual([1, 2]);
    });

    it("takes a list, which the set's readers may fetch until the recall ends", async () => {
      const open = await openSet();
      const list = await upload(open, open.ids);
      expect((await open.recalls.offer(list.members)).status).toBe(201);
      // A release in between does not end it.
      await open.set.publish([put(testHash(9_000 + made))], { purpose: "erasure" });
      await x.settle();
      const blob = `/v1/blobs/sha256/${digestHex(list.digest)}`;
      const fetched = await get(blob);
      expect(fetched.status).toBe(200);
      expect(hexOf(new Uint8Array(await fetched.arrayBuffer()))).toBe(hexOf(list.bytes));
      x.clock.advance(72 * HOUR_MS + 1000);
      await x.tick();
      await x.runJobs();
      await expectProblem(await get(blob), "blob_gone");
      expect(x.objects.keys()).not.toContain(`blobs/${digestHex(list.digest)}`);
    });

    it("is signed by the exchange where it holds the key", async () => {
      const held = await openTestPublisher(x, { custody: "exchange" });
      const { recalls, ids } = await openSet(held);
      const response = await recalls.offerStatement({ entries: ids });
      expect(response.status).toBe(201);
      const [row] = (await inForce(recalls.path)).recalls;
      const root = await openRoot(held.firstRoot.bytes);
      const opened = await openRecall(new TextEncoder().encode(row?.envelope), root);
      expect(opened.recall).toMatchObject({ recall: 1, entries: ids });
      expect((await recalls.offerStatement({ entries: ids })).status).toBe(200);
      expect(await x.sql`select 1 from recall_signings`).toHaveLength(0);
    });

    it.each(["after_recall_reserved", "after_recall_signed"] as const)(
      "is through in the end when the process ends %s",
      async (point) => {
        const held = await openTestPublisher(x, { custody: "exchange" });
        const { recalls, ids } = await openSet(held);
        x.killAt(point);
        expect((await recalls.offerStatement({ entries: ids })).status).toBe(500);
        x.killAt(undefined);
        await x.settle();
        expect((await inForce(recalls.path)).recalls).toEqual([]);
        // The publisher does not come back; another statement of the number would leave the signer's word unkept.
        x.clock.advance(10_000);
        await x.tick();
        expect((await inForce(recalls.path)).recalls.map(({ recall }) => recall)).toEqual([1]);
        await expectProblem(await recalls.offerStatement({ entries: ids.slice(1) }), "recall_fork");
        expect((await recalls.offerStatement({ recall: 2, entries: ids.slice(1) })).status).toBe(201);
      },
    );

    it("finishes what was left before the next one, which gets the next number", async () => {
      const held = await openTestPublisher(x, { custody: "exchange" });
      const { recalls, ids } = await openSet(held);
      x.killAt("after_recall_signed");
      await recalls.offerStatement({ entries: ids });
      x.killAt(undefined);
      expect((await recalls.offerStatement({ recall: 2, entries: ids.slice(1) })).status).toBe(201);
      expect((await inForce(recalls.path)).recalls.map(({ recall }) => recall)).toEqual([1, 2]);
    });

    it("waits for no new root: an expired one takes back all the same", async () => {
      const { recalls, ids } = await openSet();
      x.clock.advance(301 * 24 * HOUR_MS);
      expect((await recalls.offer({ entries: ids })).status).toBe(201);
    });

    it("lets one of many at once have the number", async () => {
      const { recalls, ids } = await openSet();
      const answers = await Promise.all(ids.map((id) => recalls.offer({ entries: [id] })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
      expect((await inForce(recalls.path)).recall).toBe(1);
    });
  });

  describe("error", () => {
    it("refuses numbers that do not follow, and names the newest", async () => {
      const { recalls, ids } = await openSet();
      await expectProblem(await recalls.offer({ recall: 2, entries: ids }), "recall_gap");
      await recalls.offer({ entries: ids });
      await recalls.offer({ recall: 2, entries: ids });
      const fork = await recalls.offer({ recall: 2, entries: ids.slice(1) });
      expect(await fork.clone().json()).toMatchObject({ head_recall: 2, head_digest: expect.any(String) });
      await expectProblem(fork, "recall_fork");
      await expectProblem(await recalls.offer({ recall: 1, entries: ids.slice(1) }), "recall_rollback");
    });

    it("refuses times that are not a recall's", async () => {
      const { recalls, ids } = await openSet();
      const iat = Math.floor(TEST_START.getTime() / 1000);
      const forge = (change: object) =>
        signEnvelope("bw-recall+jws", { ...recalls.make({ entries: ids }), ...change }, [publisher.releaseKey]);
      await expectProblem(await recalls.post(await forge({ exp: iat + 72 * HOUR_S + 1 })), "recall_lifetime");
      await expectProblem(await recalls.post(await forge({ exp: iat })), "recall_lifetime");
      await expectProblem(await recalls.offer({ entries: ids, iat: iat + 301, exp: iat + 400 }), "recall_time");
      await expectProblem(await recalls.offer({ entries: ids, iat: iat - 10, exp: iat }), "recall_expired");
    });

    it("refuses ids that the set never held, its own unpublished ones included", async () => {
      const one = await openSet();
      const other = await openSet();
      const refused = await one.recalls.offer({ entries: [...one.ids, other.ids[0]].sort() });
      expect(await refused.clone().json()).toMatchObject({ unknown: 1 });
      await expectProblem(refused, "recall_entries");
      await expectProblem(await one.recalls.offer({ releases: [1, 2] }), "recall_entries");
      const list = await upload(one, [...one.ids, "f".repeat(32)]);
      await expectProblem(await one.recalls.offer(list.members), "recall_entries");
    });

    it("refuses a list that is not there, or another recall's", async () => {
      const open = await openSet();
      const absent = { list: `sha256:${"0".repeat(64)}`, list_size: 100, list_plain: 100 };
      await expectProblem(await open.recalls.offer(absent), "blob_missing");
      const second = await upload(open, open.ids, { recall: 2 });
      await expectProblem(await open.recalls.offer(second.members), "recall_list");
      const first = await upload(open, open.ids);
      await expectProblem(await open.recalls.offer({ ...first.members, list_plain: first.plain + 1 }), "segment_size");
      await expectProblem(
        await open.recalls.offer({ ...first.members, list_size: first.size + 1 }),
        "blob_size_mismatch",
      );
    });

    it("refuses what is not one recall of this set", async () => {
      const { recalls, ids, set } = await openSet();
      const forge = async (change: object) =>
        recalls.post(
          await signEnvelope("bw-recall+jws", { ...recalls.make({ entries: ids }), ...change }, [publisher.releaseKey]),
        );
      await expectProblem(await forge({ releases: [1, 1] }), "recall_invalid");
      await expectProblem(await forge({ note: "x" }), "recall_invalid");
      await expectProblem(await forge({ entries: [...ids].reverse() }), "recall_invalid");
      await expectProblem(await forge({ set: "another" }), "recall_invalid");
      await expectProblem(await forge({ root: 2 }), "recall_root");
      const release = set.previous()?.statement as object;
      const typed = await signEnvelope("bw-release+jws", release, [publisher.releaseKey]);
      await expectProblem(await recalls.post(typed), "recall_invalid");
      await expectProblem(await recalls.post(new Uint8Array(17 * 1024)), "envelope_too_large");
      await expectProblem(await recalls.post(new TextEncoder().encode("{}")), "envelope_format");
      await expectProblem(
        await recalls.post(await recalls.sign(recalls.make({ entries: ids })), STATEMENT),
        "recall_invalid",
      );
      await expectProblem(await recalls.offerStatement({ entries: ids }), "custody_mismatch");
      expect(await inForce(recalls.path)).toEqual({ recall: 0, recalls: [] });
    });

    it("has an end to how many are in force, and room again when they end", async () => {
      const { recalls, ids } = await openSet();
      const iat = Math.floor(TEST_START.getTime() / 1000);
      for (let n = 1; n <= RECALLS_ACTIVE_MAX; n++) {
        expect((await recalls.offer({ recall: n, entries: [ids[0]], exp: iat + HOUR_S })).status).toBe(201);
      }
      const next = { recall: RECALLS_ACTIVE_MAX + 1, entries: [ids[0]] };
      await expectProblem(await recalls.offer(next), "rate_limited");
      x.clock.advance(HOUR_MS + 1000);
      expect((await recalls.offer(next)).status).toBe(201);
    });
  });

  describe("security", () => {
    it("is nobody's but the publisher's, and the attempt shows", async () => {
      const { recalls, ids, set } = await openSet();
      const other = await openTestPublisher(x);
      const bytes = await signRecall(recalls.make({ entries: ids }), [other.releaseKey]);
      const refusal = await expectProblem(await recalls.post(bytes, undefined, other.member.key), "publisher_mismatch");
      expect(refusal).toMatchObject({ needs: publisher.publisher });
      await expectProblem(await recalls.post(bytes), "envelope_kid_unknown");
      await expectProblem(await recalls.post(bytes, undefined, subscriber.key), "scope_required");
      // In its own set, the other names entries that are not its own.
      const mine = await other.openSet("mine");
      await mine.publish([put(testHash(1))]);
      await expectProblem(await openTestRecalls(x, other, mine).offer({ entries: ids }), "recall_entries");
      const applied = (await (await get(`${set.path}/applied`, publisher.member.key)).json()) as AppliedAnswer;
      expect(applied.refused).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ code: "publisher_mismatch", by: other.member.name, times: 1 }),
          expect.objectContaining({ code: "envelope_kid_unknown", by: publisher.member.name, times: 1 }),
        ]),
      );
    });

    it("ends with the key that signed it, and says so of a key that was revoked", async () => {
      const own = await openTestPublisher(x);
      const { recalls, ids, set } = await openSet(own);
      expect((await recalls.offer({ entries: ids })).status).toBe(201);
      const fresh = await generateSigningKey({ extractable: false });
      const next = await own.makeRoot({ version: 2, prev: own.firstRootDigest }, fresh.publicJwk);
      expect((await own.postRoot(next.bytes)).status).toBe(201);
      expect((await inForce(recalls.path)).recalls).toEqual([]);
      await expectProblem(await recalls.offer({ recall: 2, entries: ids }), "recall_key_revoked");
      await expectProblem(await recalls.offer({ recall: 2, root: 2, entries: ids }), "recall_key_revoked");
      const bytes = await signRecall(recalls.make({ recall: 2, root: 2, entries: ids }), [fresh]);
      expect((await recalls.post(bytes)).status).toBe(201);
      const applied = (await (await get(`${set.path}/applied`, own.member.key)).json()) as AppliedAnswer;
      expect(applied.refused).toMatchObject([{ code: "recall_key_revoked", times: 2 }]);
      expect(applied.recalls.map(({ recall, in_force }) => [recall, in_force])).toEqual([
        [2, true],
        [1, false],
      ]);
    });

    it("survives a rotation that keeps the key", async () => {
      const own = await openTestPublisher(x);
      const { recalls, ids } = await openSet(own);
      await recalls.offer({ entries: ids });
      const next = await own.makeRoot({ version: 2, prev: own.firstRootDigest });
      expect((await own.postRoot(next.bytes)).status).toBe(201);
      expect((await inForce(recalls.path)).recalls).toHaveLength(1);
      expect((await recalls.offer({ recall: 2, entries: ids })).status).toBe(201);
    });

    it("opens nobody's blob by its digest", async () => {
      const open = await openSet();
      const other = await openTestPublisher(x);
      const set = await other.openSet("thief");
      await set.publish([put(testHash(1))]);
      const list = await upload(open, open.ids);
      await expectProblem(await openTestRecalls(x, other, set).offer(list.members), "blob_missing");
    });

    it("never has a number signed twice, whatever the rows say", async () => {
      const held = await openTestPublisher(x, { custody: "exchange" });
      const { recalls, ids, set } = await openSet(held);
      await recalls.offerStatement({ entries: ids });
      await x.sql`delete from recalls r using sets s where s.id = r.set_id and s.name = ${set.set}`;
      await x.sql`update sets set head_recall = 0 where name = ${set.set}`;
      await expectProblem(await recalls.offerStatement({ entries: ids.slice(1) }), "signer_refused");
    });
  });
});

describe("GET /v1/sets/:publisher/:set/recalls", () => {
  describe("happy", () => {
    it("has those in force only, with an entity tag that changes with them", async () => {
      const { recalls, ids } = await openSet();
      const empty = await get(recalls.path);
      expect(await empty.json()).toEqual({ recall: 0, recalls: [] });
      expect(empty.headers.get("breakwater-recall")).toBe("0");
      const iat = Math.floor(TEST_START.getTime() / 1000);
      await recalls.offer({ entries: ids, exp: iat + HOUR_S });
      await recalls.offer({ recall: 2, entries: ids });
      const both = await get(recalls.path);
      const tag = both.headers.get("etag") as string;
      expect((await get(recalls.path, subscriber.key, { "if-none-match": tag })).status).toBe(304);
      x.clock.advance(HOUR_MS);
      const later = await get(recalls.path, subscriber.key, { "if-none-match": tag });
      expect(later.status).toBe(200);
      expect(RecallsAnswer.parse(await later.json()).recalls.map(({ recall }) => recall)).toEqual([2]);
      x.clock.advance(72 * HOUR_MS);
      expect(await inForce(recalls.path)).toEqual({ recall: 2, recalls: [] });
    });
  });

  describe("error", () => {
    it("is not found for what cannot name a set", async () => {
      await expectProblem(await get(`/v1/sets/${publisher.publisher}/NOPE/recalls`), "not_found");
      await expectProblem(await get(`/v1/sets/${publisher.publisher}/nothing/recalls`), "not_found");
    });
  });

  describe("security", () => {
    it("is the uniform 404 for those outside the audience", async () => {
      const set = await publisher.openSet("named-recalls", { audience: { tier: "named", members: [] } });
      await set.publish([put(testHash(1))]);
      await expectProblem(await get(`${set.path}/recalls`), "not_found");
      await expectProblem(await get(`${set.path}/recalls/1`), "not_found");
    });
  });
});

describe("GET /v1/sets/:publisher/:set/recalls/:recall", () => {
  describe("happy", () => {
    it("is the envelope byte for byte, ended or not", async () => {
      const { recalls, ids } = await openSet();
      const bytes = await recalls.sign(recalls.make({ entries: ids }));
      await recalls.post(bytes);
      x.clock.advance(80 * HOUR_MS);
      const response = await get(`${recalls.path}/1`);
      expect(response.headers.get("content-type")).toBe("application/jose+json");
      expect(hexOf(new Uint8Array(await response.arrayBuffer()))).toBe(hexOf(bytes));
      const tag = response.headers.get("etag") as string;
      expect((await get(`${recalls.path}/1`, subscriber.key, { "if-none-match": tag })).status).toBe(304);
    });
  });

  describe("error", () => {
    it("is not found for a number that was never given out", async () => {
      const { recalls } = await openSet();
      for (const number of ["1", "0", "-1", "x"])
        await expectProblem(await get(`${recalls.path}/${number}`), "not_found");
    });
  });

  describe("security", () => {
    it("asks who is calling", async () => {
      const { recalls, ids } = await openSet();
      await recalls.offer({ entries: ids });
      await expectProblem(await x.request(`${recalls.path}/1`), "unauthenticated");
      const publishOnly = (await x.apiKey(publisher.member.name, ["publish"])).key;
      await expectProblem(await get(`${recalls.path}/1`, publishOnly), "scope_required");
    });
  });
});

describe("GET /v1/sets/:publisher/:set/applied", () => {
  const ack = (path: string, member: TestMember, json: object) => x.request(`${path}/acks`, { key: member.key, json });
  const applied = async (path: string, query = "") =>
    (await (await get(`${path}/applied${query}`, publisher.member.key)).json()) as AppliedAnswer;

  describe("happy", () => {
    it("names who has what, who is missing how much, and who is late", async () => {
      const { set, recalls, ids } = await openSet();
      const [quick, slow, silent] = [await x.member(), await x.member(), await x.member()];
      for (const member of [quick, slow, silent]) await get(`${set.path}/head`, member.key);
      await x.settle();
      const first = set.previous()?.digest as string;
      await ack(set.path, slow as TestMember, { release: 1, statement: first });
      await recalls.offer({ entries: [ids[0]] });
      const second = await set.publish([del(ids[0] as string)]);
      await ack(set.path, quick as TestMember, { release: 2, statement: second.digest, recall: 1 });
      const before = await applied(set.path);
      expect(before).toMatchObject({ release: 2, recall: 1 });
      expect(before.members).toHaveLength(3);
      const waitingFor = (name: string | undefined, has: number, late: boolean, wanted: number) =>
        expect.objectContaining({ member: name, has, missing: wanted - has, late });
      expect(before.releases.map(({ release, applied }) => [release, applied])).toEqual([
        [2, 1],
        [1, 2],
      ]);
      expect(before.releases[0]?.waiting).toEqual(
        expect.arrayContaining([waitingFor(slow?.name, 1, false, 2), waitingFor(silent?.name, 0, false, 2)]),
      );
      expect(before.recalls).toMatchObject([{ recall: 1, applied: 1, in_force: true }]);
      expect(before.recalls[0]?.due_at).toBe(new Date(TEST_START.getTime() + 72 * HOUR_MS).toISOString());
      x.clock.advance(8 * 24 * HOUR_MS);
      await x.tick();
      await x.runJobs();
      const after = await applied(set.path);
      expect(after.releases[0]?.waiting).toContainEqual(waitingFor(silent?.name, 0, true, 2));
      expect(after.releases[0]?.purged).toMatchObject({ rows: 1, derived: 0 });
      expect(after.recalls[0]).toMatchObject({ in_force: false, applied: 1 });
    });

    it("counts a recall that a stale copy applies, without believing it has a newer release", async () => {
      const { set, recalls, ids } = await openSet();
      const first = set.previous()?.digest as string;
      const stale = await x.member();
      await ack(set.path, stale, { release: 1, statement: first });
      await set.publish([put(testHash(8_000 + made))]);
      await recalls.offer({ entries: ids });
      expect((await ack(set.path, stale, { release: 1, statement: first, recall: 1 })).status).toBe(204);
      // An older answer that comes late takes nothing back.
      await ack(set.path, stale, { release: 1, statement: first });
      expect((await applied(set.path)).members).toMatchObject([{ member: stale.name, release: 1, recall: 1 }]);
    });

    it("shows as many releases as asked for", async () => {
      const { set } = await openSet();
      await set.publish([put(testHash(7_000 + made))]);
      expect((await applied(set.path, "?releases=1")).releases.map(({ release }) => release)).toEqual([2]);
    });
  });

  describe("error", () => {
    it("refuses a number of releases that is none", async () => {
      const { set } = await openSet();
      await expectProblem(await get(`${set.path}/applied?releases=0`, publisher.member.key), "query_invalid");
      await expectProblem(
        await get(`/v1/sets/${publisher.publisher}/nothing/applied`, publisher.member.key),
        "not_found",
      );
    });

    it("believes no acknowledgement of a recall that is not there", async () => {
      const { set } = await openSet();
      const statement = set.previous()?.digest as string;
      await expectProblem(await ack(set.path, subscriber, { release: 1, statement, recall: 1 }), "recall_gap");
    });
  });

  describe("security", () => {
    it("is for the set's own publisher", async () => {
      const { set } = await openSet();
      const other = await openTestPublisher(x);
      await expectProblem(await get(`${set.path}/applied`, other.member.key), "not_found");
      await expectProblem(await get(`${set.path}/applied`), "scope_required");
    });
  });
});
