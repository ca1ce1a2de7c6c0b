/** Who may see what (DESIGN rule 10): the tiers, how wide a set's content allows it to go, and who is inside an audience. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SetKind, Stream } from "@breakwater/shared/vocab/sets.ts";
import { AUDIENCE_TIERS, type AudienceTier } from "@breakwater/shared/wire/sets.ts";
import type { MemberRole, Tier } from "../platform/caller.ts";

/** Algorithms whose hashes tell nothing but whether two files are the same; everything else is similarity, and says more. */
const EXACT_ALGS: ReadonlySet<string> = new Set(["md5", "sha1", "sha256", "sha512"]);

/** The widest tier that any set of the kind can have, before its entries are known. */
const KIND_FLOOR: Record<SetKind, AudienceTier> = {
  hash: "agreed",
  term: "vetted",
  url: "vetted",
  indicator: "agreed",
};

const rankOf = (tier: AudienceTier): number => AUDIENCE_TIERS.indexOf(tier);

export function narrower(a: AudienceTier, b: AudienceTier): AudienceTier {
  return rankOf(a) >= rankOf(b) ? a : b;
}

/** The floor of a set without entries: synthetic test material may go anywhere, anything else to agreed members at most. */
export function floorOfSet({ kind, stream }: { kind: SetKind; stream: Stream }): AudienceTier {
  return stream === "test" ? "test" : KIND_FLOOR[kind];
}

/** What a set's description adds: whoever is linked to it as a person is protected by naming the readers. */
export function floorOfAbout({ stream }: { stream: Stream }, about: { person_linked: boolean }): AudienceTier {
  return stream !== "test" && about.person_linked ? "named" : "test";
}

/** The parts of an entry that say how far it may travel. */
export type Travelling = { alg?: unknown; url?: unknown; text?: unknown };

export function floorOfEntry({ kind, stream }: { kind: SetKind; stream: Stream }, entry: Travelling): AudienceTier {
  if (stream === "test") return "test";
  if (kind === "hash") return EXACT_ALGS.has(String(entry.alg)) ? "agreed" : "vetted";
  // An address in clear leads to the material; its digest only recognises it.
  if (kind === "url") return entry.url === undefined ? "vetted" : "named";
  // A term is given as a keyed digest where it names a person.
  if (kind === "term") return entry.text === undefined ? "named" : "vetted";
  return "agreed";
}

/** @throws ExchangeError `audience_too_wide` */
export function requireAudience(tier: AudienceTier, floor: AudienceTier): void {
  if (rankOf(tier) < rankOf(floor)) throw new ExchangeError("audience_too_wide", { tier, widest: floor });
}

/** @throws ExchangeError `stream_role` */
export function requireStreamRole(stream: Stream, roles: readonly MemberRole[]): void {
  if (stream === "harmful_but_legal" && !roles.includes("authorised_body")) {
    throw new ExchangeError("stream_role", { needs_role: "authorised_body" });
  }
}

/** The tiers that a member sees without being named. */
export function tiersOf(tier: Tier): AudienceTier[] {
  return AUDIENCE_TIERS.filter((audience) => audience !== "named" && rankOf(audience) <= rankOf(tier));
}

export type Reader = { member: string; tier: Tier; publisher: string | undefined };
export type Audience = { publisher: string; tier: AudienceTier; members: readonly string[] };

/** Deny by default: a `named` set is seen by those it names and by its own publisher, whatever their tier. */
export function isInAudience(reader: Reader, audience: Audience): boolean {
  if (reader.publisher === audience.publisher) return true;
  if (audience.tier === "named") return audience.members.includes(reader.member);
  return tiersOf(reader.tier).includes(audience.tier);
}
