/** An erasure at the publisher: what it reads, makes and sends, from whatever machine, and wherever that stops. */

import { appendFile, cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "@breakwater/shared/bytes.ts";
import { parseSetId, randomBytes } from "@breakwater/shared/ids.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openExchange } from "../http/index.ts";
import { readPins } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { type Copy, openCopy } from "../sync/copy.ts";
import { digestNow } from "../sync/part/open-segment.ts";
import { PART_FILE } from "../sync/part/part-file.ts";
import { blobsDir, setDir } from "../sync/paths.ts";
import { filesWith, heldLines } from "../testing/copy-lines.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { ndjsonOf, TEST_ABOUT, testHashEntry, testId } from "../testing/entries.ts";
import { runCommand } from "../testing/run-command.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { findHeldSnapshot } from "./held-snapshot.ts";
import type { PublisherContext } from "./own-set.ts";
import { publishList } from "./publish.ts";
import { createRoot } from "./root.ts";
import { type WithdrawInput, withdrawEntries } from "./withdraw.ts";

const setId = parseSetId("ngo.example/verified");
const KILL_AT = new URL("../testing/kill-at.mjs", import.meta.url).href;
const ENTRIES = 200;
const GONE = 7;
/** Every change would take minutes; these meet each phase: its own copy, composing, sending, moving on. */
const WRITES_APART = 11;
const TEST_TIMEOUT_MS = 240_000;

let scene: Scene;
let profile: string;

beforeEach(async () => {
  scene = await openScene();
  profile = join(scene.dir, "publisher");
  const { origin } = scene.double;
  await writeProfile({ dir: profile, exchange: origin, apiKey: TEST_API_KEY, stateDir: scene.stateDir });
  const exchange = openExchange({ origin, apiKey: TEST_API_KEY });
  const made = {
    exchange,
    profileDir: profile,
    publisher: setId.publisher,
    custody: "member",
    now: new Date(),
  } as const;
  await createRoot(made);
  await exchange.putSet(setId, { kind: "hash", stream: "test", audience: { tier: "test" } });
  await publish(
    Array.from({ length: ENTRIES }, (_, n) => n),
    false,
  );
  await publish([ENTRIES], true);
}, TEST_TIMEOUT_MS);
afterEach(() => scene.close());

async function contextOf(): Promise<PublisherContext> {
  const pin = (await readPins(profile))[setId.publisher];
  const made = { profileDir: profile, stateDir: scene.stateDir, setId, pin, now: new Date(), random: randomBytes };
  return { exchange: openExchange({ origin: scene.double.origin, apiKey: TEST_API_KEY }), ...made };
}

async function publish(numbers: number[], keepMissing: boolean): Promise<void> {
  const chunks = [new TextEncoder().encode(ndjsonOf(numbers.map((n) => testHashEntry(n))))];
  await publishList(await contextOf(), { list: { format: "ndjson", chunks }, about: TEST_ABOUT, keepMissing });
}

const { value } = testHashEntry(GONE);
const erase = async () =>
  withdrawEntries(await contextOf(), { ids: [testId(GONE)], values: [], reason: "bad_batch", erase: true });
/** The command of a person, in a process of its own. */
const eraseCommand = (env: Record<string, string> = {}) => {
  const named = ["--set", "ngo.example/verified", "--entry", testId(GONE), "--reason", "bad_batch"];
  const preload = Object.keys(env).length > 0 ? [KILL_AT] : [];
  return runCommand(["withdraw", ...named, "--erase", "--yes", "--json"], { profile, preload, env });
};
const releases = () => scene.double.store.getSet(setId).releases;
const sent = (method: string) =>
  scene.double.requests.filter((one) => one.startsWith(method) && one.includes("/blobs/"));

/** One release took it away, the snapshot is still that of release 1, and this machine keeps nothing of it. */
async function expectErased(): Promise<void> {
  expect(releases()).toHaveLength(3);
  const { manifest } = releases()[2] as ReturnType<typeof releases>[number];
  expect(manifest).toMatchObject({ entries: ENTRIES, snapshot: { release: 1, entries: ENTRIES - 1 } });
  expect(manifest.deltas.map(({ release }) => release)).toEqual([2, 3]);
  expect(await heldLines(scene.stateDir, setId)).toHaveLength(ENTRIES);
  expect(await filesWith(setDir(scene.stateDir, setId), value)).toEqual([]);
}

/** As a copy's base was before its buckets were kept. */
async function withoutBuckets(dir: string): Promise<void> {
  const currentPath = join(dir, "current.json");
  const current = JSON.parse(await readFile(currentPath, "utf8"));
  const { base } = current.rows;
  const partPath = join(dir, base.dir, PART_FILE);
  const part = JSON.parse(await readFile(partPath, "utf8"));
  expect(part.files.buckets).toMatchObject({ count: 256 });
  delete part.files.buckets;
  await rm(join(dir, base.dir, "buckets"));
  await writeFile(partPath, JSON.stringify(part));
  base.digest = digestNow(await readFile(partPath));
  await writeFile(currentPath, JSON.stringify(current));
}

describe("an erasure", () => {
  it("sends its delta, the segment, the index and the manifest, and fetches none of them", async () => {
    scene.double.requests.length = 0;
    expect(await erase()).toMatchObject({ release: 3 });
    expect(sent("PUT")).toHaveLength(4);
    expect(sent("GET")).toEqual([]);
    await expectErased();
  });

  it("from a machine that has none of the set's files comes to the same", async () => {
    await rm(setDir(scene.stateDir, setId), { recursive: true });
    expect(await erase()).toMatchObject({ release: 3 });
    await expectErased();
  });

  it("takes out of the list a delta that it cannot read, and makes the snapshot anew", async () => {
    const delta = releases()[1]?.manifest.deltas[0]?.segments[0]?.segment as `sha256:${string}`;
    await appendFile(join(blobsDir(setDir(scene.stateDir, setId)), delta.slice("sha256:".length)), "x");
    scene.double.store.blobs.set(delta, new Uint8Array(3));
    expect(await erase()).toMatchObject({ release: 3 });
    const { manifest } = releases()[2] as ReturnType<typeof releases>[number];
    expect(manifest).toMatchObject({ entries: ENTRIES, snapshot: { release: 3, entries: ENTRIES } });
    expect(manifest.deltas.map(({ release }) => release)).toEqual([3]);
  });

  describe("with a file that is not on this machine", () => {
    const delta = () => releases()[1]?.manifest.deltas[0]?.segments[0]?.segment as Digest;
    const index = () => releases()[1]?.manifest.snapshot.index as Digest;
    const drop = (digest: Digest) => rm(join(blobsDir(setDir(scene.stateDir, setId)), digest.slice("sha256:".length)));

    /** The exchange answers for this one file with a problem. */
    async function exchangeWithout(digest: Digest, code: ProblemCode): Promise<PublisherContext["exchange"]> {
      const { exchange } = await contextOf();
      const without: PublisherContext["exchange"] = Object.create(exchange);
      without.getBlob = async (asked, size) => {
        if (asked === digest) throw new ExchangeError(code);
        return exchange.getBlob(asked, size);
      };
      return without;
    }

    async function eraseWithoutDelta(code: ProblemCode) {
      await drop(delta());
      const input: WithdrawInput = { ids: [testId(GONE)], values: [], reason: "bad_batch", erase: true };
      return withdrawEntries({ ...(await contextOf()), exchange: await exchangeWithout(delta(), code) }, input);
    }

    /** A copy that was opened while the index was there. */
    async function findWithoutIndex(code: ProblemCode) {
      const copy = (await openCopy(scene.stateDir, setId)) as Copy;
      try {
        await drop(index());
        return await findHeldSnapshot(await exchangeWithout(index(), code), copy);
      } finally {
        copy.close();
      }
    }

    it("takes out of the list a delta that the exchange destroyed, and makes the snapshot anew", async () => {
      expect(await eraseWithoutDelta("blob_gone")).toMatchObject({ release: 3 });
      const { manifest } = releases()[2] as ReturnType<typeof releases>[number];
      expect(manifest).toMatchObject({ entries: ENTRIES, snapshot: { release: 3, entries: ENTRIES } });
      expect(manifest.deltas.map(({ release }) => release)).toEqual([3]);
      expect(await filesWith(setDir(scene.stateDir, setId), value)).toEqual([]);
    });

    it("changes nothing while the exchange is busy, and is done by the next run", async () => {
      await expect(eraseWithoutDelta("busy")).rejects.toMatchObject({ code: "busy" });
      expect(releases()).toHaveLength(2);
      expect(await erase()).toMatchObject({ release: 3 });
      await expectErased();
    });

    it("does without an index that the exchange destroyed", async () => {
      expect(await findWithoutIndex("blob_gone")).toBeUndefined();
    });

    it("does without an index whose bytes are others", async () => {
      expect(await findWithoutIndex("blob_digest_mismatch")).toBeUndefined();
    });

    it("waits for an index that cannot be asked for now", async () => {
      await expect(findWithoutIndex("fetch_failed")).rejects.toMatchObject({ code: "fetch_failed" });
    });
  });

  it("with a copy from before its state was kept in parts makes the snapshot anew", async () => {
    const dir = setDir(scene.stateDir, setId);
    await withoutBuckets(dir);
    expect(await erase()).toMatchObject({ release: 3 });
    expect(releases()[2]?.manifest.snapshot).toMatchObject({ release: 3, entries: ENTRIES });
    expect(await filesWith(dir, value)).toEqual([]);
  });
});

describe("an erasure that is killed", () => {
  it(
    "at any change of the machine's disk is ended by the same command, with one release",
    async () => {
      const before = join(scene.dir, "before");
      await cp(scene.stateDir, before, { recursive: true, preserveTimestamps: true });
      const store = [...releases()];
      let hasEnded = false;
      for (let write = 1; !hasEnded; write += WRITES_APART) {
        const killed = await eraseCommand({ KILL_AT_WRITE: String(write) });
        hasEnded = killed.signal === null;
        if (!hasEnded) expect(killed).toMatchObject({ signal: "SIGKILL" });
        const again = await eraseCommand();
        // Sent before the end: then nothing is left to be withdrawn.
        expect(again.code === 0 || again.stderr.includes("not_in_the_set"), again.stderr).toBe(true);
        await expectErased();
        await rm(scene.stateDir, { recursive: true });
        await cp(before, scene.stateDir, { recursive: true, preserveTimestamps: true });
        releases().splice(0, Number.POSITIVE_INFINITY, ...store);
        expect(write).toBeLessThan(300);
      }
    },
    TEST_TIMEOUT_MS,
  );
});
