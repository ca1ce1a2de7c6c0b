/** A publisher's first root: root keys made here, the release key here or at the exchange, posted and pinned. */

import { join } from "node:path";
import { LogOrigin, type Publisher } from "@breakwater/shared/ids.ts";
import { type PublicJwk, parsePublicJwk, thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type OpenedRoot, openRoot, ROOT_LIFETIME_SECONDS, Root, signRoot } from "@breakwater/shared/root.ts";
import type { RootAnswer } from "@breakwater/shared/wire/sets.ts";
import type { Exchange } from "../http/index.ts";
import { createSigningKeyFile, type KeyFile, listSigningKeys } from "../profile/key-files.ts";
import { type Pin, writePin } from "../profile/pins.ts";
import { readPrivateFile, writePrivateFile } from "../profile/private-files.ts";
import { noteStatement } from "./journal.ts";

export type RootOptions = {
  exchange: Pick<Exchange, "getPublisher" | "postRoot" | "origin">;
  profileDir: string;
  publisher: Publisher;
  custody: "member" | "exchange";
  /** How many root keys, and how many of them must sign. */
  rootKeys?: number;
  threshold?: number;
  /** The home log; otherwise the one that the exchange's name gives. */
  log?: string;
  now: Date;
};

export type MadeRoot = Pin & { rootKids: string[]; releaseKids: string[] };

/**
 * Makes what is missing and posts the first root. Keys and a signed root that a run before this one made are used
 * again, so a run that was stopped anywhere leaves neither orphans nor a root that nobody pinned.
 *
 * @throws ExchangeError `conflict` when the publisher has a root already, `custody_mismatch`
 */
export async function createRoot(options: RootOptions): Promise<MadeRoot> {
  const { exchange, profileDir, publisher, custody } = options;
  const known = await exchange.getPublisher(publisher);
  if (known.custody !== custody) throw new ExchangeError("custody_mismatch", { have: known.custody });
  const held = await findSigned(profileDir, publisher);
  if (known.root_version > 0 && known.root_digest !== held?.digest) {
    throw new ExchangeError("conflict", { reason: "root_exists", version: known.root_version });
  }
  const signed = held ?? (await signFirst(options, known.release_key));
  const { digest, root } = signed;
  await sendRoot(options, signed);
  return { version: 1, digest, rootKids: root.roles.root.kids, releaseKids: root.roles.release.kids };
}

/**
 * Notes the root, posts it and pins it. What is pinned is what was made here, not what the exchange says that it took.
 * Doing it again after a crash anywhere does nothing a second time.
 */
export async function sendRoot(
  { exchange, profileDir, now }: Pick<RootOptions, "profileDir" | "now"> & { exchange: Pick<Exchange, "postRoot"> },
  { bytes, digest, root }: OpenedRoot,
): Promise<RootAnswer> {
  const { publisher, version } = root;
  const noted = {
    at: now.toISOString(),
    how: "signed",
    typ: "bw-root+jws",
    publisher,
    number: version,
    digest,
  } as const;
  await noteStatement(profileDir, noted);
  const answer = await exchange.postRoot(publisher, bytes);
  if (answer.digest !== digest) throw new ExchangeError("root_pin", { reason: "answer" });
  await writePin(profileDir, publisher, { version, digest });
  return answer;
}

/** Signs the root and keeps it before it is posted: a run that lost the answer posts the same bytes again. */
async function signFirst(options: RootOptions, offered: unknown): Promise<OpenedRoot> {
  const { exchange, profileDir, publisher, now, rootKeys = 1, threshold = 1 } = options;
  const roots = await takeKeys(profileDir, "root", rootKeys);
  const release = await releaseKeyOf(options, offered);
  const releaseKid = await thumbprint(release);
  const keys = Object.fromEntries([
    ...roots.map(({ kid, publicJwk }) => [kid, publicJwk] as const),
    [releaseKid, release],
  ]);
  const iat = Math.floor(now.getTime() / 1000);
  const root = Root.parse({
    exp: iat + ROOT_LIFETIME_SECONDS,
    iat,
    keys,
    logs: [options.log ?? logOriginOf(exchange.origin)],
    prev: null,
    publisher,
    roles: {
      release: { kids: [releaseKid], threshold: 1 },
      root: { kids: roots.map(({ kid }) => kid).sort(), threshold },
    },
    version: 1,
  });
  const opened = await openRoot(await signRoot(root, roots));
  await writePrivateFile(signedRootPath(profileDir, publisher, 1), opened.bytes);
  return opened;
}

async function findSigned(profileDir: string, publisher: string): Promise<OpenedRoot | undefined> {
  const bytes = await readPrivateFile(signedRootPath(profileDir, publisher, 1));
  return bytes === undefined ? undefined : openRoot(bytes);
}

/** A signed root is kept here before it is posted. */
export function signedRootPath(profileDir: string, publisher: string, version: number): string {
  return join(profileDir, "keys", `${publisher}.root-${version}.jws`);
}

async function releaseKeyOf({ custody, profileDir }: RootOptions, offered: unknown): Promise<PublicJwk> {
  if (custody === "exchange") return parsePublicJwk(offered);
  const [key] = await takeKeys(profileDir, "release", 1);
  return (key as KeyFile).publicJwk;
}

async function takeKeys(profileDir: string, use: "root" | "release", count: number): Promise<KeyFile[]> {
  const keys = (await listSigningKeys(profileDir, use)).slice(-count);
  while (keys.length < count) keys.push(await createSigningKeyFile(profileDir, use));
  return keys;
}

/** An exchange on this machine has no name that a log could carry; it stands under a reserved one. */
export const LOCAL_LOG_ORIGIN = "localhost.example/log1";

function logOriginOf(origin: string): string {
  const derived = LogOrigin.safeParse(`${new URL(origin).hostname}/log1`);
  return derived.success ? derived.data : LOCAL_LOG_ORIGIN;
}
