/** Publishing at any interruption: what is out is always one whole log, and the next publication finishes it. */
import { equalBytes, utf8Of } from "@breakwater/shared/bytes.ts";
import { openCheckpoint, parseVkey } from "@breakwater/shared/log/index.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Deps } from "../platform/deps.ts";
import { LOG_KILL_POINTS } from "../platform/kill-points.ts";
import {
  appendTestLeaves,
  expectSoundLog,
  forgetLeaves,
  Killed,
  openTestExchange,
  TEST_LOG_ORIGIN,
  type TestExchange,
  testEnvelope,
} from "../testing/index.ts";
import { appendLeaf, logTransaction } from "./log.ts";
import { LEASE_MS, publishLog } from "./publication.ts";
import { PUBLISH_MAX_LEAVES, publishOnce } from "./publish.ts";

let x: TestExchange;
beforeEach(async () => {
  x = await openTestExchange();
});
afterEach(() => x.close());

const append = (count: number) => x.withDeps((deps) => appendTestLeaves(deps, count));
const publish = () => x.withDeps(publishLog);

/** The log as it stands, verified object by object. */
async function expectPublished(published: number, rows = published): Promise<void> {
  expect(await expectSoundLog(x)).toEqual({ published, rows });
}

async function readCheckpoint(): Promise<{ size: number; root: Uint8Array }> {
  const log = { origin: TEST_LOG_ORIGIN, vkey: parseVkey(await x.logSigner.vkey(TEST_LOG_ORIGIN)) };
  return (await openCheckpoint(x.objects.bytes("log/checkpoint") as Uint8Array, log)).checkpoint;
}

const haltedAs = async () => (await x.sql<{ halted: string | null }[]>`select halted from log_head`)[0]?.halted;
const events = (name: string) => x.logged.filter(({ event }) => event === name);

describe("a publication", () => {
  it("of a log without leaves is a checkpoint that says so, once", async () => {
    await publish();
    await expectPublished(0);
    const first = x.objects.bytes("log/checkpoint");
    await publish();
    expect(x.objects.bytes("log/checkpoint")).toBe(first);
    expect(x.objects.keys()).toEqual(["log/checkpoint"]);
  });

  it("takes up where the last one ended, over the borders of bundles and tiles", async () => {
    let rows = 0;
    for (const count of [1, 1, 253, 1, 1, 43, 211, 1, 2, 600]) {
      await append(count);
      rows += count;
      await publish();
      await expectPublished(rows);
    }
    // The widths that were published in between stay: a reader may still be on an older checkpoint.
    expect(x.objects.keys()).toEqual(
      expect.arrayContaining(["log/tile/0/000.p/1", "log/tile/0/000", "log/tile/1/000.p/4"]),
    );
  });

  it("holds no more at once than a Worker can, and goes on by itself", async () => {
    const rows = PUBLISH_MAX_LEAVES + 300;
    await append(rows);
    await publish();
    await expectPublished(rows);
    expect(events("log_published").map(({ size }) => size)).toEqual([PUBLISH_MAX_LEAVES, rows]);
    // A checkpoint that was lost comes back in one go: the signer has seen it, and signs nothing smaller.
    await x.objects.delete("log/checkpoint");
    await publish();
    await expectPublished(rows);
  });

  it("makes the same log whatever the steps were", async () => {
    await append(300);
    await publish();
    await append(300);
    await publish();
    const stepwise = await readCheckpoint();
    x.objects.delete(x.objects.keys());
    await publish();
    await expectPublished(600);
    expect(await readCheckpoint()).toEqual(stepwise);
  });
});

describe("a store that fails", () => {
  const prefixes = [
    "log/tile/entries/000",
    "log/tile/entries/001.p/",
    "log/tile/0/001.p/",
    "log/tile/1/",
    "log/checkpoint",
  ];
  const faults = ["failed_and_not_written", "failed_but_written"] as const;

  it.each(prefixes.flatMap((prefix) => faults.map((fault) => [prefix, fault] as const)))(
    "at %s (%s) leaves the old checkpoint or the new one, and the next publication finishes",
    async (prefix, fault) => {
      await append(250);
      await publish();
      await append(10);
      x.objects.breakNextPut(fault, prefix);
      await expect(publish()).rejects.toMatchObject({ code: "busy" });
      const written = prefix === "log/checkpoint" && fault === "failed_but_written";
      await expectPublished(written ? 260 : 250, 260);
      await append(3);
      await publish();
      await expectPublished(263);
      expect(await haltedAs()).toBeNull();
    },
  );
});

describe("a process that ends", () => {
  it.each(LOG_KILL_POINTS)("at %s leaves the old checkpoint, and the next publication finishes", async (point) => {
    await append(250);
    await publish();
    await append(10);
    x.killAt(point);
    await expect(publish()).rejects.toThrow(Killed);
    x.killAt(undefined);
    await expectPublished(250, 260);
    // Also when there is more by then than what was signed.
    await append(300);
    await publish();
    await expectPublished(560);
  });

  it("with the lease keeps others out for as long as that lasts, and no longer", async () => {
    await append(2);
    const until = new Date(x.clock.now().getTime() + LEASE_MS);
    await x.sql`update log_publication set lease_token = 'dead', lease_until = ${until}`;
    await publish();
    expect(x.objects.keys()).toEqual([]);
    x.clock.advance(LEASE_MS);
    await publish();
    await expectPublished(2);
  });

  it("between the commit and its nudge is made up for by the next tick", async () => {
    await append(2);
    await x.tick();
    await expectPublished(2);
  });
});

describe("several at once", () => {
  it("publish one log", async () => {
    await append(40);
    const tries = await Promise.allSettled(Array.from({ length: 4 }, () => x.withDeps(publishOnce)));
    expect(tries.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(0);
    for (const one of tries) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "busy" });
    await expectPublished(40);
  });

  it("never put a smaller checkpoint over a larger one", async () => {
    await append(5);
    const { promise: overtaken, resolve: overtake } = Promise.withResolvers<void>();
    const killPoint = async (name: string) => (name === "log_before_checkpoint" ? overtaken : undefined);
    const slow = x.withDeps((deps) => publishOnce({ ...deps, killPoint }));
    slow.catch(() => {});
    await expect.poll(async () => (await x.logSigner.head(TEST_LOG_ORIGIN))?.size).toBe(5);
    await append(5);
    await x.withDeps(publishOnce);
    overtake();
    await expect(slow).rejects.toMatchObject({ code: "busy" });
    await expectPublished(10);
  });

  it("lose no statement: each is under a checkpoint without a further nudge", async () => {
    const one = (at: number) =>
      x.withDeps((deps) =>
        logTransaction(deps, async (tx) => {
          const digest = `sha256:${at.toString(16).padStart(64, "0")}` as const;
          return appendLeaf(tx, { typ: "bw-release+jws", digest, envelope: testEnvelope(at), now: deps.now() });
        }),
      );
    const indexes = await Promise.all(Array.from({ length: 60 }, (_, at) => one(at)));
    expect(indexes.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, at) => at));
    await expectPublished(60);
  });

  it("share checkpoints while the log is busy: one a pace", async () => {
    const paced = (deps: Deps) => ({
      ...deps,
      now: () => new Date(),
      config: { ...deps.config, logPaceMs: 400 },
    });
    await append(1);
    await x.withDeps((deps) => publishLog(paced(deps)));
    const before = performance.now();
    await append(1);
    const publishing = x.withDeps((deps) => publishLog(paced(deps)));
    await append(1);
    await append(1);
    await publishing;
    expect(performance.now() - before).toBeGreaterThan(300);
    await expectPublished(4);
    expect(events("log_published").map(({ size }) => size)).toEqual([1, 4]);
  });
});

describe("what does not fit", () => {
  async function expectConflict(published: number, rows: number): Promise<void> {
    const signed = await x.logSigner.head(TEST_LOG_ORIGIN);
    await expect(publish()).rejects.toMatchObject({ code: "log_conflict" });
    expect(await x.logSigner.head(TEST_LOG_ORIGIN)).toEqual(signed);
    expect(await haltedAs()).toBe("log_conflict");
    expect(events("log_halted").at(-1)).toMatchObject({ code: "log_conflict" });
    // Nothing takes effect any more, and the next publication does not come round.
    await expect(append(1)).rejects.toMatchObject({ code: "log_conflict" });
    await expect(publish()).rejects.toMatchObject({ code: "log_conflict" });
    if (published >= 0) await expectPublished(published, rows);
  }

  it("is never written over: a bundle with other bytes", async () => {
    await append(3);
    await x.objects.put("log/tile/entries/000.p/3", utf8Of("test"));
    await expectConflict(-1, 3);
    expect(equalBytes(x.objects.bytes("log/tile/entries/000.p/3") as Uint8Array, utf8Of("test"))).toBe(true);
    expect(x.objects.bytes("log/checkpoint")).toBeUndefined();
  });

  it("is noticed in rows that changed under the checkpoint", async () => {
    await append(3);
    await publish();
    await x.sql`update log_leaves set envelope = ${testEnvelope("other")} where log_index = 1`;
    await append(1);
    await expectConflict(-1, 4);
    expect((await readCheckpoint()).size).toBe(3);
  });

  it.each<[string, (tile: Uint8Array) => Uint8Array]>([
    ["changed", (tile) => tile.map((byte) => byte ^ 1)],
    ["were cut short", (tile) => tile.slice(1)],
  ])("is noticed in tiles that %s under the checkpoint", async (_, bytes) => {
    await append(3);
    await publish();
    const tile = x.objects.bytes("log/tile/0/000.p/3") as Uint8Array;
    await x.objects.delete("log/tile/0/000.p/3");
    await x.objects.put("log/tile/0/000.p/3", bytes(tile));
    await append(1);
    await expectConflict(-1, 4);
  });

  it("is noticed in a tile above the leaves, before anything is built on it", async () => {
    await append(300);
    await publish();
    const key = "log/tile/1/000.p/1";
    const tile = x.objects.bytes(key) as Uint8Array;
    await x.objects.delete(key);
    await x.objects.put(
      key,
      tile.map((byte) => byte ^ 1),
    );
    await append(1);
    await expect(publish()).rejects.toMatchObject({ code: "log_conflict", detail: { reason: "published tiles" } });
    expect(x.objects.keys()).not.toContain("log/tile/entries/001.p/45");
    expect(await haltedAs()).toBe("log_conflict");
  });

  it.each([
    ["of another log", (note: string) => note.replaceAll(TEST_LOG_ORIGIN, "other.example/log1")],
    ["with another signature", (note: string) => note.replace(/.{12}\n$/, "AAAAAAAAAAA=\n")],
    ["that is none", () => "test\n"],
  ])("is a checkpoint %s", async (_, change) => {
    await append(3);
    await publish();
    await x.objects.put("log/checkpoint", utf8Of(change(new TextDecoder().decode(x.objects.bytes("log/checkpoint")))));
    await append(1);
    await expectConflict(-1, 4);
  });

  it("is rows that went on otherwise than what the signer has seen, though it was never published", async () => {
    await append(3);
    await publish();
    await append(2);
    x.killAt("log_after_sign");
    await expect(publish()).rejects.toThrow(Killed);
    x.killAt(undefined);
    await x.withDeps((deps) => forgetLeaves(deps, 3));
    // More leaves than were signed, so that only what they are tells the difference.
    await append(4);
    await expectConflict(-1, 7);
    expect((await readCheckpoint()).size).toBe(3);
    expect(await x.logSigner.head(TEST_LOG_ORIGIN)).toMatchObject({ size: 5 });
  });
});
