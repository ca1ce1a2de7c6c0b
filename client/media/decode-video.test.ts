import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decodeVideo, VideoUndecoded } from "./decode-video.ts";

const FAKE = fileURLToPath(new URL("../testing/fake-decoder.mjs", import.meta.url));
const fake = (mode: string) => ({ decoder: { command: process.execPath, args: [FAKE, mode] } });
/** Much more than a pipe holds. */
const UNREAD_BYTES = 8 * 1024 * 1024;
const unread = () => ({ bytes: new Uint8Array(UNREAD_BYTES) });

/** Of each decoder that was started, whether its input is closed: until then the system may still read from our bytes. */
let inputs: { isClosed: boolean; isPipe: boolean }[];
const watch = (message: unknown) => {
  const { process: child } = message as { process: ChildProcess };
  // It is told of before it is started, and has its streams right after.
  queueMicrotask(() => {
    const input = { isClosed: false, isPipe: child.stdin instanceof Writable };
    child.stdin?.once("close", () => {
      input.isClosed = true;
    });
    inputs.push(input);
  });
};
beforeEach(() => {
  inputs = [];
  subscribe("child_process", watch);
});
afterEach(() => {
  unsubscribe("child_process", watch);
});

it.each(["three", "failing", "nothing"])("nothing of the bytes is in a pipe once it ends: %s", async (mode) => {
  try {
    for await (const frame of decodeVideo("mp4", unread(), fake(mode))) expect(frame.width).toBe(64);
  } catch (error) {
    expect(error).toBeInstanceOf(VideoUndecoded);
  }
  expect(inputs).toEqual([{ isClosed: true, isPipe: true }]);
});

it("nor once no more frames are asked for, nor once it is stopped, nor where there is no decoder", async () => {
  for await (const _ of decodeVideo("mp4", unread(), fake("three"))) break;
  const stop = new AbortController();
  const stopped = decodeVideo("mp4", unread(), { ...fake("hanging"), signal: stop.signal }).next();
  stop.abort(new Error("stopped by the test"));
  await expect(stopped).rejects.toThrow("stopped by the test");
  const nowhere = { decoder: { command: fileURLToPath(new URL("./nowhere", import.meta.url)), args: [] } };
  await expect(decodeVideo("mp4", unread(), nowhere).next()).rejects.toMatchObject({ fault: "no_decoder" });
  expect(inputs).toEqual([1, 2, 3].map(() => ({ isClosed: true, isPipe: true })));
});
