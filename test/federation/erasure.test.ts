/** An erasure on the real exchange: it costs what it touches, at the publisher, at the door and at every subscriber. */

import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parsePublisher, parseSetId, randomBytes } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createRoot,
  type PublisherContext,
  publishList,
  readPins,
  type SyncOutcome,
  syncSet,
  withdrawEntries,
} from "../../client/index.ts";
import type { Pin } from "../../client/profile/pins.ts";
import { openCopy } from "../../client/sync/copy.ts";
import { filesWith, heldLines } from "../../client/testing/copy-lines.ts";
import { aboutOfKind, ndjsonOf, rowOf, testHashEntry } from "../../client/testing/entries.ts";
import { type KillPoint, RELEASE_KILL_POINTS } from "../../exchange/platform/kill-points.ts";
import { openTestExchange, type TestExchange } from "../../exchange/testing/index.ts";
import { expectSound } from "./expect-sound.ts";
import { Machine, restart } from "./machine.ts";

const setId = parseSetId("north.example/verified");
/** Three segments, and more than a quarter again, so that the snapshot is renewed. */
const MANY = 33_000;
const MORE = 9_500;
const FEW = 12;
const TEST_TIMEOUT_MS = 240_000;

let x: TestExchange;
let dir: string;
let machine: Machine;
let profileDir: string;
let pin: Pin;

beforeEach(async () => {
  x = await openTestExchange();
  dir = await mkdtemp(join(tmpdir(), "breakwater-erasure-"));
  const { key } = await x.member({ name: "north", roles: ["publisher"], scopes: ["read", "publish"] });
  machine = new Machine(x, key);
  profileDir = join(dir, "north");
  await mkdir(profileDir);
  const publisher = parsePublisher(setId.publisher);
  await createRoot({ exchange: machine.exchange, profileDir, publisher, custody: "member", now: x.clock.now() });
  await machine.exchange.putSet(setId, { kind: "hash", stream: "test", audience: { tier: "test" } });
  pin = (await readPins(profileDir))[setId.publisher] as Pin;
});
afterEach(async () => {
  await x.close();
  await rm(dir, { recursive: true, force: true });
});

const context = (): PublisherContext => ({
  ...{ exchange: machine.exchange, profileDir, stateDir: join(profileDir, "state"), setId, pin },
  ...{ now: x.clock.now(), random: randomBytes },
});
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, at) => from + at);

async function publish(listed: readonly number[], keepMissing = false): Promise<void> {
  x.clock.advance(1000);
  const chunks = [new TextEncoder().encode(ndjsonOf(listed.map((n) => rowOf(testHashEntry(n)))))];
  await publishList(context(), { list: { format: "ndjson", chunks }, about: aboutOfKind("hash"), keepMissing });
  await restart(x);
}

async function erase(n: number) {
  x.clock.advance(1000);
  const values = [testHashEntry(n).value];
  return withdrawEntries(context(), { ids: [], values, reason: "person_shown_asks", erase: true });
}

class Subscriber {
  readonly machine: Machine;
  readonly stateDir: string;
  constructor(key: string, name: string) {
    this.machine = new Machine(x, key);
    this.stateDir = join(dir, name);
  }

  static async open(name: string): Promise<Subscriber> {
    return new Subscriber((await x.member({ name, roles: ["subscriber"], scopes: ["read"] })).key, name);
  }

  async sync(): Promise<SyncOutcome> {
    await x.settle();
    this.machine.requests.length = 0;
    const source = this.machine.exchange;
    // These sets grow faster than a brake lets them.
    return syncSet({ source, ...{ stateDir: this.stateDir, setId, pin, now: x.clock.now(), trusted: true } });
  }

  lines = () => heldLines(this.stateDir, setId);
}

/** Objects of the exchange that carry the value in clear or packed. */
function objectsWith(value: string): string[] {
  return x.objects.keys().filter((key) => {
    const bytes = x.objects.bytes(key) as Uint8Array;
    const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : Buffer.from(bytes);
    return plain.includes(value);
  });
}

async function manifestOf(stateDir: string) {
  const copy = await openCopy(stateDir, setId);
  copy?.close();
  return copy?.manifest;
}

describe("an erasure in a large set", () => {
  it(
    "moves one segment to the exchange and to who follows; who is far behind ends in the same state; the body is gone",
    async () => {
      const [near, far, fresh] = [
        await Subscriber.open("near"),
        await Subscriber.open("far"),
        await Subscriber.open("fresh"),
      ];
      await publish(numbers(MANY));
      await far.sync();
      const victim = MANY;
      await publish([victim], true);
      await publish(numbers(MORE, MANY + 1), true);
      await near.sync();
      const before = await manifestOf(near.stateDir);
      expect(before?.snapshot).toMatchObject({ release: 3, entries: MANY + MORE + 1 });
      const carrying = objectsWith(testHashEntry(victim).value).filter((key) => key.startsWith("blobs/"));
      expect(carrying).toHaveLength(2);

      machine.requests.length = 0;
      const { release } = await erase(victim);
      expect(release).toBe(4);
      // The delta, the segment, the index and the manifest.
      expect(machine.blobs("PUT")).toHaveLength(4);
      expect(machine.blobs("GET")).toHaveLength(0);
      await restart(x);
      await expectSound(x);
      expect(objectsWith(testHashEntry(victim).value)).toEqual([]);

      const followed = await near.sync();
      expect(followed).toMatchObject({ outcome: "updated", release: 4, entries: MANY + MORE });
      expect(near.machine.blobs("GET")).toHaveLength(4);
      const after = await manifestOf(near.stateDir);
      expect(after?.snapshot).toMatchObject({ release: 3, entries: MANY + MORE });
      expect(after?.deltas.map((row) => row.release)).toEqual([3, 4]);
      expect(await filesWith(near.stateDir, testHashEntry(victim).value)).toEqual([]);
      expect(await filesWith(join(profileDir, "state"), testHashEntry(victim).value)).toEqual([]);

      const reloaded = await far.sync();
      expect(await fresh.sync()).toMatchObject({ state: followed.state });
      expect(reloaded).toMatchObject({ outcome: "updated", release: 4, state: followed.state });
      const lines = await near.lines();
      expect(lines).toHaveLength(MANY + MORE);
      expect(await far.lines()).toEqual(lines);
      expect(await fresh.lines()).toEqual(lines);

      // What nobody references any more is gone, and what stayed is not.
      const { index, index_size: size } = (before as NonNullable<typeof before>).snapshot;
      await expect(near.machine.exchange.getBlob(index, size)).rejects.toMatchObject({ code: "blob_gone" });
      const blobs = await readdir(join(near.stateDir, "sets", setId.publisher, setId.set, "blobs"));
      for (const blob of blobs) expect(x.objects.keys()).toContain(`blobs/${blob}`);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("an erasure of a value that was withdrawn and listed again", () => {
  const LISTED = 200;
  const value = testHashEntry(7).value;

  async function withdraw(): Promise<void> {
    x.clock.advance(1000);
    await withdrawEntries(context(), { ids: [], values: [value], reason: "technical" });
    await restart(x);
  }

  async function expectGone(holders: Subscriber[], release: number, entries: number): Promise<void> {
    await restart(x);
    await expectSound(x);
    expect(objectsWith(value)).toEqual([]);
    expect(await filesWith(join(profileDir, "state", "sets"), value)).toEqual([]);
    for (const holder of holders) {
      expect(await holder.sync()).toMatchObject({ outcome: "updated", release, entries });
      expect(await filesWith(holder.stateDir, value)).toEqual([]);
      expect(await holder.lines()).toEqual(await heldLines(join(profileDir, "state"), setId));
    }
  }

  it(
    "leaves no line under either id, anywhere",
    async () => {
      const near = await Subscriber.open("near");
      const far = await Subscriber.open("far");
      await publish(numbers(LISTED));
      await far.sync();
      await withdraw();
      await publish([7], true);
      await near.sync();
      expect(await filesWith(near.stateDir, value)).not.toEqual([]);
      expect(await erase(7)).toMatchObject({ release: 4, ids: [expect.any(String)] });
      expect((await manifestOf(join(profileDir, "state")))?.snapshot).toMatchObject({ release: 4 });
      await expectGone([near, far, await Subscriber.open("fresh")], 4, LISTED - 1);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    "goes with the erasure of another entry, wherever it was put after the snapshot or stands in it",
    async () => {
      const near = await Subscriber.open("near");
      await publish(numbers(LISTED));
      await withdraw();
      await near.sync();
      expect(objectsWith(value)).not.toEqual([]);
      await erase(8);
      expect((await manifestOf(join(profileDir, "state")))?.snapshot).toMatchObject({ release: 1 });
      await expectGone([near], 3, LISTED - 2);

      await publish([7], true);
      await withdraw();
      await near.sync();
      expect(objectsWith(value)).not.toEqual([]);
      await erase(9);
      await expectGone([near, await Subscriber.open("fresh")], 6, LISTED - 3);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("an erasure that is stopped", () => {
  async function expectErasedOnce(near: Subscriber, releases: number): Promise<void> {
    const value = testHashEntry(3).value;
    await restart(x);
    await expectSound(x);
    expect(objectsWith(value)).toEqual([]);
    expect(await near.sync()).toMatchObject({ outcome: "updated", release: releases, entries: FEW });
    expect(await near.lines()).toEqual(await heldLines(join(profileDir, "state"), setId));
    expect(await filesWith(near.stateDir, value)).toEqual([]);
    expect(await filesWith(join(profileDir, "state", "sets"), value)).toEqual([]);
  }

  async function begin(): Promise<Subscriber> {
    await publish(numbers(FEW));
    await publish([20], true);
    const near = await Subscriber.open("near");
    await near.sync();
    return near;
  }

  /** Given again as a person would: what is in nobody's set any more was sent after all. */
  async function eraseAgain(): Promise<void> {
    await erase(3).catch((error: unknown) => {
      if (!(error instanceof ExchangeError) || error.detail.reason !== "not_in_the_set") throw error;
    });
  }

  it(
    "at any request of the publisher's is ended by the same command, with one release",
    async () => {
      const near = await begin();
      machine.requests.length = 0;
      let at = 0;
      // Every place where the machine can be cut off until it is through.
      for (;;) {
        machine.left = at++;
        const isDone = await erase(3).then(
          () => true,
          (error: unknown) => {
            if (!machine.isDown && (error as ExchangeError).detail?.reason !== "not_in_the_set") throw error;
            return !machine.isDown;
          },
        );
        machine.revive();
        await restart(x);
        if (isDone) break;
        expect(at).toBeLessThan(40);
      }
      expect(at).toBeGreaterThan(5);
      await expectErasedOnce(near, 3);
      expect(machine.requests.filter((request) => request.startsWith("PUT /v1/blobs/"))).not.toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it.each(RELEASE_KILL_POINTS)(
    "by the exchange's end at %s is ended by the same command, with one release",
    async (point: KillPoint) => {
      const near = await begin();
      x.killAt(point);
      await erase(3).catch(() => undefined);
      machine.revive();
      await restart(x);
      await eraseAgain();
      await expectErasedOnce(near, 3);
    },
    TEST_TIMEOUT_MS,
  );
});
