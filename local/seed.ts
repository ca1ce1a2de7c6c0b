// Fills a new exchange with the demo's members and sets, and finds them again at later starts; only through HTTP and the client library.
import type { Profile } from "@breakwater/client/profile/profile.ts";
import type { RunningExchange } from "./exchange.ts";
import type { Say } from "./home.ts";
import { type MemberName, seedMembers } from "./seed-members.ts";
import { pinFor, type SeededSet, seedSets } from "./seed-sets.ts";

export type Seeded = {
  profiles: Record<MemberName, Profile>;
  /** Ids of people by name. */
  people: Record<string, string>;
  sets: SeededSet[];
};

export type SeedOptions = { home: string; exchange: RunningExchange; say: Say; signal: AbortSignal };

export async function seed({ home, exchange, say, signal }: SeedOptions): Promise<Seeded> {
  const { profiles, people } = await seedMembers(home, exchange);
  signal.throwIfAborted();
  const sets = await seedSets(profiles.hotline, say, signal);
  await pinFor([profiles.company, profiles.sme], profiles.hotline);
  return { profiles, people, sets };
}
