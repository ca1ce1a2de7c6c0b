import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import type { Recall } from "@breakwater/shared/recall.ts";
import { signRecall } from "@breakwater/shared/recall.ts";
import {
  Health,
  MATCH_BATCH_FRAMES_MAX,
  MATCH_FRAMES_MAX,
  MATCH_ITEMS_MAX,
  MatchAnswer,
  MediaAnswer,
} from "@breakwater/shared/wire/match.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { updateControls } from "../controls/file.ts";
import { writePin } from "../profile/pins.ts";
import { writeProfile } from "../profile/profile.ts";
import { readStatus, writeStatus } from "../sync/index.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { type DoublePublisher, makeDoublePublisher } from "../testing/double-publisher.ts";
import { ASKS_TO_BLOCK, aboutOfKind, testHashEntry, testId, testTermEntry, testUrlEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { type Daemon, type DaemonFact, type ServeOptions, serve } from "./serve.ts";

// A daemon starts two threads; on a machine that does much else that takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const TOKEN = "a-token-of-more-than-thirty-two-characters";
const PDQ = "a5".repeat(32);

let scene: Scene;
let real: DoublePublisher;
let daemons: Daemon[];
let facts: DaemonFact[];

beforeEach(async () => {
  scene = await openScene(0);
  daemons = [];
  facts = [];
  const about = { stream: "photographic", act_distance: 16, review_distance: 31 } as const;
  real = await makeDoublePublisher(scene.double, "real.example/verified", aboutOfKind("hash", about));
  const pdq = testHashEntry(2, { alg: "pdq", value: PDQ, quality: 90, ambiguous_bits: 1 });
  await real.release(real.put(testHashEntry(1, ASKS_TO_BLOCK), pdq));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(daemons.map((daemon) => daemon.close()));
  await scene.close();
});

const sync = (publisher = real) => scene.sync({ setId: publisher.setId, pin: publisher.pin });

async function start(changes: Partial<ServeOptions> = {}): Promise<string> {
  const daemon = await serve({
    profileDir: scene.dir,
    stateDir: scene.stateDir,
    listen: { host: "127.0.0.1", port: 0 },
    acceptMedia: false,
    maxAgeSeconds: 900,
    onFact: (fact) => facts.push(fact),
    ...changes,
  });
  daemons.push(daemon);
  return daemon.origin;
}

function post(origin: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`${origin}/v1/match`, {
    method: "POST",
    body: text,
    headers: { "content-type": "application/json", ...headers },
  });
}

async function match(origin: string, items: unknown[], more: object = {}): Promise<MatchAnswer["items"]> {
  const answer = await post(origin, { items, ...more });
  expect(answer.status).toBe(200);
  return MatchAnswer.parse(await answer.json()).items;
}

/** No client library sends such a target: it goes out as it is. */
function firstLineOf(origin: string, target: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(new URL(origin).port), "127.0.0.1");
    socket.on("data", (part) => {
      text += part;
    });
    socket.on("error", reject).on("close", () => resolve(text.split("\r\n")[0]));
    socket.end(`GET ${target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`);
  });
}

const framesOf = (count: number) => Array.from({ length: count }, () => ({ hash: PDQ, quality: 90 }));
const sha256 = (n: number) => ({ hashes: { sha256: testHashEntry(n).value } });

async function eventually<T>(look: () => Promise<T>, accept: (value: T) => boolean): Promise<T> {
  for (let n = 0; ; n++) {
    const value = await look();
    if (accept(value) || n > 60) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe("a batch", () => {
  it("is answered in its order, an item that is not valid by its own problem", async () => {
    await sync();
    const origin = await start();
    const items = await match(
      origin,
      [
        { ref: "upload-1", ...sha256(1) },
        { ref: "upload-2", ...sha256(9) },
        { ref: "upload-3", hashes: { sha256: "not a hash" } },
        { ref: "upload-4", hashes: { pdq: { hash: PDQ, quality: 90 } } },
        { ref: "upload-5" },
        "not an object",
      ],
      { country: "US" },
    );
    expect(items.map(({ ref }) => ref)).toEqual([
      "upload-1",
      "upload-2",
      "upload-3",
      "upload-4",
      "upload-5",
      undefined,
    ]);
    expect(items[0]).toMatchObject({
      hits: [
        {
          set: "real.example/verified",
          publisher: "real.example",
          entry: testId(1),
          release: 1,
          kind: "hash",
          how: { alg: "sha256" },
          distance: 0,
          action: "observe",
          why_not_block: "observed",
          requested_action: "block_remove_report",
          report_duty: "report",
          human_review: "not_required",
          age_confirmed: false,
          test: false,
          verification: { level: "two_reviewed", people: 2 },
          hit_ref: expect.stringMatching(/^h_[0-9a-f]{16,}$/),
        },
      ],
    });
    expect(items[1]).toEqual({ ref: "upload-2", hits: [] });
    expect(items[2]).toMatchObject({ problem: { code: "request_invalid", path: "/hashes/sha256" } });
    expect(items[3]).toMatchObject({ hits: [{ entry: testId(2), distance: 0, how: { alg: "pdq" } }] });
    expect(items[4]).toMatchObject({ problem: { code: "request_invalid", reason: "nothing_to_compare" } });
    expect(items[5]).toMatchObject({ problem: { code: "request_invalid" } });
  });

  it("may mix hashes, texts and addresses, and is told which of them there is no set for", async () => {
    await sync();
    const urls = await makeDoublePublisher(
      scene.double,
      "real.example/urls",
      aboutOfKind("url", { stream: "photographic" }),
    );
    await urls.release(urls.put(testUrlEntry(1)));
    await sync(urls);
    const origin = await start();
    const [url, host, text] = await match(origin, [
      { url: "https://forum1.example/t/1" },
      { url: "https://other.example/" },
      { text: "hello" },
    ]);
    expect(url).toMatchObject({
      hits: [{ kind: "url", entry: testId(1), how: { scope: "exact" }, report_duty: "check" }],
    });
    expect(host).toEqual({ hits: [] });
    expect(text).toEqual({ hits: [], not_compared: [{ what: "text", why: "no_set" }] });
  });

  it("finds terms where they stand, for their context only", async () => {
    const terms = await makeDoublePublisher(
      scene.double,
      "real.example/terms",
      aboutOfKind("term", { stream: "photographic" }),
    );
    await terms.release(terms.put(testTermEntry(1, { action: "warn_and_signpost" })));
    await sync(terms);
    const origin = await start();
    const text = "Somebody wrote Test-Term-0001 there.";
    const [chat, advert] = await match(origin, [
      { text, context: "chat", country: "GB" },
      { text, context: "advert" },
    ]);
    expect(chat).toMatchObject({
      hits: [{ kind: "term", how: { start: 15, end: 29 }, requested_action: "warn_and_signpost" }],
    });
    expect(advert).toEqual({ hits: [] });
  });

  it("that is not JSON, has no items or is a browser's is refused, with the reason", async () => {
    await sync();
    const origin = await start();
    const codes = async (answer: Promise<Response>) => {
      const response = await answer;
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    expect(await codes(post(origin, "{"))).toEqual([400, "json_invalid"]);
    expect(await codes(post(origin, "\ud800"))).toEqual([400, "json_invalid"]);
    expect(await codes(post(origin, { items: [] }))).toEqual([400, "request_invalid"]);
    expect(await codes(post(origin, { items: [{}], extra: 1 }))).toEqual([400, "request_invalid"]);
    expect(await codes(post(origin, { items: [sha256(1)] }, { "content-type": "text/plain" }))).toEqual([
      415,
      "content_type_unsupported",
    ]);
    expect(await codes(post(origin, { items: [sha256(1)] }, { origin: "https://page.example" }))).toEqual([
      403,
      "origin_mismatch",
    ]);
    expect(await codes(fetch(`${origin}/v1/match`))).toEqual([405, "method_not_allowed"]);
    expect(await codes(fetch(`${origin}/v1/else`))).toEqual([404, "not_found"]);
  });

  it("from a page whose name was pointed at this machine is refused", async () => {
    await sync();
    const { port } = new URL(await start());
    const status = await new Promise((resolve) => {
      httpRequest({ host: "127.0.0.1", port, path: "/healthz", headers: { host: "page.example" } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).end();
    });
    expect(status).toBe(403);
  });

  it("to a target that is no address is refused, and the daemon goes on", async () => {
    const origin = await start();
    for (const target of ["//", "http://[", "//:99999", "*", "/__proto__"]) {
      expect(await firstLineOf(origin, target), target).toBe("HTTP/1.1 404 Not Found");
    }
    expect((await fetch(`${origin}/openapi.json`)).status).toBe(200);
  });

  it("before any copy is there is not answered with nothing found", async () => {
    const origin = await start();
    const answer = await post(origin, { items: [sha256(1)] });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([503, "match_not_ready"]);
    expect((await fetch(`${origin}/readyz`)).status).toBe(503);
    expect((await fetch(`${origin}/healthz`)).status).toBe(503);
  });
});

describe("what is too much is named with its limit", () => {
  it.each([
    ["items", { items: Array.from({ length: MATCH_ITEMS_MAX + 1 }, () => sha256(1)) }, { max_items: MATCH_ITEMS_MAX }],
    [
      "bytes",
      { items: [{ text: "x".repeat(9 * 1024 * 1024) }] },
      { code: "request_too_large", max_bytes: 8 * 1024 * 1024 },
    ],
    [
      "frames, however many items they are spread over",
      { items: Array.from({ length: 3 }, () => ({ hashes: { vpdq: framesOf(MATCH_BATCH_FRAMES_MAX / 3 + 1) } })) },
      { code: "request_too_large", path: "/items", max_frames: MATCH_BATCH_FRAMES_MAX },
    ],
  ])("%s of the batch", async (_what, body, expected) => {
    await sync();
    const answer = await post(await start(), body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await answer.json()).toMatchObject(expected);
  });

  it.each([
    ["a text", { text: "x".repeat(1024 * 1024 + 1) }, { code: "request_too_large", max_chars: 1024 * 1024 }],
    [
      "an address of 64 kB",
      { url: `https://a.example/${"x".repeat(65_536)}` },
      { code: "url_invalid", max_chars: 16_384 },
    ],
    [
      "a video",
      { hashes: { vpdq: framesOf(MATCH_FRAMES_MAX + 1) } },
      { code: "request_too_large", path: "/hashes/vpdq", max_frames: MATCH_FRAMES_MAX },
    ],
  ])("%s, without harm to the items beside it", async (_what, item, problem) => {
    await sync();
    const items = await match(await start(), [item, sha256(1)]);
    expect(items[0]).toMatchObject({ problem });
    expect(items[1]).toMatchObject({ hits: [{ entry: testId(1) }] });
  });

  it("100 MB are refused before they have all come", async () => {
    await sync();
    const { port } = new URL(await start());
    const sent = await new Promise<{ bytes: number; text: string }>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1");
      let [bytes, text] = [0, ""];
      const piece = "x".repeat(64 * 1024);
      socket.write(
        "POST /v1/match HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
      );
      const push = () => {
        while (bytes < 100 * 1024 * 1024 && !socket.destroyed) {
          bytes += piece.length;
          if (!socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`)) break;
        }
      };
      socket.on("drain", push);
      socket.on("data", (data) => {
        text += data.toString();
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve({ bytes, text }));
      push();
    });
    expect(sent.text).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent.text).toContain('"max_bytes":8388608');
    expect(sent.bytes).toBeLessThan(64 * 1024 * 1024);
  });

  it("a PDQ of quality 0 is said not to have been compared", async () => {
    await sync();
    const [item] = await match(await start(), [{ hashes: { pdq: { hash: PDQ, quality: 0 } } }]);
    expect(item).toEqual({ hits: [], not_compared: [{ what: "pdq", why: "quality_too_low" }] });
  });
});

describe("who may ask", () => {
  it("elsewhere than on this machine only with a token, compared without telling how much of it was right", async () => {
    await sync();
    const elsewhere = { host: "0.0.0.0", port: 0 };
    await expect(start({ listen: elsewhere })).rejects.toMatchObject({ code: "config_invalid" });
    const tokenFile = join(scene.dir, "token");
    await writeFile(tokenFile, "short\n", { mode: 0o600 });
    await expect(start({ listen: elsewhere, tokenFile })).rejects.toMatchObject({ code: "config_invalid" });
    await writeFile(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
    const origin = (await start({ listen: elsewhere, tokenFile })).replace("0.0.0.0", "127.0.0.1");
    const body = { items: [sha256(1)] };
    expect((await post(origin, body)).status).toBe(401);
    expect((await post(origin, body, { authorization: `Bearer ${TOKEN.slice(0, -1)}` })).status).toBe(401);
    expect((await post(origin, body, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    expect((await fetch(`${origin}/metrics`)).status).toBe(401);
    // A probe learns whether all is well, and not which sets there are.
    expect(await (await fetch(`${origin}/healthz`)).json()).toEqual({ ok: true });
  });

  it("sends no file unless files are taken", async () => {
    await sync();
    const answer = await fetch(`${await start()}/v1/match/media`, { method: "POST", body: "bytes" });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([403, "media_not_accepted"]);
  });
});

describe("a file, where files are taken", () => {
  const send = (origin: string, body: Uint8Array<ArrayBuffer>, query = "") =>
    fetch(`${origin}/v1/match/media${query}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/octet-stream" },
    });

  it("is hashed in memory and compared like its hashes", async () => {
    const bytes = new TextEncoder().encode("made-up bytes, no picture");
    const value = createHash("sha256").update(bytes).digest("hex");
    await real.release(real.put(testHashEntry(7, { value })));
    await sync();
    const origin = await start({ acceptMedia: true });
    const answer = await send(origin, bytes, "?ref=upload-7&country=DE");
    expect(answer.status).toBe(200);
    expect(MediaAnswer.parse(await answer.json())).toMatchObject({
      hits: [{ entry: testId(7), how: { alg: "sha256" } }],
      hashes: { sha256: value, pdq_missing: "not_a_picture" },
    });
    expect((await send(origin, bytes, "?country=germany")).status).toBe(400);
  });

  it("leaves nothing behind: no temporary file, nothing but its reference in the ledger", async () => {
    await sync();
    vi.stubEnv("TMPDIR", await mkdtemp(join(scene.dir, "temporary-")));
    const origin = await start({ acceptMedia: true });
    const bytes = new TextEncoder().encode("file 1");
    expect(MediaAnswer.parse(await (await send(origin, bytes, "?ref=upload-8")).json()).hits.length).toBe(1);
    expect(await readdir(process.env.TMPDIR ?? "")).toEqual([]);
    await daemons[0]?.close();
    const days = await readdir(join(scene.stateDir, "ledger"));
    const rows = (await Promise.all(days.map((day) => readFile(join(scene.stateDir, "ledger", day), "utf8")))).join("");
    expect(rows).toContain('"content":"upload-8"');
    expect(rows).not.toContain(testHashEntry(1).value);
  });
});

describe("what changes below it", () => {
  it("is taken over within seconds: a new release, and a recall", async () => {
    await sync();
    const origin = await start();
    expect(await match(origin, [sha256(5)])).toEqual([{ hits: [] }]);
    await real.release(real.put(testHashEntry(5)));
    await sync();
    const hits = await eventually(
      () => match(origin, [sha256(5)]),
      ([item]) => JSON.stringify(item).includes(testId(5)),
    );
    expect(hits).toMatchObject([{ hits: [{ entry: testId(5), release: 2 }] }]);
    const iat = Math.floor(Date.now() / 1000);
    const recall = {
      iat,
      exp: iat + 3600,
      publisher: "real.example",
      set: "verified",
      recall: 1,
      root: 1,
      entries: [testId(5)],
    };
    await scene.double.store.postRecall(real.setId, await signRecall(recall as unknown as Recall, [real.releaseKey]));
    await sync();
    const recalled = await eventually(
      () => match(origin, [sha256(5)]),
      ([item]) => JSON.stringify(item).includes("recalled"),
    );
    expect(recalled).toMatchObject([{ hits: [{ recalled: { recall: 1 } }] }]);
    expect(facts.some(({ event }) => event === "reloaded")).toBe(true);
  });

  it("comes by its own syncs when nobody else syncs, and once when two daemons share the folder", async () => {
    await writeProfile({
      dir: scene.dir,
      exchange: scene.double.origin,
      apiKey: TEST_API_KEY,
      stateDir: scene.stateDir,
    });
    await writePin(scene.dir, real.setId.publisher, real.pin);
    const [one, two] = [await start({ syncEveryMs: 1_000 }), await start({ syncEveryMs: 1_000 })];
    const look = (origin: string) => post(origin, { items: [sha256(1)] }).then((answer) => answer.text());
    for (const origin of [one, two]) {
      const text = await eventually(
        () => look(origin),
        (body) => body.includes(testId(1)),
      );
      expect(text).toContain(testId(1));
    }
    expect(facts.filter(({ event, problem }) => event === "synced" && problem !== undefined)).toEqual([]);
  });

  it("makes it unhealthy when the copies grow old, and its hits ask for review past the set's own age", async () => {
    await sync();
    const origin = await start({ maxAgeSeconds: 60 });
    expect(Health.parse(await (await fetch(`${origin}/healthz`)).json())).toMatchObject({
      ok: true,
      sets: [{ fresh: true }],
    });
    const status = await readStatus(scene.stateDir, real.setId);
    if (status === undefined) throw new Error("never synced");
    const verified_at = new Date(Date.now() - 8 * 86_400_000).toISOString();
    await writeStatus(scene.stateDir, real.setId, { ...status, verified_at });
    const answer = await eventually(
      () => fetch(`${origin}/healthz`),
      ({ status: code }) => code === 503,
    );
    expect(await answer.json()).toMatchObject({ ok: false, sets: [{ fresh: false, for_review: true }] });
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
  });
});

it("a clock that was set back makes no copy look fresh: hits ask for review, and healthz says why", async () => {
  await sync();
  await updateControls(scene.stateDir, (file) => ({
    ...file,
    modes: { "real.example/verified": { act: "block", since: new Date().toISOString() } },
  }));
  const origin = await start({ maxAgeSeconds: 60 });
  expect(await match(origin, [sha256(1)])).toMatchObject([{ hits: [{ action: "block" }] }]);
  const status = await readStatus(scene.stateDir, real.setId);
  if (status === undefined) throw new Error("never synced");
  // The same as a clock an hour behind, and nobody else's clock is touched.
  const verified_at = new Date(Date.now() + 3_600_000).toISOString();
  await writeStatus(scene.stateDir, real.setId, { ...status, verified_at });
  const answer = await eventually(
    () => fetch(`${origin}/healthz`),
    ({ status: code }) => code === 503,
  );
  expect(Health.parse(await answer.json())).toMatchObject({
    ok: false,
    oldest_s: null,
    sets: [{ fresh: false, for_review: true, age_s: null, why: expect.stringMatching(/clock is before/) }],
  });
  expect(await match(origin, [sha256(1)])).toMatchObject([
    { hits: [{ action: "review", why_not_block: "clock_behind", next: expect.stringMatching(/Set the clock/) }] },
  ]);
  expect((await fetch(`${origin}/readyz`)).status).toBe(200);
});

describe("ending", () => {
  it("answers what is in flight, and takes nothing new", async () => {
    await sync();
    const origin = await start();
    const many = Array.from({ length: 20 }, () =>
      match(
        origin,
        Array.from({ length: 200 }, () => sha256(1)),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    const closing = daemons[0]?.close();
    const answered = await Promise.allSettled(many);
    expect(answered.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(0);
    for (const one of answered) if (one.status === "rejected") expect(String(one.reason)).toMatch(/fetch failed|503/);
    await closing;
    await expect(fetch(`${origin}/readyz`)).rejects.toThrow();
  });
});
