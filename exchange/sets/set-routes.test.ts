import { digestHex, digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { generateSigningKey, type NewSigningKey, thumbprint } from "@breakwater/shared/keys.ts";
import { signRelease } from "@breakwater/shared/release.ts";
import { type Root, rootDigest, signRoot } from "@breakwater/shared/root.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ENVELOPE,
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
      await expectProblem(
        await open("perceptual", { stream: "photographic", audience: { tier: "agreed" } }),
        "audience_too_wide",
      );
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
      await expectProblem(
        await open("harmful", { stream: "harmful_but_legal", audience: { tier: "vetted" } }),
        "stream_role",
      );
    });

    it("refuses another publisher's name, a key without the scope, and nobody", async () => {
      const other = await openTestPublisher(exchange);
      await expectProblem(await open("theirs", {}, other.member.key), "publisher_mismatch");
      const company = await exchange.member();
      await expectProblem(await open("theirs", {}, company.key), "scope_required");
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

describe("PUT /v1/blobs/sha256/:hex", () => {
  const blobs = async (name: string) => (await (await publisher.openSet(name)).compose([put(testHash(1))])).blobs;

  describe("happy", () => {
    it("stores segment, index and manifest: 201, then 200", async () => {
      for (const { bytes, digest } of await blobs("stored")) {
        const first = await publisher.putBlob(bytes, digestHex(digest));
        expect(first.status).toBe(201);
        expect(await first.json()).toEqual({ digest, size: bytes.length });
        expect((await publisher.putBlob(bytes, digestHex(digest))).status).toBe(200);
      }
    });
  });

  describe("error", () => {
    it("refuses bytes that are not what the address says, of another length, or of no known length", async () => {
      const [one, two] = await blobs("wrong");
      const bytes = one?.bytes as Uint8Array<ArrayBuffer>;
      const hex = digestHex(one?.digest as never);
      await expectProblem(await publisher.putBlob(bytes, digestHex(two?.digest as never)), "blob_digest_mismatch");
      const put = (headers: Record<string, string>) =>
        exchange.request(`/v1/blobs/sha256/${hex}`, { method: "PUT", key: publisher.member.key, headers, body: bytes });
      await expectProblem(await put({ "content-length": String(bytes.length + 1) }), "blob_size_mismatch");
      await expectProblem(await put({}), "length_required");
      await expectProblem(await put({ "transfer-encoding": "chunked" }), "length_required");
      await expectProblem(await put({ "content-length": "999999999" }), "blob_too_large");
      const head = await exchange.request(`/v1/blobs/sha256/${hex}`, { method: "HEAD", key: publisher.member.key });
      expect(head.status).toBe(404);
    });

    it.each(["AB".repeat(32), "ab", "zz".repeat(32)])("knows no digest %s", async (hex) => {
      await expectProblem(await publisher.putBlob(utf8Of("[]"), hex), "not_found");
    });
  });

  describe("security", () => {
    it("refuses a picture, and keeps nothing of it", async () => {
      const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);
      const hex = digestHex(await digestOf(png));
      const keys = exchange.objects.keys().length;
      await expectProblem(await publisher.putBlob(png, hex), "blob_format");
      expect(exchange.objects.keys()).toHaveLength(keys);
      expect(await exchange.sql`select 1 from blobs where digest = ${`sha256:${hex}`}`).toHaveLength(0);
    });

    it("refuses another publisher's documents, and members without one", async () => {
      const other = await openTestPublisher(exchange);
      const company = await exchange.member();
      const [segment] = await blobs("theirs-too");
      const hex = digestHex(segment?.digest as never);
      await expectProblem(
        await publisher.putBlob(segment?.bytes as never, hex, other.member.key),
        "publisher_mismatch",
      );
      await expectProblem(await publisher.putBlob(segment?.bytes as never, hex, company.key), "scope_required");
      await expectProblem(
        await exchange.request(`/v1/blobs/sha256/${hex}`, { method: "PUT", body: utf8Of("[]") }),
        "unauthenticated",
      );
    });

    it("does not let a digest alone open what somebody else has uploaded", async () => {
      const other = await openTestPublisher(exchange);
      const index = utf8Of(
        jcs([{ entries: 1, from: "0".repeat(32), plain: 10, segment: `sha256:${"1".repeat(64)}`, size: 10 }]),
      );
      const hex = digestHex(await digestOf(index));
      expect((await publisher.putBlob(index, hex)).status).toBe(201);
      // Other bytes under that digest: refused, and no claim to the blob is left.
      await expectProblem(await other.putBlob(utf8Of("[]"), hex, other.member.key), "blob_digest_mismatch");
      expect((await exchange.request(`/v1/blobs/sha256/${hex}`, { key: other.member.key })).status).toBe(404);
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

describe("GET /v1/publishers/:publisher", () => {
  const ask = (name: string, key = publisher.member.key) => exchange.request(`/v1/publishers/${name}`, { key });

  describe("happy", () => {
    it("shows the newest root", async () => {
      const answer = await (await ask(publisher.publisher)).json();
      expect(answer).toMatchObject({
        publisher: publisher.publisher,
        custody: "member",
        root_version: 1,
        root_digest: publisher.firstRootDigest,
      });
      expect(answer).not.toHaveProperty("release_key");
    });

    it("makes the release key of an exchange-custodied publisher when it asks, and shows it to others then", async () => {
      const member = await exchange.member({ roles: ["publisher"], custody: "exchange" });
      const company = await exchange.member();
      expect(await (await ask(member.publisher as string, company.key)).json()).not.toHaveProperty("release_key");
      const own = (await (await ask(member.publisher as string, member.key)).json()) as {
        release_key: never;
        root_digest: null;
      };
      expect(own.root_digest).toBeNull();
      expect(await thumbprint(own.release_key)).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(await (await ask(member.publisher as string, company.key)).json()).toMatchObject({
        release_key: own.release_key,
      });
    });
  });

  describe("error", () => {
    it.each(["nobody.example", "10.0.0.1", "UPPER.example"])("knows no publisher %s", async (name) => {
      await expectProblem(await ask(name), "not_found");
    });
  });

  describe("security", () => {
    it("is for members only, and shows no private part of a key", async () => {
      await expectProblem(await exchange.request(`/v1/publishers/${publisher.publisher}`), "unauthenticated");
      const member = await exchange.member({ roles: ["publisher"], custody: "exchange" });
      expect(await (await ask(member.publisher as string, member.key)).text()).not.toContain('"d"');
    });
  });
});

describe("POST /v1/publishers/:publisher/roots", () => {
  describe("happy", () => {
    it("takes the first root and its successor, and answers a repeat with the stored answer", async () => {
      const p = await openTestPublisher(exchange);
      const next = await p.makeRoot({ version: 2, prev: p.firstRootDigest });
      const accepted = await p.postRoot(next.bytes);
      expect(accepted.status).toBe(201);
      const answer = await accepted.json();
      expect(answer).toMatchObject({ publisher: p.publisher, version: 2 });
      const again = await p.postRoot(next.bytes);
      expect(again.status).toBe(200);
      expect(await again.json()).toEqual(answer);
      const [leaf] =
        await exchange.sql`select typ, envelope from log_leaves where log_index = ${(answer as { log_index: number }).log_index}`;
      expect(leaf?.typ).toBe("bw-root+jws");
      expect(new Uint8Array(leaf?.envelope as Uint8Array)).toEqual(next.bytes);
    });
    it("takes a root that replaces every key, and releases by the new one alone", async () => {
      const p = await openTestPublisher(exchange);
      const set = await p.openSet("rekeyed");
      await set.publish([put(testHash(1))]);
      const [rootKey, releaseKey] = (await Promise.all(
        [1, 2].map(() => generateSigningKey({ extractable: false })),
      )) as [NewSigningKey, NewSigningKey];
      const next = {
        ...p.firstRoot.root,
        version: 2,
        prev: p.firstRootDigest,
        keys: { [rootKey.kid]: rootKey.publicJwk, [releaseKey.kid]: releaseKey.publicJwk },
        roles: { release: { kids: [releaseKey.kid], threshold: 1 }, root: { kids: [rootKey.kid], threshold: 1 } },
      };
      expect((await p.postRoot(await signRoot(next as Root, [p.rootKey, rootKey]))).status).toBe(201);
      set.setRootVersion(2);
      const composed = await set.compose([put(testHash(2))]);
      await set.upload(composed);
      await expectProblem(await set.post(await set.sign(composed.statement)), "envelope_kid_unknown");
      expect((await set.post(await signRelease(composed.statement, [releaseKey]))).status).toBe(201);
      const third = { ...next, version: 3, prev: await rootDigest(await signRoot(next as Root, [p.rootKey, rootKey])) };
      expect((await p.postRoot(await signRoot(third as Root, [rootKey]))).status).toBe(201);
    });
  });

  describe("error", () => {
    it("refuses what does not continue the root held", async () => {
      const p = await openTestPublisher(exchange);
      const make = async (change: object) => (await p.makeRoot(change as never)).bytes;
      const prev = p.firstRootDigest;
      await expectProblem(await p.postRoot(await make({ version: 3, prev })), "root_gap");
      await expectProblem(await p.postRoot(await make({ version: 2, prev: `sha256:${"0".repeat(64)}` })), "root_chain");
      const exp = p.firstRoot.root.exp - 1;
      await expectProblem(await p.postRoot(await make({ exp })), "root_fork");
      await p.postRoot(await make({ version: 2, prev }));
      await expectProblem(await p.postRoot(p.firstRoot.bytes), "root_rollback");
    });

    it("refuses a root from the future and one that has expired", async () => {
      const p = await openTestPublisher(exchange);
      const seconds = p.firstRoot.root.iat;
      const make = async (iat: number, exp: number) =>
        (await p.makeRoot({ version: 2, prev: p.firstRootDigest, iat, exp })).bytes;
      await expectProblem(await p.postRoot(await make(seconds + 3_600, seconds + 9_000_000)), "root_time");
      await expectProblem(await p.postRoot(await make(seconds - 1_000, seconds - 10)), "root_expired");
    });

    it("refuses other media types and other documents", async () => {
      const post = (body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
        exchange.request(`/v1/publishers/${publisher.publisher}/roots`, {
          method: "POST",
          key: publisher.member.key,
          headers,
          body,
        });
      await expectProblem(await post(utf8Of("{}"), { "content-type": "application/json" }), "content_type_unsupported");
      await expectProblem(await post(utf8Of("{}"), ENVELOPE), "envelope_format");
      await expectProblem(await post(utf8Of("x".repeat(17_000)), ENVELOPE), "envelope_too_large");
    });
  });

  describe("security", () => {
    it("refuses a successor that the root before did not sign", async () => {
      const p = await openTestPublisher(exchange);
      const thief = await openTestPublisher(exchange);
      const forged = await thief.makeRoot({ publisher: p.publisher, version: 2, prev: p.firstRootDigest });
      const response = await p.postRoot(forged.bytes);
      expect(["envelope_kid_unknown", "signature_threshold"]).toContain(
        ((await response.json()) as { code: string }).code,
      );
      expect(response.status).toBe(422);
    });

    it("refuses another publisher's root, whoever brings it", async () => {
      const p = await openTestPublisher(exchange);
      const other = await openTestPublisher(exchange);
      const next = await p.makeRoot({ version: 2, prev: p.firstRootDigest });
      await expectProblem(
        await exchange.request(`/v1/publishers/${p.publisher}/roots`, {
          method: "POST",
          key: other.member.key,
          headers: ENVELOPE,
          body: next.bytes,
        }),
        "publisher_mismatch",
      );
      const own = await exchange.member({ roles: ["publisher"] });
      const alien = await exchange.request(`/v1/publishers/${own.publisher}/roots`, {
        method: "POST",
        key: own.key,
        headers: ENVELOPE,
        body: p.firstRoot.bytes,
      });
      await expectProblem(alien, "publisher_mismatch");
    });

    it("does not let a root outdate a statement that waits for its signature", async () => {
      const p = await openTestPublisher(exchange, { custody: "exchange" });
      const set = await p.openSet("waiting");
      exchange.killAt("before_head_moves");
      await set.offer([put(testHash(1))]);
      exchange.killAt(undefined);
      const key = (await (await exchange.request(`/v1/publishers/${p.publisher}`, { key: p.member.key })).json()) as {
        release_key: never;
      };
      const next = await p.makeRoot({ version: 2, prev: p.firstRootDigest }, key.release_key);
      await expectProblem(await p.postRoot(next.bytes), "admission_pending");
      exchange.clock.advance(60_000);
      await exchange.runJobs();
      expect((await p.postRoot(next.bytes)).status).toBe(201);
    });
  });
});

describe("GET /v1/publishers/:publisher/roots/:version", () => {
  const ask = (version: string, as: object = { key: publisher.member.key }) =>
    exchange.request(`/v1/publishers/${publisher.publisher}/roots/${version}`, as);

  describe("happy", () => {
    it("answers the envelope byte for byte, to any member", async () => {
      const response = await ask("1", { key: (await exchange.member()).key });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/jose+json");
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(publisher.firstRoot.bytes);
    });
  });

  describe("error", () => {
    it.each(["2", "0", "-1", "1.0", "01"])("knows no version %s", async (version) => {
      await expectProblem(await ask(version), "not_found");
    });
  });

  describe("security", () => {
    it("is for members only", async () => {
      await expectProblem(await ask("1", {}), "unauthenticated");
    });
  });
});
