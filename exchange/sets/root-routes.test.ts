import { utf8Of } from "@breakwater/shared/bytes.ts";
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
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
});
afterAll(() => exchange.close());
beforeEach(() => exchange.clock.set(TEST_START));

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

  describe("custody", () => {
    it("is what the newest root says: handed over by a rotation that lists the signer's key, taken home by one that drops it", async () => {
      const mover = await openTestPublisher(exchange);
      const asked = `${mover.publisher}?custody=exchange`;
      const offered = (await (await ask(asked, mover.member.key)).json()) as { custody: string; release_key: never };
      expect(offered.custody).toBe("member");
      expect(await (await ask(asked)).json()).not.toHaveProperty("release_key");
      const next = { version: 2, prev: mover.firstRootDigest };
      const over = await mover.makeRoot(next, offered.release_key);
      expect((await mover.postRoot(over.bytes)).status).toBe(201);
      expect(await (await ask(mover.publisher)).json()).toMatchObject({
        custody: "exchange",
        release_key: offered.release_key,
      });
      const home = await mover.makeRoot({ version: 3, prev: await rootDigest(over.bytes) });
      expect((await mover.postRoot(home.bytes)).status).toBe(201);
      const back = await (await ask(mover.publisher, mover.member.key)).json();
      expect(back).toMatchObject({ custody: "member", root_version: 3 });
      expect(back).not.toHaveProperty("release_key");
    });

    it("is asked for in one word", async () => {
      await expectProblem(await ask(`${publisher.publisher}?custody=mine`), "query_invalid");
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
      const refusal = await expectProblem(
        await exchange.request(`/v1/publishers/${p.publisher}/roots`, {
          method: "POST",
          key: other.member.key,
          headers: ENVELOPE,
          body: next.bytes,
        }),
        "publisher_mismatch",
      );
      expect(refusal).toMatchObject({ needs: p.publisher });
      const own = await exchange.member({ roles: ["publisher"] });
      const alien = await exchange.request(`/v1/publishers/${own.publisher}/roots`, {
        method: "POST",
        key: own.key,
        headers: ENVELOPE,
        body: p.firstRoot.bytes,
      });
      expect(await expectProblem(alien, "publisher_mismatch")).toMatchObject({ needs: p.publisher });
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
