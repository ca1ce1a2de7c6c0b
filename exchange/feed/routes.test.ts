import { base64urlOf, digestHex, digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import { parseIndex } from "@breakwater/shared/manifest.ts";
import { CatalogueAnswer, ChangesPage, SetAnswer } from "@breakwater/shared/wire/sets.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renewFeedEpoch } from "../sets/index.ts";
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

let exchange: TestExchange;
let publisher: TestPublisher;
let set: TestSet;
let first: Awaited<ReturnType<TestSet["publish"]>>;
let second: Awaited<ReturnType<TestSet["publish"]>>;
let company: TestMember;
let agreed: TestMember;
let newcomer: TestMember;
/** Sets of one publisher for each audience, one entry each. */
const sets: Record<string, TestSet> = {};
const entries = [1, 2, 3].map((at) => testHash(at));

beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
  company = await exchange.member({ name: "company", tier: "vetted" });
  agreed = await exchange.member({ tier: "agreed" });
  newcomer = await exchange.member({ tier: "test" });
  set = await publisher.openSet("verified");
  first = await set.publish(entries.map(put));
  second = await set.publish([del(entries[0]?.id as string), put(testHash(4))]);
  for (const [name, audience] of Object.entries({
    test: { tier: "test" },
    agreed: { tier: "agreed" },
    vetted: { tier: "vetted" },
    named: { tier: "named", members: ["company"] },
    nobody: { tier: "named" },
  } as const)) {
    const opened = await publisher.openSet(`for-${name}`, { audience: audience as never });
    await opened.publish([put(testHash(1))]);
    sets[name] = opened;
  }
});
afterAll(() => exchange.close());

const get = (path: string, key: string | undefined = company.key, headers: Record<string, string> = {}) =>
  exchange.request(path, { key, headers });

/** Who may read what: the same table holds for every route that names a set. */
const VISIBLE: [string, () => TestMember, boolean][] = ["test", "agreed", "vetted", "named", "nobody"].flatMap(
  (audience) => [
    [audience, () => newcomer, audience === "test"],
    [audience, () => agreed, audience === "test" || audience === "agreed"],
    [audience, () => company, audience !== "nobody"],
    [audience, () => publisher.member, true],
  ],
);

function expectUniform404(path: (set: TestSet) => string, init: object = {}): void {
  it("answers one 404 for what a caller may not see and for what is not there", async () => {
    for (const [audience, reader, mayRead] of VISIBLE) {
      const target = sets[audience] as TestSet;
      const response = await exchange.request(path(target), { key: reader().key, ...init });
      if (mayRead) {
        expect(response.status).toBeLessThan(400);
        await response.body?.cancel();
        continue;
      }
      const absent = await exchange.request(path({ ...target, path: `/v1/sets/${publisher.publisher}/never-was` }), {
        key: reader().key,
        ...init,
      });
      const [hidden, missing] = [await expectProblem(response, "not_found"), await expectProblem(absent, "not_found")];
      expect({ ...hidden, instance: "" }).toEqual({ ...missing, instance: "" });
    }
  });

  it("answers nobody without a key, nor a key without the scope", async () => {
    const target = path(sets.test as TestSet);
    await expectProblem(await exchange.request(target, init), "unauthenticated");
    const writeOnly = await exchange.apiKey(publisher.member.name, ["publish"]);
    await expectProblem(await exchange.request(target, { key: writeOnly.key, ...init }), "scope_required");
  });
}

describe("GET /v1/sets", () => {
  describe("happy", () => {
    it("lists what the caller may read, with custody and description", async () => {
      const { sets: listed } = CatalogueAnswer.parse(await (await get("/v1/sets")).json());
      expect(listed.find((row) => row.set === "verified")).toMatchObject({
        publisher: publisher.publisher,
        kind: "hash",
        custody: "member",
        title: "Test set",
        entries: 3,
        release: 2,
        audience_tier: "test",
        about: set.about,
      });
    });

    it("goes on by cursor until all are listed, each once", async () => {
      const many = await openTestPublisher(exchange);
      for (let at = 0; at < 105; at++) {
        await exchange.request(`/v1/sets/${many.publisher}/s-${at}`, {
          method: "PUT",
          key: many.member.key,
          json: { kind: "hash", stream: "test", audience: { tier: "named" } },
        });
      }
      const seen: string[] = [];
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const page = CatalogueAnswer.parse(
          await (await get(`/v1/sets${cursor ? `?cursor=${cursor}` : ""}`, many.member.key)).json(),
        );
        seen.push(...page.sets.map((row) => `${row.publisher}/${row.set}`));
        cursor = page.cursor;
      }
      expect(seen.filter((id) => id.startsWith(`${many.publisher}/`))).toHaveLength(105);
      expect(new Set(seen).size).toBe(seen.length);
    });

    it("is there for people of a member too", async () => {
      const person = await exchange.person("company", ["subscriber"]);
      expect((await exchange.request("/v1/sets", { cookie: person.cookie })).status).toBe(200);
    });
  });

  describe("error", () => {
    it.each(["x", "e30", base64urlOf(utf8Of('{"publisher":"p","set":"s"}'))])(
      "refuses the cursor %s",
      async (cursor) => {
        await expectProblem(await get(`/v1/sets?cursor=${cursor}`), "cursor_invalid");
      },
    );
  });

  describe("security", () => {
    it("shows each member its own part", async () => {
      for (const [audience, reader, mayRead] of VISIBLE) {
        const { sets: listed } = CatalogueAnswer.parse(await (await get("/v1/sets", reader().key)).json());
        expect(listed.some((row) => row.set === `for-${audience}`)).toBe(mayRead);
      }
      await expectProblem(await exchange.request("/v1/sets"), "unauthenticated");
    });
  });
});

describe("GET /v1/sets/:publisher/:set", () => {
  describe("happy", () => {
    it("shows one set, and to its publisher who may read it", async () => {
      expect(SetAnswer.parse(await (await get((sets.named as TestSet).path)).json())).toMatchObject({
        yours: false,
        set: "for-named",
      });
      const own = SetAnswer.parse(await (await get((sets.named as TestSet).path, publisher.member.key)).json());
      expect(own).toMatchObject({ yours: true, audience_members: ["company"] });
    });
  });
  describe("error", () => {
    it.each(["UPPER", "a_b", "%2e%2e"])("knows no set %s", async (name) => {
      await expectProblem(await get(`/v1/sets/${publisher.publisher}/${name}`), "not_found");
    });
  });
  describe("security", () => {
    expectUniform404(({ path }) => path);
    it("does not show readers who else may read", async () => {
      expect(await (await get((sets.named as TestSet).path)).json()).not.toHaveProperty("audience_members");
    });
  });
});

describe("GET /v1/sets/:publisher/:set/head", () => {
  describe("happy", () => {
    it("answers the newest envelope byte for byte, and 304 to whoever has it", async () => {
      const response = await get(`${set.path}/head`);
      expect(response.headers.get("content-type")).toBe("application/jose+json");
      expect(response.headers.get("breakwater-release")).toBe("2");
      expect(response.headers.get("etag")).toBe(`"${second.digest}"`);
      expect(response.headers.get("cache-control")).toBe("private, no-cache");
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(await set.sign(second.statement));
      for (const tag of [`"${second.digest}"`, `W/"${second.digest}"`, `"x", "${second.digest}"`, "*"]) {
        const again = await get(`${set.path}/head`, company.key, { "if-none-match": tag });
        expect(again.status).toBe(304);
        expect(await again.text()).toBe("");
      }
      expect((await get(`${set.path}/head`, company.key, { "if-none-match": `"${first.digest}"` })).status).toBe(200);
    });
  });
  describe("error", () => {
    it("is not there before the first release", async () => {
      const empty = await publisher.openSet("empty-head");
      await expectProblem(await get(`${empty.path}/head`), "not_found");
    });
  });
  describe("security", () => {
    expectUniform404(({ path }) => `${path}/head`);
    it("does not tell by 304 what it would not show", async () => {
      const hidden = (sets.nobody as TestSet).path;
      await expectProblem(await get(`${hidden}/head`, company.key, { "if-none-match": "*" }), "not_found");
    });
  });
});

describe("GET /v1/sets/:publisher/:set/releases/:release", () => {
  describe("happy", () => {
    it("answers any release, for good", async () => {
      const response = await get(`${set.path}/releases/1`);
      expect(response.headers.get("cache-control")).toContain("immutable");
      expect(response.headers.get("cache-control")).toContain("private");
      expect(parseJcs(new Uint8Array(await response.arrayBuffer()))).toMatchObject({
        payload: base64urlOf(first.statementBytes),
      });
    });
  });
  describe("error", () => {
    it.each(["3", "0", "-1", "x", "1.5", "9999999999"])("knows no release %s", async (number) => {
      await expectProblem(await get(`${set.path}/releases/${number}`), "not_found");
    });
  });
  describe("security", () => {
    expectUniform404(({ path }) => `${path}/releases/1`);

    it("ends for whoever the audience no longer holds", async () => {
      const narrowed = await publisher.openSet("narrowed");
      await narrowed.publish([put(testHash(1))]);
      expect((await get(`${narrowed.path}/releases/1`)).status).toBe(200);
      const json = { kind: "hash", stream: "test", audience: { tier: "named" } };
      await exchange.request(narrowed.path, { method: "PUT", key: publisher.member.key, json });
      await expectProblem(await get(`${narrowed.path}/releases/1`), "not_found");
    });
  });
});

describe("GET /v1/blobs/sha256/:hex", () => {
  const blob = (digest: string, key?: string, method = "GET") =>
    exchange.request(`/v1/blobs/sha256/${digest.slice("sha256:".length)}`, {
      method,
      ...(key === undefined ? { key: company.key } : { key }),
    });

  describe("happy", () => {
    it("answers every blob of the newest manifest byte for byte, and by HEAD that it is here", async () => {
      for (const { digest, bytes } of second.blobs) {
        const response = await blob(digest);
        expect(response.status).toBe(200);
        expect(response.headers.get("content-encoding")).toBeNull();
        expect(response.headers.get("cache-control")).toMatch(/^private, max-age=\d+$/);
        const got = new Uint8Array(await response.arrayBuffer());
        expect(await digestOf(got)).toBe(digest);
        const head = await blob(digest, undefined, "HEAD");
        expect(head.status).toBe(200);
        expect(head.headers.get("content-length")).toBe(String(bytes.length));
        expect(await head.text()).toBe("");
      }
    });

    it("answers an upload to whoever uploaded it, while no release names it", async () => {
      const waiting = await publisher.openSet("waiting-blobs");
      const composed = await waiting.compose([put(testHash(1))]);
      await waiting.upload(composed);
      for (const { digest } of composed.blobs) {
        expect((await blob(digest, publisher.member.key)).status).toBe(200);
        await expectProblem(await blob(digest), "not_found");
      }
    });

    it("answers 304 to whoever has it", async () => {
      const { digest } = second.blobs[0] as { digest: string };
      expect(
        (await get(`/v1/blobs/sha256/${digest.slice(7)}`, company.key, { "if-none-match": `"${digest}"` })).status,
      ).toBe(304);
    });
  });

  describe("error", () => {
    it.each(["AB".repeat(32), "ab", "0".repeat(64)])("knows no blob %s", async (hex) => {
      await expectProblem(await get(`/v1/blobs/sha256/${hex}`), "not_found");
    });

    it("is 410 after a purge, to those who could read it and to nobody else", async () => {
      const ended = await publisher.openSet("ended-blobs", { audience: { tier: "vetted" } });
      const entry = testHash(1);
      const before = await ended.publish([put(entry), put(testHash(2))]);
      await ended.publish([del(entry.id)], { purpose: "erasure" });
      const gone = before.blobs.filter(({ digest }) => digest !== before.statement.manifest);
      // An erasure waits for nobody: what the new head does not name is gone with the answer.
      await exchange.settle();
      for (const { digest } of gone) {
        await expectProblem(await blob(digest), "blob_gone");
        await expectProblem(await blob(digest, undefined), "blob_gone");
        await expectProblem(await blob(digest, newcomer.key), "not_found");
        expect(exchange.objects.keys().some((key) => key.includes(digest.slice(7)))).toBe(false);
      }
      const [rows] =
        await exchange.sql`select count(*)::int as count from entry_versions where line like ${`%${entry.id}%`}`;
      expect(rows?.count).toBe(0);
      const rest = await get(`${ended.path}/entries.ndjson`);
      expect((await rest.text()).trim().split("\n")).toHaveLength(1);
    });
  });

  describe("security", () => {
    it("shows blobs of sets that the caller may read, and one 404 for the rest", async () => {
      for (const [audience, reader, mayRead] of VISIBLE) {
        const digest = (sets[audience] as TestSet).previous()?.statement.manifest as string;
        const response = await blob(digest, reader().key);
        if (mayRead) expect(response.status).toBe(200);
        else await expectProblem(response, "not_found");
        expect((await blob(digest, reader().key, "HEAD")).status).toBe(mayRead ? 200 : 404);
      }
    });

    it("is for members only; a key that may only publish sees its own uploads", async () => {
      const { digest } = second.blobs[0] as { digest: string };
      await expectProblem(await exchange.request(`/v1/blobs/sha256/${digest.slice(7)}`), "unauthenticated");
      const other = await openTestPublisher(exchange);
      const writeOnly = await exchange.apiKey(other.member.name, ["publish"]);
      await expectProblem(await blob(digest, writeOnly.key), "not_found");
      const own = await exchange.apiKey(publisher.member.name, ["publish"]);
      expect((await blob(digest, own.key)).status).toBe(200);
    });
  });
});

describe("GET /v1/sets/:publisher/:set/changes", () => {
  const page = async (path: string, key?: string) => ChangesPage.parse(await (await get(path, key)).json());

  describe("happy", () => {
    it("gives the newest state of each entry, and withdrawals as ids", async () => {
      const { entries: rows, more } = await page(`${set.path}/changes`);
      expect(more).toBe(false);
      const gone = rows.find(({ op }) => op === "del");
      expect(gone).toEqual({ op: "del", seq: gone?.seq, release: 2, id: entries[0]?.id, why: "withdrawn" });
      const puts = rows.flatMap((row) => (row.op === "put" ? [row.entry] : []));
      expect(puts).toHaveLength(3);
      expect(puts).toContainEqual(entries[1]);
      expect(rows.map(({ seq }) => seq)).toEqual([...rows.map(({ seq }) => seq)].sort((a, b) => a - b));
    });

    it("goes on where the cursor says, page by page and release by release", async () => {
      const growing = await publisher.openSet("growing");
      const some = Array.from({ length: 25 }, (_, at) => testHash(at));
      await growing.publish(some.map(put));
      const seen = new Map<string, unknown>();
      let cursor = "";
      const follow = async () => {
        for (let more = true; more; ) {
          const answer = await page(`${growing.path}/changes?limit=10${cursor ? `&cursor=${cursor}` : ""}`);
          expect(answer.entries.length).toBeLessThanOrEqual(10);
          for (const row of answer.entries) {
            if (row.op === "put") seen.set(row.entry.id, row.entry);
            else seen.delete(row.id);
          }
          ({ cursor, more } = answer);
        }
      };
      await follow();
      expect(seen.size).toBe(25);
      const changed = { ...(some[3] as (typeof some)[number]), requested_action: "observe" as const };
      await growing.publish([del(some[0]?.id as string), put(changed as never), put(testHash(99))]);
      await follow();
      expect(seen.size).toBe(25);
      expect(seen.get(changed.id)).toEqual(changed);
      const rest = await page(`${growing.path}/changes?cursor=${cursor}`);
      expect(rest).toEqual({ entries: [], cursor, more: false });
    });

    it("is empty for a set without a release", async () => {
      const empty = await publisher.openSet("empty-changes");
      expect(await page(`${empty.path}/changes`)).toMatchObject({ entries: [], more: false });
    });
  });

  describe("error", () => {
    it.each(["0", "1001", "-1", "x", "1.5"])("refuses the limit %s", async (limit) => {
      await expectProblem(await get(`${set.path}/changes?limit=${limit}`), "query_invalid");
    });

    it.each(["x", "e30", "AAAA", `${"A".repeat(1_020)}`])("refuses the cursor %s", async (cursor) => {
      await expectProblem(await get(`${set.path}/changes?cursor=${cursor}`), "cursor_invalid");
    });
  });

  describe("security", () => {
    expectUniform404(({ path }) => `${path}/changes`);

    it("refuses another set's cursor, and one that was made up", async () => {
      const { cursor } = await page(`${(sets.vetted as TestSet).path}/changes`);
      await expectProblem(await get(`${set.path}/changes?cursor=${cursor}`), "cursor_invalid");
      const forged = base64urlOf(utf8Of(jcs({ epoch: "x", seq: 0, set: `${publisher.publisher}/verified` })));
      await expectProblem(await get(`${set.path}/changes?cursor=${forged}`), "cursor_expired");
    });

    it("refuses every cursor from before a restore", async () => {
      const { cursor } = await page(`${set.path}/changes`);
      await exchange.withDeps((deps) => renewFeedEpoch(deps));
      await expectProblem(await get(`${set.path}/changes?cursor=${cursor}`), "cursor_expired");
    });
  });
});

describe("GET /v1/sets/:publisher/:set/entries.ndjson", () => {
  describe("happy", () => {
    it("streams the entries of the head by id, as their publisher wrote them", async () => {
      const response = await get(`${set.path}/entries.ndjson`);
      expect(response.headers.get("content-type")).toBe("application/x-ndjson");
      expect(response.headers.get("breakwater-release")).toBe("2");
      const text = await response.text();
      const lines = [...set.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => `${line}\n`);
      expect(text).toBe(lines.join(""));
    });

    it("is the same set that the snapshot holds", async () => {
      const whole = await publisher.openSet("whole");
      const composed = await whole.publish(Array.from({ length: 2_100 }, (_, at) => put(testHash(at))));
      const response = await get(`/v1/blobs/sha256/${digestHex(composed.manifest.snapshot.index)}`);
      const index = await parseIndex(new Uint8Array(await response.arrayBuffer()), composed.manifest.snapshot);
      expect(index.reduce((sum, row) => sum + row.entries, 0)).toBe(2_100);
      const text = await (await get(`${whole.path}/entries.ndjson`)).text();
      expect(text.trim().split("\n")).toHaveLength(2_100);
    });

    it("answers HEAD without opening a stream that nobody will read", async () => {
      const response = await exchange.request(`${set.path}/entries.ndjson`, { method: "HEAD", key: company.key });
      expect(response.status).toBe(200);
      expect(response.headers.get("breakwater-release")).toBe("2");
      await exchange.settle();
    });

    it("asks the database for nothing more than was read, and lets go when the reader does", async () => {
      const long = await publisher.openSet("long");
      await long.publish(Array.from({ length: 3_000 }, (_, at) => put(testHash(at))));
      const response = await get(`${long.path}/entries.ndjson`);
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const { value } = await reader.read();
      expect(new TextDecoder().decode(value).trim().split("\n")).toHaveLength(1_000);
      await reader.cancel();
      const settled = await Promise.race([
        exchange.settle().then(() => "settled"),
        new Promise((resolve) => setTimeout(resolve, 5_000, "held")),
      ]);
      expect(settled).toBe("settled");
    });
  });

  describe("error", () => {
    it("is no empty list before the first release", async () => {
      const empty = await publisher.openSet("empty-entries");
      await expectProblem(await get(`${empty.path}/entries.ndjson`), "not_found");
    });
  });

  describe("security", () => {
    expectUniform404(({ path }) => `${path}/entries.ndjson`);

    it("shows nothing of a release that is staged and not yet the head", async () => {
      const staged = await publisher.openSet("staged-entries");
      await staged.publish([put(testHash(1))]);
      exchange.killAt("before_head_moves");
      await staged.offer([put(testHash(77))]);
      exchange.killAt(undefined);
      const [row] = await exchange.sql`
        select count(*)::int as staged from entry_versions e join sets s on s.id = e.set_id
        where s.name = ${staged.set} and e.release = 2`;
      expect(row?.staged).toBe(1);
      const text = await (await get(`${staged.path}/entries.ndjson`)).text();
      expect(text.trim().split("\n")).toHaveLength(1);
    });
  });
});

describe("POST /v1/sets/:publisher/:set/acks", () => {
  const ack = (body: object, key = company.key) => exchange.request(`${set.path}/acks`, { key, json: body });

  describe("happy", () => {
    it("keeps the newest release that a member has said it holds", async () => {
      for (const { statement, digest } of [first, second, first]) {
        expect((await ack({ release: statement.release, statement: digest })).status).toBe(204);
      }
      const rows =
        await exchange.sql`select release, statement from acks a join sets s on s.id = a.set_id where s.name = ${set.set}`;
      expect([...rows]).toEqual([{ release: 2, statement: second.digest }]);
    });
  });

  describe("error", () => {
    it("refuses a release that is not there, another statement, and another body", async () => {
      await expectProblem(await ack({ release: 9, statement: second.digest }), "release_gap");
      await expectProblem(await ack({ release: 2 ** 31, statement: second.digest }), "release_gap");
      await expectProblem(await ack({ release: 2, statement: first.digest }), "release_fork");
      await expectProblem(await ack({ release: 2 }), "request_invalid");
      await expectProblem(await ack({ release: 2, statement: "x" }), "request_invalid");
      await expectProblem(await ack({ release: 2, statement: second.digest, note: "x" }), "request_invalid");
    });
  });

  describe("security", () => {
    it("is for those who may read the set", async () => {
      const hidden = sets.nobody as TestSet;
      const body = { release: 1, statement: hidden.previous()?.digest };
      await expectProblem(await exchange.request(`${hidden.path}/acks`, { key: company.key, json: body }), "not_found");
      await expectProblem(
        await exchange.request(`${set.path}/acks`, { json: { release: 1, statement: first.digest } }),
        "unauthenticated",
      );
      const writeOnly = await exchange.apiKey(publisher.member.name, ["publish"]);
      await expectProblem(await ack({ release: 1, statement: first.digest }, writeOnly.key), "scope_required");
    });
  });
});
