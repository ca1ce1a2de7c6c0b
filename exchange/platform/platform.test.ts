/** Bindings, objects, events, the signer's binding and kill points. */
import { digestOf, hexOf, sha256, utf8Of } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { describe, expect, it } from "vitest";
import { append } from "../audit/index.ts";
import worker from "../worker.ts";
import { parseBindings } from "./bindings.ts";
import type { Tx } from "./db.ts";
import { type EventLine, isLoggable, makeEvents } from "./events.ts";
import { makeKillPoint } from "./kill-points.ts";
import { memoryObjects } from "./memory-objects.ts";
import { answerRpc, type SignerRpc, signerOver } from "./signer.ts";

const method = () => {};
const BUCKET = { get: method, put: method, head: method, list: method, delete: method };
const SIGNER = { publicKeys: method, signRelease: method, signRecall: method, signReceipt: method };
const LOG_SIGNER = { vkey: method, head: method, signCheckpoint: method };
const ENV = {
  DATABASE_URL: "postgres://test-user:test-secret@db.example/test",
  BLOBS: BUCKET,
  SIGNER,
  LOG_SIGNER,
  EXCHANGE_ORIGIN: "https://exchange.example",
  EXCHANGE_NAME: "Test Exchange",
};

describe("bindings", () => {
  it("become configuration", () => {
    const { config, databaseUrl } = parseBindings(ENV);
    expect(config).toMatchObject({ origin: "https://exchange.example", secure: true });
    expect(databaseUrl).toBe(ENV.DATABASE_URL);
    const { DATABASE_URL, ...rest } = ENV;
    expect(parseBindings({ ...rest, HYPERDRIVE: { connectionString: DATABASE_URL } }).databaseUrl).toBe(DATABASE_URL);
  });
  it.each([
    ["EXCHANGE_ORIGIN", { EXCHANGE_ORIGIN: "https://exchange.example/" }],
    ["EXCHANGE_ORIGIN", { EXCHANGE_ORIGIN: "exchange.example" }],
    ["EXCHANGE_ORIGIN", { EXCHANGE_ORIGIN: "javascript:alert(1)" }],
    ["EXCHANGE_NAME", { EXCHANGE_NAME: "" }],
    ["HYPERDRIVE", { DATABASE_URL: undefined }],
    ["HYPERDRIVE", { HYPERDRIVE: { connectionString: ENV.DATABASE_URL } }],
    ["DATABASE_URL", { DATABASE_URL: "mysql://test-secret@db.example" }],
    ["BLOBS", { BLOBS: undefined }],
    ["BLOBS", { BLOBS: {} }],
    ["SIGNER", { SIGNER: "test-secret" }],
    ["LOG_SIGNER", { LOG_SIGNER: undefined }],
    ["LOG_ORIGIN", { LOG_ORIGIN: "https://test-secret.example/log1" }],
    ["KILL_URL", { KILL_URL: "x" }],
  ])("refuse a wrong %s by its name and never by its value", (name, change) => {
    try {
      parseBindings({ ...ENV, ...change });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "config_invalid", detail: { bindings: [name] } });
      expect(JSON.stringify((error as ExchangeError).detail)).not.toContain("secret");
    }
  });
  it("that cannot be read refuse all traffic, health checks included", async () => {
    for (const path of ["/healthz", "/v1/sets", "/"]) {
      const request = new Request(`https://exchange.example${path}`);
      const response = await worker.fetch(
        request as never,
        { EXCHANGE_ORIGIN: "x" } as never,
        { waitUntil: method } as never,
      );
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: "config_invalid" });
      expect(response.headers.get("retry-after")).not.toBeNull();
    }
  });
});

describe("objects in memory", () => {
  const bytes = utf8Of("test");
  it("check the digest and the size before they write", async () => {
    const objects = memoryObjects();
    await expect(objects.put("a", bytes, { sha256Hex: "0".repeat(64) })).rejects.toMatchObject({
      code: "blob_digest_mismatch",
    });
    await expect(objects.put("a", bytes, { size: 5 })).rejects.toMatchObject({ code: "blob_size_mismatch" });
    expect(objects.keys()).toEqual([]);
    expect(await objects.put("a", bytes, { sha256Hex: hexOf(await sha256(bytes)), size: 4 })).toBe("created");
    const stored = await objects.get("a");
    expect(new Uint8Array(await new Response(stored?.body).arrayBuffer())).toEqual(bytes);
  });
  it("create once when asked to, and fail the test that rewrites", async () => {
    const objects = memoryObjects();
    expect(await objects.put("a", bytes, { ifAbsent: true })).toBe("created");
    expect(await objects.put("a", utf8Of("other"), { ifAbsent: true })).toBe("exists");
    await expect(objects.put("a", utf8Of("other"))).rejects.toThrow(/immutable/);
    expect(await objects.put("a", bytes)).toBe("created");
    await objects.put("state/a", bytes);
    expect(await objects.put("state/a", utf8Of("other"))).toBe("created");
    expect(await digestOf(objects.bytes("state/a") as Uint8Array)).toBe(await digestOf(utf8Of("other")));
  });
  it("break in both ways that a store can", async () => {
    const objects = memoryObjects();
    objects.breakNextPut("failed_and_not_written", "b");
    await objects.put("a", bytes);
    await expect(objects.put("b", bytes)).rejects.toMatchObject({ code: "busy" });
    expect(objects.keys()).toEqual(["a"]);
    objects.breakNextPut("failed_but_written");
    await expect(objects.put("b", bytes)).rejects.toMatchObject({ code: "busy" });
    expect(objects.keys()).toEqual(["a", "b"]);
  });
  it("list by prefix, in order, page by page", async () => {
    const objects = memoryObjects();
    for (let at = 0; at < 1_001; at += 1) await objects.put(`p/${String(at).padStart(4, "0")}`, bytes);
    await objects.put("q/0", bytes);
    const first = await objects.list("p/");
    expect(first.objects).toHaveLength(1_000);
    const second = await objects.list("p/", first.cursor);
    expect(second).toMatchObject({ objects: [{ key: "p/1000", size: 4 }] });
    expect(second.cursor).toBeUndefined();
  });
});

describe("events", () => {
  it("hold ids and codes; what is neither is withheld", () => {
    const lines: EventLine[] = [];
    const events = makeEvents(
      (line) => void lines.push(line),
      () => new Date(0),
    );
    events.write("test", { id: "0123abcd", route: "/v1/sets/:publisher/:set", count: 3, none: undefined });
    events.write("test", {
      a: "https://forum.example/thread",
      b: "test term 0001",
      c: "name@mail.example",
      d: "www.forum.example",
      e: "x".repeat(129),
    });
    expect(lines[0]).toEqual({
      at: "1970-01-01T00:00:00.000Z",
      event: "test",
      id: "0123abcd",
      route: "/v1/sets/:publisher/:set",
      count: 3,
    });
    for (const name of ["a", "b", "c", "d", "e"]) expect(lines[1]?.[name]).toBe("[withheld]");
  });
  it("and the audit record know the same difference", async () => {
    expect(isLoggable("hotline.example/verified")).toBe(true);
    const actor = { kind: "system", id: "exchange" } as const;
    const tx = {} as Tx;
    for (const entry of [
      { action: "Set created" },
      { action: "set.created", subject: "https://forum.example/" },
      { action: "set.created", code: "two words" },
    ]) {
      await expect(append(tx, { at: new Date(0), actor, ...entry })).rejects.toThrow(TypeError);
    }
  });
});

describe("the signer's binding", () => {
  const rpc = (work: () => Promise<never>) =>
    signerOver({ signReceipt: () => answerRpc(work) } as unknown as SignerRpc);
  it("carries refusals with their code and detail", async () => {
    const signer = rpc(() => Promise.reject(new ExchangeError("release_rollback", { have: 7 })));
    await expect(signer.signReceipt(new Uint8Array())).rejects.toMatchObject({
      code: "release_rollback",
      detail: { have: 7 },
    });
  });
  it("carries nothing of any other error", async () => {
    const signer = rpc(() => Promise.reject(new Error("test-secret")));
    const error = await signer.signReceipt(new Uint8Array()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "internal", detail: {} });
  });
  it("that is away is away, and not a refusal", async () => {
    const signer = signerOver({
      signReceipt: () => Promise.reject(new Error("no such binding")),
    } as unknown as SignerRpc);
    await expect(signer.signReceipt(new Uint8Array())).rejects.toMatchObject({ code: "signer_unavailable" });
  });
});

describe("kill points", () => {
  const config = { killAt: undefined, killUrl: undefined };
  it("do nothing unless one is named", async () => {
    await makeKillPoint(config)("before_head_moves");
    await makeKillPoint({ ...config, killAt: "after_head_moved" })("before_head_moves");
  });
  it("never go on past the named one", async () => {
    const killPoint = makeKillPoint({ ...config, killAt: "before_head_moves", killUrl: "http://127.0.0.1:9/" });
    const late = new Promise((resolve) => setTimeout(() => resolve("still there"), 200));
    expect(await Promise.race([killPoint("before_head_moves").then(() => "went on"), late])).toBe("still there");
  });
});
