import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parsePublisher, parseSetId, randomBytes } from "@breakwater/shared/ids.ts";
import { parseIndex } from "@breakwater/shared/manifest.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";
import type { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openExchange } from "../http/index.ts";
import { readPins } from "../profile/pins.ts";
import { openCopy } from "../sync/copy.ts";
import { setDir } from "../sync/paths.ts";
import { filesWith, heldLines } from "../testing/copy-lines.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { ndjsonOf, rowOf, TEST_ABOUT, testHashEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { isOwn, journalPath, readJournal } from "./journal.ts";
import type { PublisherContext } from "./own-set.ts";
import { publishList } from "./publish.ts";
import { recallEntries } from "./recall.ts";
import { findReleasedIds } from "./released.ts";
import { createRoot } from "./root.ts";
import { barsOf, isDone, planTakeBack, recallNow, type TakeBackRecord, withdrawNow } from "./take-back.ts";
import { withdrawEntries } from "./withdraw.ts";

const setId = parseSetId("ngo.example/verified");
let scene: Scene;
let context: PublisherContext;

beforeEach(async () => {
  scene = await openScene();
  const options = {
    origin: scene.double.origin,
    apiKey: TEST_API_KEY,
    sleep: async () => undefined,
    idleTimeoutMs: 300,
  };
  const exchange = openExchange(options);
  const profileDir = join(scene.dir, "publisher");
  await mkdir(profileDir, { recursive: true });
  await createRoot({
    exchange,
    profileDir,
    publisher: parsePublisher("ngo.example"),
    custody: "member",
    now: new Date(),
  });
  await exchange.putSet(setId, { kind: "hash", stream: "test", audience: { tier: "test" } });
  const pin = (await readPins(profileDir))[setId.publisher];
  context = {
    exchange,
    profileDir,
    stateDir: join(scene.dir, "own"),
    setId,
    pin,
    now: new Date(),
    random: randomBytes,
  };
  await publish(1, 2);
  await publish(1, 2, 3, 4);
});
afterEach(() => scene.close());

async function publish(...numbers: number[]): Promise<void> {
  const bytes = new TextEncoder().encode(ndjsonOf(numbers.map((n) => rowOf(testHashEntry(n)))));
  await publishList(context, { list: { format: "ndjson", chunks: [bytes] }, about: TEST_ABOUT });
}

const stored = () => scene.double.store.getSet(setId).recalls;
const releases = () => scene.double.store.getSet(setId).releases;
const held = async () =>
  new Map((await heldLines(context.stateDir, setId))?.map((line) => [entryIdOf(line), line] as const));

async function idOf(n: number): Promise<string> {
  for (const [id, line] of await held()) if (line.includes(testHashEntry(n).value)) return id;
  throw new Error(`no entry ${n}`);
}

/** Files that the newest manifest references and that carry the value. */
async function blobsWith(value: string): Promise<string[]> {
  const { manifest } = releases().at(-1) as ReturnType<typeof releases>[number];
  const { blobs } = scene.double.store;
  const index = await parseIndex(blobs.get(manifest.snapshot.index) as Uint8Array, manifest.snapshot);
  const segments = [...index, ...manifest.deltas.flatMap((row) => row.segments)].map(({ segment }) => segment);
  return segments.filter((segment) => gunzipSync(blobs.get(segment) as Uint8Array).includes(value));
}

describe("a recall", () => {
  it("numbers on, names ids once and sorted, ends when asked, and is noted before it is sent", async () => {
    const ids = [await idOf(2), await idOf(1)];
    const recalled = await recallEntries(context, { entries: [...ids, ids[0] as string] }, 5);
    expect(recalled).toMatchObject({ recall: 1, resumed: false });
    const recall = stored()[0]?.recall;
    expect(recall).toMatchObject({ entries: [...ids].sort(), recall: 1, root: 1 });
    expect((recall?.exp ?? 0) - (recall?.iat ?? 0)).toBe(5 * 3600);
    expect(isOwn(await readJournal(journalPath(context.profileDir)), recalled.digest)).toBe(true);
    expect(await recallEntries(context, { releases: [2, 2] })).toMatchObject({ recall: 2 });
  });

  it("of many ids carries them in a salted list", async () => {
    const many = Array.from({ length: 300 }, (_, n) => n.toString(16).padStart(32, "0"));
    await recallEntries(context, { entries: many });
    const recall = stored()[0]?.recall;
    expect(recall?.entries).toBeUndefined();
    const list = scene.double.store.blobs.get(recall?.list as `sha256:${string}`);
    expect(list).toHaveLength(recall?.list_size ?? 0);
  });

  it.each([
    ["busy", []],
    ["break", [1]],
  ] as const)("that was stopped (%s) is sent again with the very same bytes, once", async (act, after) => {
    const target = { entries: [await idOf(1)] };
    scene.double.hostile = [{ path: /\/recalls$/, act, ...(act === "busy" ? { retryAfter: "3600" } : {}), times: 20 }];
    const listRecalls = async () => ({ recall: 0, recalls: [] });
    const stopped = { ...context, exchange: { ...context.exchange, listRecalls } };
    await expect(recallEntries(stopped, target)).rejects.toThrow();
    expect(stored().map(({ recall }) => recall.recall)).toEqual(after);
    const pending = JSON.parse(
      await readFile(join(context.stateDir, "sets", "ngo.example", "verified", "pending-recall.json"), "utf8"),
    ) as { digest: string };
    scene.double.hostile = [];
    expect(await recallEntries(context, target)).toMatchObject({ recall: 1, digest: pending.digest, resumed: true });
    expect(stored()).toHaveLength(1);
    // Another target is not taken for the one that waited.
    expect(await recallEntries(context, { releases: [1, 1] })).toMatchObject({ recall: 2, resumed: false });
  });

  it("takes the number after somebody else's, and never one that it used itself", async () => {
    await recallEntries(context, { releases: [1, 1] });
    let asked = 0;
    const behind = async () => ({ recall: asked++ === 0 ? 1 : 2, recalls: [] });
    const elsewhere = { ...context, stateDir: join(scene.dir, "elsewhere") };
    await recallEntries(elsewhere, { releases: [1, 2] });
    const raced = { ...context, exchange: { ...context.exchange, listRecalls: behind } };
    expect(await recallEntries(raced, { releases: [2, 2] })).toMatchObject({ recall: 3 });
    const forgetful = {
      ...context,
      exchange: { ...context.exchange, listRecalls: async () => ({ recall: 1, recalls: [] }) },
    };
    await expect(recallEntries(forgetful, { releases: [2, 2] })).rejects.toMatchObject({ code: "recall_rollback" });
  });

  it.each([
    [{ entries: [] }, 72, "usage_invalid"],
    [{ entries: ["nothing"] }, 72, "id_invalid"],
    [{ releases: [1, 1] }, 73, "recall_lifetime"],
    [{ releases: [1, 1] }, 0, "recall_lifetime"],
    [{ releases: [2, 1] }, 72, "recall_invalid"],
  ] as const)("of %j for %i hours is refused here", async (target, hours, code) => {
    await expect(recallEntries(context, target as never, hours)).rejects.toMatchObject({ code });
    expect(stored()).toEqual([]);
  });

  it("needs no copy of the set: one that is damaged does not stand in its way", async () => {
    await writeFile(join(context.stateDir, "sets", "ngo.example", "verified", "current.json"), "{");
    expect(await recallEntries(context, { releases: [1, 2] })).toMatchObject({ recall: 1 });
  });
});

describe("what a release put", () => {
  it("is read from the signed deltas, as far as no later release put it again", async () => {
    const copy = await openCopy(context.stateDir, setId);
    const [three, four] = [await idOf(3), await idOf(4)];
    expect(await findReleasedIds(context.exchange, setId, copy as never, [2, 2])).toEqual([three, four].sort());
    const bytes = new TextEncoder().encode(
      ndjsonOf([1, 2, 3, 4].map((n) => rowOf(testHashEntry(n, n === 3 ? { act: "none_visible" } : {})))),
    );
    await publishList(context, { list: { format: "ndjson", chunks: [bytes] } });
    const later = await openCopy(context.stateDir, setId);
    expect(await findReleasedIds(context.exchange, setId, later as never, [2, 2])).toEqual([four]);
    expect(await findReleasedIds(context.exchange, setId, later as never, [2, 3])).toEqual([three, four].sort());
    await expect(findReleasedIds(context.exchange, setId, later as never, [4, 4])).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("further back than the deltas is read from the feed, and names only entries of the copy", async () => {
    const copy = await openCopy(context.stateDir, setId);
    const [one, two] = [await idOf(1), await idOf(2)];
    const pages = [
      { entries: [row(one, 1), row("f".repeat(32), 1)], cursor: "a", more: true },
      { entries: [row(two, 1), row(await idOf(3), 2)], cursor: "b", more: false },
    ];
    const source = {
      ...context.exchange,
      listChanges: async (_set: unknown, cursor?: string) => (cursor === undefined ? pages[0] : pages[1]) as never,
    };
    expect(await findReleasedIds(source, setId, copy as never, [1, 1])).toEqual([one, two].sort());
  });

  const row = (id: string, release: number) => ({ op: "put", seq: 1, release, entry: { id } });
});

describe("taking back", () => {
  it("recalls first, then withdraws; each step once, however often it is begun", async () => {
    const target = { releases: [2, 2] } as const;
    const plan = await planTakeBack(context, target, "bad_batch");
    expect(plan).toMatchObject({ resumed: false, record: { ids: [await idOf(3), await idOf(4)].sort() } });
    const { record } = await recallNow(context, plan);
    expect(stored()).toHaveLength(1);
    expect(releases()).toHaveLength(2);

    const again = await planTakeBack(context, target, "bad_batch");
    expect(again).toMatchObject({ resumed: true, record: { recall: { recall: 1 } } });
    expect((await recallNow(context, again)).recalled).toBeUndefined();
    const done = await withdrawNow(context, again, record, false);
    expect(done).toMatchObject({ withdrawal: 3 });
    expect([...(await held()).keys()].sort()).toEqual([await idOf(1), await idOf(2)].sort());
    const third = await planTakeBack(context, target, "bad_batch");
    expect(await withdrawNow(context, third, third.record, false)).toEqual(done);
    expect(releases()).toHaveLength(3);
    expect(await withdrawNow(context, third, third.record, true)).toMatchObject({ withdrawal: 3, erasure: 4 });
    expect(
      releases()
        .at(-1)
        ?.manifest.deltas.map(({ release }) => release),
    ).toEqual([3, 4]);
  });

  it("stopped between the release and its record withdraws nothing twice", async () => {
    const target = { entries: [await idOf(4)] };
    const plan = await planTakeBack(context, target, "adult");
    const { record } = await recallNow(context, plan);
    await withdrawNow(context, plan, record, false);
    // As a crash would leave it: the record still says that only the recall is out.
    expect(await withdrawNow(context, plan, record, false)).toMatchObject({ withdrawal: 3 });
    expect(releases()).toHaveLength(3);
  });

  it("erases also those of its entries that somebody withdrew without erasing while it was stopped", async () => {
    await publish(1, 2, 3, 4, ...Array.from({ length: 60 }, (_, n) => 100 + n));
    const target = { entries: [await idOf(3), await idOf(4)] };
    const plan = await planTakeBack(context, target, "adult");
    const { record } = await recallNow(context, plan);
    await withdrawEntries(context, { ids: [await idOf(3)], values: [], reason: "technical" });
    const values = [3, 4].map((n) => testHashEntry(n).value);
    expect(await blobsWith(values[0] as string)).not.toEqual([]);

    const again = await planTakeBack(context, target, "adult");
    expect(again).toMatchObject({ resumed: true });
    const done = await withdrawNow(context, again, record, true);
    expect(done).toMatchObject({ withdrawal: 5, erasure: 5 });
    // The snapshot is still that of release 3: the lines were taken out of it.
    expect(releases().at(-1)?.manifest.snapshot).toMatchObject({ release: 3, entries: 62 });
    for (const value of values) {
      expect(await blobsWith(value)).toEqual([]);
      expect(await filesWith(setDir(context.stateDir, setId), value)).toEqual([]);
    }
  });

  it("recalls again when the recall ran out before the entries were gone", async () => {
    const target = { entries: [await idOf(4)] };
    const plan = await planTakeBack(context, target, "adult");
    await recallNow(context, plan, 1);
    const later = { ...context, now: new Date(context.now.getTime() + 2 * 3_600_000) };
    const resumed = await planTakeBack(later, target, "adult").catch(() => undefined);
    const again = await recallNow(later, resumed ?? plan);
    expect(again.recalled).toMatchObject({ recall: 2 });
  });

  it.each([
    [{ entries: ["0".repeat(32)] }, "not_found"],
    [{ releases: [9, 9] }, "not_found"],
  ] as const)("of %j does nothing at all", async (target, code) => {
    await expect(planTakeBack(context, target as never, "adult")).rejects.toMatchObject({ code });
    expect(stored()).toEqual([]);
  });
});

describe("the bars", () => {
  const at = "2026-11-22T09:00:00.000Z";
  const waiting = (member: string, late: boolean) => ({
    member,
    title: member,
    has: 0,
    missing: 1,
    last_seen_at: at,
    late,
  });
  const answer = (recalls: object[], members: object[] = []) =>
    ({
      publisher: "ngo.example",
      set: "verified",
      release: 5,
      recall: 7,
      members,
      recalls,
      refused: [],
      releases: [
        {
          release: 5,
          digest: "",
          released_at: at,
          due_at: at,
          applied: 3,
          waiting: [],
          purged: { purged_at: at, blobs: 4, rows: 2, derived: 0 },
        },
        {
          release: 4,
          digest: "",
          released_at: at,
          due_at: at,
          applied: 2,
          waiting: [waiting("south", true)],
          purged: null,
        },
      ],
    }) as unknown as AppliedAnswer;
  const record = {
    v: 1,
    started_at: at,
    ids: [],
    reason: "adult",
    recall: { recall: 7, log_index: 1, ends_at: at },
    withdrawal: 4,
    erasure: 5,
  } as TakeBackRecord;

  it("count who has applied, name who is late, and say what the exchange destroyed", () => {
    const bars = barsOf(
      record,
      answer([
        {
          recall: 7,
          digest: "",
          log_index: 1,
          signed_at: at,
          due_at: at,
          in_force: true,
          applied: 1,
          waiting: [waiting("south", true), waiting("west", false)],
        },
      ]),
    );
    expect(bars.map(({ step, done, of, waiting: open }) => [step, done, of, open])).toEqual([
      ["recall", 1, 3, 2],
      ["withdrawal", 2, 3, 1],
      ["erasure", 3, 3, 0],
    ]);
    expect(bars[0]?.late).toEqual([{ member: "south", title: "south", last_seen_at: at }]);
    expect(bars[2]?.destroyed).toEqual({ blobs: 4, rows: 2 });
    expect(isDone(bars)).toBe(false);
  });

  it("go by what members say they have when the answer no longer lists the step", () => {
    const members = [
      { member: "a", recall: 8, release: 9 },
      { member: "b", recall: 6, release: 9 },
    ];
    const [bar] = barsOf({ ...record, withdrawal: undefined, erasure: undefined } as never, answer([], members));
    expect(bar).toMatchObject({ done: 1, of: 2 });
  });
});
