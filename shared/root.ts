/** A publisher's keys: versions, each signed by a threshold of the last one's root keys and of its own (TUF 5.3). */

import { z } from "zod";
import { type Bytes, type Digest as DigestText, digestOf } from "./bytes.ts";
import { ENVELOPE_MAX_BYTES, openEnvelope, parseEnvelope, signEnvelope } from "./envelope.ts";
import { Digest, Kid, LogOrigin, Publisher } from "./ids.ts";
import { parseJcs } from "./jcs.ts";
import { PublicJwk, parsePublicJwk, type SigningKey, thumbprint } from "./keys.ts";
import { ExchangeError } from "./problem.ts";
import {
  CLOCK_SKEW_SECONDS,
  Counter,
  closed,
  DAY_SECONDS,
  type ObjectOf,
  open,
  type ParseOptions,
  parseWith,
  refuse,
  Seconds,
} from "./schema.ts";

export const ROOT_LIFETIME_SECONDS = 13 * 31 * DAY_SECONDS;
export const ROOT_LIFETIME_MAX_SECONDS = 25 * 31 * DAY_SECONDS;
export const ROOT_KEYS_MAX = 16;

const isSorted = (items: readonly string[]) => items.every((item, i) => i === 0 || (items[i - 1] as string) < item);

function rootSchema(object: ObjectOf) {
  const role = object({
    kids: z.array(Kid).min(1).max(ROOT_KEYS_MAX).refine(isSorted, "sorted, each once"),
    threshold: Counter,
  });
  return object({
    exp: Seconds,
    iat: Seconds,
    keys: z.record(Kid, PublicJwk),
    logs: z.array(LogOrigin).length(1),
    prev: Digest.nullable(),
    publisher: Publisher,
    roles: object({ release: role, root: role }),
    version: Counter,
  }).superRefine(checkRoot);
}

type RootShape = {
  exp: number;
  iat: number;
  keys: Record<string, PublicJwk>;
  prev: DigestText | null;
  roles: Record<"release" | "root", { kids: string[]; threshold: number }>;
  version: number;
};

function checkRoot(root: RootShape, context: z.RefinementCtx): void {
  const { release, root: rootRole } = root.roles;
  for (const role of [release, rootRole]) {
    if (role.threshold > role.kids.length) refuse(context, "roles", "threshold above the number of keys");
  }
  // A key with two roles would let one theft do the work of two.
  if (release.kids.some((kid) => rootRole.kids.includes(kid))) refuse(context, "roles", "key in two roles");
  const listed = [...release.kids, ...rootRole.kids].sort();
  const held = Object.keys(root.keys).sort();
  if (listed.join() !== held.join()) refuse(context, "keys", "keys and roles differ");
  if (root.exp <= root.iat || root.exp - root.iat > ROOT_LIFETIME_MAX_SECONDS) refuse(context, "exp", "lifetime");
  if ((root.version === 1) !== (root.prev === null)) refuse(context, "prev", "null for version 1 only");
}

export const Root = rootSchema(closed);
export type Root = z.output<typeof Root>;
const TolerantRoot = rootSchema(open);

/** A root that verified, its digest (of the payload) and the envelope as it came. */
export type OpenedRoot = { root: Root; digest: DigestText; bytes: Bytes };
/** What a subscriber holds out of band: never taken from an exchange alone. */
export type RootPin = { version: number; digest: DigestText };

async function parseRoot(value: unknown, { strict = true }: ParseOptions): Promise<Root> {
  const root = parseWith(strict ? Root : TolerantRoot, value, "root_invalid");
  for (const [kid, jwk] of Object.entries(root.keys)) {
    if ((await thumbprint(parsePublicJwk(jwk))) !== kid) throw new ExchangeError("root_invalid", { path: "/keys" });
  }
  return root;
}

/**
 * Open the next root, or the first (version 1, signed by itself) when there is no previous one.
 *
 * @returns the opened root; for the very root that is held already, the same again
 * @throws ExchangeError what openEnvelope throws, `root_invalid`, `key_invalid`, `signature_threshold`, and once the
 *   signatures hold: `root_rollback`, `root_fork`, `root_gap`, `root_chain`
 */
export async function openRoot(
  bytes: Uint8Array,
  previous?: OpenedRoot,
  options: ParseOptions = {},
): Promise<OpenedRoot> {
  const opened = await openSelfSigned(bytes, previous, options);
  if (previous !== undefined) checkSuccessor(previous, opened);
  else if (opened.root.version !== 1) throw new ExchangeError("root_gap", { have: 0, got: opened.root.version });
  return opened;
}

/** Open the root that was pinned, whatever its version. @throws ExchangeError also `root_pin` */
export async function openPinnedRoot(bytes: Uint8Array, pin: RootPin, options: ParseOptions = {}): Promise<OpenedRoot> {
  const opened = await openSelfSigned(bytes, undefined, options);
  if (opened.digest !== pin.digest || opened.root.version !== pin.version) throw new ExchangeError("root_pin");
  return opened;
}

async function openSelfSigned(
  bytes: Uint8Array,
  previous: OpenedRoot | undefined,
  options: ParseOptions,
): Promise<OpenedRoot> {
  // A root brings its own keys, so its payload is read once before it is believed: bounded, closed, and used for
  // nothing but to find the keys. What is returned is parsed again from the bytes that verified.
  const claimed = await parseRoot(parseJcs(parseEnvelope(bytes).payloadBytes), options);
  const roots = previous === undefined ? [claimed] : [previous.root, claimed];
  const keys = new Map(roots.flatMap((root) => root.roles.root.kids.map((kid) => [kid, keyOf(root, kid)] as const)));
  // The next root is signed by its own keys and the last one's, and by nobody else. Any other version also bears
  // signatures of keys that only its own predecessor lists: they are left out, and the thresholds must hold without.
  const isNext = claimed.version === (previous?.root.version ?? 0) + 1;
  const unknownKids = isNext ? "refuse" : "skip";
  const { payload, kids, digest } = await openEnvelope(bytes, "bw-root+jws", keys, 1, { unknownKids });
  for (const { roles } of roots) {
    const have = roles.root.kids.filter((kid) => kids.includes(kid)).length;
    if (have < roles.root.threshold) {
      throw new ExchangeError("signature_threshold", { have, threshold: roles.root.threshold });
    }
  }
  return { root: await parseRoot(payload, options), digest, bytes: Uint8Array.from(bytes) };
}

function keyOf(root: Root, kid: Kid): PublicJwk {
  const jwk = root.keys[kid];
  if (jwk === undefined) throw new ExchangeError("root_invalid", { path: "/keys" });
  return jwk;
}

function checkSuccessor(previous: OpenedRoot, next: OpenedRoot): void {
  if (next.root.publisher !== previous.root.publisher) throw new ExchangeError("root_chain", { reason: "publisher" });
  const [have, got] = [previous.root.version, next.root.version];
  if (got === have && next.digest === previous.digest) return;
  if (got === have) throw new ExchangeError("root_fork", { have, got });
  if (got < have) throw new ExchangeError("root_rollback", { have, got });
  if (got > have + 1) throw new ExchangeError("root_gap", { have, got });
  if (next.root.prev !== previous.digest) throw new ExchangeError("root_chain", { reason: "prev" });
}

/** @param now - integer seconds. @throws ExchangeError `root_expired`, `root_time` */
export function checkRootTimes(root: Root, now: number): void {
  if (root.iat > now + CLOCK_SKEW_SECONDS) throw new ExchangeError("root_time", { iat: root.iat });
  if (root.exp <= now) throw new ExchangeError("root_expired", { exp: root.exp });
}

/** The keys of one role, by kid, as openEnvelope wants them. */
export function roleKeys({ root }: OpenedRoot, role: "release" | "root"): Map<string, PublicJwk> {
  return new Map(root.roles[role].kids.map((kid) => [kid, keyOf(root, kid)]));
}

/** Sign a root. Pass the last version's root keys as well when it is not the first. */
export async function signRoot(root: Root, keys: readonly SigningKey[]): Promise<Bytes> {
  return signEnvelope("bw-root+jws", await parseRoot(root, {}), keys, { maxBytes: ENVELOPE_MAX_BYTES });
}

/** The digest that a pin and the next version's `prev` carry. */
export async function rootDigest(bytes: Uint8Array): Promise<DigestText> {
  return digestOf(parseEnvelope(bytes).payloadBytes);
}
