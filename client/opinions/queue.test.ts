import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import {
  OPINIONS_BATCH_MAX,
  type OpinionItem,
  type OpinionsAnswer,
  type OpinionsRequest,
} from "@breakwater/shared/wire/opinions.ts";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLedger } from "../ledger/ledger.ts";
import { takeLock } from "../profile/lock.ts";
import { testId } from "../testing/entries.ts";
import { testDecision } from "../testing/hits.ts";
import { largeCounts, queueDailyCounts } from "./daily.ts";
import { flushOpinions } from "./flush.ts";
import { countWaiting, queueFlood, queueItem } from "./queue.ts";
import { appendVerdict, listVerdicts } from "./verdicts.ts";

const SET = "hotline.example/verified";
const NOW = new Date("2026-11-22T12:00:00.000Z");
let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "breakwater-opinions-"));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

function opinion(n: number): OpinionItem {
  return { kind: "opinion", entry: testId(n) as never, release: 1, at: NOW.toISOString(), verdict: "confirmed" };
}

/** An exchange that keeps batches by their id, as the real one does. */
function openDoor(fault: (count: number) => ProblemCode | "lost" | "killed" | undefined = () => undefined) {
  const batches = new Map<string, { set: string; items: OpinionItem[] }>();
  let count = 0;
  return {
    batches,
    items: () => [...batches.values()].flatMap(({ items }) => items),
    async sendOpinions(setId: { publisher: string; set: string }, batch: OpinionsRequest): Promise<OpinionsAnswer> {
      const act = fault(count++);
      if (act === undefined || act === "lost") {
        batches.set(batch.batch_id, { set: `${setId.publisher}/${setId.set}`, items: batch.items });
      }
      if (act === "killed") throw new Error("killed");
      if (act !== undefined) throw new ExchangeError(act === "lost" ? "fetch_failed" : act);
      return { accepted: batch.items.length, ignored: [] };
    },
  };
}

describe("the queue of opinions", () => {
  it("says what waits, one set a batch, and is empty then", async () => {
    for (let n = 0; n < OPINIONS_BATCH_MAX + 3; n++) await queueItem(stateDir, SET, opinion(n), NOW);
    await queueItem(stateDir, "ngo.example/terms", opinion(1), NOW);
    expect(await countWaiting(stateDir)).toBe(OPINIONS_BATCH_MAX + 4);
    const door = openDoor();
    expect(await flushOpinions(stateDir, door, NOW)).toEqual({
      sent: OPINIONS_BATCH_MAX + 4,
      ignored: 0,
      refused: [],
      waiting: 0,
    });
    expect([...door.batches.values()].map(({ set, items }) => `${set} ${items.length}`).sort()).toEqual([
      `${SET} ${OPINIONS_BATCH_MAX}`,
      `${SET} 3`,
      "ngo.example/terms 1",
    ]);
    expect(await flushOpinions(stateDir, door, NOW)).toMatchObject({ sent: 0, waiting: 0 });
  });

  it.each(["fetch_failed", "busy", "rate_limited", "api_key_expired", "scope_required", "internal"] as const)(
    "keeps what %s kept from being heard",
    async (code) => {
      await queueItem(stateDir, SET, opinion(1), NOW);
      const flushed = await flushOpinions(
        stateDir,
        openDoor(() => code),
        NOW,
      );
      expect(flushed).toEqual({ sent: 0, ignored: 0, refused: [], waiting: 1, code });
      expect(await flushOpinions(stateDir, openDoor(), NOW)).toMatchObject({ sent: 1, waiting: 0 });
    },
  );

  it.each(["opinion_own", "not_found", "opinions_batch"] as const)(
    "lets go of what was refused with %s, and says so",
    async (code) => {
      await queueItem(stateDir, SET, opinion(1), NOW);
      expect(
        await flushOpinions(
          stateDir,
          openDoor(() => code),
          NOW,
        ),
      ).toMatchObject({ refused: [{ code, items: 1 }], waiting: 0 });
    },
  );

  it("leaves it to another process that is at it", async () => {
    await queueItem(stateDir, SET, opinion(1), NOW);
    const lock = await takeLock(stateDir, "opinions", 0);
    expect(await flushOpinions(stateDir, openDoor(), NOW)).toMatchObject({ sent: 0, waiting: 1 });
    await lock?.release();
  });

  it("passes by files that a crash or another version left there", async () => {
    await queueItem(stateDir, SET, opinion(1), NOW);
    await writeFile(join(stateDir, "opinions", "items", "0.json"), "{");
    await writeFile(join(stateDir, "opinions", "items", "x.json.abc.draft"), "{");
    expect(await flushOpinions(stateDir, openDoor(), NOW)).toMatchObject({ sent: 1 });
  });

  it("is heard once each, in whatever order things fail, answers are lost and processes are killed", async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant("queue" as const) },
      { weight: 2, arbitrary: fc.constantFrom("ok", "lost", "busy", "killed", "killed_before_removing") },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await rm(join(stateDir, "opinions"), { recursive: true, force: true });
        let mood: "ok" | "lost" | "busy" | "killed" = "ok";
        const door = openDoor(() => (mood === "ok" ? undefined : mood));
        let queued = 0;
        const flush = () =>
          flushOpinions(stateDir, door, NOW).catch((error: Error) => expect(error.message).toBe("killed"));
        for (const act of steps) {
          if (act === "queue") await queueItem(stateDir, SET, opinion(queued++), NOW);
          else if (act === "killed_before_removing") {
            const items = join(stateDir, "opinions", "items");
            const names = await readdir(items).catch(() => []);
            const held = await Promise.all(names.map((name) => readFile(join(items, name))));
            mood = "killed";
            await flush();
            // As if the kill had come after the batch was written and before its items were removed.
            await Promise.all(names.map((name, at) => writeFile(join(items, name), held[at] ?? "")));
          } else {
            mood = act as typeof mood;
            await flush();
          }
        }
        mood = "ok";
        await flush();
        expect(
          door
            .items()
            .map((item) => "entry" in item && item.entry)
            .sort(),
        ).toEqual(Array.from({ length: queued }, (_, n) => testId(n)).sort());
      }),
      { numRuns: 60 },
    );
  });

  it("says a flood in the form of its scope", async () => {
    const common = { set: SET, at: NOW.toISOString(), count: 200, expected: 12 };
    await queueFlood(stateDir, { ...common, target: { scope: "entry", set: SET, entry: testId(1) } });
    await queueFlood(stateDir, { ...common, target: { scope: "release", set: SET, from: 1, to: 4 } });
    await queueFlood(stateDir, {
      ...common,
      expected: 190,
      target: { scope: "publisher", publisher: "hotline.example" },
    });
    const door = openDoor();
    await flushOpinions(stateDir, door, NOW);
    const at = NOW.toISOString();
    expect(door.items().length).toBe(3);
    expect(door.items()).toEqual(
      expect.arrayContaining([
        { kind: "flood", scope: "release", release: 4, at, times: 16 },
        { kind: "flood", scope: "publisher", at, times: 2 },
        { kind: "flood", scope: "entry", entry: testId(1), at, times: 16 },
      ]),
    );
  });
});

describe("daily counts", () => {
  const at = (day: string, n = 0) => new Date(Date.parse(`2026-11-${day}T10:00:00Z`) + n * 1_000);
  async function hits(day: string, count: number, entry = 1, action: "block" | "observe" = "block"): Promise<string[]> {
    const ledger = await openLedger(stateDir, () => at(day));
    const rows = Array.from({ length: count }, (_, n) =>
      testDecision({ entry: testId(entry), at: at(day, n).toISOString(), hit_ref: `h_${day}${entry}${n}`, action }),
    );
    await ledger.append(rows);
    await ledger.close();
    return rows.map(({ hit_ref }) => hit_ref);
  }
  const verdict = (hit_ref: string, day: string, said: "confirmed" | "rejected" | "unclear", when = NOW) =>
    appendVerdict(stateDir, {
      at: when.toISOString(),
      hit_ref,
      day: `2026-11-${day}`,
      set: SET,
      entry: testId(1),
      verdict: said,
    });
  async function told(now = NOW): Promise<OpinionItem[]> {
    await queueDailyCounts(stateDir, now);
    const door = openDoor();
    await flushOpinions(stateDir, door, now);
    return door.items();
  }

  it("are told once the day is over, each entry's sightings as a band, and small counts not at all", async () => {
    await hits("20", 12, 1);
    await hits("20", 3, 2);
    await hits("22", 40, 1);
    const day = "2026-11-20";
    const often = [
      { kind: "sighting", entry: testId(1), day, count_band: "10-99" },
      { kind: "outcomes", entry: testId(1), day, matched: 12 },
    ];
    const seldom = [{ kind: "sighting", entry: testId(2), day, count_band: "1-4" }];
    // In the order of the ids, whichever was hit first.
    expect(await told()).toEqual(testId(1) < testId(2) ? [...often, ...seldom] : [...seldom, ...often]);
    expect(await told()).toEqual([]);
    expect(await told(new Date("2026-11-23T00:00:01Z"))).toMatchObject([
      { kind: "sighting", day: "2026-11-22" },
      { kind: "outcomes", matched: 40 },
    ]);
  });

  it("count what people found, of each hit the last word, and tell an earlier day again when it comes late", async () => {
    const refs = await hits("20", 12);
    expect((await told()).length).toBe(2);
    for (const ref of refs.slice(0, 6)) await verdict(ref, "20", "confirmed", new Date("2026-11-22T13:00:00Z"));
    for (const ref of refs.slice(0, 5)) await verdict(ref, "20", "rejected", new Date("2026-11-22T14:00:00Z"));
    const again = await told(new Date("2026-11-22T15:00:00Z"));
    expect(again[1]).toEqual({
      kind: "outcomes",
      entry: testId(1),
      day: "2026-11-20",
      matched: 12,
      reviewed: 6,
      rejected: 5,
      overturned: 5,
    });
    expect(await told(new Date("2026-11-22T16:00:00Z"))).toEqual([]);
  });

  it("call overturned only what had been blocked", async () => {
    for (const ref of await hits("20", 6, 1, "observe")) await verdict(ref, "20", "rejected");
    expect((await told())[1]).toEqual({
      kind: "outcomes",
      entry: testId(1),
      day: "2026-11-20",
      matched: 6,
      reviewed: 6,
      rejected: 6,
    });
  });

  it("go on after a clock that ran years ahead was set right", async () => {
    expect(await told(new Date("2031-01-01T00:00:00Z"))).toEqual([]);
    await hits("20", 12);
    expect((await told()).length).toBe(2);
    expect(await told()).toEqual([]);
  });

  it("tell the same day again after a kill, which changes nothing", async () => {
    await hits("20", 12);
    const first = await told();
    await rm(join(stateDir, "opinions", "told.json"));
    expect(await told()).toEqual(first);
  });

  it("forget verdicts of hits that nobody can be told of any more", async () => {
    await verdict("h_1", "20", "confirmed");
    await appendVerdict(stateDir, {
      at: NOW.toISOString(),
      hit_ref: "h_2",
      day: "2026-06-01",
      set: SET,
      entry: testId(1),
      verdict: "confirmed",
    });
    await queueDailyCounts(stateDir, NOW);
    expect((await listVerdicts(stateDir)).map(({ hit_ref }) => hit_ref)).toEqual(["h_1"]);
  });

  it("never hold a small number", () => {
    const count = fc.nat(20);
    fc.assert(
      fc.property(
        fc.record({ matched: count, reviewed: count, confirmed: count, rejected: count, overturned: count }),
        (counts) => {
          for (const [name, value] of Object.entries(counts)) {
            expect((largeCounts(counts) as Record<string, number> | undefined)?.[name]).toBe(
              value >= 5 ? value : undefined,
            );
          }
        },
      ),
    );
  });
});
