import { digestHex } from "@breakwater/shared/bytes.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { transaction } from "../platform/db.ts";
import { RELEASE_KILL_POINTS } from "../platform/kill-points.ts";
import {
  del,
  expectProblem,
  forgeManifest,
  openTestExchange,
  openTestPublisher,
  put,
  STATEMENT,
  TEST_START,
  type TestExchange,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";
import { ADMISSION_STALE_MS } from "./admission-store.ts";
import { stageRows } from "./staging.ts";

let exchange: TestExchange;
let publisher: TestPublisher;
let made = 0;
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
});
afterAll(() => exchange.close());
beforeEach(() => {
  exchange.clock.set(TEST_START);
  exchange.killAt(undefined);
});

const newSet = (from = publisher) => from.openSet(`admit-${++made}`);
const hashes = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => put(testHash(from + at)));
const ids = (text: string) =>
  text
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).id as string);

async function readState(set: TestSet, key = publisher.member.key) {
  const head = await exchange.request(`${set.path}/head`, { key });
  const entries = await exchange.request(`${set.path}/entries.ndjson`, { key });
  const changes = await exchange.request(`${set.path}/changes?limit=1000`, { key });
  return {
    release: Number(head.headers.get("breakwater-release")),
    ids: entries.status === 200 ? ids(await entries.text()) : [],
    changes: ((await changes.json()) as { entries: { op: string }[] }).entries.filter(({ op }) => op === "put").length,
  };
}

describe.each(["member", "exchange"] as const)("a process that ends during an admission (custody: %s)", (custody) => {
  it.each(RELEASE_KILL_POINTS.filter((name) => name !== "after_blob_put"))(
    "at %s leaves the old state or the new one, and the retry succeeds",
    async (point) => {
      const p = await openTestPublisher(exchange, { custody });
      const set = await newSet(p);
      await set.publish(hashes(0, 50));
      const before = await readState(set, p.member.key);
      const changes = [...hashes(100, 103), del(before.ids[0] as string)];
      const composed = await set.compose(changes);
      await set.upload(composed);
      const post = async () =>
        custody === "member"
          ? set.post(await set.sign(composed.statement))
          : set.post(composed.statementBytes, STATEMENT);

      exchange.killAt(point);
      expect((await post()).status).toBe(500);
      exchange.killAt(undefined);
      const left = await readState(set, p.member.key);
      if (point === "after_head_moved") expect(left).toMatchObject({ release: 2, changes: 52 });
      else expect(left).toEqual(before);

      exchange.clock.advance(ADMISSION_STALE_MS + 1);
      const again = await post();
      expect(again.status).toBe(point === "after_head_moved" ? 200 : 201);
      expect(await again.json()).toMatchObject({ release: 2, entries: 52, digest: composed.digest });
      const after = await readState(set, p.member.key);
      expect(after).toMatchObject({ release: 2, changes: 52 });
      expect(after.ids).toHaveLength(52);
      expect(after.ids).not.toContain(before.ids[0]);
    },
  );

  it("is ended by the job when nobody comes back", async () => {
    const p = await openTestPublisher(exchange, { custody });
    const set = await newSet(p);
    exchange.killAt("after_rows_staged");
    const { response, composed } = await set.offer(hashes(0, 20));
    expect(response.status).toBe(500);
    exchange.killAt(undefined);
    await exchange.runJobs();
    expect(await readState(set, p.member.key)).toMatchObject({ release: 0, ids: [] });
    exchange.clock.advance(3 * ADMISSION_STALE_MS);
    await exchange.runJobs();
    expect(await readState(set, p.member.key)).toMatchObject({ release: 1, changes: 20 });
    const admission = await exchange.request(`${set.path}/releases/1/admission`, { key: p.member.key });
    expect(await admission.json()).toEqual({ state: "done", digest: composed.digest, rows_done: 20, rows_total: 20 });
  });
});

describe("a put that breaks", () => {
  it.each(["failed_and_not_written", "failed_but_written"] as const)(
    "in the object store (%s) refuses with busy, and the retry succeeds",
    async (fault) => {
      for (const prefix of ["pending/", "blobs/"]) {
        const set = await newSet();
        const composed = await set.compose(hashes(0, 5));
        if (prefix === "pending/") exchange.objects.breakNextPut(fault, prefix);
        for (const { bytes, digest } of composed.blobs) {
          const response = await publisher.putBlob(bytes, digestHex(digest));
          if (!response.ok) {
            await expectProblem(response, "busy");
            expect((await publisher.putBlob(bytes, digestHex(digest))).status).toBe(201);
          }
        }
        if (prefix === "blobs/") {
          exchange.objects.breakNextPut(fault, prefix);
          await expectProblem(await set.post(await set.sign(composed.statement)), "busy");
          expect(await readState(set)).toMatchObject({ release: 0 });
          exchange.clock.advance(ADMISSION_STALE_MS + 1);
        }
        expect((await set.post(await set.sign(composed.statement))).status).toBe(201);
      }
    },
  );

  it("after a blob's bytes are stored and before the row says so, is repeated without harm", async () => {
    const set = await newSet();
    const composed = await set.compose(hashes(0, 5));
    const [blob] = composed.blobs;
    exchange.killAt("after_blob_put");
    expect((await publisher.putBlob(blob?.bytes as never, digestHex(blob?.digest as never))).status).toBe(500);
    exchange.killAt(undefined);
    await set.upload(composed);
    expect((await set.post(await set.sign(composed.statement))).status).toBe(201);
  });
});

describe("two at once", () => {
  it("with different releases of one number: one is admitted, one is refused", async () => {
    const set = await newSet();
    await set.publish(hashes(0, 10));
    const [a, b] = await Promise.all([set.compose(hashes(100, 300)), set.compose(hashes(300, 500))]);
    await set.upload(a);
    await set.upload(b);
    const envelopes = await Promise.all([set.sign(a.statement), set.sign(b.statement)]);
    const answers = await Promise.all(envelopes.map((envelope) => set.post(envelope)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const [refused] = answers.filter(({ status }) => status === 409);
    expect(await refused?.json()).toMatchObject({ code: expect.stringMatching(/^(release_fork|admission_pending)$/) });
    expect(await readState(set)).toMatchObject({ release: 2, changes: 210 });
  });

  it("with the same release: it is admitted once", async () => {
    const set = await newSet();
    const composed = await set.compose(hashes(0, 100));
    await set.upload(composed);
    const envelope = await set.sign(composed.statement);
    const answers = await Promise.all([1, 2, 3].map(() => set.post(envelope)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.every((status) => [200, 201, 202].includes(status))).toBe(true);
    const [row] = await exchange.sql`select count(*)::int as leaves from log_leaves where digest = ${composed.digest}`;
    expect(row?.leaves).toBe(1);
  });

  it("of many sets get log indexes without a hole", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => newSet()));
    await Promise.all(all.map((set) => set.publish(hashes(0, 3))));
    const rows = await exchange.sql<{ log_index: string }[]>`select log_index from log_leaves order by log_index`;
    expect(rows.map((row) => Number(row.log_index))).toEqual(rows.map((_, at) => at));
    const [head] = await exchange.sql`select size::int as size from log_head`;
    expect(head?.size).toBe(rows.length);
  });

  it("readers see the old head or the new one, whole", async () => {
    const set = await newSet();
    await set.publish(hashes(0, 1_000));
    const before = [...set.entries().keys()].sort();
    const composed = await set.compose([...hashes(5_000, 6_000), ...before.slice(0, 500).map(del)]);
    await set.upload(composed);
    const envelope = await set.sign(composed.statement);
    let done = false;
    const posted = set.post(envelope).finally(() => {
      done = true;
    });
    const seen = new Set<string>();
    while (!done) {
      const response = await exchange.request(`${set.path}/entries.ndjson`, { key: publisher.member.key });
      seen.add(`${response.headers.get("breakwater-release")}: ${ids(await response.text()).length}`);
    }
    expect((await posted).status).toBe(201);
    for (const state of seen) expect(["1: 1000", "2: 1500"]).toContain(state);
    expect(await readState(set)).toMatchObject({ release: 2, ids: expect.objectContaining({ length: 1_500 }) });
  });

  it("a stream that began on the old head ends on the old head", async () => {
    const set = await newSet();
    await set.publish(hashes(0, 2_500));
    const response = await exchange.request(`${set.path}/entries.ndjson`, { key: publisher.member.key });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = new TextDecoder().decode((await reader.read()).value);
    const before = [...set.entries().keys()].sort();
    await set.publish([...before.slice(-1_000).map(del), ...hashes(9_000, 9_100)]);
    for (let part = await reader.read(); !part.done; part = await reader.read())
      text += new TextDecoder().decode(part.value);
    expect(ids(text)).toEqual(before);
  });
});

describe("a release of more lines than a request waits for", () => {
  it("is answered 202, admitted by a job, and seen by readers at once and whole", async () => {
    const set = await newSet();
    const composed = await set.compose(hashes(0, 16_385));
    await set.upload(composed);
    const envelope = await set.sign(composed.statement);
    const response = await set.post(envelope);
    expect(response.status).toBe(202);
    const { admission } = (await response.json()) as { admission: string };
    expect(admission).toBe(`${exchange.origin}${set.path}/releases/1/admission`);
    await exchange.settle();
    await exchange.runJobs();
    const state = await (await exchange.request(admission, { key: publisher.member.key })).json();
    expect(state).toMatchObject({ state: "done", rows_done: 16_385, rows_total: 16_385 });
    expect(await readState(set)).toMatchObject({ release: 1, changes: 1_000 });
    expect((await set.post(envelope)).status).toBe(200);
  });

  it("is taken back whole when a later segment is refused, and the number is free", async () => {
    const set = await newSet();
    const composed = await set.compose(hashes(0, 16_500));
    const forged = await forgeManifest(composed, (manifest) => ({
      ...manifest,
      snapshot: { ...(manifest.snapshot as object), state: `sha256:${"0".repeat(64)}` },
    }));
    await set.upload({ blobs: forged.blobs });
    const response = await set.post(await set.sign(forged.statement as never));
    expect(response.status).toBe(202);
    await exchange.settle();
    await exchange.runJobs();
    const admission = await exchange.request(`${set.path}/releases/1/admission`, { key: publisher.member.key });
    expect(await admission.json()).toMatchObject({ state: "failed", code: "state_digest" });
    const [row] = await exchange.sql`
      select count(*)::int as rows from entry_versions e join sets s on s.id = e.set_id where s.name = ${set.set}`;
    expect(row?.rows).toBe(0);
    await set.publish(hashes(0, 3));
  });
});

describe("staging rows", () => {
  it("tells when the database refuses them at the end of the data, instead of waiting for ever", async () => {
    const set = await newSet();
    const id = "ab".repeat(16);
    const naturalKey = "00".repeat(32);
    const row = { op: "put", id, line: "{}", naturalKey } as const;
    const [found] = await exchange.sql<{ id: number }[]>`select id::int as id from sets where name = ${set.set}`;
    const staged = exchange.withDeps((deps) =>
      transaction(deps, (tx) => stageRows(tx, found?.id as number, 1, [row, row])),
    );
    await expect(staged).rejects.toBeInstanceOf(Error);
    const [after] =
      await exchange.sql`select count(*)::int as rows from entry_versions where set_id = ${found?.id as number}`;
    expect(after?.rows).toBe(0);
  });

  it("writes backslashes, tabs and quotes as they are", async () => {
    const set = await newSet();
    const [found] = await exchange.sql<{ id: number }[]>`select id::int as id from sets where name = ${set.set}`;
    const line = '{"text":"a\\\\b\\tc\\n\\u0001\\N \\\\."}\t\\.\r';
    const row = { op: "put", id: "cd".repeat(16), line, naturalKey: "07".repeat(32) } as const;
    await exchange.withDeps((deps) => transaction(deps, (tx) => stageRows(tx, found?.id as number, 1, [row])));
    const [stored] =
      await exchange.sql`select line, natural_key from entry_versions where set_id = ${found?.id as number}`;
    expect(stored?.line).toBe(line);
    expect(Array.from(stored?.natural_key ?? [])).toEqual(Array(32).fill(7));
  });
});
