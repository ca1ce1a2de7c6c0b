import { base64urlOf, concatBytes, digestHex, digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { signPayloadBytes } from "@breakwater/shared/envelope.ts";
import { gzip } from "@breakwater/shared/gzip.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import { generateSigningKey } from "@breakwater/shared/keys.ts";
import type { ProblemCode } from "@breakwater/shared/problem.ts";
import type { ReleaseStatement } from "@breakwater/shared/release.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  del,
  expectProblem,
  type Forged,
  forgeDeltaSegment,
  forgeManifest,
  forgeSnapshotSegment,
  openTestExchange,
  openTestPublisher,
  put,
  STATEMENT,
  segmentOf,
  TEST_START,
  type TestExchange,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";

const DAY_MS = 86_400_000;
let exchange: TestExchange;
let publisher: TestPublisher;
let made = 0;
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
});
afterAll(() => exchange.close());
beforeEach(() => exchange.clock.set(TEST_START));

const newSet = (request = {}) => publisher.openSet(`set-${++made}`, request);
const three = () => [1, 2, 3].map((at) => put(testHash(at)));

/** The forged release signed by the right key and posted, its blobs uploaded as they are. */
async function postForged(set: TestSet, forged: Forged): Promise<Response> {
  for (const { digest, bytes } of forged.blobs) await publisher.putBlob(bytes, digestHex(digest));
  return set.post(await signPayloadBytes("bw-release+jws", forged.statementBytes, [publisher.releaseKey]));
}

/** What a refused release leaves: no row, no leaf, the head where it was. */
async function expectNothingStored(set: TestSet, head: number): Promise<void> {
  const [row] = await exchange.sql`
    select s.head_release, s.entries::int as entries,
      (select count(*)::int from entry_versions e where e.set_id = s.id and e.release > s.head_release) as staged,
      (select count(*)::int from entry_versions e where e.set_id = s.id and e.superseded_by > s.head_release) as marked,
      (select count(*)::int from releases r where r.set_id = s.id) as releases
    from sets s where s.publisher = ${publisher.publisher} and s.name = ${set.set}`;
  expect(row).toMatchObject({ head_release: head, staged: 0, marked: 0, releases: head });
}

describe("POST /v1/sets/:publisher/:set/releases", () => {
  describe("happy", () => {
    it("admits release 1 and its successor, logs both in order, and answers what was stored", async () => {
      const set = await newSet();
      const changes = three();
      const first = await set.offer(changes);
      expect(first.response.status).toBe(201);
      const answer = (await first.response.json()) as { log_index: number };
      expect(answer).toMatchObject({ release: 1, digest: first.composed.digest, entries: 3, set: set.set });
      set.hold(first.composed, changes);
      const second = await set.offer([put(testHash(4))]);
      expect(second.response.status).toBe(201);
      expect(await second.response.json()).toMatchObject({ release: 2, entries: 4, log_index: answer.log_index + 1 });
    });

    it("answers the same bytes again with the stored answer, also after the next release and the next root", async () => {
      const p = await openTestPublisher(exchange);
      const set = await p.openSet("again");
      const composed = await set.publish(three());
      const envelope = await set.sign(composed.statement);
      const again = await set.post(envelope);
      expect(again.status).toBe(200);
      const stored = await again.json();
      await set.publish([put(testHash(4))]);
      const next = await p.makeRoot({ version: 2, prev: p.firstRootDigest });
      expect((await p.postRoot(next.bytes)).status).toBe(201);
      const late = await set.post(envelope);
      expect(late.status).toBe(200);
      expect(await late.json()).toEqual(stored);
    });

    it("deletes, replaces and revives entries, and counts them right", async () => {
      const set = await newSet();
      const [a, b] = [testHash(1), testHash(2)];
      await set.publish([put(a), put(b)]);
      await set.publish([del(a.id), put({ ...b, requested_action: "observe" })]);
      await set.publish([put(a), del(b.id), del("ff".repeat(16))], {});
      const lines = (
        await (await exchange.request(`${set.path}/entries.ndjson`, { key: publisher.member.key })).text()
      ).trim();
      expect(lines.split("\n").map((line) => JSON.parse(line).id)).toEqual([a.id]);
    });

    it("publishes an empty set, and a heartbeat without any change", async () => {
      const set = await newSet();
      await set.publish([]);
      await set.publish([]);
    });

    it("takes a recovery: the rows become what its snapshot holds", async () => {
      const set = await newSet();
      const [a, b] = [testHash(1), testHash(2)];
      await set.publish([put(a), put(b)]);
      await set.publish([put(testHash(3))]);
      const kept = new Map([[a.id as string, put({ ...a, requested_action: "observe" })]]);
      const entries = new Map([...kept].map(([id, change]) => [id, change.op === "put" ? change.line : ""]));
      const { response } = await set.offer([], { entries, purpose: "recovery" });
      expect(response.status).toBe(201);
      expect(await response.json()).toMatchObject({ release: 3, entries: 1 });
    });

    it("takes an erasure and a last release, and nothing after it", async () => {
      const set = await newSet();
      const entry = testHash(1);
      await set.publish([put(entry), put(testHash(2))]);
      await set.publish([del(entry.id)], { purpose: "erasure" });
      await set.publish([], { purpose: "last" });
      const after = await set.compose([]).catch((error: unknown) => error);
      expect(after).toMatchObject({ code: "release_closed" });
    });

    it("makes a new snapshot once the deltas have grown, and checks it", async () => {
      const set = await newSet();
      await set.publish(three());
      let renewed = false;
      for (let at = 10; at < 20 && !renewed; at++) {
        const { manifest } = await set.publish([put(testHash(at))]);
        renewed = manifest.snapshot.release > 1;
      }
      expect(renewed).toBe(true);
    });

    it("takes a threshold of two release keys", async () => {
      const p = await openTestPublisher(exchange);
      const second = await generateSigningKey({ extractable: false });
      const root = {
        ...p.firstRoot.root,
        version: 2,
        prev: p.firstRootDigest,
        keys: { ...p.firstRoot.root.keys, [second.kid]: second.publicJwk },
        roles: { ...p.firstRoot.root.roles, release: { kids: [p.releaseKey.kid, second.kid].sort(), threshold: 2 } },
      };
      expect((await p.postRoot((await p.makeRoot(root as never)).bytes)).status).toBe(201);
      const set = await p.openSet("threshold");
      set.setRootVersion(2);
      const composed = await set.compose(three());
      await set.upload(composed);
      await expectProblem(await set.post(await set.sign(composed.statement)), "signature_threshold");
      const both = await signPayloadBytes("bw-release+jws", composed.statementBytes, [p.releaseKey, second]);
      expect((await set.post(both)).status).toBe(201);
    });

    it("signs a statement whose key the exchange holds, and admits it like any other", async () => {
      const p = await openTestPublisher(exchange, { custody: "exchange" });
      const set = await p.openSet("held");
      const composed = await set.publish(three());
      const again = await set.post(composed.statementBytes, STATEMENT);
      expect(again.status).toBe(200);
      const head = await exchange.request(`${set.path}/head`, { key: p.member.key });
      expect(parseJcs(new Uint8Array(await head.arrayBuffer()))).toMatchObject({
        payload: base64urlOf(composed.statementBytes),
      });
    });
  });

  describe("error", () => {
    it("refuses a number that is repeated with other bytes, too low or too high, and names the head", async () => {
      const set = await newSet();
      await set.publish(three());
      const old = set.previous();
      const second = await set.publish([put(testHash(4))]);
      const named = { head_release: 2, head_digest: second.digest };
      const other = await set
        .compose([put(testHash(5))], { previous: old as never, entries: new Map() })
        .catch(() => undefined);
      expect(other).toBeUndefined();
      const again = { ...second.statement, exp: second.statement.exp - 1 };
      expect(await expectProblem(await set.post(await set.sign(again)), "release_fork")).toMatchObject(named);
      const low = { ...second.statement, release: 1, prev: null, exp: second.statement.exp - 1 };
      expect(
        await expectProblem(await set.post(await set.sign(low as ReleaseStatement)), "release_rollback"),
      ).toMatchObject(named);
      for (const release of [9, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
        const high = { ...second.statement, release, prev: second.digest };
        expect(await expectProblem(await set.post(await set.sign(high)), "release_gap")).toMatchObject(named);
      }
      const chain = { ...second.statement, release: 3, prev: `sha256:${"0".repeat(64)}` as const };
      expect(await expectProblem(await set.post(await set.sign(chain)), "release_chain")).toMatchObject(named);
      await expectNothingStored(set, 2);
    });

    it("refuses times that cannot be, and a release or root that has expired", async () => {
      const p = await openTestPublisher(exchange);
      const set = await p.openSet("times");
      const composed = await set.compose(three());
      await set.upload(composed);
      const { iat, exp } = composed.statement;
      await expectProblem(
        await set.post(await set.sign({ ...composed.statement, iat: iat + 3_600, exp })),
        "release_time",
      );
      await expectProblem(await set.post(await set.sign({ ...composed.statement, exp: exp + 1 })), "release_time");
      exchange.clock.advance(31 * DAY_MS);
      await expectProblem(await set.post(await set.sign(composed.statement)), "release_expired");
      exchange.clock.advance(330 * DAY_MS);
      const key = (await exchange.apiKey(p.member.name, ["publish", "read"])).key;
      await expectProblem(await set.post(await set.sign(composed.statement), undefined, key), "root_expired");
    });

    it("refuses a release of a root that is not the newest", async () => {
      const p = await openTestPublisher(exchange);
      const set = await p.openSet("rotated");
      const composed = await set.compose(three());
      await set.upload(composed);
      const next = await p.makeRoot({ version: 2, prev: p.firstRootDigest });
      await p.postRoot(next.bytes);
      await expectProblem(await set.post(await set.sign(composed.statement)), "release_root");
    });

    it("refuses a release whose blobs are not here, and takes it once they are", async () => {
      const set = await newSet();
      const composed = await set.compose(three());
      const envelope = await set.sign(composed.statement);
      const missing = await expectProblem(await set.post(envelope), "blob_missing");
      expect(missing.digest).toBe(composed.statement.manifest);
      for (const blob of composed.blobs.toReversed()) {
        await expectProblem(await set.post(envelope), "blob_missing");
        await publisher.putBlob(blob.bytes, digestHex(blob.digest));
      }
      expect((await set.post(envelope)).status).toBe(201);
    });

    it.each([
      ["another kind than the set's", { about: { kind: "term", languages: ["en"], algs: undefined } }, "set_kind"],
      ["another stream than the set's", { about: { stream: "photographic" } }, "set_kind"],
      ["a purge date years away", { purge_by: 2_000_000_000 }, "manifest_mismatch"],
      // What is no manifest at all is not even stored as a blob.
      ["more entries than its snapshot", { entries: 4 }, "blob_missing"],
      ["a member nobody knows", { note: "x" }, "blob_missing"],
      [
        "a picture in its description",
        { about: { description: `data:image/png;base64,${"A".repeat(1_000)}` } },
        "blob_missing",
      ],
      ["another release's number", { release: 2 }, "blob_missing"],
    ] as [string, Record<string, unknown>, ProblemCode][])(
      "refuses a manifest with %s",
      async (_what, change, code) => {
        const set = await newSet();
        const forged = await forgeManifest(await set.compose(three()), (manifest) => {
          const about = JSON.parse(JSON.stringify({ ...(manifest.about as object), ...(change.about as object) }));
          return { ...manifest, ...change, about };
        });
        await expectProblem(await postForged(set, forged), code);
        await expectNothingStored(set, 0);
      },
    );

    it("refuses a delta that does not lead to the stated count", async () => {
      const set = await newSet();
      await set.publish(Array.from({ length: 200 }, (_, at) => put(testHash(at))));
      const composed = await set.compose([put(testHash(1_000))]);
      expect(composed.manifest.snapshot.release).toBe(1);
      const forged = await forgeManifest(composed, (manifest) => ({ ...manifest, entries: 202 }));
      expect(await expectProblem(await postForged(set, forged), "state_count")).toMatchObject({ have: 201, got: 202 });
      await expectNothingStored(set, 1);
    });

    it("refuses a history that was not so", async () => {
      const set = await newSet();
      await set.publish(Array.from({ length: 200 }, (_, at) => put(testHash(at))));
      await set.publish([put(testHash(1_001))]);
      const composed = await set.compose([put(testHash(1_002))]);
      const forged = await forgeManifest(composed, (manifest) => {
        const [first] = manifest.deltas as { segments: unknown[] }[];
        if (first !== undefined) first.segments = [];
        return undefined;
      });
      await expectProblem(await postForged(set, forged), "manifest_mismatch");
      await expectNothingStored(set, 2);
    });

    it("refuses a state digest that the entries do not have", async () => {
      const set = await newSet();
      const composed = await set.compose(three());
      const forged = await forgeManifest(composed, (manifest) => ({
        ...manifest,
        snapshot: { ...(manifest.snapshot as object), state: `sha256:${"0".repeat(64)}` },
      }));
      await expectProblem(await postForged(set, forged), "state_digest");
      await expectNothingStored(set, 0);
    });

    it("refuses a snapshot beside a delta that says something else than the rows", async () => {
      const set = await newSet();
      await set.publish(three());
      const added = put(testHash(4));
      const swapped = new Map(set.entries());
      const [victim] = [...swapped.keys()];
      swapped.set(victim as string, (put(testHash(9, { id: victim as never })) as { line: string }).line);
      const entries = {
        count: 4,
        lines: () =>
          [
            ...new Map([
              ...swapped,
              [JSON.parse((added as { line: string }).line).id, (added as { line: string }).line],
            ]),
          ]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([, line]) => line),
      };
      const { composed, response } = await set.offer([added], { entries: entries as never });
      expect(composed.manifest.snapshot.release).toBe(2);
      await expectProblem(response, "state_digest");
      await expectNothingStored(set, 1);
    });

    describe("in a segment, refuses", () => {
      const place = (set: TestSet, release = 1, kind = "snapshot") =>
        ({ publisher: publisher.publisher, set: set.set, release, kind }) as never;
      const line = (at: number, change = {}) => (put(testHash(at, change)) as { line: string }).line;
      const sorted = (lines: string[]) => lines.sort((a, b) => (JSON.parse(a).id < JSON.parse(b).id ? -1 : 1));
      const entry = (change: object) => jcs({ ...JSON.parse(line(1)), ...change });

      async function offerSegment(
        set: TestSet,
        segment: { bytes: Uint8Array<ArrayBuffer>; plain: number; size?: number },
        entries?: number,
      ) {
        const composed = await set.compose([put(testHash(1))]);
        const forged = await forgeSnapshotSegment(composed, segment, (index) => {
          if (entries !== undefined && index[0] !== undefined) index[0].entries = entries;
        });
        return postForged(set, forged);
      }

      it.each([
        ["a hash of the wrong length", () => entry({ value: "ab" }), "signal_invalid"],
        ["upper-case hex", () => entry({ value: "AB".repeat(32) }), "signal_invalid"],
        ["an unknown member", () => entry({ note: "x" }), "entry_invalid"],
        ["an entry of another kind", () => jcs({ id: "ab".repeat(16), text: "test-term-0001" }), "entry_invalid"],
        [
          "a category that is never hashed",
          () => entry({ category: "everyday_image_collected" }),
          "category_not_hashable",
        ],
        ["white space", () => line(1).replace(":", ": "), "jcs_invalid"],
        ["a repeated member", () => line(1).replace("{", '{"act":"other_indecent",'), "jcs_invalid"],
        ["no id", () => '{"a":1}', "segment_line"],
        ["a child's certainty that is only possible", () => entry({ child_certainty: "possible" }), "entry_invalid"],
        ["a hash from rendered pixels", () => entry({ source_fidelity: "rendered" }), "entry_invalid"],
        [
          "a picture in a label",
          () => entry({ labels: [`data:image/png;base64,${"iVBORw0KGgo".repeat(30)}`] }),
          "entry_invalid",
        ],
      ] as [string, () => string, string][])("%s", async (_what, make, code) => {
        const set = await newSet();
        const response = await offerSegment(set, await segmentOf(place(set), [make()]));
        await expectProblem(response, code as never);
        await expectNothingStored(set, 0);
      });

      it("lines out of order, an id twice, or more lines than the index says", async () => {
        const set = await newSet();
        const lines = sorted([line(1), line(2)]);
        await expectProblem(
          await offerSegment(set, await segmentOf(place(set), lines.toReversed()), 2),
          "segment_order",
        );
        await expectProblem(
          await offerSegment(set, await segmentOf(place(set), [lines[0] as string, lines[0] as string]), 2),
          "segment_order",
        );
        await expectProblem(await offerSegment(set, await segmentOf(place(set), lines), 1), "index_invalid");
        await expectNothingStored(set, 0);
      });

      it("the header of another set, release or kind", async () => {
        const set = await newSet();
        for (const other of [place(await newSet()), place(set, 2), place(set, 1, "delta")]) {
          await expectProblem(await offerSegment(set, await segmentOf(other, [line(1)])), "segment_header");
        }
      });

      it("a second gzip member, trailing bytes, and a plain size that is not so", async () => {
        const set = await newSet();
        const good = await segmentOf(place(set), [line(1)]);
        const second = concatBytes([good.bytes, await gzip(utf8Of("more\n"))]);
        const twin = concatBytes([good.bytes, good.bytes]);
        const trailing = concatBytes([good.bytes, utf8Of("tail")]);
        for (const bytes of [second, twin, trailing]) {
          await expectProblem(await publisher.putBlob(bytes, digestHex(await digestOf(bytes))), "blob_format");
          await expectProblem(await offerSegment(set, { bytes, plain: good.plain }), "blob_missing");
        }
        await expectProblem(await offerSegment(set, { ...good, plain: good.plain + 1 }), "segment_size");
        await expectNothingStored(set, 0);
      });

      it("a bomb, without unpacking more than it states", async () => {
        const set = await newSet();
        const { bytes } = await segmentOf(place(set), [line(1)]);
        const header = new TextDecoder()
          .decode(
            await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer(),
          )
          .split("\n", 1)[0];
        const bomb = await gzip(concatBytes([utf8Of(`${header}\n`), new Uint8Array(60_000_000)]));
        await expectProblem(await publisher.putBlob(bomb, digestHex(await digestOf(bomb))), "blob_format");
        await expectProblem(await offerSegment(set, { bytes: bomb, plain: 100_000 }), "blob_missing");
        await expectNothingStored(set, 0);
      });

      it("a line of a size that no entry has", async () => {
        const set = await newSet();
        const { bytes } = await segmentOf(place(set), [line(1)]);
        const header = new TextDecoder()
          .decode(
            await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer(),
          )
          .split("\n", 1)[0];
        for (const length of [20_000, 7_000_000]) {
          const plain = utf8Of(`${header}\n${JSON.stringify({ id: "ab".repeat(16), note: "x".repeat(length) })}\n`);
          await expectProblem(
            await offerSegment(set, { bytes: await gzip(plain), plain: plain.length }),
            "segment_line",
          );
        }
        const plain = utf8Of(`${header}\n${"x".repeat(10_000_000)}\n`);
        // Ten megabytes unpacked are more than an index may state, so that index is no index.
        await expectProblem(await offerSegment(set, { bytes: await gzip(plain), plain: plain.length }), "blob_missing");
        await expectNothingStored(set, 0);
      });

      it("in a delta: an id twice across segments, a deletion with a body", async () => {
        const set = await newSet();
        await set.publish(Array.from({ length: 100 }, (_, at) => put(testHash(at))));
        const composed = await set.compose([put(testHash(200))]);
        const id = "ab".repeat(16);
        const body = await segmentOf(place(set, 2, "delta"), [jcs({ id, op: "del", why: "withdrawn", value: "x" })]);
        await expectProblem(await postForged(set, await forgeDeltaSegment(composed, body)), "segment_line");
        const one = await segmentOf(place(set, 2, "delta"), [jcs({ id, op: "del", why: "withdrawn" })]);
        const forged = await forgeManifest(composed, (manifest) => {
          const own = (manifest.deltas as { segments: unknown[] }[]).at(-1);
          if (own !== undefined) own.segments = [own.segments[0], own.segments[0]];
          return undefined;
        });
        await expectProblem(await postForged(set, forged), "segment_order");
        expect(one.plain).toBeGreaterThan(0);
        await expectNothingStored(set, 1);
      });
    });
  });

  describe("security", () => {
    type Shape = { payload: string; signatures: Record<string, unknown>[] };
    async function tampered(change: (shape: Shape) => unknown): Promise<Response> {
      const set = await newSet();
      const composed = await set.compose(three());
      await set.upload(composed);
      const shape = parseJcs(await set.sign(composed.statement)) as Shape;
      const changed = change(shape);
      const response = await set.post(
        typeof changed === "string" ? utf8Of(changed) : utf8Of(JSON.stringify(changed ?? shape)),
      );
      await expectNothingStored(set, 0);
      return response;
    }
    const header = (change: object) => ({
      ...{ alg: "Ed25519", kid: publisher.releaseKey.kid, typ: "bw-release+jws" },
      ...change,
    });
    const withSignature = (shape: Shape, change: object) => ({
      ...shape,
      signatures: [{ ...shape.signatures[0], ...change }],
    });
    const withHeader = (change: object) => (shape: Shape) => {
      const signature = shape.signatures[0];
      if (signature !== undefined) signature.protected = base64urlOf(utf8Of(jcs(header(change))));
    };

    it.each([
      ["a missing signature", (shape: Shape) => ({ ...shape, signatures: [] }), "envelope_format"],
      [
        "a wrong signature",
        (shape: Shape) => withSignature(shape, { signature: base64urlOf(new Uint8Array(64)) }),
        "signature_invalid",
      ],
      ["EdDSA as alg", withHeader({ alg: "EdDSA" }), "envelope_header"],
      ["none as alg", withHeader({ alg: "none" }), "envelope_header"],
      ["b64 false", withHeader({ b64: false, crit: ["b64"] }), "envelope_header"],
      ["a key in the header", withHeader({ jwk: {} }), "envelope_header"],
      ["another type", withHeader({ typ: "bw-root+jws" }), "envelope_typ"],
      ["an unprotected header", (shape: Shape) => withSignature(shape, { header: {} }), "envelope_format"],
      ["an unknown member", (shape: Shape) => ({ ...shape, note: "x" }), "envelope_format"],
      ["another payload", (shape: Shape) => ({ ...shape, payload: base64urlOf(utf8Of(`{"a":1}`)) }), "release_invalid"],
      ["white space", (shape: Shape) => JSON.stringify(shape, undefined, 1), "jcs_invalid"],
      ["a repeated member", (shape: Shape) => JSON.stringify(shape).replace("{", '{"payload":"AAAA",'), "jcs_invalid"],
      ["a picture", () => "\u0089PNG\r\n\u001a\n", "envelope_format"],
    ] as [string, (shape: Shape) => unknown, string][])("refuses an envelope with %s", async (_what, change, code) => {
      await expectProblem(await tampered(change), code as never);
    });

    it("refuses keys that the root does not list for releases: a stranger's and the root's own", async () => {
      const set = await newSet();
      const composed = await set.compose(three());
      await set.upload(composed);
      const stranger = await generateSigningKey({ extractable: false });
      for (const key of [stranger, publisher.rootKey]) {
        const envelope = await signPayloadBytes("bw-release+jws", composed.statementBytes, [key]);
        await expectProblem(await set.post(envelope), "envelope_kid_unknown");
      }
    });

    it("refuses payloads that are not canonical, though they are signed", async () => {
      const set = await newSet();
      const composed = await set.compose(three());
      for (const text of [
        JSON.stringify(composed.statement, undefined, 1),
        `{"set":"x",${new TextDecoder().decode(composed.statementBytes).slice(1)}`,
      ]) {
        const envelope = await signPayloadBytes("bw-release+jws", utf8Of(text), [publisher.releaseKey]);
        await expectProblem(await set.post(envelope), "jcs_invalid");
      }
    });

    it("refuses another member's set, another set's release and a caller without the scope", async () => {
      const set = await newSet();
      const composed = await set.compose(three());
      await set.upload(composed);
      const envelope = await set.sign(composed.statement);
      const other = await openTestPublisher(exchange);
      const refusal = await expectProblem(await set.post(envelope, undefined, other.member.key), "publisher_mismatch");
      expect(refusal).toMatchObject({ needs: publisher.publisher });
      const otherSet = await newSet();
      await expectProblem(await otherSet.post(envelope), "release_invalid");
      const reader = await exchange.apiKey(publisher.member.name, ["read"]);
      await expectProblem(await set.post(envelope, undefined, reader.key), "scope_required");
      await expectProblem(
        await exchange.request(`${set.path}/releases`, {
          method: "POST",
          body: envelope,
          headers: { "content-type": "application/jose+json" },
        }),
        "unauthenticated",
      );
      await expectProblem(
        await set.post(envelope, undefined, `bw_0000000000000000_${"A".repeat(43)}`),
        "api_key_invalid",
      );
      await expectNothingStored(set, 0);
    });

    it("refuses an expired key and a suspended publisher", async () => {
      const p = await openTestPublisher(exchange);
      const set = await p.openSet("ended");
      const composed = await set.compose(three());
      await set.upload(composed);
      const envelope = await set.sign(composed.statement);
      const short = await exchange.apiKey(
        p.member.name,
        ["publish"],
        new Date(exchange.clock.now().getTime() + 60_000),
      );
      exchange.clock.advance(61_000);
      await expectProblem(await set.post(envelope, undefined, short.key), "api_key_expired");
      const suspend = await exchange.request(`/v1/operator/members/${p.member.name}`, {
        method: "PATCH",
        key: exchange.operatorKey,
        json: { suspended: true },
      });
      expect(suspend.status).toBe(204);
      expect((await set.post(envelope)).status).toBeGreaterThanOrEqual(401);
    });

    it("refuses other media types and bodies above an envelope's size", async () => {
      const set = await newSet();
      await expectProblem(
        await set.post(utf8Of("{}"), { "content-type": "application/json" }),
        "content_type_unsupported",
      );
      await expectProblem(await set.post(utf8Of("x"), { "content-type": "image/png" }), "content_type_unsupported");
      await expectProblem(await set.post(utf8Of("x".repeat(17_000))), "envelope_too_large");
      expect((await set.post(utf8Of("x".repeat(70_000)))).status).toBe(413);
    });

    it("signs nothing for a publisher that holds its own key, and nothing that would not be admitted", async () => {
      const set = await newSet();
      const own = await set.compose(three());
      await set.upload(own);
      await expectProblem(await set.post(own.statementBytes, STATEMENT), "custody_mismatch");

      const p = await openTestPublisher(exchange, { custody: "exchange" });
      const held = await p.openSet("held");
      const composed = await held.compose(three());
      const bad = await forgeManifest(composed, (manifest) => ({
        ...manifest,
        snapshot: { ...(manifest.snapshot as object), state: `sha256:${"0".repeat(64)}` },
      }));
      for (const { digest, bytes } of [...composed.blobs, ...bad.blobs]) await p.putBlob(bytes, digestHex(digest));
      await expectProblem(await held.post(bad.statementBytes, STATEMENT), "state_digest");
      // The number was not consumed: the signer signs the good one.
      expect((await held.post(composed.statementBytes, STATEMENT)).status).toBe(201);
    });

    it("keeps what was refused out of the log of events", async () => {
      const set = await newSet();
      const { bytes, plain } = await segmentOf(
        { publisher: publisher.publisher, set: set.set, release: 1, kind: "snapshot" } as never,
        [jcs({ id: "ab".repeat(16), secret: "never-logged-value" })],
      );
      const composed = await set.compose([put(testHash(1))]);
      await postForged(set, await forgeSnapshotSegment(composed, { bytes, plain }));
      expect(JSON.stringify(exchange.logged)).not.toContain("never-logged-value");
      const rows = await exchange.sql`select coalesce(jsonb_agg(detail), '[]')::text as text from admissions`;
      expect(rows[0]?.text).not.toContain("never-logged-value");
    });
  });
});
