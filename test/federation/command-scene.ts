/** The real exchange and the real command: profiles that are logged in, a publisher with a set, files to give them. */

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { aboutOfKind, ndjsonOf, rowOf, testHashEntry } from "../../client/testing/entries.ts";
import { type Ran, type RunOptions, runCommand } from "../../client/testing/run-command.ts";
import { type ServedExchange, serveExchange } from "./served-exchange.ts";

export type CommandScene = Awaited<ReturnType<typeof openCommandScene>>;

export async function openCommandScene() {
  const served: ServedExchange = await serveExchange();
  const dir = await mkdtemp(join(tmpdir(), "breakwater-scene-"));
  const profileOf = (name: string) => join(dir, name);

  /** Runs the command as it is; the exchange's clock, which a test turns by hand, is set to now first. */
  function run(profile: string, args: string[], options: Partial<RunOptions> = {}): Promise<Ran> {
    served.exchange.clock.set(new Date());
    return runCommand(args, { profile: profileOf(profile), ...options });
  }

  async function done(profile: string, ...args: string[]): Promise<Ran> {
    const ran = await run(profile, args);
    expect(ran, `${args.join(" ")}\n${ran.stderr}${ran.stdout}`).toMatchObject({ code: 0 });
    return ran;
  }

  /** The command's one JSON object. */
  async function json<T = Record<string, unknown>>(profile: string, ...args: string[]): Promise<T> {
    const { stdout } = await done(profile, ...args, "--json");
    return JSON.parse(stdout.trim().split("\n").at(-1) as string) as T;
  }

  async function file(name: string, text: string): Promise<string> {
    const path = join(dir, name);
    await writeFile(path, text);
    return path;
  }

  async function login(profile: string, key: string, ...more: string[]): Promise<void> {
    const ran = await run(profile, ["login", "--exchange", served.origin, ...more], { stdin: `${key}\n` });
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
  }

  /** Everything of a profile, copies included, on a machine of its own: a second one of ours, or a thief's. */
  async function copyProfile(from: string, to: string): Promise<void> {
    await cp(profileOf(from), profileOf(to), { recursive: true });
    const path = join(profileOf(to), "profile.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replaceAll(profileOf(from), profileOf(to)), { mode: 0o600 });
  }

  async function publisher(name: string, custody: "member" | "exchange" = "member"): Promise<string> {
    const { key } = await served.exchange.member({
      name,
      roles: ["publisher"],
      tier: "vetted",
      publisher: `${name}.example`,
      custody,
      scopes: ["read", "publish"],
    });
    await login(name, key, "--member", name, "--publisher", `${name}.example`);
    return `${name}.example`;
  }

  async function subscriber(name: string, publisherName: string): Promise<void> {
    const { key } = await served.exchange.member({ name, roles: ["subscriber"], tier: "vetted", scopes: ["read"] });
    await login(name, key, "--member", name);
    await done(name, "pin", publisherName, "--digest", await pinOf(publisherName));
  }

  async function pinOf(publisherName: string): Promise<string> {
    const name = publisherName.split(".")[0] as string;
    const root = await served.exchange.request(`/v1/publishers/${publisherName}/roots/1`, {
      key: JSON.parse(await readFile(join(profileOf(name), "profile.json"), "utf8")).api_key,
    });
    return (root.headers.get("etag") as string).slice(1, -1);
  }

  /** A list of the entries with these numbers, and the description for a first release. */
  const list = (name: string, ...numbers: number[]) =>
    file(name, ndjsonOf(numbers.map((n) => rowOf(testHashEntry(n)))));

  /** Root, set and release 1 with these entries. */
  async function publishFirst(name: string, ...numbers: number[]): Promise<void> {
    await done(name, "set", "create", "verified", "--kind", "hash", "--stream", "test", "--tier", "test");
    const about = await file(`${name}-about.json`, JSON.stringify(aboutOfKind("hash")));
    await done(
      name,
      "publish",
      "--set",
      "verified",
      "--from",
      await list(`${name}-1.ndjson`, ...numbers),
      "--about",
      about,
    );
  }

  return {
    served,
    exchange: served.exchange,
    dir,
    profileOf,
    run,
    done,
    json,
    file,
    login,
    copyProfile,
    publisher,
    subscriber,
    list,
    publishFirst,
    async close() {
      await served.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
