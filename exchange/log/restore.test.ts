/** A database restored to an earlier hour: nothing is taken or signed until its log is the published one again. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  appendTestLeaves,
  expectProblem,
  expectSoundLog,
  forgetLeaves,
  Killed,
  openTestExchange,
  openTestPublisher,
  put,
  type TestExchange,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";
import { publishLog } from "./publication.ts";
import { rebuildLeaves, resumeLog } from "./restore.ts";

let x: TestExchange;
let p: TestPublisher;
let set: TestSet;
beforeEach(async () => {
  x = await openTestExchange();
  p = await openTestPublisher(x);
  set = await p.openSet("verified");
  await set.publish([put(testHash(1))]);
  await set.publish([put(testHash(2))]);
  await x.settle();
});
afterEach(() => x.close());

const publish = () => x.withDeps(publishLog);
const rebuild = () => x.withDeps(rebuildLeaves);
const resume = () => x.withDeps(resumeLog);
const halted = async () => (await x.sql<{ halted: string | null }[]>`select halted from log_head`)[0]?.halted;
const rows = () => x.sql`select log_index, digest, typ, envelope from log_leaves order by log_index`;
const events = (name: string) => x.logged.filter(({ event }) => event === name);

describe("rows behind what was published", () => {
  it("take no statement: before anything is given an index, the published checkpoint is asked", async () => {
    await x.withDeps((deps) => forgetLeaves(deps, 1));
    const other = await p.openSet("other");
    const { response } = await other.offer([put(testHash(3))]);
    expect(await expectProblem(response, "log_behind")).toMatchObject({ have: 1, published: 3 });
    expect(await rows()).toHaveLength(1);
    expect(await halted()).toBe("log_behind");
    expect(events("log_halted")).toMatchObject([{ code: "log_behind", size: 1, seen: 3 }]);
    const root = await p.makeRoot({ version: 2, prev: p.firstRootDigest });
    await expectProblem(await p.postRoot(root.bytes), "log_behind");
  });

  it("are not published, and what is out stays as it is", async () => {
    const before = x.objects.bytes("log/checkpoint");
    await x.withDeps((deps) => forgetLeaves(deps, 1));
    await expect(publish()).rejects.toMatchObject({ code: "log_behind" });
    expect(x.objects.bytes("log/checkpoint")).toBe(before);
    expect(await halted()).toBe("log_behind");
    expect((await x.request("/log/checkpoint")).status).toBe(200);
  });

  it("are noticed by a tick, though nobody publishes anything", async () => {
    await x.withDeps((deps) => forgetLeaves(deps, 1));
    await x.tick();
    expect(events("log_publication_failed").at(-1)).toMatchObject({ code: "log_behind" });
    expect(await halted()).toBe("log_behind");
  });

  it("also count when the larger tree was signed and never published", async () => {
    await x.withDeps((deps) => appendTestLeaves(deps, 2));
    x.killAt("log_after_sign");
    await expect(publish()).rejects.toThrow(Killed);
    x.killAt(undefined);
    await x.withDeps((deps) => forgetLeaves(deps, 4));
    await expect(publish()).rejects.toMatchObject({ code: "log_behind", detail: { have: 4, published: 5 } });
  });
});

describe("rebuilding", () => {
  it("puts the very rows back, and takes nothing until it is told that all else is restored too", async () => {
    const before = await rows();
    await x.withDeps((deps) => forgetLeaves(deps, 1));
    expect(await rebuild()).toEqual({ added: 2, size: 3 });
    expect(await rows()).toEqual(before);
    expect(await expectSoundLog(x)).toEqual({ published: 3, rows: 3 });
    expect(await halted()).toBe("log_behind");
    await expect(publish()).rejects.toMatchObject({ code: "log_behind" });
    await resume();
    expect(await halted()).toBeNull();
    expect(events("log_resumed")).toHaveLength(1);
    await x.withDeps((deps) => appendTestLeaves(deps, 1));
    await publish();
    expect(await expectSoundLog(x)).toEqual({ published: 4, rows: 4 });
  });

  it("brings the leaves signed last, published or not", async () => {
    await x.withDeps((deps) => appendTestLeaves(deps, 300));
    x.killAt("log_after_sign");
    await expect(publish()).rejects.toThrow(Killed);
    x.killAt(undefined);
    // Made-up leaves have no signature, so what comes back of them is asked of real ones only.
    await x.withDeps((deps) => forgetLeaves(deps, 303));
    expect(await rebuild()).toEqual({ added: 0, size: 303 });
    await resume();
    await publish();
    expect(await expectSoundLog(x)).toEqual({ published: 303, rows: 303 });
  });

  it("hands each leaf to whoever re-applies it, in the transaction that brings it back", async () => {
    await x.withDeps((deps) => forgetLeaves(deps, 1));
    const seen: [number, string][] = [];
    const interrupted = x.withDeps((deps) =>
      rebuildLeaves(deps, async (_, { logIndex }) => {
        if (logIndex === 2) throw new Error("test");
      }),
    );
    await expect(interrupted).rejects.toThrow("test");
    expect(await rows()).toHaveLength(1);
    await x.withDeps((deps) => rebuildLeaves(deps, async (_, { logIndex, typ }) => void seen.push([logIndex, typ])));
    expect(seen).toEqual([
      [1, "bw-release+jws"],
      [2, "bw-release+jws"],
    ]);
  });

  it("changes nothing that is there, as often as it is run", async () => {
    const before = await rows();
    expect(await rebuild()).toEqual({ added: 0, size: 3 });
    expect(await rebuild()).toEqual({ added: 0, size: 3 });
    expect(await rows()).toEqual(before);
    await resume();
    expect(await halted()).toBeNull();
  });

  it("never writes over a row that differs, and the log stays halted", async () => {
    await x.withDeps((deps) => forgetLeaves(deps, 1));
    await x.sql`update log_leaves set envelope = ${new TextEncoder().encode("test")} where log_index = 0`;
    await expect(rebuild()).rejects.toMatchObject({ code: "log_conflict" });
    expect(await rows()).toHaveLength(1);
    await expect(resume()).rejects.toMatchObject({ code: "log_behind" });
    expect(await halted()).toBe("log_behind");
  });

  it("believes no bundle that the checkpoint does not cover", async () => {
    await x.withDeps((deps) => forgetLeaves(deps, 1));
    const key = "log/tile/entries/000.p/3";
    const bundle = x.objects.bytes(key) as Uint8Array;
    await x.objects.delete(key);
    await expect(rebuild()).rejects.toMatchObject({ code: "log_conflict" });
    await x.objects.put(key, bundle.with(bundle.length - 9, (bundle.at(-9) as number) ^ 1));
    await expect(rebuild()).rejects.toMatchObject({ code: "log_conflict", detail: { reason: "root" } });
    await x.objects.delete(key);
    await x.objects.put(key, bundle.slice(0, -1));
    await expect(rebuild()).rejects.toMatchObject({ code: "log_conflict" });
    expect(await rows()).toHaveLength(1);
  });
});

describe("resuming", () => {
  it("hashes every row: one that is another than the published leaf keeps the log halted", async () => {
    await x.withDeps((deps) => forgetLeaves(deps, 1));
    await rebuild();
    await x.sql`update log_leaves set envelope = envelope || ' '::bytea where log_index = 0`;
    await expect(resume()).rejects.toMatchObject({ code: "log_conflict" });
    expect(await halted()).toBe("log_behind");
  });
});
