/** Any sequence of what publishers do, on the real exchange, with a crash on either side: sound after every step, true at the end. */

import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePublisher, parseSetId, randomBytes, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addBenign,
  createRoot,
  findDamage,
  finishRecovery,
  finishRotation,
  type PublisherContext,
  postSigned,
  proposeRoot,
  publishHeartbeat,
  publishList,
  type RootChange,
  readPins,
  recallEntries,
  releaseRecovery,
  type SyncOutcome,
  signWhole,
  stateOfCopy,
  syncSet,
  withdrawEntries,
} from "../../client/index.ts";
import { createSigningKeyFile, listSigningKeys } from "../../client/profile/key-files.ts";
import type { Pin } from "../../client/profile/pins.ts";
import { withOwnSet } from "../../client/publish/own-set.ts";
import { readRecalls } from "../../client/sync/recalls.ts";
import { heldLines, linesOf } from "../../client/testing/copy-lines.ts";
import { aboutOfKind, ndjsonOf, rowOf, testHashEntry } from "../../client/testing/entries.ts";
import {
  type KillPoint,
  LOG_KILL_POINTS,
  RECALL_KILL_POINTS,
  RELEASE_KILL_POINTS,
} from "../../exchange/platform/kill-points.ts";
import { openTestExchange, type TestExchange } from "../../exchange/testing/index.ts";
import { expectSound } from "./expect-sound.ts";
import { Machine, restart } from "./machine.ts";

const SEED = 20_261_122;
const RUNS = 4;
const STEPS = 8;
const TEST_TIMEOUT_MS = 240_000;
const TRIES = 4;
/** One subscriber knows this file to be harmless. */
const BENIGN = 5;
const FOREIGN = 90;
const PREFIXES = ["pending/", "blobs/", "log/tile/", "log/checkpoint"] as const;

/** What breaks while a command runs; the command is then given once more. */
type Fault =
  | { side: "none" }
  | { side: "process"; at: KillPoint }
  | { side: "store"; prefix: (typeof PREFIXES)[number]; written: boolean }
  /** The asking machine dies at this request of its own. */
  | { side: "asker"; at: number };

type Act = "publish" | "withdraw" | "erase" | "recall" | "heartbeat" | "rotate" | "recover" | "sync";
type Step = { act: Act; who: number; n: number; fault: Fault };

// Most commands are a release; a point that only recalls pass would mostly break nothing.
const killAt = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...RELEASE_KILL_POINTS) },
  { weight: 2, arbitrary: fc.constantFrom(...LOG_KILL_POINTS) },
  { weight: 1, arbitrary: fc.constantFrom(...RECALL_KILL_POINTS) },
);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Fault>({ side: "none" }) },
  { weight: 3, arbitrary: fc.record({ side: fc.constant("process" as const), at: killAt }) },
  {
    weight: 2,
    arbitrary: fc.record({
      side: fc.constant("store" as const),
      prefix: fc.constantFrom(...PREFIXES),
      written: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ side: fc.constant("asker" as const), at: fc.integer({ min: 1, max: 12 }) }) },
);
const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom<Act>(
    "publish",
    "publish",
    "withdraw",
    "erase",
    "recall",
    "heartbeat",
    "rotate",
    "recover",
    "sync",
    "sync",
  ),
  who: fc.nat(1),
  n: fc.nat(6),
  fault,
});

type Publisher = {
  machine: Machine;
  apiKey: string;
  profileDir: string;
  setId: SetId;
  firstPin: Pin;
  /** What the set ought to hold, by number. */
  holds: Set<number>;
  /** Recalls that count: signed by a key that the newest root lists. */
  recalls: number[];
};
type Subscriber = { name: string; machine: Machine; stateDir: string; isCareful: boolean };

type Crashes = Record<"process" | "store" | "asker" | "sync", number>;

class World {
  readonly x: TestExchange;
  readonly dir: string;
  readonly publishers: Publisher[] = [];
  readonly subscribers: Subscriber[] = [];
  /** How often a command or a sync ended early, by what broke it. */
  readonly crashes: Crashes;

  constructor(x: TestExchange, dir: string, crashes: Crashes) {
    this.x = x;
    this.dir = dir;
    this.crashes = crashes;
  }

  async open(): Promise<void> {
    await this.addPublisher("north", "member");
    await this.addPublisher("south", "exchange");
    await this.addSubscriber("plain", false);
    await this.addSubscriber("careful", true);
    for (const publisher of this.publishers) await this.publish(publisher, new Set([0, 1]));
    await this.syncAll();
  }

  async addPublisher(name: string, custody: "member" | "exchange"): Promise<void> {
    const scopes = ["read" as const, "publish" as const];
    const { key: apiKey } = await this.x.member({ name, roles: ["publisher"], custody, scopes });
    const machine = new Machine(this.x, apiKey);
    const { exchange } = machine;
    const profileDir = join(this.dir, name);
    await mkdir(profileDir);
    const setId = parseSetId(`${name}.example/verified`);
    await createRoot({ exchange, profileDir, publisher: parsePublisher(setId.publisher), custody, now: this.now() });
    await exchange.putSet(setId, { kind: "hash", stream: "test", audience: { tier: "test" } });
    const firstPin = (await readPins(profileDir))[setId.publisher] as Pin;
    this.publishers.push({ machine, apiKey, profileDir, setId, firstPin, holds: new Set([0, 1]), recalls: [] });
  }

  async addSubscriber(name: string, isCareful: boolean): Promise<Subscriber> {
    const { key } = await this.x.member({ name, roles: ["subscriber"], scopes: ["read"] });
    const one = { name, machine: new Machine(this.x, key), stateDir: join(this.dir, name), isCareful };
    const line = { md5: "0".repeat(32), sha1: "0".repeat(40), sha256: testHashEntry(BENIGN).value };
    if (isCareful) await addBenign(one.stateDir, [line]);
    this.subscribers.push(one);
    return one;
  }

  now = () => this.x.clock.now();

  async context({ machine, profileDir, setId }: Publisher): Promise<PublisherContext> {
    const pin = (await readPins(profileDir))[setId.publisher];
    const stateDir = join(profileDir, "state");
    return { exchange: machine.exchange, profileDir, stateDir, setId, pin, now: this.now(), random: randomBytes };
  }

  async publish(publisher: Publisher, numbers: Iterable<number>): Promise<void> {
    const bytes = new TextEncoder().encode(ndjsonOf([...numbers].map((n) => rowOf(testHashEntry(n)))));
    const about = aboutOfKind("hash");
    await publishList(await this.context(publisher), { list: { format: "ndjson", chunks: [bytes] }, about });
  }

  /** One step, broken once where the fault says, and given again until it is done. Sound at the crash and afterwards. */
  async do(one: Step): Promise<void> {
    this.x.clock.advance(1000);
    if (one.act === "sync") return this.syncAll(one.fault.side === "asker" ? one.fault.at : one.n);
    const publisher = this.publishers[one.who] as Publisher;
    const command = await this.commandOf(publisher, one);
    this.arm(one.fault, publisher.machine);
    for (let left = TRIES; ; left--) {
      const isDone = await command(left < TRIES).then(
        () => true,
        (error: unknown) => {
          const { isDown } = publisher.machine;
          // Only what was broken may fail, and each fault breaks once.
          if (!isDown || !(error instanceof ExchangeError) || left === 1) throw error;
          return false;
        },
      );
      await this.x.settle();
      await expectSound(this.x);
      if (!isDone && one.fault.side !== "none") this.crashes[one.fault.side]++;
      const hasDied = publisher.machine.isDown;
      publisher.machine.revive();
      await restart(this.x);
      // A machine that died once its release was taken has not moved its own copy. It does so before anything else here:
      // a key replaced or a set recovered in between is not part of this property.
      if (isDone && hasDied) await withOwnSet(await this.context(publisher), async () => undefined);
      if (isDone) break;
    }
    await expectSound(this.x);
  }

  arm(fault: Fault, machine: Machine): void {
    if (fault.side === "process") this.x.killAt(fault.at);
    if (fault.side === "store") {
      this.x.objects.breakNextPut(fault.written ? "failed_but_written" : "failed_and_not_written", fault.prefix);
    }
    if (fault.side === "asker") machine.left = fault.at;
  }

  /** What a person types, the second time as the first. */
  async commandOf(publisher: Publisher, { act, n }: Step): Promise<(isAgain: boolean) => Promise<void>> {
    const { holds } = publisher;
    if (act === "publish") {
      holds.add(n);
      return () => this.publish(publisher, holds);
    }
    if ((act === "withdraw" || act === "erase") && holds.has(n)) {
      holds.delete(n);
      return (isAgain) => this.withdraw(publisher, n, act === "erase", isAgain);
    }
    if (act === "recall" && holds.size > 0) {
      const lines = (await heldLines(join(publisher.profileDir, "state"), publisher.setId)) ?? [];
      const { id } = JSON.parse(lines[n % lines.length] as string) as { id: string };
      return async () => {
        const { recall } = await recallEntries(await this.context(publisher), { entries: [id] });
        publisher.recalls.push(recall);
      };
    }
    if (act === "rotate") return () => this.rotate(publisher, false);
    if (act === "recover") {
      const isStolen = publisher === this.publishers[0];
      if (isStolen) await this.steal(publisher, n % 2 === 0);
      return () => this.recover(publisher);
    }
    return async () => void (await publishHeartbeat(await this.context(publisher)));
  }

  async withdraw(publisher: Publisher, n: number, erase: boolean, isAgain: boolean): Promise<void> {
    const { value } = testHashEntry(n);
    const input = { ids: [], values: [value], reason: "bad_batch" as const, erase };
    await withdrawEntries(await this.context(publisher), input).catch((error: unknown) => {
      // The first time it was sent after all: the second finds nothing left to withdraw.
      if (!isAgain || !(error instanceof ExchangeError) || error.detail.reason !== "not_in_the_set") throw error;
    });
  }

  /** The next root: with another release key where the publisher holds it, else only renewed. */
  async rotate(publisher: Publisher, mustReplace: boolean): Promise<void> {
    const { machine, profileDir, setId } = publisher;
    const context = { ...(await this.context(publisher)), publisher: setId.publisher };
    if ((await finishRotation(context)) === undefined || mustReplace) {
      const { root } = await findDamage(context);
      const mine = (await listSigningKeys(profileDir, "release")).map(({ kid }) => kid);
      const remove = root.root.roles.release.kids.filter((kid) => mine.includes(kid));
      const change: RootChange =
        remove.length === 0
          ? {}
          : { release: { remove, add: [(await createSigningKeyFile(profileDir, "release")).publicJwk] } };
      const signed = await signWhole(await proposeRoot(context, change), await listSigningKeys(profileDir, "root"));
      await postSigned({ ...context, exchange: machine.exchange }, signed);
    }
    if (publisher === this.publishers[0]) publisher.recalls = [];
  }

  /** A copy of the profile in other hands releases one more entry; some take it before it is noticed. */
  async steal(publisher: Publisher, isTaken: boolean): Promise<void> {
    const profileDir = await mkdtemp(join(this.dir, "thief-"));
    await cp(publisher.profileDir, profileDir, { recursive: true });
    await this.publish({ ...publisher, profileDir }, new Set([...publisher.holds, FOREIGN]));
    await restart(this.x);
    await expectSound(this.x);
    if (isTaken) await this.syncAll();
  }

  async recover(publisher: Publisher): Promise<void> {
    if ((await finishRecovery(await this.context(publisher))) !== undefined) return;
    const damage = await findDamage(await this.context(publisher));
    const [first] = damage.foreign;
    if (first === undefined) return;
    const state = stateOfCopy(await this.context(publisher), damage.good);
    if (damage.stolen.length > 0) await this.rotate(publisher, true);
    const target = { releases: [first.release, (damage.foreign.at(-1) ?? first).release] as const };
    const { recall } = await recallEntries(await this.context(publisher), target);
    publisher.recalls.push(recall);
    const context = await this.context(publisher);
    await releaseRecovery(context, await findDamage(context), state);
  }

  async sync({ machine, stateDir }: Subscriber, { setId, firstPin }: Publisher): Promise<SyncOutcome> {
    const sleep = () => this.x.settle();
    return syncSet({ source: machine.exchange, stateDir, setId, pin: firstPin, now: this.now(), sleep });
  }

  /** Everybody looks at every set; who is cut off looks again. */
  async syncAll(cutAt?: number): Promise<void> {
    await this.x.settle();
    for (const subscriber of this.subscribers) {
      for (const publisher of this.publishers) {
        subscriber.machine.left = cutAt;
        const cut = await this.sync(subscriber, publisher);
        if (subscriber.machine.isDown) this.crashes.sync++;
        if (!["updated", "current"].includes(cut.outcome)) expect(cut.code).toBeDefined();
        subscriber.machine.revive();
        await this.expectThere(subscriber, publisher, await this.sync(subscriber, publisher));
      }
    }
    await expectSound(this.x);
  }

  /** In the publisher's state, recalls included; or held for the one reason that there is, and without anything withdrawn. */
  async expectThere(subscriber: Subscriber, publisher: Publisher, outcome: SyncOutcome): Promise<void> {
    const { setId } = publisher;
    const about = `${subscriber.name} ${JSON.stringify(outcome)}`;
    const published = (await expectSound(this.x)).get(`${setId.publisher}/${setId.set}`) as string[];
    const lines = await heldLines(subscriber.stateDir, setId);
    const { held } = await readRecalls(subscriber.stateDir, setId);
    expect(
      held.map(({ recall }) => recall),
      about,
    ).toEqual(expect.arrayContaining(publisher.recalls));
    if (outcome.outcome === "held") {
      expect(subscriber.isCareful && publisher.holds.has(BENIGN), about).toBe(true);
      expect(outcome.code, about).toBe("policy_benign");
      expect(published, about).toEqual(expect.arrayContaining(lines ?? []));
      expect(lines?.join("\n"), about).not.toContain(testHashEntry(BENIGN).value);
    } else {
      expect(["updated", "current"], about).toContain(outcome.outcome);
      expect(lines, about).toEqual(published);
    }
  }

  /** The exchange's bytes, the publisher's own copy and what its people wanted are the same. */
  async expectPublished(): Promise<void> {
    const states = await expectSound(this.x);
    for (const publisher of this.publishers) {
      const { setId, holds } = publisher;
      const lines = states.get(`${setId.publisher}/${setId.set}`) as string[];
      const values = lines.map((line) => (JSON.parse(line) as { value: string }).value);
      expect(values.sort()).toEqual([...holds].map((n) => testHashEntry(n).value).sort());
      const held = await withOwnSet(await this.context(publisher), ({ copy }) => linesOf(copy));
      expect(held).toEqual(lines);
    }
  }
}

describe("any sequence of what publishers do, with a crash on either side", () => {
  it(
    "leaves the exchange sound after every step, and every subscriber in the publisher's state or held for a true reason",
    async () => {
      const crashes: Crashes = { process: 0, store: 0, asker: 0, sync: 0 };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), async (steps) => {
          const x = await openTestExchange();
          const dir = await mkdtemp(join(tmpdir(), "breakwater-any-"));
          try {
            const world = new World(x, dir, crashes);
            await world.open();
            for (const one of steps) await world.do(one);
            await world.syncAll();
            await world.expectPublished();
            // Who comes only now and reads everything at once is told the very same.
            await world.addSubscriber("late", false);
            await world.syncAll();
          } finally {
            await x.close();
            await rm(dir, { recursive: true, force: true });
          }
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: true },
      );
      // Faults that break nothing would prove nothing.
      for (const [side, count] of Object.entries(crashes)) expect(count, side).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );
});
