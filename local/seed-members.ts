// The demo's organisations, people and API keys, made as an operator makes them: over HTTP. Each step looks first at what is there, so a start
// that was killed half way is simply gone on with.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Exchange, openExchange } from "@breakwater/client/http/index.ts";
import { findProfile, type Profile, writeProfile } from "@breakwater/client/profile/profile.ts";
import { bootstrapOperator } from "@breakwater/exchange/members/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import postgres from "postgres";
import type { RunningExchange } from "./exchange.ts";
import { SEED_PUBLISHER } from "./seed-data.ts";

type Operator = Exchange["operator"];
type NewMember = Parameters<Operator["addMember"]>[0];
type Scope = Parameters<Operator["createKey"]>[1]["scopes"][number];

export type MemberName = "operator" | "hotline" | "company" | "sme" | "flaggers";

type SeedMember = Omit<NewMember, "name"> & { name: Exclude<MemberName, "operator">; scopes: Scope[] };

export const SEED_MEMBERS: readonly SeedMember[] = [
  {
    name: "hotline",
    title: "Example Hotline",
    roles: ["publisher", "hotline"],
    tier: "vetted",
    publisher: SEED_PUBLISHER,
    custody: "exchange",
    scopes: ["read", "publish", "hotline"],
  },
  { name: "company", title: "Example Company", roles: ["subscriber"], tier: "vetted", scopes: ["read"] },
  { name: "sme", title: "Small Shop", roles: ["sme", "subscriber"], tier: "agreed", scopes: ["read"] },
  {
    name: "flaggers",
    title: "Example Flaggers",
    roles: ["flagger"],
    tier: "test",
    hotline: "hotline",
    scopes: ["read"],
  },
];

/** Two analysts, because nothing is published by one person alone; the second one also publishes and approves. */
export const ANALYSTS = [
  { name: "A. Analyst", roles: ["analyst"] },
  { name: "B. Senior", roles: ["analyst", "publisher", "administrator"] },
] as const;

export type Members = { profiles: Record<MemberName, Profile>; people: Record<string, string> };

export async function seedMembers(home: string, exchange: RunningExchange): Promise<Members> {
  const { profile: operatorProfile, personId } = await openOperator(home, exchange);
  const { operator } = openClient(operatorProfile);
  const present = new Set((await operator.listMembers()).map(({ name }) => name));
  const profiles: Partial<Record<MemberName, Profile>> = { operator: operatorProfile };
  for (const { scopes, ...member } of SEED_MEMBERS) {
    if (!present.has(member.name)) await operator.addMember(member);
    profiles[member.name] = await keepProfile(
      home,
      exchange.url,
      member,
      async () => (await operator.createKey(member.name, { scopes })).api_key,
    );
  }
  const people = await seedPeople(operator);
  return {
    profiles: profiles as Members["profiles"],
    people: { ...people, ...(personId ? { Operator: personId } : {}) },
  };
}

async function seedPeople(operator: Operator): Promise<Record<string, string>> {
  const held = new Map((await operator.listPeople("hotline")).map(({ name, person_id }) => [name, person_id]));
  const people: Record<string, string> = {};
  for (const { name, roles } of ANALYSTS)
    people[name] = held.get(name) ?? (await operator.addPerson("hotline", { name, roles: [...roles] })).person_id;
  return people;
}

/** The one account that nobody can admit over HTTP: it is made beside the exchange, by whoever owns the machine. */
async function openOperator(
  home: string,
  exchange: RunningExchange,
): Promise<{ profile: Profile; personId: string | undefined }> {
  const make = async () => {
    const sql = postgres(exchange.databaseUrl, { max: 1, onnotice: () => {}, fetch_types: false });
    try {
      return await bootstrapOperator(sql, new Date(), (length) => new Uint8Array(randomBytes(length)));
    } finally {
      await sql.end();
    }
  };
  const profile = await keepProfile(home, exchange.url, { name: "operator" }, async () => (await make()).apiKey);
  const people = await openClient(profile).operator.listPeople("operator");
  return { profile, personId: people[0]?.person_id };
}

/** The member's profile for the command, with its key. A key that is no longer known (a database made anew) is replaced. */
async function keepProfile(
  home: string,
  url: string,
  member: { name: MemberName; publisher?: string | undefined },
  makeKey: () => Promise<string>,
): Promise<Profile> {
  const dir = join(home, "profiles", member.name);
  const held = await findProfile(dir);
  const apiKey = held && (await isKnown({ ...held, exchange: url })) ? held.apiKey : await makeKey();
  const profile: Profile = {
    dir,
    exchange: url,
    member: member.name,
    ...(member.publisher ? { publisher: member.publisher } : {}),
    apiKey,
    stateDir: held?.stateDir ?? join(dir, "state"),
  };
  await writeProfile(profile);
  return profile;
}

async function isKnown(profile: Profile): Promise<boolean> {
  try {
    await openClient(profile).listSets();
    return true;
  } catch (error) {
    if (error instanceof ExchangeError && error.code.startsWith("api_key_")) return false;
    throw error;
  }
}

export function openClient({ exchange, apiKey }: Pick<Profile, "exchange" | "apiKey">): Exchange {
  return openExchange({ origin: exchange, apiKey });
}
