import { connect, type Socket } from "node:net";
import { MATCH_MEDIA_MAX_BYTES, MediaAnswer } from "@breakwater/shared/wire/match.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openActing } from "../controls/acting.ts";
import { openMatcher } from "../match/index.ts";
import { testHashEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { answerMedia } from "./answer-media.ts";
import { MEDIA_IN_FLIGHT_MAX_REQUESTS } from "./limits.ts";
import { type Daemon, serve } from "./serve.ts";
import { makeTurns } from "./turns.ts";

// A daemon starts two threads; on a machine that does much else that takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let scene: Scene;
let daemon: Daemon | undefined;
let sockets: Socket[];

beforeEach(async () => {
  scene = await openScene(2);
  await scene.sync();
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await daemon?.close();
  daemon = undefined;
  await scene.close();
});

async function start(): Promise<string> {
  daemon = await serve({
    profileDir: scene.dir,
    stateDir: scene.stateDir,
    listen: { host: "127.0.0.1", port: 0 },
    acceptMedia: true,
    maxAgeSeconds: 900,
    onFact: () => undefined,
  });
  return daemon.origin;
}

const FILE = new TextEncoder().encode("file 1");
const TYPE = { "content-type": "application/octet-stream" };
const send = (origin: string, body: BodyInit = FILE) =>
  fetch(`${origin}/v1/match/media`, { method: "POST", body, headers: TYPE, duplex: "half" } as RequestInit);
const inPieces = () =>
  new ReadableStream({
    start(controller) {
      for (const byte of FILE) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });

/** Says how much will come, and sends one byte of it. @returns once the daemon has taken its room */
const begin = (origin: string, bytes: number) => beginWith(origin, [`content-length: ${bytes}`, "", "x"]);
/** Sends one byte, and leaves open how much will come. */
const beginInPieces = (origin: string) => beginWith(origin, ["transfer-encoding: chunked", "", "1", "x", ""]);

async function beginWith(origin: string, rest: readonly string[]): Promise<Socket> {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => undefined);
  const head = ["POST /v1/match/media HTTP/1.1", "host: 127.0.0.1", "content-type: application/octet-stream"];
  socket.write([...head, ...rest].join("\r\n"));
  await new Promise((resolve) => setTimeout(resolve, 200));
  return socket;
}

describe("files in flight", () => {
  it("share one budget: past it the next is busy before it is read, and taken once there is room", async () => {
    const origin = await start();
    const first = await begin(origin, MATCH_MEDIA_MAX_BYTES - FILE.length + 1);
    const refused = await send(origin);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await refused.json()).toMatchObject({ code: "busy" });
    first.destroy();
    await vi.waitFor(async () => expect((await send(origin)).status).toBe(200), { timeout: 5_000, interval: 100 });
  });

  it("fit beside each other up to the last byte", async () => {
    const origin = await start();
    await begin(origin, MATCH_MEDIA_MAX_BYTES - FILE.length);
    expect((await send(origin)).status).toBe(200);
  });

  it("of an unknown length count as they come: small ones are served beside each other", async () => {
    const origin = await start();
    await begin(origin, MATCH_MEDIA_MAX_BYTES - 1_000);
    await beginInPieces(origin);
    const answers = await Promise.all(Array.from({ length: 4 }, () => send(origin, inPieces())));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    for (const answer of answers) {
      expect(MediaAnswer.parse(await answer.json()).hits).toMatchObject([{ how: { alg: "sha256" } }]);
    }
  });

  it("of an unknown length are busy once they grow past what the others leave", async () => {
    const origin = await start();
    const first = await begin(origin, MATCH_MEDIA_MAX_BYTES - FILE.length + 1);
    expect((await send(origin, inPieces())).status).toBe(503);
    first.destroy();
    await vi.waitFor(async () => expect((await send(origin, inPieces())).status).toBe(200), {
      timeout: 5_000,
      interval: 100,
    });
  });

  it("wait for their turn, as many as there may be, and all are answered", async () => {
    const origin = await start();
    const answers = await Promise.all(Array.from({ length: MEDIA_IN_FLIGHT_MAX_REQUESTS }, () => send(origin)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (let n = 0; n < MEDIA_IN_FLIGHT_MAX_REQUESTS; n++) await begin(origin, 1_000);
    expect((await send(origin)).status).toBe(503);
  });

  it("that are larger than any may be are refused before they are read", async () => {
    const origin = await start();
    const socket = await begin(origin, MATCH_MEDIA_MAX_BYTES + 1);
    const text = await new Promise<string>((resolve) => {
      let read = "";
      socket.on("data", (part) => {
        read += part;
        if (read.includes("max_bytes")) resolve(read);
      });
    });
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toContain(`"max_bytes":${MATCH_MEDIA_MAX_BYTES}`);
  });
});

it("a file's memory is given back when it is hashed, not when the collector comes", async () => {
  const matcher = await openMatcher(scene.stateDir, new Date());
  const acting = await openActing({ stateDir: scene.stateDir });
  const body = Uint8Array.from(FILE);
  const { answer } = await answerMedia({ matcher, acting }, { body }, new Date());
  expect(answer.hashes.sha256).toBe(testHashEntry(1).value);
  expect(body.buffer.detached).toBe(true);
  await acting.close();
  matcher.close();
});

describe("turns", () => {
  it("come one after the other, in order, also after one that failed", async () => {
    const turns = makeTurns();
    const seen: string[] = [];
    const work = (name: string, fail = false) =>
      turns(async () => {
        seen.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        seen.push(`${name} ends`);
        if (fail) throw new Error(name);
        return name;
      });
    const done = await Promise.allSettled([work("a"), work("b", true), work("c")]);
    expect(done.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });
});
