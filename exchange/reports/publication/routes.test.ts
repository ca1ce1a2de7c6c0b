import type { PreviewAnswer, ReadyAnswer } from "@breakwater/shared/wire/publication.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  expectProblem,
  fileHash,
  itemOf,
  openTestExchange,
  openTestHotline,
  put,
  type TestExchange,
  type TestHotline,
  testHash,
} from "../../testing/index.ts";

let exchange: TestExchange;
let hotline: TestHotline;
beforeAll(async () => {
  exchange = await openTestExchange();
  hotline = await openTestHotline(exchange);
});
afterAll(() => exchange.close());

let made = 0x2000;
function newFile(): string {
  made += 1;
  return made.toString(16);
}
const newVerified = (change = {}, file = newFile()) =>
  hotline.verify({ file, url: `https://forum.example/t/${made}` }, change);

async function linesOf(h: TestHotline): Promise<string> {
  return (await exchange.request(`${h.set.path}/entries.ndjson`, { key: h.member.key })).text();
}
const asPublisher = (h: TestHotline, path: string, json?: unknown) =>
  exchange.request(path, { cookie: h.people.b.cookie, ...(json === undefined ? {} : { json }) });

describe("GET /v1/hotline/ready", () => {
  describe("happy", () => {
    it("lists verified cases with the entries they would become, and the sets to choose from", async () => {
      const { number, report } = await newVerified();
      const ready = (await (await asPublisher(hotline, "/v1/hotline/ready")).json()) as ReadyAnswer;
      expect(ready.sets).toMatchObject([{ publisher: hotline.publisher.publisher, set: "verified" }]);
      const found = ready.cases.find((one) => one.case === number);
      expect(found?.entries).toMatchObject([
        { alg: "sha256", value: report.items[0]?.hashes[0]?.value, verification: "two_reviewed" },
      ]);
    });
  });
  describe("error", () => {
    it("leaves out what only one person has assessed", async () => {
      const { report } = await hotline.send({ file: newFile(), url: "https://half.example/" });
      const number = await hotline.caseNumberOf(report.id);
      await hotline.assess(hotline.people.a, number, hotline.finding(hotline.hashesAtSource(report.items)));
      const ready = (await (await asPublisher(hotline, "/v1/hotline/ready")).json()) as ReadyAnswer;
      expect(ready.cases.map((one) => one.case)).not.toContain(number);
    });
  });
  describe("security", () => {
    it("shows another hotline nothing, and a key or device neither", async () => {
      const other = await openTestHotline(exchange);
      expect(((await (await asPublisher(other, "/v1/hotline/ready")).json()) as ReadyAnswer).cases).toEqual([]);
      await expectProblem(await exchange.request("/v1/hotline/ready"), "unauthenticated");
      await expectProblem(await exchange.request("/v1/hotline/ready", { key: hotline.member.key }), "forbidden");
    });
  });
});

describe("POST /v1/hotline/publications/preview", () => {
  const path = "/v1/hotline/publications/preview";
  describe("happy", () => {
    it("shows what would change, the checks, who signs, and stores nothing", async () => {
      const { number } = await newVerified();
      const preview = (await (
        await asPublisher(hotline, path, { set: "verified", cases: [number] })
      ).json()) as PreviewAnswer;
      expect(preview).toMatchObject({
        release_next: preview.release + 1,
        entries_after: preview.entries_before + 1,
        signing: { custody: "exchange" },
      });
      expect(preview.changes).toMatchObject([
        { op: "put", case: number, checked_by: "two_reviewed", asks_for: "block_remove_report" },
      ]);
      expect(preview.checks.every(({ ok }) => ok === true)).toBe(true);
      expect((await hotline.getCase(hotline.people.a, number)).state).toBe("verified");
    });

    it("says what is listed already instead of listing it twice", async () => {
      const h = await openTestHotline(exchange);
      const first = await h.verify({ file: "31", url: "https://a.example/" });
      // Verified, and published in the meantime from elsewhere under an id of its own.
      await h.set.offer([put(testHash(1, { value: fileHash("31") }))], { about: h.about });
      const preview = (await (
        await asPublisher(h, path, { set: "verified", cases: [first.number] })
      ).json()) as PreviewAnswer;
      expect(preview.changes).toEqual([]);
      expect(preview.checks.find(({ code }) => code === "already_listed")).toEqual({
        code: "already_listed",
        ok: "caution",
        count: 1,
      });
    });
  });
  describe("error", () => {
    it("refuses a case that is not verified, one that is not there, and a set that is not there", async () => {
      const { report } = await hotline.send({ file: newFile(), url: "https://raw.example/" });
      const number = await hotline.caseNumberOf(report.id);
      await expectProblem(await asPublisher(hotline, path, { set: "verified", cases: [number] }), "case_state");
      await expectProblem(await asPublisher(hotline, path, { set: "verified", cases: [99_999] }), "not_found");
      await expectProblem(await asPublisher(hotline, path, { set: "verified", cases: [2 ** 31] }), "request_invalid");
      const done = await newVerified();
      await expectProblem(await asPublisher(hotline, path, { set: "nothing", cases: [done.number] }), "not_found");
      await expectProblem(await asPublisher(hotline, path, { set: "verified", cases: [] }), "request_invalid");
      await hotline.publisher.openSet("terms", { kind: "term" });
      await expectProblem(await asPublisher(hotline, path, { set: "terms", cases: [done.number] }), "set_kind");
    });
  });
  describe("security", () => {
    it("is for people with the role publisher, and for their own cases", async () => {
      const { number } = await newVerified();
      const json = { set: "verified", cases: [number] };
      await expectProblem(await exchange.request(path, { cookie: hotline.people.a.cookie, json }), "role_required");
      await expectProblem(await exchange.request(path, { json }), "unauthenticated");
      await expectProblem(
        await exchange.request(path, { cookie: hotline.people.b.cookie, json, origin: "https://other.example" }),
        "origin_mismatch",
      );
      const other = await openTestHotline(exchange);
      await expectProblem(await asPublisher(other, path, { set: "verified", cases: [99_999] }), "not_found");
    });
  });
});

describe("POST /v1/hotline/publications", () => {
  const path = "/v1/hotline/publications";
  describe("happy", () => {
    it("publishes what both computed in the next release, and the case says where", async () => {
      const { number, report } = await newVerified({ flags: ["self_generated"] });
      const answer = await hotline.publish([number]);
      expect(answer.cases).toEqual([number]);
      const seen = await hotline.getCase(hotline.people.a, number);
      expect(seen).toMatchObject({
        state: "published",
        outcome_code: "listed",
        published: { release: answer.release },
      });
      const lines = (await linesOf(hotline))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const entry = lines.find(({ id }) => id === seen.published?.entries[0]);
      expect(entry).toMatchObject({
        value: report.items[0]?.hashes[0]?.value,
        source_fidelity: "original_bytes",
        verification: { level: "two_reviewed", people: 2, on: "2026-11-22" },
        labels: ["self_generated"],
        category: "synthetic_test",
      });
      // Nothing in the entry leads back to the report.
      for (const id of [report.id, report.items[0]?.item_id as string])
        expect(JSON.stringify(entry)).not.toContain(id.replaceAll("-", ""));
      const status = await exchange.request(`/v1/reports/${report.id}`, {
        device: await hotline.device.proof(`/v1/reports/${report.id}`),
      });
      expect(await status.json()).toMatchObject({ state: "published", outcome_code: "listed" });
    });

    it("leaves out what is chosen to be left out", async () => {
      const [x, y] = [await newVerified(), await newVerified()];
      const ready = (await (await asPublisher(hotline, "/v1/hotline/ready")).json()) as ReadyAnswer;
      const left = ready.cases.find((one) => one.case === y.number)?.entries[0]?.id as string;
      await hotline.publish([x.number, y.number], { leave_out: [left] });
      expect((await hotline.getCase(hotline.people.a, x.number)).state).toBe("published");
      expect((await hotline.getCase(hotline.people.a, y.number)).state).toBe("verified");
      expect(await linesOf(hotline)).not.toContain(y.report.items[0]?.hashes[0]?.value);
    });

    it("shows a case as withdrawn once the set has taken its entries back", async () => {
      const h = await openTestHotline(exchange);
      const { number, report } = await h.verify({ file: "41", url: "https://a.example/" });
      await h.publish([number]);
      const [id] = (await h.getCase(h.people.a, number)).published?.entries ?? [];
      // The test publisher's own copy knows nothing of the server's release: the signer and the rows do.
      const { publishEntries } = await import("../../sets/index.ts");
      await exchange.withDeps(async (deps) => {
        const by = {
          kind: "key",
          keyId: "test",
          scopes: ["publish"],
          memberId: (await exchange.sql`select id from members where name = ${h.member.name}`)[0]?.id,
          member: h.member.name,
          memberRoles: ["publisher"],
          tier: "vetted",
          publisher: h.publisher.publisher,
          hotlineId: undefined,
        } as never;
        await publishEntries(deps, {
          publisher: h.publisher.publisher,
          set: "verified",
          puts: [],
          dels: [{ id: id as string, why: "withdrawn" }],
          by,
        });
      });
      await exchange.tick();
      expect(await h.getCase(h.people.a, number)).toMatchObject({ state: "withdrawn" });
      const status = await exchange.request(`/v1/reports/${report.id}`, {
        device: await h.device.proof(`/v1/reports/${report.id}`),
      });
      expect(await status.json()).toMatchObject({ state: "withdrawn" });
    });

    it("marks the cases when the head moved and the request ended there", async () => {
      const h = await openTestHotline(exchange);
      const { number } = await h.verify({ file: "42", url: "https://a.example/" });
      exchange.killAt("after_head_moved");
      await asPublisher(h, path, { set: "verified", cases: [number], expected_release: 1 }).catch(() => {});
      exchange.killAt(undefined);
      exchange.clock.advance(60_000);
      await exchange.runJobs();
      expect((await h.getCase(h.people.a, number)).state).toBe("published");
      expect((await linesOf(h)).trim().split("\n")).toHaveLength(1);
    });
  });

  describe("error", () => {
    it("refuses against another head than was shown, and the second of two publications of one case", async () => {
      const { number } = await newVerified();
      const json = { set: "verified", cases: [number], expected_release: 99 };
      await expectProblem(await asPublisher(hotline, path, json), "conflict");
      await hotline.publish([number]);
      await expectProblem(await asPublisher(hotline, path, { ...json, expected_release: 2 }), "case_state");
    });

    it("refuses to publish into a stream that the finding does not belong to", async () => {
      const h = await openTestHotline(exchange);
      const photographic = await h.publisher.openSet("photos", {
        stream: "photographic",
        audience: { tier: "vetted" },
      });
      await photographic.publish([]);
      const { number } = await h.verify({ file: "51", url: "https://a.example/" }, { production: "ai_generated" });
      const json = { set: "photos", cases: [number], expected_release: 1 };
      await expectProblem(await asPublisher(h, path, json), "case_state");
    });
  });

  describe("security", () => {
    it("is for people with the role publisher, from the console's own page", async () => {
      const { number } = await newVerified();
      const json = { set: "verified", cases: [number], expected_release: 1 };
      await expectProblem(await exchange.request(path, { cookie: hotline.people.a.cookie, json }), "role_required");
      await expectProblem(await exchange.request(path, { key: hotline.member.key, json }), "forbidden");
      await expectProblem(
        await exchange.request(path, { cookie: hotline.people.b.cookie, json, origin: "https://other.example" }),
        "origin_mismatch",
      );
    });

    it("lists no hash that a flagger sent for another picture: address of A, hash of B", async () => {
      const h = await openTestHotline(exchange);
      const b = fileHash("bb01");
      // Somebody reports the page of picture A with the hash of picture B, to have B taken down everywhere.
      const { report } = await h.send({ file: "bb01", url: "https://page-of-a.example/" });
      const number = await h.caseNumberOf(report.id);
      // Both assessors look at A and compute A's hash there.
      for (const person of [h.people.a, h.people.b])
        await h.assess(person, number, h.finding(h.hashesAtSource(report.items, "aa01")));
      expect(await h.getCase(h.people.a, number)).toMatchObject({
        state: "unverifiable",
        outcome_code: "hash_not_confirmed",
      });
      await expectProblem(
        await asPublisher(h, path, { set: "verified", cases: [number], expected_release: 1 }),
        "case_state",
      );
      // As an item that they add themselves, A can be listed; B still cannot.
      const again = await h.send({ file: "bb01", url: "https://page-of-a.example/2" });
      const second = await h.caseNumberOf(again.report.id);
      for (const person of [h.people.a, h.people.b]) {
        const own = [
          { item_id: crypto.randomUUID(), alg: "sha256", value: fileHash("aa01"), source: "original_bytes" } as const,
        ];
        await h.assess(person, second, h.finding(own));
      }
      await h.publish([second]);
      expect(await linesOf(h)).toContain(fileHash("aa01"));
      const [row] = await exchange.sql`select count(*)::int as n from entry_versions where line like ${`%${b}%`}`;
      expect(row?.n).toBe(0);
    });

    it("never lists a rendered hash: a flagger's crop is a lead, the assessors' hashes are the entry", async () => {
      const h = await openTestHotline(exchange);
      const crop = "0f".repeat(32);
      const item = itemOf("0", {
        hashes: [{ alg: "pdq", value: crop, quality: 95 }],
        acquisition: { method: "rendered_crop", source_fidelity: "rendered" },
      });
      const { report } = await h.send({ items: [item], url: "https://c.example/" });
      const number = await h.caseNumberOf(report.id);
      const near = `1f${crop.slice(2)}`;
      const own = [{ item_id: item.item_id, alg: "pdq", value: near, quality: 91, source: "original_bytes" } as const];
      for (const person of [h.people.a, h.people.b]) await h.assess(person, number, h.finding(own));
      await h.publish([number]);
      const lines = await linesOf(h);
      expect(lines).toContain(near);
      expect(lines).not.toContain(crop);
    });
  });
});
