import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isVpdq } from "@breakwater/shared/signals/carried.ts";
import { afterAll, expect, test, vi } from "vitest";
import { runCommand } from "../testing/run-command.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "breakwater-hash-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const video = join(folder, "upload-17.mp4");
writeFileSync(video, Buffer.from("\0\0\0\u0018ftypisom\0\0\0\0isommp42", "latin1"));

/** A program as a user would name one. */
function decoder(mode: string): string {
  const path = join(folder, `decoder-${mode}`);
  const fake = fileURLToPath(new URL("../testing/fake-decoder.mjs", import.meta.url));
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${fake}" ${mode} "$@"\n`);
  chmodSync(path, 0o700);
  return path;
}
const run = (args: string[], program: string) =>
  runCommand(args, { profile: join(folder, "profile"), env: { BREAKWATER_FFMPEG: program } });

test("hash --json prints a video's vPDQ as an entry holds it, with how many frames it was made of", async () => {
  const { stdout, code } = await run(["hash", video, "--json"], decoder("three"));
  const { vpdq, vpdq_missing, media_type } = JSON.parse(stdout);
  expect(code).toBe(0);
  expect([media_type, vpdq_missing]).toEqual(["video", undefined]);
  expect(vpdq).toMatchObject({ frames: 3, sampled: 3, whole: true });
  expect(isVpdq(vpdq.value)).toBe(true);
});

test("hash shows the value where hashes are asked for whole", async () => {
  const [short, full] = [
    await run(["hash", video], decoder("three")),
    await run(["hash", "--full", video], decoder("three")),
  ];
  expect(short.stdout).toContain("3 different frames in 3 seconds");
  expect(short.stdout).not.toMatch(/[0-9a-f]{64},/);
  expect(full.stdout).toMatch(/[0-9a-f]{64},\d+,0;/);
});

test("hash says which program is missing and how to get it, and prints the digests all the same", async () => {
  const told = JSON.parse((await run(["hash", video, "--json"], join(folder, "nowhere"))).stdout);
  expect(told).toMatchObject({ vpdq_missing: "no_decoder", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(told.next).toMatch(/ffmpeg.*Install/);
  const { stderr, code } = await run(["hash", video], join(folder, "nowhere"));
  expect(stderr).toMatch(/ffmpeg.*Install/);
  expect(code).toBe(0);
});

test("hash says why a broken video has none, in a word", async () => {
  const { stdout, code } = await run(["hash", video], decoder("failing"));
  expect(stdout).toContain("vPDQ     none: damaged");
  expect(stdout).not.toContain("secret");
  expect(code).toBe(0);
});
