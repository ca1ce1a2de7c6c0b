/** Which sets can be looked up at all, and in which indexes: one a tier, and one for each set that is open by name only. */

import type { Tier as MemberTier } from "../platform/caller.ts";
import type { Queries } from "../platform/db.ts";

export type LookupSet = {
  id: number;
  publisher: string;
  name: string;
  stream: string;
  tier: "test" | "agreed" | "vetted" | "named";
  headRelease: number;
  headRecall: number;
};

/**
 * Hash sets with a release. Not those of harmful but legal material: nobody gets these who did not ask for the set, and
 * an index is for whoever is of a tier.
 */
export async function listSources({ sql }: Queries): Promise<LookupSet[]> {
  return sql<LookupSet[]>`
    select id::float8 as id, publisher, name, stream, audience_tier as tier, head_release as "headRelease",
      head_recall as "headRecall"
    from sets where kind = 'hash' and head_release > 0 and stream <> 'harmful_but_legal' order by id`;
}

const TIERS_SEEN: Record<MemberTier, readonly LookupSet["tier"][]> = {
  test: ["test"],
  agreed: ["test", "agreed"],
  vetted: ["test", "agreed", "vetted"],
};

export type IndexSource = { name: string; tier: LookupSet["tier"]; sets: LookupSet[] };

/** Every index that there should be. Of a tier's, the sets that each member of the tier may read, and no other. */
export function indexesOf(sets: readonly LookupSet[]): IndexSource[] {
  const tiers = (Object.keys(TIERS_SEEN) as MemberTier[]).map(
    (tier): IndexSource => ({ name: tier, tier, sets: sets.filter((set) => TIERS_SEEN[tier].includes(set.tier)) }),
  );
  const named = sets
    .filter(({ tier }) => tier === "named")
    .map((set): IndexSource => ({ name: namedIndex(set), tier: "named", sets: [set] }));
  return [...tiers, ...named].filter((source) => source.sets.length > 0);
}

export function namedIndex({ publisher, name }: { publisher: string; name: string }): string {
  return `named.${publisher}.${name}`;
}

/** Pure: the base name and the bits that an index's name on the wire says; undefined when it says neither. */
export function parseIndexName(text: string): { name: string; bits: number } | undefined {
  const [, name, bits] = /^(.+)-b(\d{1,2})$/.exec(text) ?? [];
  return name === undefined || bits === undefined ? undefined : { name, bits: Number(bits) };
}

/** The tiers of sets that may stand in an index of this tier, as the database writes a list. */
export function tiersIn(tier: LookupSet["tier"]): readonly string[] {
  return tier === "named" ? ["named"] : TIERS_SEEN[tier];
}
