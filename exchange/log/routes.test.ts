import { openCheckpoint, parseVkey } from "@breakwater/shared/log/index.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  appendTestLeaves,
  expectProblem,
  expectSoundLog,
  openTestExchange,
  TEST_LOG_ORIGIN,
  type TestExchange,
} from "../testing/index.ts";
import { publishLog } from "./publication.ts";

/** A whole idle poll on the wire, names and values of all headers included. */
const IDLE_POLL_MAX_BYTES = 1_000;

let x: TestExchange;
beforeAll(async () => {
  x = await openTestExchange();
  await x.withDeps((deps) => appendTestLeaves(deps, 300));
  await x.withDeps(publishLog);
  expect(await expectSoundLog(x)).toEqual({ published: 300, rows: 300 });
});
afterAll(() => x.close());

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

describe("GET /log/checkpoint", () => {
  describe("happy", () => {
    it("gives the published note to anybody, byte for byte", async () => {
      const response = await x.request("/log/checkpoint");
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("public, max-age=1, must-revalidate");
      const note = await bytesOf(response);
      expect(note).toEqual(x.objects.bytes("log/checkpoint"));
      const log = { origin: TEST_LOG_ORIGIN, vkey: parseVkey(await x.logSigner.vkey(TEST_LOG_ORIGIN)) };
      expect((await openCheckpoint(note, log)).checkpoint.size).toBe(300);
    });

    it("answers an idle poll in one small exchange, and asks the database only whether it is being restored", async () => {
      const etag = (await x.request("/log/checkpoint")).headers.get("etag") as string;
      const request = { "if-none-match": etag, host: "exchange.example", accept: "*/*" };
      const response = await x.request("/log/checkpoint", { headers: request });
      expect(response.status).toBe(304);
      expect(await response.text()).toBe("");
      const headers = [...Object.entries(request), ...response.headers];
      const onTheWire = [
        "GET /log/checkpoint HTTP/1.1",
        "HTTP/1.1 304 Not Modified",
        ...headers.map((pair) => pair.join(": ")),
      ];
      expect(onTheWire.join("\r\n").length).toBeLessThan(IDLE_POLL_MAX_BYTES);
      await x.withDeps(async (deps) => {
        let asked = 0;
        const sql = new Proxy(deps.sql, {
          apply: (target, self, args) => {
            asked += 1;
            return Reflect.apply(target, self, args);
          },
        });
        const { app } = await import("../app.ts");
        const polled = await app.fetch(new Request(`${x.origin}/log/checkpoint`, { headers: request }), {
          deps: { ...deps, sql },
        });
        expect(polled.status).toBe(304);
        expect(asked).toBeLessThanOrEqual(1);
      });
    });

    it("changes its tag with the log, and takes any form of the condition", async () => {
      const y = await openTestExchange();
      await y.withDeps(publishLog);
      const etag = (await y.request("/log/checkpoint")).headers.get("etag") as string;
      for (const value of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
        expect((await y.request("/log/checkpoint", { headers: { "if-none-match": value } })).status).toBe(304);
      }
      await y.withDeps((deps) => appendTestLeaves(deps, 1));
      await y.withDeps(publishLog);
      const changed = await y.request("/log/checkpoint", { headers: { "if-none-match": etag } });
      expect(changed.status).toBe(200);
      expect(changed.headers.get("etag")).not.toBe(etag);
      await y.close();
    });
  });

  describe("error", () => {
    it("says that there is none yet, and when to ask again", async () => {
      const y = await openTestExchange();
      const response = await y.request("/log/checkpoint");
      expect(response.headers.get("retry-after")).toBe("1");
      expect(response.headers.get("cache-control")).toBe("no-store");
      await expectProblem(response, "not_logged_yet");
      await y.close();
    });
  });

  describe("security", () => {
    it("is the same for everybody, and never set by a caller", async () => {
      const member = await x.member();
      const open = await x.request("/log/checkpoint");
      const known = await x.request("/log/checkpoint", { key: member.key });
      expect(await known.text()).toBe(await open.text());
      for (const method of ["PUT", "POST", "DELETE"]) {
        const headers = { "content-type": "application/json" };
        const response = await x.request("/log/checkpoint", { method, key: x.operatorKey, headers, body: "{}" });
        await expectProblem(response, "not_found");
      }
    });
  });
});

/** Paths that no tile has; each has a character or a form of its own. */
const NO_TILES = [
  "000.p/0",
  "000.p/256",
  "000.p/257",
  "000.p/044",
  "000.p/-1",
  "000.p",
  "x000/000",
  "0",
  "00",
  "0000",
  "000/",
  "000.p/44/",
  "..%2f..%2fstate",
  "%2e%2e/checkpoint",
  "999",
  "x999/x999/x999/x999/x999/x999/999",
];

describe("GET /log/tile/entries/{index}", () => {
  describe("happy", () => {
    it.each(["000", "001.p/44"])("gives bundle %s, to be kept for ever", async (index) => {
      const response = await x.request(`/log/tile/entries/${index}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/octet-stream");
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      const bytes = await bytesOf(response);
      expect(bytes).toEqual(x.objects.bytes(`log/tile/entries/${index}`));
      expect(response.headers.get("content-length")).toBe(String(bytes.length));
    });
  });

  describe("error", () => {
    it.each(["002", "001", "001.p/45"])("has no bundle %s, which the log does not have yet", async (index) => {
      const response = await x.request(`/log/tile/entries/${index}`);
      // A tile that comes to be must not have been cached as missing.
      expect(response.headers.get("cache-control")).toBe("no-store");
      await expectProblem(response, "not_found");
    });
    it.each(NO_TILES)("has nothing under %s", async (index) => {
      await expectProblem(await x.request(`/log/tile/entries/${index}`), "not_found");
    });
  });

  describe("security", () => {
    it("never reaches another object, whatever the path says", async () => {
      await x.objects.put("state/secret", new TextEncoder().encode("test-secret"));
      for (const path of ["../../../state/secret", "..%2f..%2f..%2fstate%2fsecret", "000/../../../../state/secret"]) {
        const response = await x.request(`/log/tile/entries/${path}`);
        expect(response.status).toBe(404);
        expect(await response.text()).not.toContain("test-secret");
      }
    });
  });
});

describe("GET /log/tile/{level}/{index}", () => {
  describe("happy", () => {
    it.each(["0/000", "0/001.p/44", "1/000.p/1"])("gives tile %s, to be kept for ever", async (path) => {
      const response = await x.request(`/log/tile/${path}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/octet-stream");
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(await bytesOf(response)).toEqual(x.objects.bytes(`log/tile/${path}`));
    });
  });

  describe("error", () => {
    it.each(["0/002", "1/000", "2/000", "63/000", "64/000", "00/000", "-1/000", "one/000", "0"])(
      "has no tile %s",
      async (path) => {
        await expectProblem(await x.request(`/log/tile/${path}`), "not_found");
      },
    );
    it.each(NO_TILES)("has nothing under %s", async (index) => {
      await expectProblem(await x.request(`/log/tile/0/${index}`), "not_found");
    });
  });

  describe("security", () => {
    it("never reaches another object, nor a page", async () => {
      await x.withDeps(async (deps) => {
        const { app } = await import("../app.ts");
        const assets = { fetch: async () => new Response("a page") };
        for (const path of ["/log", "/log/", "/log/proof/0", "/log/tile/0/..%2f..%2fproof%2f0", "/log/other"]) {
          const response = await app.fetch(new Request(`${x.origin}${path}`), { deps, assets });
          await expectProblem(response, "not_found");
        }
      });
    });
  });
});
