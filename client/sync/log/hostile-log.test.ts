import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { generateSigningKey } from "@breakwater/shared/keys.ts";
import type { ProblemCode } from "@breakwater/shared/problem.ts";
import { openRelease, signRelease } from "@breakwater/shared/release.ts";
import { openRoot, signRoot } from "@breakwater/shared/root.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DoubleLog } from "../../testing/double-log.ts";
import { rootOf } from "../../testing/double-publisher.ts";
import { testHashEntry, testId } from "../../testing/entries.ts";
import { openLooker } from "../../testing/match-file.ts";
import { openScene, type Scene } from "../../testing/scene.ts";
import type { SyncOutcome } from "../outcome.ts";
import { evidenceDir, logDir, rootsDir, setDir } from "../paths.ts";
import { readLogState, writeLogState } from "./state.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene(3);
});
afterEach(() => scene.close());

const DAY_MS = 86_400_000;
const log = () => scene.double.store.log;
const release = (n: number, options?: Parameters<Scene["publisher"]["release"]>[1]) =>
  scene.publisher.release(scene.publisher.put(testHashEntry(n)), options);
const set = () => scene.double.store.getSet(scene.publisher.setId);
const state = () => readLogState(scene.stateDir, scene.double.origin);
const evidenceOf = (dir: string) => readdir(evidenceDir(dir)).catch(() => []);

/** Whatever is refused: what was verified last still finds its entries. */
async function expectMatching(numbers: number[]): Promise<void> {
  const matcher = await openLooker(scene.stateDir);
  for (const n of numbers) {
    expect(matcher.look({ sha256: testHashEntry(n).value }).map(({ entry }) => entry.id)).toEqual([testId(n)]);
  }
  matcher.close();
}

async function expectKept(outcome: SyncOutcome, expected: Partial<SyncOutcome>): Promise<void> {
  expect(outcome).toMatchObject({ ...expected, release: 1, entries: 3 });
  await expectMatching([0, 1, 2]);
}

describe("a checkpoint", () => {
  const refusals: [what: string, note: () => Promise<string>, code: ProblemCode][] = [
    ["that is no note", async () => "hello\n", "cp_format"],
    ["of another origin", () => log().sign(log().leaves, { origin: "other.example/log1" }), "cp_origin"],
    ["signed by another key", async () => (await DoubleLog.open()).sign(log().leaves), "cp_sig"],
    ["of a size that the entries do not have", () => log().sign(log().leaves, { size: 2 ** 40 }), "bundle_invalid"],
  ];
  it.each(refusals)("%s is refused, and the last good state goes on", async (_what, note, code) => {
    await scene.sync();
    await release(9);
    log().checkpoint = await note();
    await expectKept(await scene.sync(), { outcome: "stale", code });
    log().checkpoint = undefined;
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2, entries: 4 });
  });

  it("of a smaller log is a rollback: refused, and taken again once the log is as large as before", async () => {
    await scene.sync();
    log().covers = log().leaves.length - 1;
    await expectKept(await scene.sync(), { outcome: "stale", code: "cp_rollback" });
    log().covers = undefined;
    expect(await scene.sync()).toMatchObject({ outcome: "current" });
  });

  it("of one size with another root is a fork: held, with both checkpoints as the proof, until a person looks", async () => {
    await scene.sync();
    const honest = [...log().leaves];
    log().leaves = [...honest.slice(0, -1), (await release(8)).bytes];
    await expectKept(await scene.sync(), { outcome: "held", code: "cp_fork" });
    const dir = logDir(scene.stateDir, scene.double.origin);
    expect((await evidenceOf(dir)).length).toBe(2);
    for (const name of await evidenceOf(dir)) {
      expect(await readFile(join(evidenceDir(dir), name), "utf8")).toMatch(/^exchange\.example\/log1\n2\n/);
    }
    // Honest again is not enough: somebody was shown something else.
    log().leaves = honest;
    scene.double.requests.length = 0;
    await expectKept(await scene.sync(), { outcome: "held", code: "cp_fork" });
    expect(scene.double.requests.filter((request) => request.includes("/log/"))).toEqual([]);
    const { held: _, ...released } = (await state()) as NonNullable<Awaited<ReturnType<typeof state>>>;
    await writeLogState(scene.stateDir, released);
    expect(await scene.sync()).toMatchObject({ outcome: "current" });
  });

  it("over a changed past is held, after the entries were asked for once more past caches", async () => {
    await scene.sync();
    const other = await release(8);
    log().leaves = [log().leaves[0] as Uint8Array, other.bytes, other.bytes];
    scene.double.requests.length = 0;
    await expectKept(await scene.sync(), { outcome: "held", code: "cp_inconsistent" });
    expect(scene.double.requests.filter((request) => request.includes("/tile/")).length).toBe(2);
  });

  it("whose entries are cut off is refused", async () => {
    await scene.sync();
    await release(9);
    scene.double.hostile = [{ path: /\/tile\/entries\//, act: "cut" }];
    await expectKept(await scene.sync(), { outcome: "stale", code: "bundle_invalid" });
  });

  it("that is frozen is told when the newest release has run out", async () => {
    await scene.sync();
    log().covers = log().leaves.length;
    await release(9);
    expect(await scene.sync()).toMatchObject({ outcome: "current", release: 1 });
    const later = new Date(Date.now() + 31 * DAY_MS);
    scene.double.date = later;
    expect(await scene.sync({ now: later })).toMatchObject({ outcome: "stale", code: "release_expired", release: 1 });
  });
});

describe("the clock", () => {
  it.each([-366, 366])("off by %i days gives clock and nothing else, and destroys nothing", async (days) => {
    await scene.sync();
    const now = new Date(Date.now() + days * DAY_MS);
    expect(await scene.sync({ now })).toMatchObject({ outcome: "stale", code: "clock", release: 1, entries: 3 });
    await expectMatching([0, 1, 2]);
  });
});

describe("what the exchange offers beside its log", () => {
  it("an older head is told as withheld; the log's release is taken", async () => {
    await scene.sync();
    await release(9);
    set().releases.pop();
    expect(await scene.sync()).toMatchObject({ outcome: "updated", code: "withheld", release: 2, entries: 4 });
  });

  it("a release that is hidden together with its blobs is missed, not forgotten", async () => {
    await scene.sync();
    await release(9);
    set().releases.pop();
    scene.double.hostile = [{ path: /\/blobs\//, act: "gone" }];
    await expectKept(await scene.sync(), { outcome: "refused", code: "not_found" });
  });

  it("a head that is not in the log is not taken, and kept as evidence", async () => {
    await scene.sync();
    log().append(new Uint8Array([1])); // so that there is something new to look at
    scene.double.store.logs = false;
    await release(9);
    await expectKept(await scene.sync(), { outcome: "current", code: "not_logged" });
    expect((await evidenceOf(setDir(scene.stateDir, scene.publisher.setId))).length).toBe(1);
  });

  it("a head that reaches the log a moment later is waited for", async () => {
    await scene.sync();
    log().append(new Uint8Array([1]));
    scene.double.store.logs = false;
    const { bytes } = await release(9);
    let looks = 0;
    const sleep = async () => {
      if (++looks === 2) log().append(bytes);
    };
    expect(await scene.sync({ sleep })).toMatchObject({ outcome: "updated", release: 2 });
    expect(looks).toBe(2);
  });

  it("a first head that is not in the log is refused", async () => {
    log().leaves.pop();
    expect(await scene.sync()).toMatchObject({ outcome: "refused", code: "not_logged", release: null });
  });

  it("another statement of the head's number, properly signed, is a fork", async () => {
    await scene.sync();
    const first = set().releases[0];
    const second = await release(8);
    scene.double.store.logs = false;
    set().releases.pop();
    await release(9, first === undefined ? {} : { after: first });
    await expectKept(await scene.sync(), { outcome: "held", code: "release_fork" });
    expect((await evidenceOf(setDir(scene.stateDir, scene.publisher.setId))).length).toBe(1);
    expect(second.statement.release).toBe(2);
  });

  it("a swapped blob is refused, and the right one taken later", async () => {
    await scene.sync();
    await release(9);
    scene.double.hostile = [{ path: /\/blobs\//, act: "replace", bytes: new Uint8Array(20) }];
    expect(await scene.sync()).toMatchObject({ outcome: "refused", release: 1 });
    await expectMatching([0, 1, 2]);
    scene.double.hostile = [];
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2 });
  });

  it("a key that is not for the log never reaches it", async () => {
    // The double answers 403 to a key on the log's routes.
    expect(await scene.sync()).toMatchObject({ outcome: "updated" });
  });
});

describe("leaves that do not count", () => {
  it("are skipped and counted: bytes, other publishers, broken envelopes, unknown keys", async () => {
    await scene.sync();
    const stranger = await generateSigningKey({ extractable: true });
    const { statement } = set().releases[0] as NonNullable<ReturnType<typeof set>["releases"][0]>;
    const forged = await signRelease({ ...statement, release: 2, prev: scene.publisher.pin.digest }, [stranger]);
    const text = new TextDecoder().decode(forged);
    log().append(new Uint8Array([0xff, 0x00]));
    log().append(new TextEncoder().encode("{}"));
    log().append(new TextEncoder().encode(`${text} `)); // not canonical
    log().append(forged);
    log().append(await signRoot(rootOf("other.example", stranger, scene.publisher.releaseKey), [stranger]));
    expect(await scene.sync()).toMatchObject({ outcome: "current", release: 1 });
    expect((await state())?.publishers["hotline.example"]?.ignored).toEqual({
      jcs_invalid: 1,
      envelope_kid_unknown: 1,
    });
    expect((await state())?.skipped).toBe(3);
    await release(9);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2, entries: 4 });
  });

  it("a statement that is logged again changes nothing", async () => {
    await release(8);
    await scene.sync();
    for (const leaf of [...log().leaves]) log().append(leaf);
    expect(await scene.sync()).toMatchObject({ outcome: "current", release: 2 });
    expect((await state())?.publishers["hotline.example"]?.ignored).toEqual({});
  });

  it("a root by the wrong keys freezes nothing", async () => {
    await scene.sync();
    const { releaseKey, rootKey, root } = scene.publisher;
    log().append(
      await signRoot(rootOf("hotline.example", releaseKey, rootKey, { version: 2, prev: root.digest }), [releaseKey]),
    );
    await release(9);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2 });
    expect((await evidenceOf(rootsDir(scene.stateDir, "hotline.example"))).length).toBe(1);
  });
});

describe("releases that the publisher's keys signed and that cannot be", () => {
  const bent: [what: string, code: ProblemCode, make: () => Promise<unknown>][] = [
    [
      "two of one number",
      "release_fork",
      async () => {
        const first = set().releases[0];
        await release(8);
        return release(9, first === undefined ? {} : { after: first });
      },
    ],
    [
      "a number that was left out",
      "release_gap",
      () => release(9, { bendStatement: (one) => ({ ...one, release: one.release + 1 }) }),
    ],
    [
      "a huge number, to go fast forward",
      "release_gap",
      () => release(9, { bendStatement: (one) => ({ ...one, release: 1_000_000 }) }),
    ],
    [
      "an older number",
      "release_rollback",
      async () => {
        await release(8);
        return release(9, { bendStatement: (one) => ({ ...one, release: 1, prev: null }) });
      },
    ],
    [
      "another predecessor",
      "release_chain",
      () => release(9, { bendStatement: (one) => ({ ...one, prev: `sha256:${"0".repeat(64)}` }) }),
    ],
    [
      "a time before the last",
      "release_time",
      () => release(9, { bendStatement: (one) => ({ ...one, iat: one.iat - 1000, exp: one.exp - 1000 }) }),
    ],
    [
      "a time in the future",
      "release_time",
      () => release(9, { bendStatement: (one) => ({ ...one, iat: one.iat + 7200, exp: one.exp + 7200 - 60 }) }),
    ],
  ];
  it.each(bent)("%s: held by its own name, with evidence", async (_what, code, make) => {
    await scene.sync();
    await make();
    await expectKept(await scene.sync(), { outcome: "held", code });
    await expectKept(await scene.sync(), { outcome: "held", code });
    const kept = await evidenceOf(setDir(scene.stateDir, scene.publisher.setId));
    if (code !== "release_time" || kept.length > 0) expect(kept.length).toBeGreaterThan(0);
  });

  it("goes on by a person's choice from several chains, loaded anew", async () => {
    const { chooseCandidate } = await import("../take-logged.ts");
    const first = set().releases[0];
    await release(8);
    await scene.sync();
    const other = await release(9, first === undefined ? {} : { after: first, purpose: "recovery" });
    expect(await scene.sync()).toMatchObject({ outcome: "held", code: "release_fork", release: 2, entries: 4 });
    const held = (await state()) as NonNullable<Awaited<ReturnType<typeof state>>>;
    expect(held.publishers["hotline.example"]?.sets.verified?.candidate?.digest).toBe(other.digest);
    await chooseCandidate(scene.stateDir, held, scene.publisher.setId);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2 });
    await expectMatching([0, 1, 2, 9]);
  });
});

describe("keys by the order of the log", () => {
  async function rotate(changes: Parameters<typeof rootOf>[3] = {}) {
    const { rootKey, root } = scene.publisher;
    const fresh = await generateSigningKey({ extractable: true });
    const next = rootOf("hotline.example", rootKey, fresh, { version: 2, prev: root.digest, ...changes });
    const bytes = await signRoot(next, [rootKey]);
    return { bytes, fresh };
  }

  it("a thief's release before the rotation counts, one after it does not, and recovery replaces both", async () => {
    await scene.sync();
    const thief = await release(66);
    const { bytes, fresh } = await rotate();
    await scene.double.store.postRoot("hotline.example", bytes);
    await release(67); // by the stolen key, after the root that drops it
    set().releases.pop();
    const next = await openRoot(bytes, scene.publisher.root);
    // The publisher goes on from the thief's last number with everything anew.
    scene.publisher.entries.delete(testId(66));
    scene.publisher.entries.delete(testId(67));
    const recovered = await scene.publisher.release([], { purpose: "recovery", root: next, key: fresh });
    expect(recovered.statement.prev).toBe(thief.digest);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 3, entries: 3 });
    await expectMatching([0, 1, 2]);
    expect((await state())?.publishers["hotline.example"]?.ignored).toEqual({ release_root: 1 });
    await expect(openRelease(thief.bytes, next)).rejects.toThrow();
  });

  const faults: [what: string, code: ProblemCode, make: () => Promise<Uint8Array>][] = [
    [
      "another root of a version that is held",
      "root_fork",
      async () => {
        await scene.double.store.postRoot("hotline.example", (await rotate()).bytes);
        await scene.sync();
        return (await rotate()).bytes;
      },
    ],
    ["a version left out", "root_gap", async () => (await rotate({ version: 3 })).bytes],
    ["another predecessor", "root_chain", async () => (await rotate({ prev: `sha256:${"0".repeat(64)}` })).bytes],
    ["another home log", "root_log", async () => (await rotate({ logs: ["other.example/log1"] as never })).bytes],
  ];
  it.each(faults)("%s, properly signed, holds every set of the publisher", async (_what, code, make) => {
    await scene.sync();
    log().append(await make());
    await expectKept(await scene.sync(), { outcome: "held", code });
  });

  it("a pin of a later root finds those before it by their digests", async () => {
    const { bytes, fresh } = await rotate();
    await scene.double.store.postRoot("hotline.example", bytes);
    const root = await openRoot(bytes, scene.publisher.root);
    await scene.publisher.release(scene.publisher.put(testHashEntry(9)), { root, key: fresh });
    const pin = { version: 2, digest: root.digest };
    expect(await scene.sync({ pin })).toMatchObject({ outcome: "updated", release: 2, entries: 4 });
  });

  it("a pin that the log does not have is no pin", async () => {
    const pin = { version: 1, digest: `sha256:${"0".repeat(64)}` } as const;
    expect(await scene.sync({ pin })).toMatchObject({ outcome: "refused", code: "root_pin", release: null });
  });

  it("a publisher that is followed later is read from the beginning of the log", async () => {
    await scene.sync();
    const { makeDoublePublisher } = await import("../../testing/double-publisher.ts");
    const other = await makeDoublePublisher(scene.double, "other.example/verified");
    await other.release(other.put(testHashEntry(31)));
    await scene.sync(); // reads past the other's leaves
    expect(await scene.sync({ setId: other.setId, pin: other.pin })).toMatchObject({ outcome: "updated", release: 1 });
    await release(9);
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2 });
  });
});
