/** Push, and the head that makes polling enough: a recall reaches whoever listens or asks, and nobody else. */

import { type AddressInfo, connect, createServer } from "node:net";
import { SetEvent } from "@breakwater/shared/wire/recalls.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openApiKey } from "../members/keys.ts";
import { makeDeps } from "../platform/deps.ts";
import {
  expectProblem,
  openTestExchange,
  openTestPublisher,
  openTestRecalls,
  put,
  TEST_START,
  type TestExchange,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";
import {
  EVENT_STREAMS_MAX,
  EVENT_STREAMS_PER_MEMBER,
  EVENTS_HEARTBEAT_MS,
  EVENTS_MAX_MS,
  EVENTS_POLL_MS,
  openEvents,
} from "./events.ts";

let x: TestExchange;
let publisher: TestPublisher;
let set: TestSet;
const entries = [1, 2].map((at) => testHash(at));
beforeAll(async () => {
  x = await openTestExchange();
  publisher = await openTestPublisher(x);
  set = await publisher.openSet("pushed");
  await set.publish(entries.map(put));
});
afterAll(() => x.close());
beforeEach(() => x.clock.set(TEST_START));

/** Reads a stream of events until told to stop. */
async function listen(key: string) {
  const response = await x.request("/v1/events", { key });
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  let text = "";
  const read = async (): Promise<boolean> => {
    const { done, value } = await reader.read();
    if (!done) text += new TextDecoder().decode(value);
    return !done;
  };
  const events = () =>
    [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, name, data]) => ({
      name,
      ...SetEvent.parse(JSON.parse(data as string)),
    }));
  return {
    response,
    read,
    events,
    text: () => text,
    async close() {
      await reader.cancel();
      await x.settle();
    },
  };
}

const openStreams = async () => (await x.sql`select 1 from event_streams`).length;

describe("GET /v1/events", () => {
  describe("happy", () => {
    it("tells each set at the start, and then what changes, recalls first", async () => {
      const { key } = await x.member();
      const stream = await listen(key);
      expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
      await stream.read();
      const name = `${publisher.publisher}/pushed`;
      expect(stream.events()).toContainEqual({ name: "release", set: name, release: 1 });
      const before = stream.events().length;
      const recalls = openTestRecalls(x, publisher, set);
      expect((await recalls.offer({ entries: entries.map(({ id }) => id).sort() })).status).toBe(201);
      await set.publish([put(testHash(3))]);
      while (stream.events().length < before + 2) expect(await stream.read()).toBe(true);
      expect(stream.events().slice(before)).toEqual(
        expect.arrayContaining([
          { name: "recall", set: name, recall: 1 },
          { name: "release", set: name, release: 2 },
        ]),
      );
      expect(stream.events()[before]?.name).toBe("recall");
      await stream.close();
      expect(await openStreams()).toBe(0);
    });

    it("breathes while nothing happens, and ends by itself", async () => {
      const { key } = await x.member();
      const stream = await listen(key);
      await stream.read();
      const said = stream.text().length;
      x.clock.advance(EVENTS_HEARTBEAT_MS);
      await stream.read();
      expect(stream.text().slice(said)).toBe(":\n\n");
      x.clock.advance(EVENTS_MAX_MS);
      expect(await stream.read()).toBe(false);
      await x.settle();
      expect(await openStreams()).toBe(0);
    });

    it("opens no stream for HEAD", async () => {
      const { key } = await x.member();
      expect((await x.request("/v1/events", { key, method: "HEAD" })).status).toBe(200);
      expect(await openStreams()).toBe(0);
    });
  });

  describe("error", () => {
    it("has a few places a member, and takes back those that ended without a word", async () => {
      const { key } = await x.member();
      const open = await Promise.all(Array.from({ length: EVENT_STREAMS_PER_MEMBER }, () => listen(key)));
      const refused = await x.request("/v1/events", { key });
      expect(refused.headers.get("retry-after")).toBe("10");
      await expectProblem(refused, "rate_limited");
      await Promise.all(open.map((stream) => stream.close()));
      const member = (await x.sql`select id from members limit 1`)[0]?.id;
      for (let at = 0; at < EVENT_STREAMS_PER_MEMBER; at++)
        await x.sql`insert into event_streams values (${`lost-${at}`}, ${member}, ${TEST_START})`;
      const again = await listen(key);
      expect(again.response.status).toBe(200);
      await again.close();
      await x.sql`delete from event_streams`;
    });

    it("is busy when all places are taken: whoever hears that polls", async () => {
      const until = new Date(TEST_START.getTime() + 60_000);
      for (let at = 0; at < EVENT_STREAMS_MAX; at++)
        await x.sql`insert into event_streams values (${`other-${at}`}, ${`member-${at}`}, ${until})`;
      const { key } = await x.member();
      await expectProblem(await x.request("/v1/events", { key }), "busy");
      await x.sql`delete from event_streams`;
    });
  });

  describe("security", () => {
    it("says nothing of sets that the caller may not see, and no content of those it may", async () => {
      const hidden = await publisher.openSet("hidden", { audience: { tier: "named", members: [] } });
      const entry = testHash(77);
      await hidden.publish([put(entry)]);
      const stream = await listen((await x.member()).key);
      await stream.read();
      await openTestRecalls(x, publisher, hidden).offer({ entries: [entry.id] });
      await set.publish([put(testHash(5))]);
      const before = stream.events().length;
      while (stream.events().length === before) await stream.read();
      await stream.close();
      expect(stream.text()).not.toContain("hidden");
      for (const { id, value } of entries) expect(stream.text()).not.toMatch(new RegExp(`${id}|${value}`));
      const own = await listen(publisher.member.key);
      await own.read();
      await own.close();
      expect(own.text()).toContain("hidden");
    });

    it("is for keys that may read, and for nobody else", async () => {
      await expectProblem(await x.request("/v1/events"), "unauthenticated");
      const writeOnly = await x.apiKey(publisher.member.name, ["publish"]);
      await expectProblem(await x.request("/v1/events", { key: writeOnly.key }), "scope_required");
    });
  });
});

describe("the head", () => {
  it("tells of a recall in the one request that asks for a release", async () => {
    const { key } = await x.member();
    const polled = await publisher.openSet("polled");
    const entry = testHash(9);
    await polled.publish([put(entry)]);
    const poll = (tag?: string) =>
      x.request(`${polled.path}/head`, { key, ...(tag === undefined ? {} : { headers: { "if-none-match": tag } }) });
    const first = await poll();
    const tag = first.headers.get("etag") as string;
    expect(first.headers.get("breakwater-recall")).toBe("0");
    const idle = await poll(tag);
    expect([idle.status, idle.headers.get("breakwater-recall")]).toEqual([304, "0"]);
    await openTestRecalls(x, publisher, polled).offer({ entries: [entry.id] });
    const told = await poll(tag);
    expect([told.status, told.headers.get("breakwater-recall")]).toEqual([200, "1"]);
    const next = told.headers.get("etag") as string;
    expect(next).not.toBe(tag);
    const quiet = await poll(next);
    expect([quiet.status, quiet.headers.get("breakwater-recall")]).toEqual([304, "1"]);
    const size = [...quiet.headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
    expect(size).toBeLessThan(1_000);
  });

  it("of one release never changes, whatever is recalled", async () => {
    const { key } = await x.member();
    const response = await x.request(`${set.path}/releases/1`, { key });
    expect(response.headers.get("breakwater-recall")).toBeNull();
    expect(response.headers.get("etag")).toMatch(/^"sha256:[0-9a-f]{64}"$/);
  });
});

describe("a stream that waits", () => {
  it("holds no database connection between its looks", async () => {
    const { hostname, port } = new URL(x.databaseUrl);
    let open = 0;
    let opened = 0;
    const relay = createServer((client) => {
      [open, opened] = [open + 1, opened + 1];
      const server = connect(Number(port), hostname);
      client.on("close", () => {
        open -= 1;
        server.destroy();
      });
      for (const socket of [client, server]) socket.on("error", () => client.destroy());
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    const url = new URL(x.databaseUrl);
    [url.hostname, url.port] = ["127.0.0.1", String((relay.address() as AddressInfo).port)];
    const { key } = await x.member();
    const caller = await x.withDeps((deps) => openApiKey(deps, key, undefined));
    const own = await x.withDeps(async ({ objects, signer, logSigner, config }) =>
      makeDeps({ objects, signer, logSigner, config, databaseUrl: url.href }),
    );
    const reader = (await openEvents(own.deps, caller)).getReader();
    await reader.read();
    const waiting = reader.read();
    const seen: number[] = [];
    for (const until = Date.now() + 3 * EVENTS_POLL_MS; Date.now() < until; ) {
      seen.push(open);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    // It looks at least twice meanwhile, and has nothing open most of the time.
    expect(opened).toBeGreaterThanOrEqual(3);
    expect(seen.filter((count) => count === 0).length).toBeGreaterThan(seen.length / 2);
    await reader.cancel();
    await waiting;
    await own.close();
    relay.close();
  });
});
