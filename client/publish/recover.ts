/** Recovery from a stolen release key: what was released without us, a root without the key, our own state on top. */

import { join } from "node:path";
import type { About } from "@breakwater/shared/about.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import type { Digest, Kid } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openRelease, parseStatement, type ReleaseLink } from "@breakwater/shared/release.ts";
import { type OpenedRoot, openPinnedRoot } from "@breakwater/shared/root.ts";
import { writePrivateFile } from "../profile/private-files.ts";
import { type Copy, openCopy } from "../sync/copy.ts";
import { evidenceDir, setDir } from "../sync/paths.ts";
import { updateRoots } from "../sync/roots.ts";
import { walkStatements } from "../sync/statements.ts";
import { isOwn, journalPath, noteStatement, readJournal } from "./journal.ts";
import type { ListSource } from "./list.ts";
import { entriesOf, findSigner, type PublisherContext, type StreamedEntries } from "./own-set.ts";
import { findPending } from "./pending.ts";
import { planList } from "./plan.ts";
import { finishPending, sendComposed } from "./publish.ts";

export type ForeignRelease = { release: number; digest: string; iat: number; root: number };

/** What a look at the set found, before anything is signed. */
export type Damage = {
  root: OpenedRoot;
  /** The newest release that the exchange has, whoever made it: the one that a recovery continues. */
  head: ReleaseLink & { kids: Kid[] };
  /** From the first that this profile's journal does not know: whatever came after stands on it. */
  foreign: (ForeignRelease & { envelope: Uint8Array })[];
  /** Release keys of today's root that signed one of them: they must go before anything else. */
  stolen: Kid[];
  /** The own copy, when no foreign release is in it and no own one is missing from it. */
  good: GoodCopy | undefined;
};
export type GoodCopy = Pick<Copy, "link" | "manifest" | "entries">;

/**
 * Looks at the chain from the own copy to the exchange's newest release, and tells which of it this profile made.
 *
 * @param ownUntil - up to this number a person says that the releases are the publisher's own (another machine, the console)
 * @throws ExchangeError `release_fork`, `release_chain` when the chain is not one, `copy_missing` for a set without a release
 */
export async function findDamage(context: PublisherContext, ownUntil = 0): Promise<Damage> {
  const { exchange, profileDir, stateDir, setId, pin } = context;
  if (pin === undefined) throw new ExchangeError("root_pin", { reason: "not_pinned" });
  const root = await updateRoots(exchange, stateDir, setId.publisher, pin);
  const copy = await openCopy(stateDir, setId).catch((error: unknown) => {
    if (error instanceof ExchangeError && error.code === "copy_damaged") return undefined;
    throw error;
  });
  copy?.close(); // it was sound; it is opened again when its rows are needed
  const head = await openByAnyRoot(context, await exchange.getHead(setId), root);
  const after = await walkStatements(exchange, setId, copy?.link, head);
  const journal = await readJournal(journalPath(profileDir));
  const isOurs = ({ digest, statement }: ReleaseLink) => isOwn(journal, digest) || statement.release <= ownUntil;
  const chain: ReleaseLink[] = copy === undefined ? after : [copy.link, ...after];
  const first = chain.findIndex((link) => !isOurs(link));
  const foreign = first === -1 ? [] : chain.slice(first);
  // A copy that an own release has not reached yet would bring back what that one took out, an erased entry even.
  const lags = copy !== undefined && (first === -1 ? after.length > 0 : first > 1);
  const envelopes = await Promise.all(foreign.map(({ statement }) => fetchEnvelope(context, statement.release)));
  const signers = foreign.flatMap((link, at) => (isOurs(link) ? [] : kidsOf(envelopes[at] as Uint8Array)));
  const listed: readonly string[] = root.root.roles.release.kids;
  return {
    root,
    head,
    foreign: foreign.map(({ statement: { release, iat, root: version }, digest }, at) => ({
      ...{ release, digest, iat, root: version },
      envelope: envelopes[at] as Uint8Array,
    })),
    stolen: [...new Set(signers)].filter((kid) => listed.includes(kid)),
    good: copy !== undefined && isOurs(copy.link) && !lags ? copy : undefined,
  };
}

async function fetchEnvelope({ exchange, setId }: PublisherContext, release: number): Promise<Uint8Array> {
  const bytes = await exchange.findRelease(setId, release);
  if (bytes === undefined) throw new ExchangeError("release_gap", { reason: "statement_missing", release });
  return bytes;
}

function kidsOf(bytes: Uint8Array): Kid[] {
  return parseEnvelope(bytes).protectedHeaders.map(({ kid }) => kid);
}

/** The head by the root that it names: after a rotation the thief's release stands under a root that is no longer the newest. */
async function openByAnyRoot({ exchange, setId }: PublisherContext, bytes: Uint8Array, newest: OpenedRoot) {
  const { root: version } = parseStatement(parseEnvelope(bytes).payloadBytes);
  let root = newest;
  while (root.root.version > version && root.root.prev !== null) {
    const before = root.root.version - 1;
    const older = await exchange.findRoot(setId.publisher, before);
    if (older === undefined) throw new ExchangeError("root_missing", { version: before });
    root = await openPinnedRoot(older, { version: before, digest: root.root.prev }, { strict: false });
  }
  return openRelease(bytes, root, { strict: false });
}

/** @property drop - removes what it keeps on the disk, once it is composed or given up */
export type GoodState = { about: About; entries: StreamedEntries; from: "copy" | "list"; drop: () => Promise<void> };

/** What was said in the publisher's name, kept: it proves the theft, and the exchange may lose it. */
export async function keepForeign({ stateDir, setId }: PublisherContext, { foreign }: Damage): Promise<string> {
  const dir = evidenceDir(setDir(stateDir, setId));
  for (const { digest, envelope } of foreign)
    await writePrivateFile(join(dir, `${digest.replace(":", "-")}.jws`), envelope);
  return dir;
}

/** What the set should hold: the own copy from before the theft. @throws ExchangeError `copy_missing` when there is none */
export function stateOfCopy({ stateDir, setId }: PublisherContext, good: GoodCopy | undefined): GoodState {
  if (good === undefined) throw new ExchangeError("copy_missing", { reason: "the_copy_is_not_the_last_own_state" });
  async function* lines() {
    const copy = await openCopy(stateDir, setId);
    try {
      if (copy === undefined || copy.link.digest !== good?.link.digest) throw new ExchangeError("copy_missing");
      yield* entriesOf(copy).lines();
    } finally {
      copy?.close();
    }
  }
  const entries = { count: good.entries, lines };
  return { about: good.manifest.about, entries, from: "copy", drop: async () => undefined };
}

/**
 * What the set should hold: a list that a person gives. An entry that the copy knows by its natural key keeps its id.
 *
 * @throws RowsInvalid
 */
export async function stateOfList(
  { stateDir, setId, random }: PublisherContext,
  list: ListSource,
  about: About,
  good: GoodCopy | undefined,
): Promise<GoodState> {
  const copy = good === undefined ? undefined : await openCopy(stateDir, setId);
  try {
    const plan = await planList({ stateDir, setId, kind: about.kind, copy, list, random });
    const entries = { count: plan.entries, lines: plan.lines };
    return { about, entries, from: "list", drop: plan.drop };
  } finally {
    copy?.close();
  }
}

export type Recovered = { release: number; digest: string; entries: number; resumed: boolean };

/**
 * The recovery release: continues the thief's last number, lists no deltas, so that every holder loads the snapshot whole.
 *
 * @throws ExchangeError `release_root` while a stolen key is still listed, `release_closed` when the thief ended the set
 */
export async function releaseRecovery(context: PublisherContext, damage: Damage, state: GoodState): Promise<Recovered> {
  const { now } = context;
  if (damage.stolen.length > 0) throw new ExchangeError("release_root", { reason: "a_stolen_key_is_still_listed" });
  const signer = await findSigner(context, damage.root);
  await disown(context, damage);
  const { statement, digest } = damage.head;
  const input = {
    previous: { statement, digest },
    entries: state.entries,
    changes: [],
    about: state.about,
    rootVersion: damage.root.root.version,
    // The thief may have dated the last release a few minutes ahead; a release is never older than the one before.
    now: Math.max(Math.floor(now.getTime() / 1000), statement.iat),
    purpose: "recovery" as const,
  };
  const sent = await sendComposed(context, signer, input, { added: 0, changed: 0, removed: 0 });
  return { release: sent.release, digest: sent.digest, entries: sent.entries, resumed: false };
}

/** From here on the monitor knows them, and is quiet about them. */
async function disown({ profileDir, setId, now }: PublisherContext, { foreign }: Damage): Promise<void> {
  for (const { release: number, digest } of foreign) {
    const named = { ...setId, number, digest: digest as Digest };
    await noteStatement(profileDir, { at: now.toISOString(), how: "disowned", typ: "bw-release+jws", ...named });
  }
}

/** Sends a recovery that an earlier run composed. A pending publication of another kind is finished all the same. */
export async function finishRecovery(context: PublisherContext): Promise<Recovered | undefined> {
  const pending = await findPending(context.stateDir, context.setId);
  if (pending === undefined) return undefined;
  const release = await finishPending(context);
  if (release === null) return undefined;
  return { release, digest: pending.digest, entries: pending.entries, resumed: true };
}
