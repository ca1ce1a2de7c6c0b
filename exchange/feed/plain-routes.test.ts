import { gunzipSync } from "node:zlib";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { COLUMNS, readCell, setMember } from "@breakwater/shared/lists/columns.ts";
import { unguardCell } from "@breakwater/shared/lists/csv-row.ts";
import { exampleAbout, exampleEntry } from "@breakwater/shared/testing/examples.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renewFeedEpoch } from "../sets/index.ts";
import {
  del,
  expectProblem,
  openTestExchange,
  openTestPublisher,
  openTestRecalls,
  put,
  type TestExchange,
  type TestMember,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";

const ROWS = 2_300;
let exchange: TestExchange;
let publisher: TestPublisher;
let company: TestMember;
let newcomer: TestMember;
let set: TestSet;
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
  company = await exchange.member({ name: "company", tier: "vetted" });
  newcomer = await exchange.member({ tier: "test" });
  set = await publisher.openSet("plain");
  await set.publish(Array.from({ length: ROWS }, (_, at) => put(testHash(at))));
});
afterAll(() => exchange.close());

const get = (path: string, headers: Record<string, string> = {}, key: string | undefined = company.key) =>
  exchange.request(path, { key, headers });
const head = (path: string, headers: Record<string, string> = {}) =>
  exchange.request(path, { key: company.key, headers, method: "HEAD" });

/** RFC 4180, by the letter. */
function parseCsv(text: string): string[][] {
  expect(text.endsWith("\r\n")).toBe(true);
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === "\r\n") rows.push([]);
  }
  return rows.slice(0, -1);
}

/** Entries as whoever reads the columns gets them, in canonical form. */
function entriesOf(kind: SetKind, text: string): string[] {
  const [names, ...rows] = parseCsv(text) as [string[], ...string[][]];
  expect(names).toEqual([...COLUMNS[kind].keys()]);
  return rows.map((cells) => {
    const entry: Record<string, unknown> = {};
    for (const [at, name] of names.entries()) {
      const value = readCell(COLUMNS[kind].get(name) as never, unguardCell(cells[at] as string));
      if (value !== undefined) setMember(entry, name, value);
    }
    return formatEntry(entry as never);
  });
}

describe("GET /v1/sets/:publisher/:set/entries.csv", () => {
  describe("happy", () => {
    it("streams the entries of the head by id, and its columns hold all of them", async () => {
      const response = await get(`${set.path}/entries.csv`);
      expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
      expect(response.headers.get("breakwater-release")).toBe("1");
      const lines = [...set.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
      expect(entriesOf("hash", await response.text())).toEqual(lines);
    });

    it.each(["hash", "term", "url", "indicator"] as const)("writes all members of a %s", async (kind) => {
      const full = await publisher.openSet(`csv-${kind}`, { kind });
      const line = formatEntry(exampleEntry(kind));
      await full.publish([{ op: "put", line }], { about: exampleAbout(kind, { stream: "test" }) });
      expect(entriesOf(kind, await (await get(`${full.path}/entries.csv`)).text())).toEqual([line]);
    });

    it("has a header and no row when all was withdrawn", async () => {
      const emptied = await publisher.openSet("csv-emptied");
      const entry = testHash(1);
      await emptied.publish([put(entry)]);
      await emptied.publish([del(entry.id)]);
      expect(parseCsv(await (await get(`${emptied.path}/entries.csv`)).text())).toEqual([[...COLUMNS.hash.keys()]]);
    });
  });

  describe("error", () => {
    it("is no header alone before the first release", async () => {
      const empty = await publisher.openSet("csv-empty");
      await expectProblem(await get(`${empty.path}/entries.csv`), "not_found");
    });
  });

  describe("security", () => {
    it.each(["=1+2", "+1", "-1", "@x", "'=1", "''+1"])("gives a spreadsheet nothing to run: %s", async (text) => {
      const terms = await publisher.openSet(`csv-run-${Buffer.from(text).toString("hex")}`, { kind: "term" });
      const line = formatEntry(exampleEntry("term", { text: `${text} test-term-0001, "two"`, match: "phrase" }));
      await terms.publish([{ op: "put", line }], { about: exampleAbout("term", { stream: "test" }) });
      const csv = await (await get(`${terms.path}/entries.csv`)).text();
      for (const cell of parseCsv(csv).flat()) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      expect(entriesOf("term", csv)).toEqual([line]);
    });

    it("answers one 404 for what a caller may not see and for what is not there", async () => {
      const hidden = await publisher.openSet("csv-hidden", { audience: { tier: "named", members: ["company"] } });
      await hidden.publish([put(testHash(1))]);
      const shown = await get(`${hidden.path}/entries.csv`);
      expect(shown.status).toBe(200);
      await shown.text();
      const path = `/v1/sets/${publisher.publisher}/never-was/entries.csv`;
      const [unseen, missing] = [
        await expectProblem(await get(`${hidden.path}/entries.csv`, {}, newcomer.key), "not_found"),
        await expectProblem(await get(path, {}, newcomer.key), "not_found"),
      ];
      expect({ ...unseen, instance: "" }).toEqual({ ...missing, instance: "" });
    });

    it("answers nobody without a key, nor a key without the scope", async () => {
      await expectProblem(await exchange.request(`${set.path}/entries.csv`), "unauthenticated");
      const writeOnly = await exchange.apiKey(publisher.member.name, ["publish"]);
      await expectProblem(await get(`${set.path}/entries.csv`, {}, writeOnly.key), "scope_required");
    });
  });
});

const PLAIN = ["changes?limit=1000", "entries.ndjson", "entries.csv"] as const;

describe.each(PLAIN)("the plain feed's %s", (what) => {
  const path = () => `${set.path}/${what}`;

  it("is not sent again to whoever has it, until there is a new head", async () => {
    const own = await publisher.openSet(`held-${PLAIN.indexOf(what)}`);
    await own.publish([put(testHash(1))]);
    const held = await get(`${own.path}/${what}`);
    await held.text();
    const tag = held.headers.get("etag") as string;
    expect(tag).toMatch(/^W\/"r1-[0-9a-f]{16}"$/);
    expect(held.headers.get("cache-control")).toBe("private, no-cache");
    for (const method of ["GET", "HEAD"]) {
      for (const sent of [tag, tag.slice(2), `"x", ${tag}`]) {
        const headers = { "if-none-match": sent };
        const again = await exchange.request(`${own.path}/${what}`, { key: company.key, method, headers });
        expect(again.status).toBe(304);
        expect(again.headers.get("etag")).toBe(tag);
        expect(await again.text()).toBe("");
      }
    }
    await own.publish([put(testHash(2))]);
    const after = await get(`${own.path}/${what}`, { "if-none-match": tag });
    expect(after.status).toBe(200);
    expect(after.headers.get("etag")).toMatch(/^W\/"r2-/);
    await after.body?.cancel();
  });

  it("tells of a recall to whoever has it already, since no line changes by one", async () => {
    const recalled = testHash(9);
    const own = await publisher.openSet(`recalled-${PLAIN.indexOf(what)}`);
    await own.publish([put(recalled)]);
    const first = await head(`${own.path}/${what}`);
    expect(first.headers.get("breakwater-recall")).toBe("0");
    expect((await openTestRecalls(exchange, publisher, own).offer({ entries: [recalled.id] })).status).toBe(201);
    const again = await get(`${own.path}/${what}`, { "if-none-match": first.headers.get("etag") as string });
    expect([again.status, again.headers.get("breakwater-recall")]).toEqual([304, "1"]);
  });

  it("is sent again after a restore, whatever number the head has", async () => {
    const held = await head(path());
    await exchange.withDeps((deps) => renewFeedEpoch(deps));
    const again = await get(path(), { "if-none-match": held.headers.get("etag") as string });
    expect(again.status).toBe(200);
    await again.body?.cancel();
  });

  it("does not tell by 304 what it would not show", async () => {
    const hidden = await publisher.openSet(`unseen-${PLAIN.indexOf(what)}`, { audience: { tier: "named" } });
    await hidden.publish([put(testHash(1))]);
    await expectProblem(await get(`${hidden.path}/${what}`, { "if-none-match": "*" }), "not_found");
  });

  it("comes as gzip to whoever takes it, and says the same", async () => {
    const plain = await get(path());
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(plain.headers.get("vary")).toBe("Accept-Encoding");
    const packed = await get(path(), { "accept-encoding": "br;q=1, gzip;q=0.8" });
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(packed.headers.get("etag")).toBe(plain.headers.get("etag"));
    const [text, bytes] = [await plain.text(), new Uint8Array(await packed.arrayBuffer())];
    expect(gunzipSync(bytes).toString("utf8")).toBe(text);
    expect(bytes.length).toBeLessThan(text.length / 4);
    const refused = await get(path(), { "accept-encoding": "gzip;q=0, identity" });
    expect(refused.headers.get("content-encoding")).toBeNull();
    await refused.body?.cancel();
  });

  it("answers HEAD as it would answer GET, without opening a stream that nobody will read", async () => {
    for (const coding of ["identity", "gzip"]) {
      const [got, asked] = [
        await get(path(), { "accept-encoding": coding }),
        await head(path(), { "accept-encoding": coding }),
      ];
      expect(asked.status).toBe(200);
      for (const name of ["content-type", "etag", "breakwater-release", "content-encoding", "vary", "cache-control"]) {
        expect(asked.headers.get(name), name).toBe(got.headers.get(name));
      }
      expect(await asked.text()).toBe("");
      await got.body?.cancel();
    }
    await exchange.settle();
  });
});

describe.each(["identity", "gzip"])("a whole set as %s", (coding) => {
  it.each(["ndjson", "csv"])(
    "asks the database for no more than was read, and lets go with its reader (%s)",
    async (form) => {
      const response = await get(`${set.path}/entries.${form}`, { "accept-encoding": coding });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      expect((await reader.read()).value?.length).toBeGreaterThan(0);
      await reader.cancel();
      const settled = await Promise.race([
        exchange.settle().then(() => "settled"),
        new Promise((resolve) => setTimeout(resolve, 5_000, "held")),
      ]);
      expect(settled).toBe("settled");
    },
  );
});

describe("many readers at once", () => {
  it("get a page each, and the same one", async () => {
    const pages = await Promise.all(Array.from({ length: 40 }, () => get(`${set.path}/changes?limit=1000`)));
    const texts = new Set(await Promise.all(pages.map((page) => page.text())));
    expect(pages.every(({ status }) => status === 200)).toBe(true);
    expect(texts.size).toBe(1);
  });
});
