import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  expectProblem,
  openTestExchange,
  openTestPublisher,
  put,
  TEST_START,
  type TestExchange,
  type TestPublisher,
  testHash,
} from "../testing/index.ts";

let exchange: TestExchange;
let publisher: TestPublisher;
let path: string;
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
  path = `/v1/sets/${publisher.publisher}`;
});
afterAll(() => exchange.close());
beforeEach(() => exchange.clock.set(TEST_START));

const request = { kind: "hash", stream: "test", audience: { tier: "test" } };
const open = (name: string, change: object = {}, key = publisher.member.key) =>
  exchange.request(`${path}/${name}`, { method: "PUT", key, json: { ...request, ...change } });

describe("PUT /v1/sets/:publisher/:set", () => {
  describe("happy", () => {
    it("opens a set and shows it to its publisher with its audience", async () => {
      const response = await open("opened", { audience: { tier: "named", members: ["company", "company"] } });
      expect(response.status).toBe(201);
      expect(await response.json()).toMatchObject({
        kind: "hash",
        stream: "test",
        release: 0,
        entries: 0,
        about: null,
        yours: true,
        audience_members: ["company"],
      });
    });

    it("changes the audience of one that is open", async () => {
      expect((await open("changed")).status).toBe(201);
      const response = await open("changed", { audience: { tier: "vetted" } });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ audience_tier: "vetted", audience_members: [] });
    });

    it("opens a harmful-but-legal set for an authorised body", async () => {
      const body = await openTestPublisher(exchange, { roles: ["publisher", "authorised_body"] });
      const harmful = { ...request, stream: "harmful_but_legal", audience: { tier: "vetted" } };
      const response = await exchange.request(`/v1/sets/${body.publisher}/harmful`, {
        method: "PUT",
        key: body.member.key,
        json: harmful,
      });
      expect(response.status).toBe(201);
    });

    it("lets a person with the publisher's role do it", async () => {
      const person = await exchange.person(publisher.member.name, ["publisher"]);
      const response = await exchange.request(`${path}/by-person`, {
        method: "PUT",
        cookie: person.cookie,
        json: request,
      });
      expect(response.status).toBe(201);
    });
  });

  describe("error", () => {
    it.each([
      ["no audience", { audience: undefined }],
      ["an unknown tier", { audience: { tier: "public" } }],
      ["names beside a tier that is no name list", { audience: { tier: "agreed", members: ["company"] } }],
      ["an unknown kind", { kind: "account" }],
      ["an unknown member", { note: "x" }],
    ])("refuses %s", async (_what, change) => {
      await expectProblem(await open("refused", change), "request_invalid");
    });

    it("refuses another kind or stream for a set that is open", async () => {
      await open("fixed");
      await expectProblem(await open("fixed", { kind: "indicator" }), "set_exists");
      await expectProblem(await open("fixed", { stream: "photographic", audience: { tier: "agreed" } }), "set_exists");
    });

    it.each(["UPPER", "-a", "a_b", "a".repeat(64)])("knows no set called %s", async (name) => {
      await expectProblem(await open(name), "not_found");
    });
  });

  describe("security", () => {
    it.each([
      ["exact hashes of real material to everybody", { stream: "photographic", audience: { tier: "test" } }],
      ["terms to agreed members", { kind: "term", stream: "photographic", audience: { tier: "agreed" } }],
      ["addresses to agreed members", { kind: "url", stream: "photographic", audience: { tier: "agreed" } }],
    ])("refuses to show %s", async (_what, change) => {
      await expectProblem(await open("wide", change), "audience_too_wide");
    });

    it("refuses perceptual hashes to agreed members, at the release and at a later widening", async () => {
      const set = await publisher.openSet("perceptual", { stream: "photographic", audience: { tier: "agreed" } });
      const pdq = testHash(1, { alg: "pdq", value: "a5".repeat(32), quality: 90, ambiguous_bits: 1 });
      const about = { ...set.about, algs: ["pdq", "sha256"], act_distance: 20, review_distance: 31, quality_floor: 50 };
      const change = { about } as never;
      await expectProblem((await set.offer([put(pdq)], change)).response, "audience_too_wide");
      expect((await open("perceptual", { stream: "photographic", audience: { tier: "vetted" } })).status).toBe(200);
      const composed = await set.compose([put(pdq)], change);
      await set.upload(composed);
      expect((await set.post(await set.sign(composed.statement))).status).toBe(201);
      const refusal = await expectProblem(
        await open("perceptual", { stream: "photographic", audience: { tier: "agreed" } }),
        "audience_too_wide",
      );
      expect(refusal).toMatchObject({ tier: "agreed", widest: "vetted" });
      expect(
        (await open("perceptual", { stream: "photographic", audience: { tier: "named", members: [] } })).status,
      ).toBe(200);
    });

    it("refuses a set about persons to anybody but those it names", async () => {
      const set = await publisher.openSet("persons", { stream: "photographic", audience: { tier: "vetted" } });
      const about = { ...set.about, person_linked: true, keep_stale_days: 14 };
      await expectProblem((await set.offer([put(testHash(1))], { about })).response, "audience_too_wide");
    });

    it("refuses a harmful-but-legal set to anybody but an authorised body", async () => {
      const refusal = await expectProblem(
        await open("harmful", { stream: "harmful_but_legal", audience: { tier: "vetted" } }),
        "stream_role",
      );
      expect(refusal).toMatchObject({ status: 403, needs_role: "authorised_body" });
    });

    it("refuses another publisher's name, a key without the scope, and nobody", async () => {
      const other = await openTestPublisher(exchange);
      const mismatch = await expectProblem(await open("theirs", {}, other.member.key), "publisher_mismatch");
      expect(mismatch).toMatchObject({ status: 403, needs: publisher.publisher });
      const company = await exchange.member();
      const refusal = await expectProblem(await open("theirs", {}, company.key), "scope_required");
      expect(refusal).toMatchObject({ status: 403, scopes: ["publish"] });
      await expectProblem(
        await exchange.request(`${path}/theirs`, { method: "PUT", json: request }),
        "unauthenticated",
      );
      const analyst = await exchange.person(publisher.member.name, ["subscriber"]);
      await expectProblem(
        await exchange.request(`${path}/theirs`, { method: "PUT", cookie: analyst.cookie, json: request }),
        "role_required",
      );
    });
  });
});

describe("GET /v1/sets/:publisher/:set/releases/:release/admission", () => {
  describe("happy", () => {
    it("tells how an admission went, also when its trace has ended", async () => {
      const set = await publisher.openSet("traced");
      const { digest } = await set.publish([put(testHash(1))]);
      const ask = () => exchange.request(`${set.path}/releases/1/admission`, { key: publisher.member.key });
      const done = { state: "done", digest, rows_done: 1, rows_total: 1 };
      expect(await (await ask()).json()).toEqual(done);
      await exchange.sql`delete from admissions`;
      expect(await (await ask()).json()).toEqual(done);
    });

    it("tells why a release was refused", async () => {
      const set = await publisher.openSet("told");
      const { composed } = await set.offer([put(testHash(1))]);
      expect(composed.manifest.release).toBe(1);
      const bad = await publisher.openSet("told-bad", { stream: "photographic", audience: { tier: "agreed" } });
      const pdq = testHash(1, { alg: "pdq", value: "a5".repeat(32), quality: 90 });
      const about = { ...bad.about, algs: ["pdq"], act_distance: 20, review_distance: 31, quality_floor: 50 } as never;
      await expectProblem((await bad.offer([put(pdq)], { about })).response, "audience_too_wide");
      const answer = await exchange.request(`${bad.path}/releases/1/admission`, { key: publisher.member.key });
      expect(await answer.json()).toMatchObject({
        state: "failed",
        code: "audience_too_wide",
        detail: { widest: "vetted" },
      });
    });
  });

  describe("error", () => {
    it("knows no number that was never brought", async () => {
      const set = await publisher.openSet("untold");
      await expectProblem(
        await exchange.request(`${set.path}/releases/1/admission`, { key: publisher.member.key }),
        "not_found",
      );
      await expectProblem(
        await exchange.request(`${set.path}/releases/0/admission`, { key: publisher.member.key }),
        "not_found",
      );
    });
  });

  describe("security", () => {
    it("is for the set's publisher alone", async () => {
      const set = await publisher.openSet("private");
      await set.publish([put(testHash(1))]);
      const other = await openTestPublisher(exchange);
      const ask = (as: object) => exchange.request(`${set.path}/releases/1/admission`, as);
      await expectProblem(await ask({ key: other.member.key }), "not_found");
      await expectProblem(await ask({ key: (await exchange.member()).key }), "scope_required");
      await expectProblem(await ask({}), "unauthenticated");
    });
  });
});
