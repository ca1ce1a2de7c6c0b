/** The next version of a root: what changes, as a pure function, and in words that a signer can check. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import type { Kid } from "@breakwater/shared/ids.ts";
import { type PublicJwk, thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type OpenedRoot, ROOT_LIFETIME_SECONDS, Root } from "@breakwater/shared/root.ts";

export type RoleChange = { add?: readonly PublicJwk[]; remove?: readonly string[]; threshold?: number };
export type RootChange = { root?: RoleChange; release?: RoleChange; log?: string };

/**
 * The root after `previous`, not signed yet. A change of nothing is allowed: it renews the root's time.
 *
 * @param now - integer seconds
 * @throws ExchangeError `not_found` for a key that is to go and is not there, `root_invalid` for what no root may be
 */
export async function nextRoot(previous: OpenedRoot, change: RootChange, now: number): Promise<Root> {
  const before = previous.root;
  const added = [...(change.root?.add ?? []), ...(change.release?.add ?? [])];
  const known = new Map<string, PublicJwk>(Object.entries(before.keys));
  for (const jwk of added) known.set(await thumbprint(jwk), jwk);
  const roles = {
    release: await changeRole(before.roles.release, change.release),
    root: await changeRole(before.roles.root, change.root),
  };
  const kids = [...roles.release.kids, ...roles.root.kids];
  const parsed = Root.safeParse({
    exp: now + ROOT_LIFETIME_SECONDS,
    // A clock that runs behind the last signer's must not make the new root older than the one it replaces.
    iat: Math.max(now, before.iat),
    keys: Object.fromEntries(kids.map((kid) => [kid, known.get(kid)])),
    logs: [change.log ?? before.logs[0]],
    prev: previous.digest,
    publisher: before.publisher,
    roles,
    version: before.version + 1,
  });
  if (!parsed.success) {
    const path = `/${parsed.error.issues[0]?.path.join("/") ?? ""}`;
    throw new ExchangeError("root_invalid", { path, reason: parsed.error.issues[0]?.message ?? "shape" });
  }
  return parsed.data;
}

async function changeRole(
  before: { kids: readonly string[]; threshold: number },
  { add = [], remove = [], threshold }: RoleChange = {},
): Promise<{ kids: string[]; threshold: number }> {
  for (const kid of remove) {
    if (!before.kids.includes(kid)) throw new ExchangeError("not_found", { reason: "no_such_key_in_the_root", kid });
  }
  const more = await Promise.all(add.map(thumbprint));
  const kids = new Set([...before.kids.filter((kid) => !remove.includes(kid)), ...more]);
  // Fewer keys than have to sign could never sign again; a threshold that was not asked about stays as near as it can.
  return { kids: [...kids].sort(), threshold: threshold ?? Math.max(1, Math.min(before.threshold, kids.size)) };
}

export type RoleDiff = { added: Kid[]; removed: Kid[]; kept: Kid[]; threshold: [before: number, after: number] };
export type RootDiff = {
  publisher: string;
  version: number;
  previous: Digest;
  root: RoleDiff;
  release: RoleDiff;
  /** null: the home log stays. */
  log: string | null;
  exp: number;
};

/** What a person signs, told from the two documents and from nothing that the proposer says about them. */
export function describeRoot(previous: OpenedRoot, next: Root): RootDiff {
  return {
    publisher: next.publisher,
    version: next.version,
    previous: previous.digest,
    root: diffRole(previous.root.roles.root, next.roles.root),
    release: diffRole(previous.root.roles.release, next.roles.release),
    log: previous.root.logs[0] === next.logs[0] ? null : (next.logs[0] as string),
    exp: next.exp,
  };
}

type Role = { kids: Kid[]; threshold: number };

function diffRole(before: Role, after: Role): RoleDiff {
  return {
    added: after.kids.filter((kid) => !before.kids.includes(kid)),
    removed: before.kids.filter((kid) => !after.kids.includes(kid)),
    kept: after.kids.filter((kid) => before.kids.includes(kid)),
    threshold: [before.threshold, after.threshold],
  };
}
