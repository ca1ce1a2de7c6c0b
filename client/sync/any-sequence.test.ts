import { readdir } from "node:fs/promises";
import type { NewChange } from "@breakwater/shared/compose.ts";
import { generateSigningKey, type NewSigningKey } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type Recall, signRecall } from "@breakwater/shared/recall.ts";
import { signRelease } from "@breakwater/shared/release.ts";
import { type OpenedRoot, openRoot, signRoot } from "@breakwater/shared/root.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { linesOf } from "../testing/copy-lines.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { rootOf } from "../testing/double-publisher.ts";
import { testHashEntry, testId } from "../testing/entries.ts";
import { runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { openCopy } from "./copy.ts";
import { readLogState } from "./log/state.ts";
import { setDir } from "./paths.ts";
import { readRecalls } from "./recalls.ts";

const KILL_AT = new URL("../testing/kill-at.mjs", import.meta.url).href;
const RUNS = 60;
const KILLED_RUNS = 5;
const TEST_TIMEOUT_MS = 240_000;

/** What a publisher does, what an exchange does, and when a subscriber looks. */
type Step =
  | { act: "publish" | "withdraw" | "erase"; n: number }
  | { act: "recall"; n: number }
  | { act: "heartbeat" | "rotate" | "recover" | "theft" | "junk" | "relog" | "lag" | "catch_up" }
  /** The subscriber's network breaks after so many requests. */
  | { act: "sync"; breaks: number | undefined };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ act: fc.constantFrom("publish" as const, "withdraw" as const, "erase" as const), n: fc.nat(6) }),
  fc.record({ act: fc.constant("recall" as const), n: fc.nat(6) }),
  fc.record({
    act: fc.constantFrom(
      "heartbeat" as const,
      "rotate" as const,
      "recover" as const,
      "theft" as const,
      "junk" as const,
      "relog" as const,
      "lag" as const,
      "catch_up" as const,
    ),
  }),
  fc.record({
    act: fc.constant("sync" as const),
    breaks: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  }),
);

/** The publisher and the exchange as they ought to be, beside which the subscriber is held. */
class World {
  readonly scene: Scene;
  root: OpenedRoot;
  key: NewSigningKey;
  recall = 0;
  recalled = new Map<number, { number: number; by: string }>();

  constructor(scene: Scene) {
    this.scene = scene;
    this.root = scene.publisher.root;
    this.key = scene.publisher.releaseKey;
  }

  async do(one: Step): Promise<void> {
    const { publisher, double } = this.scene;
    const { log } = double.store;
    switch (one.act) {
      case "publish":
        return this.release(publisher.put(testHashEntry(one.n)));
      case "withdraw":
        return this.release([this.del(one.n)]);
      case "erase":
        return this.release([this.del(one.n)], "erasure");
      case "heartbeat":
        return this.release([]);
      case "recover":
        await this.rotate();
        return this.release([], "recovery");
      case "rotate":
        return this.rotate();
      case "recall":
        return this.takeBack(one.n);
      case "theft":
        return this.steal();
      case "junk":
        log.append(new TextEncoder().encode('{"payload":"e30","signatures":[]}'));
        return;
      case "relog":
        for (const leaf of log.leaves.slice(-3)) log.append(leaf);
        return;
      case "lag":
        log.covers ??= log.leaves.length;
        return;
      case "catch_up":
        log.covers = undefined;
        return;
      case "sync":
        return this.look(one.breaks);
    }
  }

  del = (n: number): NewChange => ({ op: "del", id: testId(n), why: "withdrawn" });

  async release(changes: NewChange[], purpose?: "erasure" | "recovery"): Promise<void> {
    const by = { root: this.root, key: this.key };
    await this.scene.publisher.release(changes, purpose === undefined ? by : { ...by, purpose });
  }

  async rotate(): Promise<void> {
    const { publisher, double } = this.scene;
    const key = await generateSigningKey({ extractable: true });
    const next = rootOf("hotline.example", publisher.rootKey, key, {
      version: this.root.root.version + 1,
      prev: this.root.digest,
    });
    const bytes = await signRoot(next, [publisher.rootKey]);
    this.root = await openRoot(bytes, this.root);
    await double.store.postRoot("hotline.example", bytes);
    this.key = key;
  }

  async takeBack(n: number): Promise<void> {
    const iat = Math.floor(Date.now() / 1000);
    const { setId } = this.scene.publisher;
    const recall: Recall = {
      entries: [testId(n)] as NonNullable<Recall["entries"]>,
      exp: iat + 3600,
      iat,
      publisher: setId.publisher,
      recall: ++this.recall,
      root: this.root.root.version,
      set: setId.set,
    };
    await this.scene.double.store.postRecall(setId, await signRecall(recall, [this.key]));
    this.recalled.set(n, { number: this.recall, by: this.key.kid });
  }

  /** A thief posts a release by a key that was revoked; a careless exchange logs it, and it counts for nobody. */
  async steal(): Promise<void> {
    const { publisher, double } = this.scene;
    if (this.key === publisher.releaseKey) return;
    const head = double.store.getSet(publisher.setId).releases.at(-1);
    if (head === undefined) return;
    const { statement, digest } = head;
    const next = { ...statement, release: statement.release + 1, prev: digest };
    // Under the root that listed the key, and as if the newest one did.
    for (const root of [1, this.root.root.version]) {
      double.store.log.append(await signRelease({ ...next, root }, [publisher.releaseKey]));
    }
  }

  async look(breaks: number | undefined): Promise<void> {
    const { double } = this.scene;
    const from = double.requests.length;
    double.onRequest = () => {
      const isBroken = breaks !== undefined && double.requests.length - from > breaks;
      double.hostile = isBroken ? [{ path: /./, act: "gone" }] : [];
    };
    const outcome = await this.scene.sync();
    delete double.onRequest;
    double.hostile = [];
    // Every end has a name, and nothing here is the publisher's fault.
    if (breaks === undefined) expect(outcome.outcome, JSON.stringify(outcome)).not.toBe("held");
    if (!["updated", "current"].includes(outcome.outcome)) expect(outcome.code).toBeDefined();
  }

  lines(): string[] {
    return [...this.scene.publisher.entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  }

  /** In the publisher's state: rows, head, recalls of keys that still count, nothing else on the disk. */
  async expectThere(): Promise<void> {
    const { stateDir, publisher, double } = this.scene;
    const head = double.store.getSet(publisher.setId).releases.at(-1);
    const copy = await openCopy(stateDir, publisher.setId);
    expect(copy?.link.digest).toBe(head?.digest);
    expect(await linesOf(copy)).toEqual(this.lines());
    copy?.close();
    const log = await readLogState(stateDir, double.origin);
    expect(log?.size).toBe(double.store.log.leaves.length);
    expect(log?.publishers["hotline.example"]?.held).toBeUndefined();
    const { held } = await readRecalls(stateDir, publisher.setId);
    const counting = [...this.recalled.values()].filter(({ by }) => by === this.key.kid).map(({ number }) => number);
    expect(held.map(({ recall }) => recall)).toEqual(expect.arrayContaining(counting));
    const blobs = await readdir(`${setDir(stateDir, publisher.setId)}/blobs`);
    expect(blobs.length).toBeLessThanOrEqual(70);
  }
}

describe("any sequence of what publishers and exchanges do", () => {
  it(
    "ends with the subscriber in the publisher's state, wherever its network broke in between",
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
          const scene = await openScene(3, { linesEach: 1 });
          try {
            const world = new World(scene);
            for (const one of steps) await world.do(one);
            scene.double.store.log.covers = undefined;
            const last = await scene.sync();
            expect(["updated", "current"], JSON.stringify(last)).toContain(last.outcome);
            await world.expectThere();
            // A newcomer that reads the log at once comes to the very same.
            const fresh = await scene.sync({ stateDir: `${scene.stateDir}-new` });
            expect(fresh.state).toBe((await scene.sync()).state);
          } finally {
            await scene.close();
          }
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    TEST_TIMEOUT_MS,
  );

  it(
    "ends there too when the subscriber is killed at any change of its disk",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 2, maxLength: 8 }),
          fc.integer({ min: 1, max: 150 }),
          async (steps, killAt) => {
            const scene = await openScene(3, { linesEach: 1 });
            try {
              const world = new World(scene);
              await scene.sync();
              const profile = `${scene.dir}/profile`;
              const { double, stateDir, publisher } = scene;
              await writeProfile({ dir: profile, exchange: double.origin, apiKey: TEST_API_KEY, stateDir });
              await writePin(profile, publisher.setId.publisher, publisher.pin);
              for (const one of steps) if (one.act !== "sync") await world.do(one);
              double.store.log.covers = undefined;
              const preload = [KILL_AT];
              const killed = await runCommand(["sync"], { profile, preload, env: { KILL_AT_WRITE: String(killAt) } });
              expect(killed.signal === "SIGKILL" || killed.code === 0, killed.stderr).toBe(true);
              const retried = await runCommand(["sync"], { profile });
              expect(retried, retried.stderr).toMatchObject({ code: 0 });
              await world.expectThere();
            } finally {
              await scene.close();
            }
          },
        ),
        { numRuns: KILLED_RUNS, endOnFailure: true },
      );
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a step that the exchange refuses", () => {
  it("is told by its code and changes nothing", async () => {
    const scene = await openScene(1);
    const world = new World(scene);
    await world.takeBack(0);
    world.recall = 5;
    await expect(world.takeBack(0)).rejects.toThrow(ExchangeError);
    await scene.close();
  });
});
