import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ProblemCode } from "@breakwater/shared/problem.ts";
import { signRoot } from "@breakwater/shared/root.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { heldLines } from "../testing/copy-lines.ts";
import { makeDoublePublisher, rootOf } from "../testing/double-publisher.ts";
import { testHashEntry, testId } from "../testing/entries.ts";
import type { Hostile } from "../testing/hostile.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { openCopy } from "./copy.ts";
import type { SyncOutcome } from "./index.ts";
import { readStatus, writeStatus } from "./status.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene(3);
});
afterEach(() => scene.close());

const set = () => scene.double.store.getSet(scene.publisher.setId);
const release = (n: number, options?: Parameters<Scene["publisher"]["release"]>[1]) =>
  scene.publisher.release(scene.publisher.put(testHashEntry(n)), options);

/** The copy is byte for byte what it was, and still opens. */
async function expectKept(outcome: SyncOutcome, lines: string[], expected: Partial<SyncOutcome>): Promise<void> {
  expect(outcome).toMatchObject({ ...expected, release: 1, entries: 3 });
  expect(await heldLines(scene.stateDir, scene.publisher.setId)).toEqual(lines);
}

describe("answers that are wrong on the way", () => {
  const cases: [what: string, hostile: Omit<Hostile, "path">, outcome: SyncOutcome["outcome"], code: ProblemCode][] = [
    ["a changed byte", { act: "flip" }, "refused", "blob_digest_mismatch"],
    ["a truncated file", { act: "cut" }, "refused", "blob_size_mismatch"],
    ["a file longer than signed", { act: "pad" }, "unreached", "answer_too_large"],
    ["a file without an end", { act: "endless" }, "unreached", "answer_too_large"],
    ["a connection that breaks off", { act: "break" }, "unreached", "fetch_failed"],
    ["a body that stands still", { act: "hang" }, "unreached", "fetch_failed"],
    ["a busy exchange", { act: "busy", retryAfter: "3600" }, "unreached", "busy"],
    ["a proxy's page", { act: "page" }, "unreached", "internal"],
    ["a missing file", { act: "gone" }, "refused", "not_found"],
  ];
  it.each(cases)(
    "%s leaves the copy as it was",
    async (_what, hostile, outcome, code) => {
      await scene.sync();
      const lines = (await heldLines(scene.stateDir, scene.publisher.setId)) ?? [];
      await release(9);
      scene.double.hostile = [{ path: /\/blobs\//, ...hostile }];
      await expectKept(await scene.sync(), lines, { outcome, code });
      // And once the network is well again, the same command goes on.
      scene.double.hostile = [];
      expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 2, entries: 4 });
    },
    30_000,
  );

  it.each(cases)(
    "%s at the first sync leaves no copy",
    async (_what, hostile, outcome, code) => {
      scene.double.hostile = [{ path: /\/blobs\//, ...hostile }];
      expect(await scene.sync()).toMatchObject({ outcome, code, release: null, entries: null });
      expect(await openCopy(scene.stateDir, scene.publisher.setId)).toBeUndefined();
    },
    30_000,
  );

  it("a slow body is given up at the deadline and not at the last byte", async () => {
    const { openExchange } = await import("../http/index.ts");
    const { TEST_API_KEY } = await import("../testing/double-exchange.ts");
    scene.double.hostile = [{ path: /\/blobs\//, act: "slow" }];
    const impatient = openExchange({
      origin: scene.double.origin,
      apiKey: TEST_API_KEY,
      sleep: async () => undefined,
      idleTimeoutMs: 10,
    });
    const started = Date.now();
    expect(await scene.sync({ source: impatient })).toMatchObject({ outcome: "unreached", code: "fetch_failed" });
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it("an answer that comes at the third attempt is taken", async () => {
    scene.double.hostile = [{ path: /\/head$/, act: "busy", times: 2 }];
    expect(await scene.sync()).toMatchObject({ outcome: "updated" });
    expect(scene.double.requests.filter((request) => request.endsWith("/head")).length).toBe(3);
  });

  it("a changed byte in the head is told, and the log's own release is taken", async () => {
    scene.double.hostile = [{ path: /\/head$/, act: "flip" }];
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 1, entries: 3, code: "not_logged" });
  });

  it("a changed byte in the head is refused on the publisher's own machine before anything is fetched", async () => {
    scene.double.hostile = [{ path: /\/head$/, act: "flip" }];
    expect(await scene.sync({ trusted: true })).toMatchObject({ outcome: "refused" });
    expect(scene.double.requests.some((request) => request.includes("/blobs/"))).toBe(false);
  });

  it("an oversized head is not read to its end", async () => {
    scene.double.hostile = [{ path: /\/head$/, act: "endless" }];
    expect(await scene.sync()).toMatchObject({ outcome: "unreached", code: "answer_too_large" });
  });
});

// What an exchange can do to a subscriber's view of releases is in log/hostile-log.test.ts; this is the publisher's own
// machine, which goes by the exchange's head and does not wait for a checkpoint.
describe("an exchange that lies to a publisher about its releases", () => {
  const own = () => scene.sync({ trusted: true });

  it("cannot roll back: an older head is refused", async () => {
    await release(9);
    await own();
    set().releases.pop();
    expect(await own()).toMatchObject({ outcome: "refused", code: "release_rollback", release: 2, entries: 4 });
  });

  it("cannot leave a release out: a gap is refused", async () => {
    await own();
    await release(8);
    await release(9);
    scene.double.hostile = [{ path: /\/releases\/2$/, act: "gone" }];
    expect(await own()).toMatchObject({ outcome: "refused", code: "release_gap", release: 1 });
  });

  it("cannot put another statement in between: the chain is refused", async () => {
    await own();
    const other = await release(7);
    set().releases.pop();
    await release(8);
    await release(9);
    scene.double.hostile = [{ path: /\/releases\/2$/, act: "replace", bytes: other.bytes }];
    expect(await own()).toMatchObject({ outcome: "refused", code: "release_chain", release: 1 });
  });

  it("cannot show a fork unnoticed: it is held, and both statements are kept as evidence", async () => {
    const first = set().releases[0];
    await release(8);
    await own();
    const ours = set().releases.pop();
    const other = await release(9, first === undefined ? {} : { after: first });
    expect(await own()).toMatchObject({ outcome: "held", code: "release_fork", release: 2, entries: 4 });
    const kept = await readdir(join(scene.stateDir, "sets", "hotline.example", "verified", "evidence"));
    expect(kept.sort()).toEqual([ours, other].map((one) => `${one?.digest.replace(":", "-")}.jws`).sort());
  });

  it("cannot show a fork that has grown since", async () => {
    const first = set().releases[0];
    await release(8);
    await own();
    set().releases.pop();
    await release(9, first === undefined ? {} : { after: first });
    await release(10);
    expect(await own()).toMatchObject({ outcome: "held", code: "release_fork", release: 2 });
  });

  it("cannot pass one set's release for another's", async () => {
    await own();
    set().releases.push(...(await otherSetReleases()));
    expect(await own()).toMatchObject({ outcome: "refused", release: 1 });
  });

  async function otherSetReleases() {
    await release(8, { bendStatement: (statement) => ({ ...statement, set: "other" as typeof statement.set }) });
    return set().releases.splice(1);
  }
});

describe("an exchange that lies about keys", () => {
  it("cannot serve another publisher's root", async () => {
    const other = await makeDoublePublisher(scene.double, "other.example/verified");
    scene.double.hostile = [
      { path: /\/publishers\/hotline\.example\/roots\/1$/, act: "replace", bytes: other.root.bytes },
    ];
    expect(await scene.sync({ trusted: true })).toMatchObject({ outcome: "refused", code: "root_pin" });
    expect(scene.double.requests.some((request) => request.endsWith("/head"))).toBe(false);
  });

  it("cannot serve a root that nobody pinned", async () => {
    expect(await scene.sync({ pin: undefined })).toMatchObject({ outcome: "refused", code: "root_pin", release: null });
    expect(scene.double.requests).toEqual([]);
  });

  it("is left behind when a new root was pinned out of band", async () => {
    await scene.sync();
    scene.double.store.sets.clear();
    const anew = await makeDoublePublisher(scene.double);
    await anew.release(anew.put(testHashEntry(5)));
    // Nothing under the new root counts while the old one is pinned.
    expect(await scene.sync()).toMatchObject({ outcome: "current", code: "not_logged", release: 1, entries: 3 });
    expect(await scene.sync({ pin: anew.pin, fresh: true })).toMatchObject({ outcome: "updated", entries: 1 });
    expect(await scene.sync({ pin: anew.pin })).toMatchObject({ outcome: "current", entries: 1 });
  });

  it("cannot rotate to a root that the old keys did not sign", async () => {
    await scene.sync();
    const { rootKey, releaseKey, root } = scene.publisher;
    const next = rootOf("hotline.example", releaseKey, rootKey, { version: 2, prev: root.digest });
    const bytes = await signRoot(next, [releaseKey]);
    scene.double.store.log.append(bytes);
    expect(await scene.sync()).toMatchObject({ outcome: "current", release: 1, entries: 3 });
    scene.double.hostile = [{ path: /\/roots\/2$/, act: "replace", bytes }];
    expect(await scene.sync({ trusted: true })).toMatchObject({ outcome: "refused", release: 1, entries: 3 });
  });

  it("cannot go on with a release key that the newest root no longer lists", async () => {
    await scene.sync();
    const { rootKey, root } = scene.publisher;
    const { generateSigningKey } = await import("@breakwater/shared/keys.ts");
    const fresh = await generateSigningKey({ extractable: true });
    const next = rootOf("hotline.example", rootKey, fresh, { version: 2, prev: root.digest });
    await scene.double.store.postRoot("hotline.example", await signRoot(next, [rootKey]));
    await release(9); // by the old key, which may be a thief's
    expect(await scene.sync()).toMatchObject({ outcome: "current", code: "not_logged", release: 1, entries: 3 });
    expect(await scene.sync({ trusted: true })).toMatchObject({ outcome: "refused", release: 1, entries: 3 });
  });

  it("follows a root that the old keys signed", async () => {
    await scene.sync();
    const { rootKey, releaseKey, root } = scene.publisher;
    const next = rootOf("hotline.example", rootKey, releaseKey, { version: 2, prev: root.digest });
    await scene.double.store.postRoot("hotline.example", await signRoot(next, [rootKey]));
    // What is held was verified under root 1 and stays good; nobody has to publish only because keys changed.
    expect(await scene.sync()).toMatchObject({ outcome: "current", release: 1 });
    // The log shows a new subscriber as well that it was signed before the keys changed.
    expect(await scene.sync({ stateDir: `${scene.stateDir}-new` })).toMatchObject({ outcome: "updated", release: 1 });
  });
});

describe("a publisher's mistakes", () => {
  it("a dropped tombstone is refused by the count, and the entries stay as they were", async () => {
    // Large enough that a small change makes no new snapshot that would mend it.
    const entries = Array.from({ length: 400 }, (_, n) => testHashEntry(100 + n));
    await scene.publisher.release(scene.publisher.put(...entries));
    await scene.sync();
    await scene.publisher.release([{ op: "del", id: testId(0), why: "withdrawn" }], { hideDeletions: true });
    expect(await scene.sync()).toMatchObject({ outcome: "refused", code: "state_count", release: 2, entries: 403 });
  });

  it("a wrong state digest is refused", async () => {
    await scene.sync();
    await release(9, {
      purpose: "recovery",
      bend: (manifest) => ({ ...manifest, snapshot: { ...manifest.snapshot, state: `sha256:${"0".repeat(64)}` } }),
    });
    expect(await scene.sync()).toMatchObject({ outcome: "refused", code: "state_digest", release: 1, entries: 3 });
  });

  it("a manifest of another release is refused", async () => {
    await scene.sync();
    await release(9, {
      purpose: "recovery",
      bend: (manifest) => ({ ...manifest, set: "other" as typeof manifest.set }),
    });
    expect(await scene.sync()).toMatchObject({ outcome: "refused", code: "manifest_mismatch", release: 1 });
  });
});

describe("local brakes", () => {
  const many = (from: number, to: number) =>
    scene.publisher.put(...Array.from({ length: to - from }, (_, n) => testHashEntry(from + n)));

  it("hold a set that grew by more than a fifth, and let exactly that release through once a person says so", async () => {
    await scene.publisher.release(many(100, 1200));
    await scene.sync();
    await scene.publisher.release(many(2000, 2400));
    const held = await scene.sync();
    expect(held).toMatchObject({
      outcome: "held",
      code: "policy_growth",
      release: 2,
      detail: { percent: 36, limit_percent: 20 },
    });
    const status = await readStatus(scene.stateDir, scene.publisher.setId);
    expect(status?.held_release).toBe(3);
    if (status?.held_statement === undefined) throw new Error("nothing to release");
    await writeStatus(scene.stateDir, scene.publisher.setId, { ...status, released_statement: status.held_statement });
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 3, entries: 1503 });
  });

  it("hold a removal of more than a twentieth, and never one of less", async () => {
    await scene.publisher.release(many(100, 1200));
    await scene.sync();
    const dels = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => ({
        op: "del" as const,
        id: testId(from + n),
        why: "withdrawn" as const,
      }));
    await scene.publisher.release(dels(100, 150));
    expect(await scene.sync()).toMatchObject({ outcome: "updated", release: 3, entries: 1053 });
    await scene.publisher.release(dels(150, 250));
    expect(await scene.sync()).toMatchObject({ outcome: "held", code: "policy_removal", release: 3 });
  });

  it("hold a perceptual hash that matches everything", async () => {
    await scene.sync();
    await scene.publisher.release(scene.publisher.put(testHashEntry(9, { alg: "pdq", value: "0".repeat(64) })));
    expect(await scene.sync()).toMatchObject({ outcome: "held", code: "policy_degenerate", release: 1 });
  });

  it("hold a set that became one of another kind", async () => {
    await scene.sync();
    const { aboutOfKind } = await import("../testing/entries.ts");
    await scene.publisher.release([], {
      purpose: "recovery",
      bend: (manifest) => ({ ...manifest, about: aboutOfKind("term") }),
    });
    expect(await scene.sync()).toMatchObject({ outcome: "held", code: "policy_type", release: 1 });
  });
});
