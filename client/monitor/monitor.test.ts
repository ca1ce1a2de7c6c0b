import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { parsePublisher, parseSetId, randomBytes } from "@breakwater/shared/ids.ts";
import { generateSigningKey } from "@breakwater/shared/keys.ts";
import { signRecall } from "@breakwater/shared/recall.ts";
import { type ReleaseStatement, signRelease } from "@breakwater/shared/release.ts";
import { recallNow } from "@breakwater/shared/testing/recall.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Exchange, openExchange } from "../http/index.ts";
import { listSigningKeys } from "../profile/key-files.ts";
import { readPins } from "../profile/pins.ts";
import type { PublisherContext } from "../publish/own-set.ts";
import { publishList } from "../publish/publish.ts";
import { createRoot } from "../publish/root.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { ndjsonOf, rowOf, TEST_ABOUT, testHashEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { acceptStatements, dismissNoise, listAcceptable } from "./accept.ts";
import { type MonitorContext, watchOnce } from "./watch.ts";

const setId = parseSetId("ngo.example/verified");
const publisher = parsePublisher("ngo.example");
let scene: Scene;
let context: MonitorContext;
let own: PublisherContext;

beforeEach(async () => {
  scene = await openScene();
  const options = {
    origin: scene.double.origin,
    apiKey: TEST_API_KEY,
    sleep: async () => undefined,
    idleTimeoutMs: 300,
  };
  const exchange: Exchange = openExchange(options);
  const profileDir = join(scene.dir, "publisher");
  await mkdir(profileDir, { recursive: true });
  await createRoot({ exchange, profileDir, publisher, custody: "member", now: new Date() });
  await exchange.putSet(setId, { kind: "hash", stream: "test", audience: { tier: "test" } });
  const pin = (await readPins(profileDir))[publisher];
  const stateDir = join(scene.dir, "own");
  own = { exchange, profileDir, stateDir, setId, pin, now: new Date(), random: randomBytes };
  context = {
    exchange: { ...exchange, getApplied: async () => applied([]) },
    profileDir,
    stateDir,
    publisher,
    pin,
    now: new Date(),
  };
  await publish(1, 2);
});
afterEach(() => scene.close());

const applied = (refused: object[]) =>
  ({ publisher, set: "verified", release: 1, recall: 0, members: [], releases: [], recalls: [], refused }) as never;

async function publish(...numbers: number[]): Promise<void> {
  const bytes = new TextEncoder().encode(ndjsonOf(numbers.map((n) => rowOf(testHashEntry(n)))));
  await publishList(own, { list: { format: "ndjson", chunks: [bytes] }, about: TEST_ABOUT });
}

const log = () => scene.double.store.log;
const logged = (bytes: Uint8Array) => log().append(bytes);

function statement(release: number): ReleaseStatement {
  const newest = scene.double.store.getSet(setId).releases.at(-1)?.statement as ReleaseStatement;
  return { ...newest, release, prev: `sha256:${"1".repeat(64)}` } as ReleaseStatement;
}

async function stolen() {
  return listSigningKeys(own.profileDir, "release");
}

describe("a look at the log", () => {
  it("counts what this profile made, skips what others say, and reads on from where it was", async () => {
    expect(await watchOnce(context)).toMatchObject({ fresh: 2, seen: 2, alarms: [], size: log().size });
    await publish(1, 2, 3);
    await scene.publisher.release(scene.publisher.put(testHashEntry(50)));
    scene.double.requests.length = 0;
    expect(await watchOnce(context)).toMatchObject({ fresh: 1, seen: 3, alarms: [] });
    expect(await watchOnce(context)).toMatchObject({ fresh: 0, seen: 3, alarms: [] });
  });

  it("finds a release that our key signed and this profile did not, tells it by every look, keeps the evidence", async () => {
    await watchOnce(context);
    const [key] = await stolen();
    const index = logged(await signRelease(statement(2), [key as NonNullable<typeof key>]));
    for (let look = 0; look < 2; look++) {
      const { alarms, evidence } = await watchOnce(context);
      expect(alarms).toMatchObject([
        { index, set: "verified", number: 2, typ: "bw-release+jws", kids: [key?.kid], code: null },
      ]);
      expect((await readdir(evidence)).sort()).toEqual([`checkpoint-${log().size}.txt`, `leaf-${index}.jws`]);
    }
  });

  it("finds a recall as well, and noise that no key of ours signed", async () => {
    const [key] = await stolen();
    const recall = recallNow({ publisher, releases: [1, 1] });
    logged(await signRecall(recall, [key as NonNullable<typeof key>]));
    const stranger = await generateSigningKey({ extractable: true });
    logged(await signRelease(statement(2), [stranger]));
    logged(
      new TextEncoder().encode(
        JSON.stringify({ payload: Buffer.from(JSON.stringify({ publisher })).toString("base64url") }),
      ),
    );
    const { alarms } = await watchOnce(context);
    expect(alarms.map(({ typ, code }) => [typ, code])).toEqual([
      ["bw-recall+jws", null],
      ["bw-release+jws", "envelope_kid_unknown"],
      ["", "envelope_format"],
    ]);
    // A person can say that the recall was ours; noise can only be dismissed.
    const [acceptable, ...others] = await listAcceptable(context);
    expect(others).toEqual([]);
    await expect(acceptStatements(context, [alarms[1]?.digest as string])).rejects.toMatchObject({ code: "not_found" });
    expect(await acceptStatements(context, [acceptable?.digest as string])).toBe(1);
    expect((await watchOnce(context)).alarms).toHaveLength(2);
    expect(await dismissNoise(context)).toBe(2);
    expect((await watchOnce(context)).alarms).toEqual([]);
  });

  it("loses no alarm to a log that begins anew", async () => {
    const [key] = await stolen();
    logged(await signRelease(statement(2), [key as NonNullable<typeof key>]));
    await watchOnce(context);
    const { writeLogPin, readLogPin } = await import("../profile/log-pins.ts");
    const pin = await readLogPin(context.profileDir, context.exchange.origin);
    const { DoubleLog } = await import("../testing/double-log.ts");
    const next = await DoubleLog.open("exchange.example/log2");
    await writeLogPin(context.profileDir, context.exchange.origin, {
      ...(pin as NonNullable<typeof pin>),
      ...next.info(scene.double.origin),
    });
    next.leaves = log().leaves.slice(0, 1);
    log().checkpoint = new TextDecoder().decode((await next.readCheckpoint()).note);
    expect((await watchOnce(context)).alarms).toHaveLength(1);
  });

  it("believes no log that contradicts itself, and keeps both its words", async () => {
    const before = await watchOnce(context);
    const other = log().leaves.map((leaf, at) => (at === 1 ? new TextEncoder().encode("other") : leaf));
    log().checkpoint = await log().sign(other);
    await expect(watchOnce(context)).rejects.toMatchObject({ code: "cp_fork" });
    expect((await readdir(before.evidence)).sort()).toEqual([
      `checkpoint-${before.size}-ours.txt`,
      `checkpoint-${before.size}-theirs.txt`,
    ]);
    log().checkpoint = await log().sign(log().leaves.slice(0, 1));
    await expect(watchOnce(context)).rejects.toMatchObject({ code: "cp_rollback" });
    log().checkpoint = await log().sign([...other, new Uint8Array([1])]);
    await publish(1, 2, 3);
    await expect(watchOnce(context)).rejects.toMatchObject({ code: "cp_inconsistent" });
    log().checkpoint = undefined;
    expect(await watchOnce(context)).toMatchObject({ fresh: 1, alarms: [] });
  });

  it("tells of recalls that were refused, each time anew", async () => {
    let times = 1;
    const getApplied = async () =>
      applied([{ code: "recall_key_revoked", by: "ngo", times, first_at: "", last_at: "" }]);
    const asked = { ...context, exchange: { ...context.exchange, getApplied } };
    expect((await watchOnce(asked)).refused).toEqual([
      { set: "verified", code: "recall_key_revoked", by: "ngo", times: 1 },
    ]);
    expect((await watchOnce(asked)).refused).toEqual([]);
    times = 3;
    expect((await watchOnce(asked)).refused).toMatchObject([{ times: 2 }]);
  });

  it("needs a pin, and a record that can be read", async () => {
    await expect(watchOnce({ ...context, pin: undefined })).rejects.toMatchObject({ code: "root_pin" });
    await watchOnce(context);
    const { writeFile } = await import("node:fs/promises");
    await writeFile(join(context.stateDir, "monitor", publisher, "state.json"), "{}");
    await expect(watchOnce(context)).rejects.toMatchObject({ code: "copy_damaged" });
  });
});
