import { concatBytes, digestHex, digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { gzip } from "@breakwater/shared/gzip.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
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
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
});
afterAll(() => exchange.close());
beforeEach(() => exchange.clock.set(TEST_START));

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

    it("refuses a picture behind a segment's header, packed or not, near or far, and keeps nothing of it", async () => {
      const head = { kind: "delta", publisher: publisher.publisher, release: 1, salt: "cd".repeat(32), set: "a", v: 1 };
      // Lines that hardly pack, so that they fill more than what is looked at before the upload is passed on.
      const lines = Array.from({ length: 4_000 }, () => `{"id":"${crypto.randomUUID()}"}`).join("\n");
      const picture = concatBytes([
        Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
        new Uint8Array(2_000),
      ]);
      const text = utf8Of(`${jcs(head)}\n${lines}\n`);
      const uploads = [
        await gzip(concatBytes([utf8Of(`${jcs(head)}\n`), picture])),
        await gzip(concatBytes([text, picture])),
        concatBytes([await gzip(text), picture]),
      ];
      const keys = exchange.objects.keys().length;
      for (const bytes of uploads) {
        const hex = digestHex(await digestOf(bytes));
        await expectProblem(await publisher.putBlob(bytes, hex), "blob_format");
        const read = await exchange.request(`/v1/blobs/sha256/${hex}`, { key: publisher.member.key });
        await expectProblem(read, "not_found");
      }
      expect(exchange.objects.keys()).toHaveLength(keys);
    });

    it("refuses another publisher's documents, and members without one", async () => {
      const other = await openTestPublisher(exchange);
      const company = await exchange.member();
      const [segment] = await blobs("theirs-too");
      const hex = digestHex(segment?.digest as never);
      const refusal = await expectProblem(
        await publisher.putBlob(segment?.bytes as never, hex, other.member.key),
        "publisher_mismatch",
      );
      expect(refusal).toMatchObject({ needs: publisher.publisher });
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
