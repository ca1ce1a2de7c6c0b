/** A publisher's view of its own set: the verified copy at the newest release, and who signs the next. */

import type { SetId } from "@breakwater/shared/ids.ts";
import type { SigningKey } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { OpenedRoot } from "@breakwater/shared/root.ts";
import type { SetAnswer } from "@breakwater/shared/wire/sets.ts";
import type { Exchange } from "../http/index.ts";
import { listSigningKeys } from "../profile/key-files.ts";
import type { Pin } from "../profile/pins.ts";
import { type Copy, findCurrent, openCopy } from "../sync/copy.ts";
import { updateRoots } from "../sync/roots.ts";
import { takeNewest } from "../sync/sync-set.ts";

export type PublisherContext = {
  exchange: Exchange;
  profileDir: string;
  stateDir: string;
  setId: SetId;
  pin: Pin | undefined;
  now: Date;
  random: (length: number) => Uint8Array;
  onProgress?: (what: "blobs" | "rows" | "sync", done: number, total: number) => void;
};

export type OwnSet = {
  answer: SetAnswer;
  root: OpenedRoot;
  /** undefined before release 1. */
  copy: Copy | undefined;
  custody: "member" | "exchange";
  /** Keys on this machine that the root's release role lists; empty when the exchange signs. */
  keys: SigningKey[];
};

/**
 * Brings the own copy to the newest release and finds the keys to go on from it.
 *
 * @throws ExchangeError `root_pin` without a pin, `key_invalid` when no release key of the root is here,
 *   `release_rollback` when the exchange knows less than this machine does
 */
export async function openOwnSet(context: PublisherContext): Promise<OwnSet> {
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
    await takeNewest({ source: exchange, stateDir, setId, pin, now, trusted: true, onProgress });
  }
  const root = await updateRoots(exchange, stateDir, setId.publisher, pin);
  const { custody } = await exchange.getPublisher(setId.publisher);
  const keys = custody === "member" ? await findReleaseKeys(context.profileDir, root) : [];
  return { answer, root, copy: await openCopy(stateDir, setId), custody, keys };
}

async function findReleaseKeys(profileDir: string, { root }: OpenedRoot): Promise<SigningKey[]> {
  const { kids, threshold } = root.roles.release;
  const listed = (await listSigningKeys(profileDir, "release")).filter(({ kid }) => kids.includes(kid));
  if (listed.length < threshold)
    throw new ExchangeError("key_invalid", { reason: "no_release_key_of_the_root_is_here" });
  return listed.slice(0, threshold);
}
