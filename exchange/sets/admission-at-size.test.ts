import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { exampleAbout, exampleEntry } from "@breakwater/shared/testing/examples.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { JOB_LOCK_MS } from "../platform/jobs.ts";
import { forgeSnapshot } from "../testing/forge.ts";
import {
  openTestExchange,
  openTestPublisher,
  put,
  TEST_START,
  type TestExchange,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";
import { ADMISSION_STALE_MS } from "./admission-store.ts";
import { FAULTS_MAX } from "./row-checker.ts";

/** Two segments and a little. */
const LINES = 33_000;
let exchange: TestExchange;
let publisher: TestPublisher;
let made = 0;
let lines: string[];
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
  lines = Array.from({ length: LINES }, (_, at) => formatEntry(testHash(at))).sort(byId);
});
afterAll(() => exchange.close());
beforeEach(() => {
  exchange.clock.set(TEST_START);
  exchange.killAt(undefined);
});

const idOf = (line: string) => (/"id":"([0-9a-f]{32})"/.exec(line) as RegExpExecArray)[1] as string;
const byId = (a: string, b: string) => (idOf(a) < idOf(b) ? -1 : 1);
const newSet = (request = {}) => publisher.openSet(`size-${++made}`, request);

/** As a publisher would whose own tool checks nothing. */
async function offerLines(set: TestSet, some: readonly string[], change = {}): Promise<Response> {
  const composed = await set.compose([], change);
  const forged = await forgeSnapshot(composed, some);
  await set.upload(forged);
  return set.post(await set.sign(forged.statement as never));
}

async function admissionOf(set: TestSet) {
  const answer = await exchange.request(`${set.path}/releases/1/admission`, { key: publisher.member.key });
  return (await answer.json()) as { state: string; code?: string; detail?: Record<string, unknown>; rows_done: number };
}

async function countRows(set: TestSet): Promise<number> {
  const [row] = await exchange.sql`
    select count(*)::int as rows from entry_versions e join sets s on s.id = e.set_id where s.name = ${set.set}`;
  return row?.rows;
}

describe("a process that ends between two segments", () => {
  it("leaves what is staged to the next, which stages the rest once and never again what is there", async () => {
    const set = await newSet();
    exchange.killAt("after_segment_staged");
    const response = await offerLines(set, lines);
    expect(response.status).toBe(202);
    await exchange.settle();
    const step = async () => {
      const [row] = await exchange.sql`
        select a.step, length(a.state_buckets) as kept from admissions a join sets s on s.id = a.set_id where s.name = ${set.set}`;
      return row;
    };
    expect(await step()).toMatchObject({ step: 1, kept: expect.toSatisfy((kept) => kept > 0 && kept % 32 === 0) });
    expect(await countRows(set)).toBe(16_384);
    expect((await exchange.request(`${set.path}/head`, { key: publisher.member.key })).status).toBe(404);

    // It dies again, one segment on.
    exchange.clock.advance(ADMISSION_STALE_MS + 1);
    await exchange.tick();
    expect(await step()).toMatchObject({ step: 2 });
    exchange.killAt(undefined);
    exchange.clock.advance(2 * ADMISSION_STALE_MS);
    await exchange.tick();
    expect(await admissionOf(set)).toMatchObject({ state: "done", rows_done: LINES });
    expect(await countRows(set)).toBe(LINES);
    const text = await (await exchange.request(`${set.path}/entries.ndjson`, { key: publisher.member.key })).text();
    expect(text).toBe(`${lines.join("\n")}\n`);
  });

  it("notices that the database came back without a step, and does it again", async () => {
    const set = await newSet();
    const nextSeq = async () => {
      const [row] = await exchange.sql`select next_seq from sets where name = ${set.set}`;
      return row?.next_seq;
    };
    const before = await nextSeq();
    // As a database that is cut off comes back: a step's commit did not wait for the disk.
    exchange.onceAt("after_segment_staged", async () => {
      await exchange.sql`delete from entry_versions where set_id = (select id from sets where name = ${set.set})`;
      await exchange.sql`update sets set next_seq = ${before} where name = ${set.set}`;
      await exchange.sql`
        update admissions set step = 0, rows_done = 0, entries_delta = 0, state_buckets = '', audience_floor = 'test'
        where set_id = (select id from sets where name = ${set.set})`;
    });
    expect((await offerLines(set, lines)).status).toBe(202);
    await exchange.settle();
    expect(await admissionOf(set)).toMatchObject({ state: "running", rows_done: 0 });
    exchange.clock.advance(ADMISSION_STALE_MS + 1);
    await exchange.tick();
    expect(await admissionOf(set)).toMatchObject({ state: "done", rows_done: LINES });
    const text = await (await exchange.request(`${set.path}/entries.ndjson`, { key: publisher.member.key })).text();
    expect(text).toBe(`${lines.join("\n")}\n`);
  });

  it("waits for the disk with the last step, and so for all of them, before the head can move", async () => {
    await exchange.sql.unsafe(`
      create table waits (step int, waits text);
      create function note_wait() returns trigger language plpgsql as $$
        begin insert into waits values (new.step, current_setting('synchronous_commit')); return new; end $$;
      create trigger note_wait after update on admissions for each row when (new.step <> old.step) execute function note_wait()`);
    const set = await newSet();
    await offerLines(set, lines);
    await exchange.settle();
    expect(await admissionOf(set)).toMatchObject({ state: "done" });
    const waits = await exchange.sql`select step, waits from waits order by step`;
    await exchange.sql.unsafe("drop trigger note_wait on admissions; drop function note_wait; drop table waits");
    expect([...waits]).toEqual([
      { step: 1, waits: "off" },
      { step: 2, waits: "off" },
      { step: 3, waits: "on" },
    ]);
  });

  it("is followed within a tick, though its job is still locked", async () => {
    const set = await newSet();
    exchange.killAt("after_segment_staged");
    await offerLines(set, lines.slice(0, 16_500));
    await exchange.settle();
    exchange.killAt(undefined);
    // As SIGKILL leaves it: nobody has written down that the run failed.
    const lockedUntil = new Date(exchange.clock.now().getTime() + JOB_LOCK_MS);
    await exchange.sql`update jobs set locked_until = ${lockedUntil}, run_at = ${TEST_START} where kind = 'sets.admit' and done_at is null`;
    await exchange.tick();
    expect(await admissionOf(set)).toMatchObject({ state: "running" });
    exchange.clock.advance(ADMISSION_STALE_MS + 1);
    await exchange.tick();
    expect(await admissionOf(set)).toMatchObject({ state: "done" });
  });
});

describe("rows at fault in a later segment", () => {
  it("refuse all of the release, and are named: line, id, code and place", async () => {
    const set = await newSet();
    const bad = [...lines];
    const change = (at: number, members: object) => {
      bad[at] = formatEntry({ ...JSON.parse(lines[at] as string), ...members });
    };
    change(20_000, { category: "everyday_image_collected" });
    change(20_001, { value: "ab" });
    await offerLines(set, bad);
    await exchange.settle();
    const { state, code, detail } = await admissionOf(set);
    expect({ state, code }).toEqual({ state: "failed", code: "category_not_hashable" });
    // 16,384 lines stand in the first segment; a header comes before the lines of each.
    const [first, second] = [20_000 - 16_384 + 2, 20_001 - 16_384 + 2];
    expect(detail).toMatchObject({
      line: first,
      fault_count: 2,
      faults: [
        `line ${first} ${idOf(bad[20_000] as string)} category_not_hashable /category`,
        `line ${second} ${idOf(bad[20_001] as string)} signal_invalid /value`,
      ],
    });
    expect(await countRows(set)).toBe(0);
    expect((await exchange.request(`${set.path}/head`, { key: publisher.member.key })).status).toBe(404);
    await set.publish([put(testHash(1))]);
  });

  it("are counted all and listed up to a limit, without a word of what they say", async () => {
    const set = await newSet();
    const some = lines.slice(0, 300).map((line) => formatEntry({ ...JSON.parse(line), note: "test-term-0001" }));
    const response = await offerLines(set, some);
    const problem = (await response.json()) as { code: string; faults: string[]; fault_count: number };
    expect(problem).toMatchObject({ code: "entry_invalid", fault_count: 300 });
    expect(problem.faults).toHaveLength(FAULTS_MAX);
    expect(JSON.stringify(problem)).not.toMatch(/test-term|note/);
    expect(await countRows(set)).toBe(0);
  });
});

describe("what is never published, whoever signed it", () => {
  it.each<[string, SetKind, object, string]>([
    [
      "an ordinary picture's hash",
      "hash",
      { category: "everyday_image_sexualised_by_comments" },
      "category_not_hashable",
    ],
    ["a picture by which a child could be found", "hash", { category: "victim_identifying" }, "category_not_hashable"],
    [
      "a highly ambiguous term that asks to block",
      "term",
      { ambiguity: "high", action: "block", innocent_meanings: ["a made-up meaning"] },
      "term_too_ambiguous",
    ],
    ["a term of nothing but separators", "term", { text: "-._" }, "term_empty"],
    ["a term that matches everything", "term", { text: "a", match: "substring" }, "term_too_broad"],
  ])("%s", async (_, kind, change, code) => {
    const set = await newSet({ kind });
    const entry = JSON.stringify({ ...exampleEntry(kind), ...change });
    const line = formatEntry(JSON.parse(entry));
    const response = await offerLines(set, [line], { about: exampleAbout(kind, { stream: "test" }) });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code, line: 2, fault_count: 1 });
    expect(await countRows(set)).toBe(0);
    expect(await admissionOf(set)).toMatchObject({ state: "failed", code });
  });

  it("but a list of several algorithms is a list like any other", async () => {
    const set = await newSet();
    const mixed = [
      testHash(1),
      testHash(2, { alg: "md5", value: "0".repeat(32) }),
      testHash(3, { alg: "sha1", value: "1".repeat(40) }),
      testHash(4, { alg: "pdq", value: "ab".repeat(32), quality: 80 }),
    ];
    const { response } = await set.offer(mixed.map(put), {
      about: {
        ...set.about,
        algs: ["md5", "sha1", "sha256", "pdq"],
        act_distance: 10,
        review_distance: 31,
        quality_floor: 50,
      } as never,
    });
    expect(response.status).toBe(201);
    expect(await countRows(set)).toBe(4);
  });
});
