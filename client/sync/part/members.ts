/** The members of an entry line that are looked for, and how a key is told to be one of them. */

/** The members that an index needs, and `op`, which a delta's line has besides. */
export const MEMBERS = [
  "id",
  "op",
  "alg",
  "url",
  "why",
  "scope",
  "value",
  "quality",
  "expires_at",
  "url_digest",
  "verification",
  "ambiguous_bits",
] as const;
export type Member = (typeof MEMBERS)[number];

export const NAMES = MEMBERS.map((name) => new TextEncoder().encode(name));
export const LONGEST_NAME = Math.max(...NAMES.map((name) => name.length));
/** Which members have a name of this length; a key is compared with those alone. */
export const BY_LENGTH = Array.from({ length: LONGEST_NAME + 1 }, (_, length) =>
  NAMES.flatMap((name, member) => (name.length === length ? [member] : [])),
);
export const LEVEL = new TextEncoder().encode("level");
export const AT = Object.fromEntries(MEMBERS.map((name, at) => [name, at])) as Record<Member, number>;
export const VERIFICATION = AT.verification;
