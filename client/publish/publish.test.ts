import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseSetId, randomBytes, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Exchange, openExchange } from "../http/index.ts";
import { createSigningKeyFile, listSigningKeys } from "../profile/key-files.ts";
import { readPins } from "../profile/pins.ts";
import { openCopy } from "../sync/copy.ts";
import { heldLines } from "../testing/copy-lines.ts";
import { type Double, TEST_API_KEY } from "../testing/double-exchange.ts";
import { aboutOfKind, ndjsonOf, rowOf, TEST_ABOUT, testHashEntry, testTermEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import type { RowsInvalid } from "./faults.ts";
import type { ListSource } from "./list.ts";
import type { PublisherContext } from "./own-set.ts";
import { findPending } from "./pending.ts";
import { publishList } from "./publish.ts";
import { createRoot } from "./root.ts";
import { postSigned, proposeRoot, signWhole } from "./rotate.ts";
import { withdrawEntries } from "./withdraw.ts";

let scene: Scene;
let double: Double;
let exchange: Exchange;
const setId: SetId = parseSetId("ngo.example/verified");

beforeEach(async () => {
  scene = await openScene();
  double = scene.double;
  exchange = openExchange({
    origin: double.origin,
    apiKey: TEST_API_KEY,
    sleep: async () => undefined,
    idleTimeoutMs: 300,
  });
});
afterEach(() => scene.close());

async function openPublisher(
  custody: "member" | "exchange" = "member",
  kind: "hash" | "term" = "hash",
): Promise<PublisherContext> {
  const profileDir = join(scene.dir, "publisher");
  await mkdir(profileDir, { recursive: true });
  if (custody === "exchange") await double.store.holdKeyFor(setId.publisher);
  await createRoot({ exchange, profileDir, publisher: setId.publisher, custody, now: new Date() });
  await exchange.putSet(setId, { kind, stream: "test", audience: { tier: "test" } });
  const pin = (await readPins(profileDir))[setId.publisher];
  return {
    exchange,
    profileDir,
    stateDir: join(scene.dir, "publisher-state"),
    setId,
    pin,
    now: new Date(),
    random: randomBytes,
  };
}

const listOf = (...numbers: number[]) => listOfRows(numbers.map((n) => rowOf(testHashEntry(n))));
const listOfRows = (rows: object[]): ListSource => ({
  format: "ndjson",
  chunks: [new TextEncoder().encode(ndjsonOf(rows))],
});
const releases = () => double.store.getSet(setId).releases;
const publish = (context: PublisherContext, ...numbers: number[]) =>
  publishList(context, { list: listOf(...numbers), about: TEST_ABOUT });

it("sends what could not be sent early in its turn, and each blob once", async () => {
  const context = await openPublisher();
  double.hostile = [{ path: /\/v1\/blobs\//, act: "gone", times: 1 }];
  expect(await publish(context, 1, 2, 3)).toMatchObject({ published: true, release: 1 });
  const put = double.requests.filter((request) => request.startsWith("PUT ") && request.includes("/blobs/"));
  const arrived = new Set(put);
  expect(arrived.size).toBe(3);
  expect(put.length).toBeLessThanOrEqual(arrived.size + 1);
});

describe.each(["member", "exchange"] as const)("publishing with the release key at the %s", (custody) => {
  it("publishes a first release, then only what changed, then nothing", async () => {
    const context = await openPublisher(custody);
    expect(await publish(context, 1, 2, 3)).toMatchObject({
      published: true,
      release: 1,
      entries: 3,
      change: { added: 3 },
    });
    expect(await publish(context, 1, 2, 3)).toMatchObject({ published: false, release: 1 });
    expect(await publish(context, 2, 3, 4)).toMatchObject({
      published: true,
      release: 2,
      change: { added: 1, changed: 0, removed: 1 },
    });
    expect(releases().length).toBe(2);
    expect((await openCopy(context.stateDir, setId))?.current.release).toBe(2);
  });

  it("keeps the private keys on this machine, readable by their owner only", async () => {
    const context = await openPublisher(custody);
    const { stat } = await import("node:fs/promises");
    const keys = await readdir(join(context.profileDir, "keys"));
    expect(keys.sort()).toEqual([
      "ngo.example.root-1.jws",
      ...(custody === "member" ? ["release-1.jwk"] : []),
      "root-1.jwk",
    ]);
    for (const name of keys) expect((await stat(join(context.profileDir, "keys", name))).mode & 0o777).toBe(0o600);
  });
});

describe("what is published", () => {
  it("keeps an entry's id when its natural key stays and the rest changes", async () => {
    const context = await openPublisher();
    await publish(context, 1, 2);
    const before = (await heldLines(context.stateDir, setId))?.map(
      (line) => JSON.parse(line) as { id: string; value: string },
    );
    const rows = [rowOf(testHashEntry(1, { act: "none_visible" })), rowOf(testHashEntry(2))];
    expect(await publishList(context, { list: listOfRows(rows) })).toMatchObject({
      change: { added: 0, changed: 1, removed: 0 },
    });
    const after = (await heldLines(context.stateDir, setId))?.map(
      (line) => JSON.parse(line) as { id: string; value: string },
    );
    expect(after?.map(({ id, value }) => [id, value])).toEqual(before?.map(({ id, value }) => [id, value]));
  });

  it("does not depend on the order of rows or of list items", async () => {
    const context = await openPublisher("member", "term");
    const about = aboutOfKind("term");
    const rows = [rowOf(testTermEntry(1)), rowOf(testTermEntry(2))];
    await publishList(context, { list: listOfRows(rows), about });
    const turned = [rows[1] as object, { ...rows[0], context: ["chat", "search"] }];
    expect(await publishList(context, { list: listOfRows(turned) })).toMatchObject({ published: false });
  });

  it("leaves entries alone that a partial list does not have, when asked", async () => {
    const context = await openPublisher();
    await publish(context, 1, 2);
    expect(await publishList(context, { list: listOf(3), keepMissing: true })).toMatchObject({
      entries: 3,
      change: { added: 1, removed: 0 },
    });
  });

  it("takes a changed description as a release of its own", async () => {
    const context = await openPublisher();
    await publish(context, 1);
    const about = { ...TEST_ABOUT, title: "Another title" };
    expect(await publishList(context, { list: listOf(1), about })).toMatchObject({ published: true, release: 2 });
    expect(releases()[1]?.manifest.about.title).toBe("Another title");
  });

  it("is nothing at all when one row is bad", async () => {
    const context = await openPublisher();
    await publish(context, 1);
    const before = double.requests.length;
    const bad = listOfRows([rowOf(testHashEntry(2)), { ...rowOf(testHashEntry(3)), value: "12" }]);
    const failure = (await publishList(context, { list: bad }).catch((error: unknown) => error)) as RowsInvalid;
    expect(failure).toMatchObject({ code: "rows_invalid", total: 2, faults: [{ line: 2, column: "value" }] });
    expect(
      double.requests.slice(before).filter((request) => !request.startsWith("GET") && !request.endsWith("/acks")),
    ).toEqual([]);
    expect(releases().length).toBe(1);
  });

  it("is nothing when the person does not confirm a withdrawal", async () => {
    const context = await openPublisher();
    await publish(context, 1, 2);
    const confirm = async () => {
      throw new ExchangeError("confirmation_missing");
    };
    await expect(publishList(context, { list: listOf(1), confirm })).rejects.toMatchObject({
      code: "confirmation_missing",
    });
    expect(releases().length).toBe(1);
  });

  it("needs a description first, and of the set's kind", async () => {
    const context = await openPublisher();
    await expect(publishList(context, { list: listOf(1) })).rejects.toMatchObject({ code: "about_invalid" });
    await expect(publishList(context, { list: listOf(1), about: aboutOfKind("term") })).rejects.toMatchObject({
      code: "set_kind",
    });
    await expect(publishList(context, { list: listOf(1), about: { title: 1 } })).rejects.toMatchObject({
      code: "about_invalid",
    });
  });

  it("needs a release key that the root lists", async () => {
    const context = await openPublisher();
    const { rm } = await import("node:fs/promises");
    await rm(join(context.profileDir, "keys", "release-1.jwk"));
    await expect(publish(context, 1)).rejects.toMatchObject({ code: "key_invalid" });
  });
});

describe("a publication that is interrupted", () => {
  it.each([
    ["while blobs are sent", /\/blobs\//],
    ["when the release is posted", /\/releases$/],
  ])("%s is finished by the same command with the very same bytes", async (_when, path) => {
    const context = await openPublisher();
    await publish(context, 1);
    double.hostile = [{ path, act: "busy", retryAfter: "3600" }];
    await expect(publish(context, 1, 2)).rejects.toMatchObject({ code: "busy" });
    const pending = await findPending(context.stateDir, setId);
    expect(pending?.release).toBe(2);
    double.hostile = [];
    expect(await publish(context, 1, 2)).toMatchObject({ published: false, release: 2, resumed: 2 });
    expect(releases()[1]?.digest).toBe(pending?.digest);
    expect(releases().length).toBe(2);
    expect(await findPending(context.stateDir, setId)).toBeUndefined();
  });

  it("after it was admitted but before the answer came publishes nothing twice", async () => {
    const context = await openPublisher();
    double.hostile = [{ path: /\/releases$/, act: "break" }];
    await expect(publish(context, 1)).rejects.toMatchObject({ code: "fetch_failed" });
    expect(releases().length).toBe(1);
    double.hostile = [];
    expect(await publish(context, 1)).toMatchObject({ published: false, release: 1, resumed: 1 });
    expect(releases().length).toBe(1);
  });

  it("between the answer and the own copy goes on, also when the release key was replaced meanwhile", async () => {
    const context = await openPublisher();
    await publish(context, 1);
    double.hostile = [{ path: /\/releases$/, act: "break" }];
    await expect(publish(context, 1, 2)).rejects.toMatchObject({ code: "fetch_failed" });
    double.hostile = [];
    const { publisher } = setId;
    const rotation = { ...context, publisher };
    const [old] = await listSigningKeys(context.profileDir, "release");
    const fresh = await createSigningKeyFile(context.profileDir, "release");
    const change = { release: { add: [fresh.publicJwk], remove: [old?.kid as string] } };
    const root = await signWhole(
      await proposeRoot(rotation, change),
      await listSigningKeys(context.profileDir, "root"),
    );
    await postSigned(rotation, root);
    const pin = (await readPins(context.profileDir))[publisher];
    // A machine that noted nothing takes no release by a key that the root does not list any more.
    const stranger = { ...context, pin, profileDir: join(scene.dir, "none"), stateDir: join(scene.dir, "elsewhere") };
    await expect(publish(stranger, 1, 2, 3)).rejects.toMatchObject({ code: "envelope_kid_unknown" });
    expect(await publish({ ...context, pin }, 1, 2, 3)).toMatchObject({ published: true, release: 3, entries: 3 });
    expect(await heldLines(context.stateDir, setId)).toHaveLength(3);
  });

  it("and overtaken by another machine is composed anew on what that one published", async () => {
    const context = await openPublisher();
    await publish(context, 1);
    double.hostile = [{ path: /\/releases$/, act: "busy", retryAfter: "3600" }];
    await expect(publish(context, 1, 2)).rejects.toMatchObject({ code: "busy" });
    double.hostile = [];
    const elsewhere = { ...context, stateDir: join(scene.dir, "elsewhere") };
    await publish(elsewhere, 1, 5);
    expect(await publishList(context, { list: listOf(1, 2), keepMissing: true })).toMatchObject({
      published: true,
      release: 3,
      entries: 3,
      resumed: null,
    });
  });

  it("never sends pending bytes that were changed on the disk", async () => {
    const context = await openPublisher();
    double.hostile = [{ path: /\/releases$/, act: "busy", retryAfter: "3600" }];
    await expect(publish(context, 1)).rejects.toMatchObject({ code: "busy" });
    double.hostile = [];
    const { writeFile } = await import("node:fs/promises");
    await writeFile(join(context.stateDir, "sets", "ngo.example", "verified", "pending", "body"), "{}");
    await expect(publish(context, 1)).rejects.toMatchObject({ code: "copy_damaged" });
    expect(releases().length).toBe(0);
  });

  it("does not believe an answer that names another statement", async () => {
    const context = await openPublisher();
    const other = {
      publisher: "ngo.example",
      set: "verified",
      release: 1,
      digest: `sha256:${"0".repeat(64)}`,
      log_index: 1,
      entries: 1,
    };
    double.hostile = [{ path: /\/releases$/, act: "replace", bytes: new TextEncoder().encode(JSON.stringify(other)) }];
    await expect(publish(context, 1)).rejects.toMatchObject({ code: "release_fork" });
  });
});

describe("withdrawing", () => {
  it("by id and by value takes the entries out, and records the reason here only", async () => {
    const context = await openPublisher();
    await publish(context, 1, 2, 3);
    const [first] =
      (await heldLines(context.stateDir, setId))?.map((line) => JSON.parse(line) as { id: string; value: string }) ??
      [];
    const other = [1, 2, 3].map((n) => testHashEntry(n).value).find((value) => value !== first?.value) as string;
    const withdrawn = await withdrawEntries(context, { ids: [first?.id as string], values: [other], reason: "adult" });
    expect(withdrawn).toMatchObject({ release: 2, entries: 1, change: { removed: 2 } });
    const { readFile } = await import("node:fs/promises");
    const noted = await readFile(
      join(context.stateDir, "sets", "ngo.example", "verified", "withdrawals.ndjson"),
      "utf8",
    );
    expect(JSON.parse(noted)).toMatchObject({ release: 2, reason: "adult", ids: withdrawn.ids });
    for (const bytes of double.store.blobs.values()) expect(Buffer.from(bytes).includes("adult")).toBe(false);
  });

  it("of something that is not in the set withdraws nothing", async () => {
    const context = await openPublisher();
    await publish(context, 1);
    await expect(
      withdrawEntries(context, { ids: ["0".repeat(32)], values: [], reason: "adult" }),
    ).rejects.toMatchObject({ code: "not_found" });
    await expect(withdrawEntries(context, { ids: [], values: [], reason: "adult" })).rejects.toMatchObject({
      code: "usage_invalid",
    });
    expect(releases().length).toBe(1);
  });

  it("with erasure leaves no file that carried the entry in what holders keep", async () => {
    const context = await openPublisher();
    await publish(context, 1, 2);
    const old = new Set(double.store.blobs.keys());
    await withdrawEntries(context, {
      ids: [],
      values: [testHashEntry(1).value],
      reason: "person_shown_asks",
      erase: true,
    });
    const kept = await readdir(join(context.stateDir, "sets", "ngo.example", "verified", "blobs"));
    expect(kept.filter((hex) => old.has(`sha256:${hex}`))).toEqual([]);
  });
});

describe("the first root", () => {
  it("is pinned by what was made here, and not made twice", async () => {
    const context = await openPublisher();
    expect(context.pin).toEqual({ version: 1, digest: double.store.roots.get(setId.publisher)?.[0]?.digest });
    const profileDir = join(scene.dir, "another");
    const again = createRoot({ exchange, profileDir, publisher: setId.publisher, custody: "member", now: new Date() });
    await expect(again).rejects.toMatchObject({ code: "conflict" });
    await expect(readPins(profileDir)).resolves.toEqual({});
  });

  it("uses the keys that an interrupted run left", async () => {
    const profileDir = join(scene.dir, "again");
    double.hostile = [{ path: /\/roots$/, act: "busy", retryAfter: "3600" }];
    const create = () =>
      createRoot({
        exchange,
        profileDir,
        publisher: setId.publisher,
        custody: "member",
        rootKeys: 3,
        threshold: 2,
        now: new Date(),
      });
    await expect(create()).rejects.toMatchObject({ code: "busy" });
    double.hostile = [];
    await create();
    expect((await listSigningKeys(profileDir, "root")).length).toBe(3);
    expect(double.store.roots.get(setId.publisher)?.[0]?.root.roles.root).toMatchObject({ threshold: 2 });
  });

  it("is pinned by the next run when its answer was lost", async () => {
    const profileDir = join(scene.dir, "lost");
    const create = () =>
      createRoot({ exchange, profileDir, publisher: setId.publisher, custody: "member", now: new Date() });
    double.hostile = [{ path: /\/roots$/, act: "break" }];
    await expect(create()).rejects.toMatchObject({ code: "fetch_failed" });
    double.hostile = [];
    const made = await create();
    expect((await readPins(profileDir))[setId.publisher]).toEqual({ version: 1, digest: made.digest });
    expect(double.store.roots.get(setId.publisher)?.length).toBe(1);
  });

  it("is refused when the exchange's custody is another", async () => {
    const profileDir = join(scene.dir, "custody");
    await expect(
      createRoot({ exchange, profileDir, publisher: setId.publisher, custody: "exchange", now: new Date() }),
    ).rejects.toMatchObject({ code: "custody_mismatch" });
  });
});
