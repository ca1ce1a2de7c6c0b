/** A publisher's view of its own set: the verified copy at the newest release, and who signs the next. */

import type { SetId } from "@breakwater/shared/ids.ts";
import { parsePublicJwk, type SigningKey, thumbprint } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import type { SetAnswer } from "@breakwater/shared/wire/sets.ts";
import type { Exchange } from "../http/index.ts";
import { listSigningKeys } from "../profile/key-files.ts";
import type { Pin } from "../profile/pins.ts";
import { type Copy, findCurrent, openCopy } from "../sync/copy.ts";
import { updateRoots } from "../sync/roots.ts";
import type { CopyRows } from "../sync/rows.ts";
import { takeNewest } from "../sync/sync-set.ts";
import { findOwnStatements } from "./journal.ts";

export type PublisherContext = {
  exchange: Exchange;
  profileDir: string;
  stateDir: string;
  setId: SetId;
  pin: Pin | undefined;
  now: Date;
  random: (length: number) => Uint8Array;
  /** `read`: rows of the list; `packed`: entries in finished files; `blobs`: files sent; `rows`: rows admitted. */
  onProgress?: (what: "read" | "packed" | "blobs" | "rows" | "sync", done: number, total: number) => void;
  /** A release that an earlier run had composed is admitted; what was asked for now comes after it. */
  onFinished?: (release: number) => void;
};

export type StreamedEntries = { count: number; lines: () => AsyncIterable<string> };

export type OwnSet = {
  answer: SetAnswer;
  root: OpenedRoot;
  /** undefined before release 1. */
  copy: Copy | undefined;
  custody: "member" | "exchange";
  /** Keys on this machine that the root's release role lists; empty when the exchange signs. */
  keys: SigningKey[];
};

/** The own set, with its copy's files held open as long as the work goes on. */
export async function withOwnSet<T>(context: PublisherContext, work: (own: OwnSet) => Promise<T>): Promise<T> {
  const own = await openOwnSet(context);
  try {
    return await work(own);
  } finally {
    own.copy?.close();
  }
}

/** The entries of a copy, as they are streamed into a release. @param without - ids that the copy holds and the release will not */
export function entriesOf(
  copy: Pick<CopyRows, "entries" | "rows">,
  without: ReadonlySet<string> = new Set(),
): StreamedEntries {
  return {
    count: copy.entries - without.size,
    async *lines() {
      for await (const { id, line } of copy.rows()) if (!without.has(id)) yield line;
    },
  };
}

/**
 * Brings the own copy to the newest release and finds the keys to go on from it. Whoever opened it closes the copy.
 *
 * @throws ExchangeError `root_pin` without a pin, `key_invalid` when no release key of the root is here,
 *   `release_rollback` when the exchange knows less than this machine does
 */
async function openOwnSet(context: PublisherContext): Promise<OwnSet> {
  const { exchange, stateDir, setId, pin, now } = context;
  if (pin === undefined) throw new ExchangeError("root_pin", { reason: "not_pinned" });
  const answer = await exchange.getSet(setId);
  const held = await findCurrent(stateDir, setId);
  if (answer.release < (held?.release ?? 0)) {
    throw new ExchangeError("release_rollback", { have: held?.release ?? 0, got: answer.release });
  }
  if (answer.release > 0) {
    const onProgress = (done: number, total: number) => context.onProgress?.("sync", done, total);
    // The brakes are for what others publish; here the publisher itself decides.
    const isOwn = await findOwnStatements(context.profileDir);
    await takeNewest({ source: exchange, stateDir, setId, pin, now, trusted: true, isOwn, onProgress });
  }
  const root = await updateRoots(exchange, stateDir, setId.publisher, pin);
  const signer = await findSigner(context, root);
  return { answer, root, copy: await openCopy(stateDir, setId), ...signer };
}

/**
 * Who signs under this root: the exchange when its key is the one that the root lists, whatever the directory says; a
 * rotation moves custody, and the root is what counts.
 *
 * @throws ExchangeError `key_invalid` when the keys should be here and are not
 */
export async function findSigner(
  { exchange, profileDir, setId }: Pick<PublisherContext, "exchange" | "profileDir" | "setId">,
  root: OpenedRoot,
): Promise<Pick<OwnSet, "custody" | "keys">> {
  const { release_key: offered } = await exchange.getPublisher(setId.publisher);
  const { kids } = root.root.roles.release;
  if (offered !== undefined && kids.includes(await thumbprint(parsePublicJwk(offered)))) {
    return { custody: "exchange", keys: [] };
  }
  return { custody: "member", keys: await findReleaseKeys(profileDir, root) };
}

async function findReleaseKeys(profileDir: string, { root }: OpenedRoot): Promise<SigningKey[]> {
  const { kids, threshold } = root.roles.release;
  const listed = (await listSigningKeys(profileDir, "release")).filter(({ kid }) => kids.includes(kid));
  if (listed.length < threshold)
    throw new ExchangeError("key_invalid", { reason: "no_release_key_of_the_root_is_here" });
  return listed.slice(0, threshold);
}
