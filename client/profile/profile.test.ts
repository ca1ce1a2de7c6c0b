import { spawn } from "node:child_process";
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSigningKeyFile, listSigningKeys } from "./key-files.ts";
import { takeLock } from "./lock.ts";
import { readPins, writePin } from "./pins.ts";
import { createPrivateFile, writePrivateFile } from "./private-files.ts";
import { findProfile, openProfile, parseExchangeOrigin, profileDir, writeProfile } from "./profile.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "breakwater-profile-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const apiKey = "bw_00000000000000aa_testtesttesttesttesttesttesttest";

describe("a profile", () => {
  it("is written for its owner only and read back", async () => {
    const profile = {
      dir,
      exchange: "https://exchange.example",
      apiKey,
      stateDir: join(dir, "state"),
      member: "company",
    };
    await writeProfile(profile);
    expect(await openProfile(dir)).toEqual(profile);
    expect((await stat(join(dir, "profile.json"))).mode & 0o777).toBe(0o600);
    expect((await readdir(dir)).sort()).toEqual(["profile.json"]);
  });

  it("that others may read is refused, since they may have", async () => {
    await writeProfile({ dir, exchange: "https://exchange.example", apiKey, stateDir: "state" });
    await chmod(join(dir, "profile.json"), 0o644);
    await expect(findProfile(dir)).rejects.toMatchObject({
      code: "profile_invalid",
      detail: { reason: "readable_by_others" },
    });
  });

  it.each([
    ["not JSON", '{"api_key":"bw_secret'],
    [
      "unknown members",
      JSON.stringify({ exchange: "https://exchange.example", api_key: apiKey, state_dir: "s", extra: 1 }),
    ],
    [
      "a key of another form",
      JSON.stringify({ exchange: "https://exchange.example", api_key: "secret", state_dir: "s" }),
    ],
  ])("with %s is refused without repeating it", async (_what, text) => {
    await writeFile(join(dir, "profile.json"), text, { mode: 0o600 });
    const error: unknown = await findProfile(dir).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "profile_invalid" });
    expect(String(error) + JSON.stringify(error)).not.toContain("secret");
  });

  it("of a later version is told from a damaged one", async () => {
    const known = { exchange: "https://exchange.example", api_key: apiKey, state_dir: "s" };
    await writeFile(join(dir, "profile.json"), JSON.stringify({ ...known, later: 1 }), { mode: 0o600 });
    await expect(findProfile(dir)).rejects.toMatchObject({ detail: { reason: "newer" } });
    await writeFile(join(dir, "profile.json"), JSON.stringify({ ...known, api_key: 7, later: 1 }), { mode: 0o600 });
    await expect(findProfile(dir)).rejects.toMatchObject({ detail: { reason: "members" } });
  });

  it("that is missing says so", async () => {
    expect(await findProfile(dir)).toBeUndefined();
    await expect(openProfile(dir)).rejects.toMatchObject({ detail: { reason: "missing" } });
  });

  it("lies where the environment says", () => {
    expect(profileDir({ BREAKWATER_CONFIG: "/x" })).toBe("/x");
    expect(profileDir({ XDG_CONFIG_HOME: "/y" })).toBe("/y/breakwater");
    expect(profileDir({})).toMatch(/\.config\/breakwater$/);
  });

  it.each(["https://exchange.example", "http://127.0.0.1:8787", "http://localhost:1", "http://[::1]:9"])(
    "takes %s",
    (text) => {
      expect(parseExchangeOrigin(text)).toBe(text);
    },
  );

  it.each([
    "http://exchange.example",
    "ftp://exchange.example",
    "https://u:p@exchange.example",
    "https://exchange.example/v1",
    "exchange.example",
    "http://127.0.0.1.example",
  ])("does not send a key to %s", (text) => {
    expect(() => parseExchangeOrigin(text)).toThrowError(expect.objectContaining({ code: "profile_invalid" }));
  });
});

describe("files with secrets", () => {
  it("are replaced whole, and a key is never replaced", async () => {
    const path = join(dir, "keys", "a");
    await createPrivateFile(path, "first");
    await expect(createPrivateFile(path, "second")).rejects.toMatchObject({ code: "conflict" });
    await writePrivateFile(path, "third");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir, "keys"))).mode & 0o777).toBe(0o700);
  });

  it("hold keys in the order in which they were made", async () => {
    const made = [await createSigningKeyFile(dir, "release"), await createSigningKeyFile(dir, "release")];
    expect((await listSigningKeys(dir, "release")).map(({ kid }) => kid)).toEqual(made.map(({ kid }) => kid));
    expect(await listSigningKeys(dir, "root")).toEqual([]);
  });

  it("that are damaged are refused without repeating them", async () => {
    const { path } = await createSigningKeyFile(dir, "root");
    await writeFile(path, '{"d":"private"}');
    const error: unknown = await listSigningKeys(dir, "root").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "key_invalid" });
    expect(String(error) + JSON.stringify(error)).not.toContain("private");
  });

  it("hold pins; a list that cannot be read is not an empty one", async () => {
    const pin = { version: 1, digest: `sha256:${"a".repeat(64)}` } as const;
    await writePin(dir, "hotline.example", pin);
    expect(await readPins(dir)).toEqual({ "hotline.example": pin });
    await writeFile(join(dir, "pins.json"), "{");
    await expect(readPins(dir)).rejects.toMatchObject({ code: "profile_invalid" });
  });
});

describe("a lock", () => {
  it("is had by one at a time, and given back", async () => {
    const first = await takeLock(dir, "state", 0);
    expect(await takeLock(dir, "state", 0)).toBeUndefined();
    const second = takeLock(dir, "state", 5_000);
    await first?.release();
    expect(await second).toBeDefined();
  });

  it("of a process that has ended is taken over", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => child.on("exit", resolve));
    await writeFile(join(dir, "state.lock"), `${child.pid} 1\n`);
    expect(await takeLock(dir, "state", 0).then((lock) => lock ?? takeLock(dir, "state", 500))).toBeDefined();
  });

  it.runIf(process.platform === "linux")("of a number that another process uses now is taken over", async () => {
    await writeFile(join(dir, "state.lock"), `${process.pid} 1\n`);
    expect(await takeLock(dir, "state", 500)).toBeDefined();
  });
});
