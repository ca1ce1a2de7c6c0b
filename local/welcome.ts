// What a start ends with: a file for programs (demo.json) and a page of words for the person at the terminal.
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { LogInfo } from "@breakwater/shared/wire/log.ts";
import type { DemoSite } from "./demo-site.ts";
import { writePrivate } from "./home.ts";
import { PICTURES } from "./pictures.ts";
import type { Seeded } from "./seed.ts";
import { SEED_PUBLISHER } from "./seed-data.ts";
import { ANALYSTS, openClient, SEED_MEMBERS } from "./seed-members.ts";

/** Whose link demo.json carries: the one person who assesses, publishes and approves. */
const CONSOLE_PERSON = "B. Senior";

export type Demo = {
  exchange: string;
  members: { name: string; publisher?: string; roles: string[]; apiKey: string }[];
  sets: { publisher: string; set: string; kind: string }[];
  flaggerInvite: string;
  /** `checkpoint` and `tile/…` lie under `url`. */
  log: LogInfo;
  console: string;
};

export type Links = Record<string, string>;

/** One-time sign-in links, fresh at every start: an old one may have been used or have ended. */
export async function mintLinks(seeded: Seeded): Promise<Links> {
  const { operator } = openClient(seeded.profiles.operator);
  const links: Links = {};
  for (const [name, id] of Object.entries(seeded.people)) links[name] = (await operator.makeSignInLink(id)).url;
  return links;
}

/** Where the exchange says that its log lies. */
export async function readLogInfo(exchange: string): Promise<LogInfo> {
  const answer = await fetch(`${exchange}/.well-known/breakwater.json`);
  const { log } = (await answer.json()) as { log: unknown };
  return LogInfo.parse(log);
}

export function writeDemo(
  home: string,
  { seeded, links, invite, log }: { seeded: Seeded; links: Links; invite: string; log: LogInfo },
): void {
  const roles = new Map(SEED_MEMBERS.map((member) => [member.name as string, member.roles]));
  const members = Object.entries(seeded.profiles).map(([name, { publisher, apiKey }]) => ({
    name,
    ...(publisher ? { publisher } : {}),
    roles: roles.get(name) ?? ["operator"],
    apiKey,
  }));
  const demo: Demo = {
    exchange: seeded.profiles.operator.exchange,
    members,
    sets: seeded.sets,
    flaggerInvite: invite,
    log,
    console: links[CONSOLE_PERSON] as string,
  };
  writePrivate(join(home, "demo.json"), `${JSON.stringify(demo, null, 2)}\n`);
  // For curl -H @file: the key stands neither in a process list nor in a shell's history.
  for (const { dir, apiKey } of Object.values(seeded.profiles))
    writePrivate(join(dir, "authorization"), `Authorization: Bearer ${apiKey}\n`);
}

/** What an earlier start wrote, if any. */
export function findDemo(home: string): Demo | undefined {
  const path = join(home, "demo.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Demo) : undefined;
}

export type Welcome = {
  home: string;
  seeded: Seeded;
  links: Links;
  invite: string;
  site: DemoSite;
  extension: string;
  seconds: number;
};

export function formatWelcome({ home, seeded, links, invite, site, extension, seconds }: Welcome): string {
  const here = process.env.INIT_CWD ?? process.cwd();
  const at = (path: string) => {
    const short = relative(here, path);
    return short.startsWith("..") || short.length >= path.length ? path : short;
  };
  const { exchange, dir } = seeded.profiles.company;
  const drawing = PICTURES.find(({ listed }) => listed)?.name;
  const set = `${exchange}/v1/sets/${SEED_PUBLISHER}/verified`;
  const people = ANALYSTS.map(({ name, roles }) => `      ${name} (${roles.join(", ")})\n        ${links[name]}`);
  return `
Breakwater is up at ${exchange} after ${seconds.toFixed(1)} s. All data is synthetic. Ctrl-C stops it.

  Hotline: the console. Each link works once, for 15 minutes; every start prints new ones.
${people.join("\n")}
      Operator
        ${links.Operator}

  Company: a verified copy of the sets, then a picture of the demo page against it.
      BREAKWATER_CONFIG=${at(dir)} npx breakwater sync
      curl -sO ${site.url}pictures/${drawing}.png
      BREAKWATER_CONFIG=${at(dir)} npx breakwater match ${drawing}.png

  Small company: curl is enough.
      curl -s -H @${at(join(seeded.profiles.sme.dir, "authorization"))} '${set}/changes?limit=2'

  Anybody: the log of everything that publishers signed.
      curl -s ${exchange}/log/checkpoint

  Flagger: the browser extension, and a page to report from.
      In Chromium open chrome://extensions, switch on "Developer mode", choose "Load unpacked" and this folder:
        ${extension}
      Exchange     ${exchange}
      Invite code  ${invite}   (72 hours, once; the demo approves it by itself)
      Demo page    ${site.url}

  For programs, all of this is in ${at(join(home, "demo.json"))}.
`;
}
