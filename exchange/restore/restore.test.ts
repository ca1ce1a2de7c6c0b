/** A backup, a day of work, the loss of the database: afterwards nothing that was taken away is back, and the log has one history. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EntryByKind } from "@breakwater/shared/entries/index.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FoundBackup, loadBackup, takeBackup } from "../backup/index.ts";
import { RESTORE_KILL_POINTS } from "../platform/kill-points.ts";
import {
  del,
  enrolment,
  expectProblem,
  expectSoundLog,
  openTestExchange,
  openTestHotline,
  openTestPublisher,
  openTestRecalls,
  put,
  type TestExchange,
  type TestHotline,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";

const MIGRATIONS = join(import.meta.dirname, "..", "..", "migrations");
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const ERASED = testHash(0xe0);
const PASSING = testHash(0xe1);

let x: TestExchange;
let dir: string;

const takeNow = () => takeBackup(x.sql, join(dir, crypto.randomUUID()), x.clock.now());
/** The rows become those of the backup, and the exchange is shut. */
const putBack = (backup: FoundBackup) =>
  loadBackup(x.sql, backup, { migrations: MIGRATIONS, now: x.clock.now(), replace: true });

/** As the Worker's ticks do, until it serves. */
async function catchUp(): Promise<void> {
  for (let ticks = 0; ticks < 20; ticks++) {
    await x.tick();
    await x.settle();
    const [row] = await x.sql<{ done: boolean; code: string | null }[]>`
      select finished_at is not null as done, last_code as code from restore_state`;
    if (row?.done) return;
    x.clock.advance(MINUTE_MS);
  }
  throw new Error(
    `did not catch up: ${JSON.stringify(x.logged.filter(({ event }) => event.startsWith("restore")).slice(-3))}`,
  );
}

/** Every row of every table, as text: what is nowhere in it is not in the database. */
async function everything(): Promise<string> {
  const tables = await x.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = current_schema()`;
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await x.sql<{ text: string }[]>`select t::text as text from ${x.sql(name)} t`;
    texts.push(...rows.map(({ text }) => text));
  }
  return texts.join("\n");
}

const seconds = (at: Date) => Math.floor(at.getTime() / 1000);

beforeAll(async () => {
  x = await openTestExchange();
  dir = mkdtempSync(join(tmpdir(), "breakwater-backup-"));
});
afterAll(async () => {
  await x.close();
  rmSync(dir, { recursive: true, force: true });
});

describe("a restored exchange", () => {
  let hotline: TestHotline;
  let publisher: TestPublisher;
  let set: TestSet;
  let reader: { name: string; key: string };
  let backup: FoundBackup;
  const kept: Record<string, unknown> = {};
  const entry = testHash(1) as EntryByKind["hash"];

  async function ids(path: string): Promise<string[]> {
    const answer = await x.request(`${path}/entries.ndjson`, { key: reader.key });
    const text = await answer.text();
    return text.trim() === ""
      ? []
      : text
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).id as string);
  }

  beforeAll(async () => {
    hotline = await openTestHotline(x);
    publisher = await openTestPublisher(x);
    set = await publisher.openSet("hashes");
    reader = await x.member({ roles: ["subscriber"] });
    await set.publish([put(entry), put(ERASED)]);
    const before = await hotline.send({ file: "aa" });
    const revoked = await x.apiKey(reader.name, ["read"]);
    const device = await x.device(hotline.flaggers.name);
    const invite = await x.invite(hotline.flaggers.name);
    await x.request(`/v1/invites/${invite.id}/approve`, { key: x.operatorKey, method: "POST" });
    const refused = await x.invite(hotline.flaggers.name);
    const gone = await x.person(hotline.member.name, ["analyst"]);
    const suspended = await x.member({ roles: ["subscriber"] });
    const named = await publisher.openSet("named", {
      audience: { tier: "named", members: [reader.name, suspended.name] },
    });
    await named.publish([put(testHash(5))]);
    const cursor = (await (await x.request(`${set.path}/changes?limit=1`, { key: reader.key })).json()) as {
      cursor: string;
    };
    const spoken = {
      kind: "opinion",
      entry: ERASED.id,
      release: 1,
      at: x.clock.now().toISOString(),
      verdict: "confirmed",
    };
    const batch = { batch_id: crypto.randomUUID(), items: [spoken] };
    expect((await x.request(`${set.path}/opinions`, { key: reader.key, json: batch })).status).toBe(200);
    await x.settle();

    backup = await takeNow();
    x.clock.advance(HOUR_MS);

    // A day's work.
    await set.publish([put(PASSING)]);
    const erasing = await set.publish([del(ERASED.id), del(PASSING.id), put(testHash(2))], { purpose: "erasure" });
    const late = await publisher.openSet("late", { audience: { tier: "vetted" } });
    await late.publish([put(testHash(7))]);
    await set.publish([put(testHash(3))]);
    await hotline.set.publish([put(testHash(8, { alg: "sha256" }))], { about: hotline.about });
    const recalls = openTestRecalls(x, publisher, set);
    expect((await recalls.offer({ entries: [entry.id] })).status).toBe(201);
    const operator = { key: x.operatorKey };
    const key = `/v1/operator/members/${reader.name}/keys/${revoked.keyId}`;
    await x.request(key, { ...operator, method: "DELETE" });
    await x.request(`/v1/devices/${device.id}/revoke`, { ...operator, method: "POST" });
    await x.request(`/v1/invites/${refused.id}/refuse`, { ...operator, method: "POST" });
    await x.request(`/v1/operator/people/${gone.id}`, { ...operator, method: "DELETE" });
    const change = { suspended: true };
    await x.request(`/v1/operator/members/${suspended.name}`, { ...operator, method: "PATCH", json: change });
    await publisher.openSet("named", { audience: { tier: "named", members: [suspended.name] } });
    const { generateSigningKey } = await import("@breakwater/shared/keys.ts");
    const newcomer = await generateSigningKey({ extractable: false });
    const enrolled = await x.request("/v1/devices", { json: enrolment(invite.id, invite.secret, newcomer) });
    expect(enrolled.status).toBe(201);
    const { response: listed, bytes: list } = await hotline.list([hotline.analystKeys.a.recipient]);
    expect(listed.ok).toBe(true);
    const younger = await x.apiKey(reader.name, ["read"]);
    const link = await x.request(`/v1/operator/people/${hotline.people.a.id}/sign-in-link`, {
      ...operator,
      method: "POST",
    });
    const after = await hotline.send({ file: "bb" });
    x.clock.advance(MINUTE_MS);
    await x.tick();
    await x.settle();
    Object.assign(kept, {
      before,
      after,
      revoked,
      device,
      invite,
      refused,
      gone,
      suspended,
      named,
      cursor,
      erasing,
      late,
      newcomer,
      younger,
      token: ((await link.json()) as { url: string }).url.split("#")[1],
      list,
      log: await expectSoundLog(x),
    });
    await putBack(backup);
  });

  it("answers nothing before it has caught up, but that it is there", async () => {
    for (const [path, init] of [
      [set.path, { key: reader.key }],
      ["/v1/sets", { key: (kept.revoked as { key: string }).key }],
      ["/v1/session", { cookie: hotline.people.a.cookie }],
      ["/v1/reports", { method: "POST", json: {} }],
      ["/.well-known/breakwater.json", {}],
      ["/log/checkpoint", {}],
      ["/openapi.json", {}],
      ["/nothing", {}],
    ] as const) {
      await expectProblem(await x.request(path, init), "restoring");
    }
    expect((await x.request("/healthz")).status).toBe(200);
    expect(await (await x.request("/readyz")).json()).toEqual({ ok: true, restoring: true });
  });

  it("goes on where it was cut off, whichever step it was", async () => {
    for (const point of RESTORE_KILL_POINTS) {
      x.killAt(point);
      await x.tick();
      await x.settle();
      // Nothing was let go of: the next run does the step again.
      await expectProblem(await x.request(set.path, { key: reader.key }), "restoring");
      x.clock.advance(2 * MINUTE_MS);
    }
    x.killAt(undefined);
    await catchUp();
    expect((await x.request(set.path, { key: reader.key })).status).toBe(200);
    expect(await (await x.request("/readyz")).json()).toEqual({ ok: true });
  });

  it("has the newest releases, and no erased entry anywhere", async () => {
    expect(await (await x.request(set.path, { key: reader.key })).json()).toMatchObject({ release: 4, entries: 3 });
    const held = await ids(set.path);
    expect(held).toContain(entry.id);
    expect(held).toHaveLength(3);
    const all = await everything();
    for (const { value } of [ERASED, PASSING]) {
      expect(all).not.toContain(value);
      for (const object of x.objects.keys()) {
        expect(new TextDecoder("latin1").decode(x.objects.bytes(object))).not.toContain(value);
      }
    }
    const changes = (await (await x.request(`${set.path}/changes?limit=1000`, { key: reader.key })).json()) as {
      entries: { op: string; id?: string }[];
    };
    expect(changes.entries.filter(({ op }) => op === "put")).toHaveLength(3);
    expect(await (await x.request(hotline.set.path, { key: reader.key })).json()).toMatchObject({
      release: 2,
      entries: 1,
    });
  });

  it("has no opinion on an erased entry, though the newest release erased nothing", async () => {
    expect(await x.sql`select 1 from opinions where entry = ${ERASED.id}`).toHaveLength(0);
  });

  it("keeps no object that nothing names", async () => {
    const rows = await x.sql<{ digest: string }[]>`select digest from blobs where state = 'kept'`;
    const named = new Set(rows.map(({ digest }) => `blobs/${digest.slice("sha256:".length)}`));
    const objects = x.objects.keys().filter((key) => key.startsWith("blobs/"));
    expect(objects.filter((key) => !named.has(key))).toEqual([]);
    expect([...named].filter((key) => !objects.includes(key))).toEqual([]);
  });

  it("opens a set that the backup did not know for those who could read it", async () => {
    const { path } = kept.late as TestSet;
    expect(await (await x.request(path, { key: reader.key })).json()).toMatchObject({ release: 1, entries: 1 });
    const stranger = await x.member({ roles: ["subscriber"], tier: "test" });
    await expectProblem(await x.request(path, { key: stranger.key }), "not_found");
  });

  it("recalls what was recalled", async () => {
    const answer = await (await x.request(`${set.path}/recalls`, { key: reader.key })).json();
    expect(JSON.stringify(answer)).toContain('"recall":1');
  });

  it("lets in nobody who was locked out", async () => {
    const { revoked, device, invite, refused, newcomer, younger, token, gone, suspended, named } = kept as {
      revoked: { key: string };
      device: Awaited<ReturnType<TestExchange["device"]>>;
      invite: { id: string; secret: string };
      refused: { id: string; secret: string };
      newcomer: Parameters<typeof enrolment>[2];
      younger: { key: string };
      token: string;
      gone: { cookie: string; id: string };
      suspended: { key: string };
      named: TestSet;
    };
    const me = "/v1/devices/me";
    await expectProblem(await x.request("/v1/sets", { key: revoked.key }), "api_key_revoked");
    await expectProblem(await x.request("/v1/sets", { key: younger.key }), "api_key_invalid");
    await expectProblem(await x.request(me, { device: await device.proof(me) }), "device_revoked");
    await expectProblem(await x.request(me, { device: await x.prove(newcomer, me) }), "device_unknown");
    await expectProblem(
      await x.request("/v1/devices", { json: enrolment(invite.id, invite.secret, newcomer) }),
      "invite_used",
    );
    await expectProblem(
      await x.request("/v1/devices", { json: enrolment(refused.id, refused.secret, newcomer) }),
      "invite_refused",
    );
    for (const { cookie } of [hotline.people.a, hotline.people.b, gone]) {
      await expectProblem(await x.request("/v1/session", { cookie }), "session_expired");
    }
    await expectProblem(await x.request("/v1/session", { json: { token }, origin: x.origin }), "sign_in_link_invalid");
    const link = `/v1/operator/people/${gone.id}/sign-in-link`;
    await expectProblem(await x.request(link, { key: x.operatorKey, method: "POST" }), "not_found");
    await expectProblem(await x.request("/v1/sets", { key: suspended.key }), "forbidden");
    // Shut out of the audience since.
    await expectProblem(await x.request(named.path, { key: reader.key }), "not_found");
    expect((await x.request("/v1/sets", { key: reader.key })).status).toBe(200);
  });

  it("seals no new report for an analyst who was taken off the list", async () => {
    const answer = await x.request("/v1/hotline/recipients", { key: hotline.member.key });
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(new Uint8Array(kept.list as Uint8Array));
  });

  it("believes no cursor from before", async () => {
    const { cursor } = kept.cursor as { cursor: string };
    const path = `${set.path}/changes?cursor=${encodeURIComponent(cursor)}`;
    await expectProblem(await x.request(path, { key: reader.key }), "cursor_expired");
  });

  it("goes on with the very log that was published", async () => {
    const { rows } = kept.log as { rows: number };
    expect((await expectSoundLog(x)).rows).toBe(rows);
    await set.publish([put(testHash(9))]);
    await hotline.set.publish([put(testHash(10, { alg: "sha256" }))], { about: hotline.about });
    await x.settle();
    expect(await expectSoundLog(x)).toEqual({ published: rows + 2, rows: rows + 2 });
  });

  it("asks devices for what they sent since, and takes it anew", async () => {
    const path = "/v1/devices/me";
    const me = (await (await x.request(path, { device: await hotline.device.proof(path) })).json()) as {
      resend_since: string;
      resend_until: string;
    };
    const { before, after } = kept as Record<"before" | "after", Awaited<ReturnType<TestHotline["send"]>>>;
    expect(Date.parse(me.resend_since)).toBeLessThanOrEqual(Date.parse(backup.manifest.taken_at));
    expect(Date.parse(me.resend_until)).toBeGreaterThan(Date.parse(after.receipt.received_at));
    expect(await x.sql`select 1 from reports where id = ${after.report.id}`).toHaveLength(0);
    const again = await hotline.post(Uint8Array.from(after.bytes));
    expect(again.status).toBe(201);
    expect(await x.sql`select 1 from reports where id = ${after.report.id}`).toHaveLength(1);
    // What the backup had is answered as the first time.
    expect((await hotline.post(Uint8Array.from(before.bytes))).status).toBe(200);
  });

  it("stops asking after thirty days", async () => {
    const path = "/v1/devices/me";
    const now = x.clock.now();
    x.clock.advance(31 * 24 * HOUR_MS);
    const me = await (await x.request(path, { device: await hotline.device.proof(path) })).json();
    expect(me).not.toHaveProperty("resend_since");
    x.clock.set(now);
  });
});

describe("a second restore", () => {
  beforeEach(() => {
    x.killAt(undefined);
  });

  it("takes in what the signer signed and the log never got", async () => {
    const custodian = await openTestPublisher(x, { custody: "exchange" });
    const set = await custodian.openSet("signed");
    await set.publish([put(testHash(20))]);
    await x.settle();
    const backup = await takeNow();
    x.killAt("log_after_tiles");
    const lost = await set.offer([put(testHash(21))]);
    expect(lost.response.status).toBe(201);
    await x.settle();
    x.killAt(undefined);
    await putBack(backup);
    await catchUp();
    const head = await x.request(set.path, { key: custodian.member.key });
    expect(await head.json()).toMatchObject({ release: 2, entries: 2 });
    set.hold(lost.composed, [put(testHash(21))]);
    await expectSoundLog(x);
  });

  it("stays shut while the newest release cannot be read, and says why", async () => {
    const publisher = await openTestPublisher(x);
    const set = await publisher.openSet("hurt");
    await set.publish([put(testHash(30))]);
    await x.settle();
    const backup = await takeNow();
    const composed = await set.publish([put(testHash(31))]);
    await x.settle();
    const key = `blobs/${composed.statement.manifest.slice("sha256:".length)}`;
    const bytes = x.objects.bytes(key) as Uint8Array;
    await x.objects.delete(key);
    await x.objects.delete(key.replace("blobs/", "pending/"));
    await putBack(backup);
    await x.tick();
    await expectProblem(await x.request(set.path, { key: publisher.member.key }), "restoring");
    const failed = x.logged.filter(({ event }) => event === "restore_step_failed");
    expect(failed.at(-1)).toMatchObject({ step: "releases", code: "blob_missing" });
    await x.objects.put(key, bytes);
    await catchUp();
    expect(await (await x.request(set.path, { key: publisher.member.key })).json()).toMatchObject({ release: 2 });
  });

  it("puts back roots, and judges each release by the root of its place in the log", async () => {
    const publisher = await openTestPublisher(x);
    const set = await publisher.openSet("rotated");
    await set.publish([put(testHash(40))]);
    await x.settle();
    const backup = await takeNow();
    await set.publish([put(testHash(41))]);
    const next = await publisher.makeRoot({ version: 2, prev: publisher.firstRootDigest, iat: seconds(x.clock.now()) });
    expect((await publisher.postRoot(next.bytes)).status).toBe(201);
    set.setRootVersion(2);
    await set.publish([put(testHash(42))]);
    await x.settle();
    await putBack(backup);
    await catchUp();
    expect(await (await x.request(set.path, { key: publisher.member.key })).json()).toMatchObject({
      release: 3,
      entries: 3,
    });
    const root = await x.request(`/v1/publishers/${publisher.publisher}/roots/2`, { key: publisher.member.key });
    expect(new Uint8Array(await root.arrayBuffer())).toEqual(new Uint8Array(next.bytes));
    await set.publish([put(testHash(43))]);
    await x.settle();
    await expectSoundLog(x);
  });
});

describe("what is refused", () => {
  it("a backup past its date, an altered one, one that was cut off", async () => {
    const { rename, writeFile, readFile } = await import("node:fs/promises");
    const backup = await takeNow();
    const later = new Date(Date.parse(backup.manifest.taken_at) + 31 * 24 * HOUR_MS);
    const options = { migrations: MIGRATIONS, now: later, replace: true };
    await expect(loadBackup(x.sql, backup, options)).rejects.toMatchObject({ code: "backup_expired" });
    // A date written into it afterwards does not make it younger.
    const younger = { ...backup, manifest: { ...backup.manifest, delete_by: later.toISOString() } };
    await expect(loadBackup(x.sql, younger, options)).rejects.toMatchObject({ code: "backup_expired" });

    const file = join(backup.folder, "members.copy.gz");
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 1));
    await expect(putBack(backup)).rejects.toMatchObject({ code: "backup_invalid" });
    await rename(file, `${file}.away`);
    await expect(putBack(backup)).rejects.toMatchObject({ code: "backup_invalid" });
    expect((await x.request("/v1/sets", { key: x.operatorKey })).status).toBe(200);
  });

  it("a database with members in it, unless it may be replaced", async () => {
    const backup = await takeNow();
    const options = { migrations: MIGRATIONS, now: x.clock.now(), replace: false };
    await expect(loadBackup(x.sql, backup, options)).rejects.toMatchObject({ code: "restore_target" });
    expect((await x.request("/v1/sets", { key: x.operatorKey })).status).toBe(200);
  });

  it("a backup of a database that is being restored", async () => {
    await putBack(await takeNow());
    await expect(takeNow()).rejects.toMatchObject({ code: "restoring" });
    await catchUp();
  });
});
