import { PURGE_ERASURE_SECONDS, PURGE_SECONDS } from "@breakwater/shared/manifest.ts";
import {
  OPINIONS_BATCH_MAX,
  OperatorFloods,
  type OpinionItem,
  OpinionsPage,
  sightingBandOf,
} from "@breakwater/shared/wire/opinions.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runRetention } from "../platform/retention.ts";
import {
  del,
  expectProblem,
  openTestExchange,
  openTestPublisher,
  put,
  type TestExchange,
  type TestMember,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";
import { OPINION_BATCHES, OPINION_KEEP_DAYS } from "./limits.ts";
import { opinionsRetention } from "./retention.ts";

const DAY_MS = 86_400_000;
let x: TestExchange;
let publisher: TestPublisher;
let set: TestSet;
let companies: TestMember[];
let company: TestMember;
const entries = Array.from({ length: 20 }, (_, at) => testHash(at + 1));
const idOf = (at: number) => (entries[at] as (typeof entries)[number]).id;

beforeAll(async () => {
  x = await openTestExchange();
  publisher = await openTestPublisher(x);
  set = await publisher.openSet("spoken", { audience: { tier: "agreed" } });
  await set.publish(entries.map(put));
  companies = [];
  for (let i = 0; i < 7; i++) companies.push(await x.member({ tier: "agreed" }));
  company = companies[0] as TestMember;
});
afterAll(() => x.close());

const now = () => x.clock.now().toISOString();
const today = () => now().slice(0, 10);
const opinion = (entry: string, change: object = {}) =>
  ({ kind: "opinion", entry, release: 1, at: now(), verdict: "confirmed", ...change }) as OpinionItem;
const rejection = (entry: string, change: object = {}) =>
  opinion(entry, { verdict: "rejected", reason: "adult", ...change });
const flood = (change: object) => ({ kind: "flood", at: now(), times: 40, ...change }) as OpinionItem;

const send = (key: string, items: unknown[], batch_id: string = crypto.randomUUID(), path = set.path) =>
  x.request(`${path}/opinions`, { key, json: { batch_id, items } });
async function said(key: string, ...items: OpinionItem[]): Promise<unknown> {
  const response = await send(key, items);
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}
async function page(query = ""): Promise<OpinionsPage> {
  const response = await x.request(`${set.path}/opinions${query}`, { key: publisher.member.key });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return OpinionsPage.parse(await response.json());
}
const shown = async (entry: string) => (await page("?limit=200")).entries.find((row) => row.entry === entry);

describe("POST /v1/sets/:publisher/:set/opinions", () => {
  describe("happy", () => {
    it("keeps every kind, and a later word of the same member in place of the earlier", async () => {
      const outcomes = {
        kind: "outcomes",
        entry: idOf(0),
        day: today(),
        matched: 50,
        reviewed: 20,
        rejected: 6,
      } as const;
      const sighting = { kind: "sighting", entry: idOf(0), day: today(), count_band: sightingBandOf(50) } as const;
      expect(await said(company.key, opinion(idOf(0)), outcomes, sighting)).toEqual({ accepted: 3, ignored: [] });
      await said(company.key, rejection(idOf(0)), { ...outcomes, matched: 60 });
      expect(await shown(idOf(0))).toMatchObject({
        listed: true,
        verdicts: { confirmed: 0, rejected: "few", unclear: 0 },
        reasons: { adult: "few" },
        outcomes: { matched: 60, reviewed: 20, confirmed: 0, rejected: 6, overturned: 0 },
        seen_by: "few",
        named: [],
      });
    });

    it("the older word that a queue brings late does not undo the newer", async () => {
      await said(company.key, rejection(idOf(1)));
      await said(company.key, opinion(idOf(1), { at: new Date(x.clock.now().getTime() - DAY_MS).toISOString() }));
      expect((await shown(idOf(1)))?.verdicts).toMatchObject({ rejected: "few", confirmed: 0 });
    });

    it("a word said by a clock that is ahead does not keep out the correction", async () => {
      await said(company.key, opinion(idOf(16), { at: new Date(x.clock.now().getTime() + DAY_MS / 2).toISOString() }));
      x.clock.advance(60_000);
      await said(company.key, rejection(idOf(16)));
      expect((await shown(idOf(16)))?.verdicts).toMatchObject({ rejected: "few", confirmed: 0 });
    });

    it("the same batch twice is one batch, also when both arrive at once", async () => {
      const id = crypto.randomUUID();
      const items = [flood({ scope: "entry", entry: idOf(2) })];
      const answers = await Promise.all([1, 2, 3].map(async () => (await send(company.key, items, id)).json()));
      expect(answers).toEqual(new Array(3).fill({ accepted: 1, ignored: [] }));
      expect(await x.sql`select 1 from opinion_batches where batch_id = ${id}`).toHaveLength(1);
    });

    it("batches of one member that say the same in another order do not wait for each other for ever", async () => {
      const items = entries.map(({ id }) => opinion(id, { verdict: "unclear" }));
      const answers = await Promise.all(
        [items, items.toReversed(), items, items.toReversed()].map((its) => send(company.key, its)),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    });

    it("speaks of what was listed and is no more", async () => {
      await set.publish([del(idOf(3))]);
      expect(await said(company.key, rejection(idOf(3)))).toEqual({ accepted: 1, ignored: [] });
      expect((await shown(idOf(3)))?.listed).toBe(false);
    });
  });

  describe("error", () => {
    it("leaves out what never was, and what cannot be of now, and keeps the rest", async () => {
      const at = (days: number) => new Date(x.clock.now().getTime() + days * DAY_MS).toISOString();
      const answer = await said(
        company.key,
        opinion("f".repeat(32)),
        opinion(idOf(4)),
        flood({ scope: "release", release: 999 }),
        opinion(idOf(4), { at: at(-100) }),
        opinion(idOf(4), { at: at(3) }),
      );
      expect(answer).toEqual({
        accepted: 1,
        ignored: [
          { at: 0, code: "entry_unknown" },
          { at: 2, code: "release_unknown" },
          { at: 3, code: "too_old" },
          { at: 4, code: "from_the_future" },
        ],
      });
    });

    it.each([
      ["free text", () => ({ ...rejection(idOf(5)), note: "anything" })],
      ["a rejection without a reason", () => opinion(idOf(5), { verdict: "rejected" })],
      ["a reason for a confirmation", () => opinion(idOf(5), { reason: "adult" })],
      ["a small count", () => ({ kind: "outcomes", entry: idOf(5), day: "2026-11-22", matched: 4 })],
      ["a flood of an entry without one", () => flood({ scope: "entry" })],
      ["a flood of a publisher with an entry", () => flood({ scope: "publisher", entry: idOf(5) })],
      ["a hash in place of an id", () => opinion("a".repeat(64))],
    ])("refuses %s", async (_, make) => {
      await expectProblem(await send(company.key, [make()]), "request_invalid");
    });

    it("refuses a batch of nothing and one that is too large", async () => {
      await expectProblem(await send(company.key, []), "request_invalid");
      const many = new Array(OPINIONS_BATCH_MAX + 1).fill(opinion(idOf(5)));
      await expectProblem(await send(company.key, many), "request_invalid");
      expect((await send(company.key, new Array(OPINIONS_BATCH_MAX).fill(opinion(idOf(5))))).status).toBe(200);
    });

    it("refuses another batch under a number that was used", async () => {
      const id = crypto.randomUUID();
      expect((await send(company.key, [opinion(idOf(6))], id)).status).toBe(200);
      await expectProblem(await send(company.key, [rejection(idOf(6))], id), "opinions_batch");
      expect((await shown(idOf(6)))?.verdicts.rejected).toBe(0);
    });

    it("ends after so many batches an hour, with a time to come back", async () => {
      const eager = await x.member({ tier: "agreed" });
      await x.withDeps(async ({ sql }) => {
        const [row] = await sql<{ id: string }[]>`select id from members where name = ${eager.name}`;
        const startsAt = new Date(Math.floor(x.clock.now().getTime() / 3_600_000) * 3_600_000);
        await sql`
          insert into rate_windows (bucket, starts_at, count)
          values (${`${OPINION_BATCHES.name}:${row?.id}`}, ${startsAt}, ${OPINION_BATCHES.limit})`;
      });
      const refused = await send(eager.key, [opinion(idOf(6))]);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      await expectProblem(refused, "rate_limited");
    });
  });

  describe("security", () => {
    it("a member that may not see the set speaks to nobody, and learns nothing", async () => {
      const stranger = await x.member({ tier: "test" });
      await expectProblem(await send(stranger.key, [opinion(idOf(7))]), "not_found");
      await expectProblem(await send(stranger.key, [opinion(idOf(7))], undefined, `${set.path}-none`), "not_found");
    });

    it("a publisher cannot praise its own set", async () => {
      await expectProblem(await send(publisher.member.key, [opinion(idOf(7))]), "opinion_own");
    });

    it("an id of another set is unknown here", async () => {
      const other = await publisher.openSet("other", { audience: { tier: "agreed" } });
      const foreign = testHash(500);
      await other.publish([put(foreign)]);
      expect(await said(company.key, opinion(foreign.id))).toMatchObject({ accepted: 0 });
    });

    it("nothing of an entry, member or verdict reaches the log", async () => {
      await said(company.key, rejection(idOf(8)));
      const lines = JSON.stringify(x.logged.filter(({ event }) => event === "opinions_taken"));
      expect(lines).toContain("accepted");
      for (const word of [idOf(8), company.name, "adult", "rejected"]) expect(lines).not.toContain(word);
    });
  });
});

describe("GET /v1/sets/:publisher/:set/opinions", () => {
  describe("happy", () => {
    it("says numbers from five members on, and names only who signed", async () => {
      for (const one of companies.slice(0, 6)) await said(one.key, rejection(idOf(9)));
      await said((companies[6] as TestMember).key, opinion(idOf(9), { named: true }));
      const row = await shown(idOf(9));
      expect(row?.verdicts).toEqual({ confirmed: "few", rejected: 5, unclear: 0 });
      expect(row?.named).toMatchObject([
        { member: companies[6]?.name, verdict: "confirmed", reason: null, release: 1 },
      ]);
    });

    it("pages through all entries, each once, and through the rejected ones alone", async () => {
      const all: string[] = [];
      let cursor: string | undefined;
      do {
        const one = await page(`?limit=2${cursor === undefined ? "" : `&cursor=${cursor}`}`);
        expect(one.floods === undefined).toBe(cursor !== undefined);
        all.push(...one.entries.map(({ entry }) => entry));
        cursor = one.cursor;
      } while (cursor !== undefined);
      expect(all.length).toBeGreaterThan(4);
      expect(new Set(all).size).toBe(all.length);
      expect(all).toEqual((await page("?limit=200")).entries.map(({ entry }) => entry));
      const rejected = (await page("?limit=200&only=rejected")).entries;
      expect(rejected.map(({ entry }) => entry)).toContain(idOf(9));
      expect(rejected.every(({ verdicts, outcomes }) => verdicts.rejected !== 0 || outcomes.rejected !== 0)).toBe(true);
    });

    it("shows floods: what, how strong, when; how many members, never which", async () => {
      for (const one of companies) await said(one.key, flood({ scope: "release", release: 1, times: 12 }));
      await said(company.key, flood({ scope: "publisher", times: 99 }));
      const { floods = [] } = await page();
      expect(floods).toContainEqual({
        scope: "release",
        entry: null,
        release: 1,
        members: 5,
        times: 12,
        last_day: today(),
      });
      expect(floods).toContainEqual({
        scope: "publisher",
        entry: null,
        release: null,
        members: "few",
        times: 99,
        last_day: today(),
      });
    });
  });

  describe("error", () => {
    it("refuses a cursor of another making", async () => {
      const response = await x.request(`${set.path}/opinions?cursor=1`, { key: publisher.member.key });
      await expectProblem(response, "cursor_invalid");
    });
  });

  describe("security", () => {
    it("is for the set's own publisher: others do not even learn that the set is there", async () => {
      const other = await openTestPublisher(x);
      await expectProblem(await x.request(`${set.path}/opinions`, { key: other.member.key }), "not_found");
      await expectProblem(await x.request(`${set.path}/opinions`, { key: company.key }), "scope_required");
    });

    it("holds no count of members from one to four, and no name of who did not sign", async () => {
      const text = JSON.stringify(await page("?limit=200"));
      for (const { name } of companies.slice(0, 6)) expect(text).not.toContain(`"${name}"`);
      for (const { verdicts, reasons, outcomes, seen_by } of (await page("?limit=200")).entries) {
        for (const count of [
          ...Object.values(verdicts),
          ...Object.values(reasons),
          ...Object.values(outcomes),
          seen_by,
        ]) {
          expect(count === "few" || count === 0 || count >= 5).toBe(true);
        }
      }
    });

    it("a total beside its parts does not say the small one that is left out", async () => {
      for (const one of companies.slice(0, 5)) await said(one.key, rejection(idOf(15)));
      const before = (await shown(idOf(15)))?.verdicts;
      await said((companies[5] as TestMember).key, rejection(idOf(15), { reason: "not_csam" }));
      const row = await shown(idOf(15));
      expect(row?.verdicts).toEqual(before);
      expect(row?.reasons).toEqual({ adult: 5, not_csam: "few" });
    });
  });
});

describe("GET /v1/operator/floods", () => {
  const floods = async () =>
    OperatorFloods.parse(await (await x.request("/v1/operator/floods", { key: x.operatorKey })).json()).floods;

  describe("happy", () => {
    it("shows them over all sets, and no more once they are old", async () => {
      await said(company.key, flood({ scope: "entry", entry: idOf(10) }));
      const found = (await floods()).find(({ entry }) => entry === idOf(10));
      expect(found).toMatchObject({ publisher: publisher.publisher, set: "spoken", members: "few", times: 40 });
    });
  });

  describe("error", () => {
    it("is the operator's alone", async () => {
      await expectProblem(await x.request("/v1/operator/floods", { key: company.key }), "scope_required");
    });
  });

  describe("security", () => {
    it("names no member", async () => {
      const text = JSON.stringify(await floods());
      for (const { name } of companies) expect(text).not.toContain(`"${name}"`);
    });
  });
});

describe("the end of opinions", () => {
  const purged = async (seconds: number) => {
    await x.settle();
    x.clock.advance((seconds + 1) * 1_000);
    await x.tick();
    await x.runJobs();
  };

  it("an erased entry leaves none; a withdrawn one keeps them for its publisher", async () => {
    const [erased, withdrawn] = [idOf(11), idOf(12)];
    const sighting = { kind: "sighting", day: today(), count_band: "1-4" } as const;
    await said(company.key, rejection(erased), rejection(withdrawn), { ...sighting, entry: erased });
    await said(company.key, flood({ scope: "entry", entry: erased }));
    await set.publish([del(withdrawn)]);
    await purged(PURGE_SECONDS);
    expect(await x.sql`select 1 from entry_versions where id = ${withdrawn} and op = 'put'`).toHaveLength(0);
    await set.publish([del(erased)], { purpose: "erasure" });
    await purged(PURGE_ERASURE_SECONDS);
    expect(await shown(withdrawn)).toBeDefined();
    expect(await shown(erased)).toBeUndefined();
    expect(await x.sql`select 1 from opinion_floods where subject = ${erased}`).toHaveLength(0);
    // A queue that was offline meanwhile.
    expect(await said(company.key, rejection(erased), flood({ scope: "entry", entry: erased }))).toEqual({
      accepted: 0,
      ignored: [
        { at: 0, code: "entry_unknown" },
        { at: 1, code: "entry_unknown" },
      ],
    });
    expect(await said(company.key, rejection(withdrawn))).toEqual({ accepted: 1, ignored: [] });
  });

  it("verdicts end by themselves", async () => {
    x.clock.advance((OPINION_KEEP_DAYS + 1) * DAY_MS);
    await x.withDeps((deps) => runRetention(deps, opinionsRetention));
    for (const table of ["opinions", "opinion_days", "opinion_floods", "opinion_batches"]) {
      expect(await x.sql`select 1 from ${x.sql(table)}`).toHaveLength(0);
    }
  });
});
