import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Double, openDouble, TEST_API_KEY } from "../testing/double-exchange.ts";
import { makeCall, parseAnswer } from "./call.ts";
import { openExchange } from "./exchange.ts";
import { ATTEMPTS } from "./limits.ts";

let double: Double;
let waits: number[];
beforeEach(async () => {
  double = await openDouble();
  waits = [];
});
afterEach(() => double.close());

const open = (apiKey = TEST_API_KEY) =>
  openExchange({
    origin: double.origin,
    apiKey,
    random: () => 0,
    sleep: async (ms) => {
      waits.push(ms);
    },
    idleTimeoutMs: 200,
  });

describe("a call", () => {
  it("is tried again after a busy answer, and waits at least as long as it was told", async () => {
    double.hostile = [{ path: /./, act: "busy", retryAfter: "7", times: 2 }];
    expect(await open().listSets()).toEqual([]);
    expect(waits.length).toBe(2);
    for (const ms of waits) expect(ms).toBeGreaterThanOrEqual(7_000);
  });

  it("reads a date in Retry-After", async () => {
    double.hostile = [{ path: /./, act: "busy", retryAfter: new Date(Date.now() + 20_000).toUTCString(), times: 1 }];
    await open().listSets();
    expect(waits[0]).toBeGreaterThan(15_000);
  });

  it("does not wait for an hour", async () => {
    double.hostile = [{ path: /./, act: "busy", retryAfter: "3600" }];
    await expect(open().listSets()).rejects.toMatchObject({ code: "busy", detail: { retry_after_s: 3600 } });
    expect(waits).toEqual([]);
  });

  it("gives up after a few attempts that lie further and further apart", async () => {
    double.hostile = [{ path: /./, act: "busy" }];
    await expect(open().listSets()).rejects.toMatchObject({ code: "busy" });
    expect(double.requests.length).toBe(ATTEMPTS);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(new Set(waits).size).toBe(waits.length);
  });

  it("is not repeated when it is a POST that would do its work twice", async () => {
    double.hostile = [{ path: /./, act: "busy" }];
    await expect(open().operator.createKey("company", { scopes: ["read"] })).rejects.toMatchObject({ code: "busy" });
    expect(double.requests.length).toBe(1);
  });

  it("that the exchange refuses is not repeated, and carries its code", async () => {
    const wrong = "bw_00000000000000bb_wrongwrongwrongwrongwrongwrong";
    const refusal: unknown = await open(wrong)
      .listSets()
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "api_key_invalid" });
    expect(JSON.stringify(refusal) + String(refusal)).not.toContain("wrongwrong");
    expect(double.requests.length).toBe(1);
  });

  it("is tried once while nothing answers, and with patience again after an answer", async () => {
    let asked = 0;
    let isUp = false;
    const call = makeCall({
      origin: "https://exchange.example",
      fetch: async () => {
        asked++;
        if (isUp) return new Response("{}");
        throw new TypeError("connection refused");
      },
      sleep: async () => undefined,
    });
    const tries = async () => {
      asked = 0;
      await call.bytes({ path: "/" }).catch((error: unknown) => expect(error).toMatchObject({ code: "fetch_failed" }));
      return asked;
    };
    // Each set of a sync would otherwise wait as long as the first one.
    expect([await tries(), await tries(), await tries()]).toEqual([ATTEMPTS, 1, 1]);
    isUp = true;
    expect(await tries()).toBe(1);
    isUp = false;
    expect(await tries()).toBe(ATTEMPTS);
  });

  it("has patience with an exchange that has just come back and is busy", async () => {
    const answers = ["away", "away", "away", "away", "away", "busy", "busy", "fine"];
    const call = makeCall({
      origin: "https://exchange.example",
      fetch: async () => {
        const answer = answers.shift();
        if (answer === "busy") return new Response(null, { status: 503, headers: { "retry-after": "1" } });
        if (answer === "fine") return new Response("{}");
        throw new TypeError("connection refused");
      },
      sleep: async () => undefined,
    });
    await expect(call.bytes({ path: "/" })).rejects.toMatchObject({ code: "fetch_failed" });
    expect((await call.bytes({ path: "/" })).status).toBe(200);
    expect(answers).toEqual([]);
  });

  it("that stalls beside others that are answered, or may not be repeated, says nothing of the exchange", async () => {
    let asked = 0;
    const call = makeCall({
      origin: "https://exchange.example",
      fetch: async (url) => {
        asked++;
        if (String(url).endsWith("/fine")) return new Response("{}");
        throw new TypeError("connection reset");
      },
      sleep: async () => void (await call.bytes({ path: "/fine" })),
    });
    const tries = async (method: "GET" | "POST") => {
      asked = 0;
      await call.bytes({ method, path: "/stalls" }).catch(() => undefined);
      return asked;
    };
    expect(await tries("POST")).toBe(1);
    const withWaits = 2 * ATTEMPTS - 1;
    expect([await tries("GET"), await tries("GET")]).toEqual([withWaits, withWaits]);
  });

  it("never follows a redirect: it would carry the key along", async () => {
    let asked = 0;
    const fetchOnce: typeof fetch = async (_url, init) => {
      asked++;
      expect(init?.redirect).toBe("error");
      throw new TypeError("redirect mode is error");
    };
    const call = makeCall({
      origin: "https://exchange.example",
      apiKey: TEST_API_KEY,
      fetch: fetchOnce,
      sleep: async () => undefined,
    });
    await expect(call.bytes({ path: "/v1/sets" })).rejects.toMatchObject({ code: "fetch_failed" });
    expect(asked).toBe(ATTEMPTS);
  });

  it("that gets a proxy's page has the status's meaning and none of the page's words", async () => {
    double.hostile = [{ path: /./, act: "page" }];
    const refusal: unknown = await open()
      .listSets()
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "internal", detail: { http_status: 502 } });
    expect(JSON.stringify(refusal)).not.toContain("gateway");
  });

  it("does not read past its ceiling, announced or not", async () => {
    double.hostile = [{ path: /./, act: "endless" }];
    await expect(open().getBlob(`sha256:${"0".repeat(64)}`, 1_000)).rejects.toMatchObject({ code: "answer_too_large" });
    expect(double.requests.length).toBe(1);
  });

  it("that stands still is given up", async () => {
    double.hostile = [{ path: /./, act: "hang" }];
    await expect(open().listSets()).rejects.toMatchObject({ code: "fetch_failed" });
  });
});

describe("an answer", () => {
  const Shape = z.strictObject({ a: z.number(), list: z.array(z.strictObject({ b: z.string() })) });
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)) as Uint8Array<ArrayBuffer>;

  it("may say more than this build knows, at any depth", () => {
    expect(parseAnswer(Shape, bytes({ a: 1, new: true, list: [{ b: "x", newer: 1 }] }))).toEqual({
      a: 1,
      list: [{ b: "x" }],
    });
  });

  it("that lacks something is refused, and names the member only", () => {
    expect(() => parseAnswer(Shape, bytes({ a: "secret", new: 1, list: [] }))).toThrowError(
      expect.objectContaining({
        code: "answer_invalid",
        detail: { reason: "members", members: expect.arrayContaining(["a"]) },
      }),
    );
  });

  it("that is not JSON is refused", () => {
    expect(() => parseAnswer(Shape, new TextEncoder().encode("<html>") as Uint8Array<ArrayBuffer>)).toThrowError(
      expect.objectContaining({ code: "answer_invalid" }),
    );
  });
});
