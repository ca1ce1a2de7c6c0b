import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  aboutOfKind,
  ndjsonOf,
  rowOf,
  testHashEntry,
  testIndicatorEntry,
  testTermEntry,
  testUrlEntry,
} from "../../client/testing/entries.ts";
import { type Ran, runCommand } from "../../client/testing/run-command.ts";
import { type ServedExchange, serveExchange } from "./served-exchange.ts";

// Each command is a process of its own; a dozen of them on two busy cores take their time.
vi.setConfig({ testTimeout: 240_000 });

let served: ServedExchange;
let dir: string;
beforeAll(async () => {
  served = await serveExchange();
  dir = await mkdtemp(join(tmpdir(), "breakwater-command-"));
});
afterAll(async () => {
  await served.close();
  await rm(dir, { recursive: true, force: true });
});

const profileOf = (name: string) => join(dir, name);
const run = (profile: string, ...args: string[]) => runCommand(args, { profile: profileOf(profile) });

async function done(profile: string, ...args: string[]): Promise<Ran> {
  const ran = await run(profile, ...args);
  expect(ran, `${args.join(" ")}\n${ran.stderr}${ran.stdout}`).toMatchObject({ code: 0 });
  return ran;
}

async function fileOf(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text);
  return path;
}

async function login(profile: string, key: string, ...more: string[]): Promise<void> {
  const ran = await runCommand(["login", "--exchange", served.origin, ...more], {
    profile: profileOf(profile),
    stdin: `${key}\n`,
  });
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
  expect(ran.stdout + ran.stderr).not.toContain(key);
}

/** Admits a member and logs its profile in with a key that only ever passes through pipes. */
async function admit(name: string, scopes: string, ...options: string[]): Promise<void> {
  await done("operator", "operator", "members", "add", name, ...options);
  const made = await done("operator", "operator", "keys", "create", name, "--scope", scopes);
  const publisher = options[options.indexOf("--publisher") + 1];
  await login(
    name,
    made.stdout.trim(),
    "--member",
    name,
    ...(options.includes("--publisher") ? ["--publisher", publisher as string] : []),
  );
}

async function pinFor(profile: string, publisher: string, from: string): Promise<void> {
  const pins = JSON.parse(await readFile(join(profileOf(from), "pins.json"), "utf8")) as Record<
    string,
    { digest: string }
  >;
  await done(profile, "pin", publisher, "--digest", pins[publisher]?.digest as string);
}

describe("the command against the real exchange", () => {
  it("logs the operator in and admits members", async () => {
    await login("operator", served.exchange.operatorKey);
    await admit(
      "hotline",
      "read,publish,hotline",
      "--role",
      "publisher,hotline",
      "--tier",
      "vetted",
      "--publisher",
      "hotline.example",
      "--custody",
      "exchange",
    );
    await admit(
      "ngo",
      "read,publish",
      "--role",
      "publisher",
      "--tier",
      "vetted",
      "--publisher",
      "ngo.example",
      "--custody",
      "member",
    );
    await admit("company", "read", "--role", "subscriber", "--tier", "vetted");
    const listed = await done("operator", "operator", "members", "list", "--json");
    expect(
      listed.stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { name: string }).name),
    ).toEqual(expect.arrayContaining(["hotline", "ngo", "company"]));
  });

  it.each([
    ["hotline", "hotline.example", "exchange"],
    ["ngo", "ngo.example", "member"],
  ])("%s publishes, a company follows, withdraws and the company's copy loses it", async (name, publisher, custody) => {
    await done(name, "root", "create", "--custody", custody);
    await done(name, "set", "create", "verified", "--kind", "hash", "--stream", "test", "--tier", "test");
    const about = await fileOf(`${name}-about.json`, JSON.stringify(aboutOfKind("hash")));
    const rows = [0, 1, 2, 3].map((n) => rowOf(testHashEntry(n)));
    const list = await fileOf(`${name}-list.ndjson`, ndjsonOf(rows));
    const first = await done(name, "publish", "--set", "verified", "--from", list, "--about", about);
    expect(first.stdout).toContain("release 1  +4 ~0 −0");
    const again = await done(name, "publish", "--set", "verified", "--from", list);
    expect(again.stdout).toContain("nothing to publish: release 1 has this list");

    await pinFor("company", publisher, name);
    const synced = await done("company", "sync", `${publisher}/verified`);
    expect(synced.stdout).toMatch(/release 1 {2}\+4 ~0 −0 {2}4 entries verified/);

    const changed = await fileOf(`${name}-more.ndjson`, ndjsonOf([...rows.slice(1), rowOf(testHashEntry(8))]));
    const refused = await run(name, "publish", "--set", "verified", "--from", changed);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain("confirmation_missing");
    const second = await done(name, "publish", "--set", "verified", "--from", changed, "--yes", "verified");
    expect(second.stdout).toContain("release 2  +1 ~0 −1");

    const value = await fileOf(`${name}-values.txt`, `${testHashEntry(8).value}\n`);
    const withdrawn = await done(name, "withdraw", "--set", "verified", "--value-file", value, "--reason", "adult");
    expect(withdrawn.stdout).toContain("release 3  −1");
    const followed = await done("company", "sync", "--json");
    const line = followed.stdout
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .find(({ set }) => set === `${publisher}/verified`);
    expect(line).toMatchObject({ outcome: "updated", release: 3, entries: 3, added: 0, removed: 1 });
    const exported = await done("company", "export", `${publisher}/verified`, "--format", "ndjson");
    expect(exported.stdout).not.toContain(testHashEntry(8).value);
    expect(exported.stdout.trim().split("\n").length).toBe(3);
  });

  it("publishes and follows sets of every kind", async () => {
    const sets = [
      ["terms-en", "term", testTermEntry],
      ["adverts", "url", testUrlEntry],
      ["trends", "indicator", testIndicatorEntry],
    ] as const;
    for (const [set, kind, entry] of sets) {
      await done("hotline", "set", "create", set, "--kind", kind, "--stream", "test", "--tier", "test");
      const about = await fileOf(`${set}-about.json`, JSON.stringify(aboutOfKind(kind)));
      const list = await fileOf(`${set}.ndjson`, ndjsonOf([1, 2].map((n) => rowOf(entry(n)))));
      await done("hotline", "publish", "--set", set, "--from", list, "--about", about);
    }
    const synced = await done("company", "sync");
    for (const [set] of sets) expect(synced.stdout).toContain(`hotline.example/${set}`);
    const addresses = await done("company", "export", "hotline.example/adverts", "--format", "csv");
    expect(addresses.stdout).toContain("hxxps://forum1[.]example/t/1");
    expect(addresses.stdout).not.toMatch(/https?:\/\//);
    const status = await done("company", "status", "--ascii");
    expect(status.stdout).toMatch(/hotline\.example\/trends\s+ok\s+1/);
  });

  it("sets a hotline's agent up and makes an invite that the operator approves", async () => {
    await done(
      "operator",
      "operator",
      "members",
      "add",
      "flaggers",
      "--role",
      "flagger",
      "--tier",
      "test",
      "--hotline",
      "hotline",
    );
    await done("hotline", "hotline", "agent", "init");
    await done("hotline", "hotline", "agent", "init");
    const invite = await done("hotline", "hotline", "agent", "invite", "flaggers");
    expect(invite.stdout.trim()).toMatch(/^bwi_[0-9a-f]{32}_[\w-]{43}_[\w-]{64}$/);
    const id = invite.stdout.split("_")[1] as string;
    const refused = await run("hotline", "operator", "invites", "approve", id);
    expect(refused.code).toBe(5);
    await done("operator", "operator", "invites", "approve", id);
    await done("hotline", "hotline", "agent", "run", "--once", "--auto-approve");
  });

  it("makes sign-in links, shows audit and retention, ends keys", async () => {
    const person = await done(
      "operator",
      "operator",
      "people",
      "add",
      "hotline",
      "A. Analyst",
      "--role",
      "analyst",
      "--json",
    );
    const { person_id } = JSON.parse(person.stdout) as { person_id: string };
    const link = await done("operator", "operator", "sign-in-link", person_id);
    expect(link.stdout.trim()).toMatch(new RegExp(`^${served.origin}/sign-in#[\\w-]{43}$`));
    expect((await done("operator", "operator", "people", "list", "hotline")).stdout).toContain("A. Analyst");
    expect((await done("operator", "operator", "audit")).stdout).toContain("action");
    expect((await done("operator", "operator", "retention")).stdout).toContain("kept");
    const made = JSON.parse(
      (await done("operator", "operator", "keys", "create", "company", "--scope", "read", "--json")).stdout,
    ) as { key_id: string };
    const rotated = JSON.parse(
      (await done("operator", "operator", "keys", "rotate", "company", made.key_id, "--json")).stdout,
    ) as { key_id: string; api_key: string };
    await login("later", rotated.api_key);
    await done("operator", "operator", "keys", "revoke", "company", rotated.key_id);
    const ended = await run("later", "sets");
    expect(ended).toMatchObject({ code: 5 });
    expect(ended.stderr).toMatch(/code {2}api_key_(revoked|invalid)/);
    expect(ended.stderr).not.toContain(rotated.api_key);
  });
});
