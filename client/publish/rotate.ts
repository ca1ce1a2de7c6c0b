/** The next root: proposed, signed by whoever is here, posted and pinned; a run that was stopped is finished first. */

import { rm } from "node:fs/promises";
import type { Kid } from "@breakwater/shared/ids.ts";
import type { SigningKey } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type OpenedRoot, openRoot, rootDigest } from "@breakwater/shared/root.ts";
import type { Exchange } from "../http/index.ts";
import { type Pin, readPins } from "../profile/pins.ts";
import { readPrivateFile, writePrivateFile } from "../profile/private-files.ts";
import { updateRoots } from "../sync/roots.ts";
import { nextRoot, type RootChange } from "./next-root.ts";
import { envelopeOf, makeProposal, type Proposal, signProposal, tallyOf } from "./proposal.ts";
import { sendRoot, signedRootPath } from "./root.ts";
import { mayWorkLater } from "./send.ts";

export type RotationContext = {
  exchange: Pick<Exchange, "findRoot" | "postRoot">;
  profileDir: string;
  stateDir: string;
  publisher: string;
  now: Date;
};

export type Rotated = Pin & {
  rootKids: Kid[];
  releaseKids: Kid[];
  logIndex: number;
  /** An earlier run had signed this root; it was finished, and nothing else was done. */
  resumed: boolean;
};

/** The newest root that leads from the own pin. @throws ExchangeError `root_pin` without a pin */
export async function openNewestRoot({
  exchange,
  profileDir,
  stateDir,
  publisher,
}: RotationContext): Promise<OpenedRoot> {
  const pin = (await readPins(profileDir))[publisher];
  if (pin === undefined) throw new ExchangeError("root_pin", { reason: "not_pinned" });
  return updateRoots(exchange, stateDir, publisher, pin);
}

export async function proposeRoot(context: RotationContext, change: RootChange): Promise<Proposal> {
  const previous = await openNewestRoot(context);
  return makeProposal(previous, await nextRoot(previous, change, Math.floor(context.now.getTime() / 1000)));
}

/** Signs with every key that is here. @throws ExchangeError `signature_threshold` when they are not enough */
export async function signWhole(proposal: Proposal, keys: readonly SigningKey[]): Promise<OpenedRoot> {
  const signed = await signProposal(proposal, keys);
  const { complete, previous, own } = tallyOf(signed);
  if (!complete) {
    const lacks = previous.have < previous.threshold ? previous : own;
    throw new ExchangeError("signature_threshold", { ...lacks, reason: "root_keys_missing_here" });
  }
  return envelopeOf(signed);
}

/** Keeps the signed root, then posts and pins it. */
export async function postSigned(context: RotationContext, signed: OpenedRoot): Promise<Rotated> {
  const path = signedRootPath(context.profileDir, context.publisher, signed.root.version);
  await writePrivateFile(path, signed.bytes);
  return send(context, signed, path, false);
}

/**
 * Finishes what an earlier run signed: posted again where the answer was lost, pinned where that was missing.
 *
 * @returns undefined when there was nothing to finish
 */
export async function finishRotation(context: RotationContext): Promise<Rotated | undefined> {
  const { profileDir, publisher } = context;
  const newest = await openNewestRoot(context);
  const pin = (await readPins(profileDir))[publisher] as Pin;
  const { version } = newest.root;
  const path = signedRootPath(profileDir, publisher, version + 1);
  const waiting = await readPrivateFile(path);
  if (waiting !== undefined) {
    const signed = await openRoot(waiting, newest).catch(() => undefined);
    if (signed !== undefined) return send(context, signed, path, true);
    await rm(path); // it continues a root that is not the newest: somebody else was first
  }
  const posted = await readPrivateFile(signedRootPath(profileDir, publisher, version));
  if (posted === undefined || pin.version >= version) return undefined;
  if ((await rootDigest(posted)) !== newest.digest) return undefined;
  return send(context, newest, signedRootPath(profileDir, publisher, version), true);
}

async function send(context: RotationContext, signed: OpenedRoot, path: string, resumed: boolean): Promise<Rotated> {
  try {
    const answer = await sendRoot(context, signed);
    const { roles, version } = signed.root;
    return {
      version,
      digest: signed.digest,
      rootKids: roles.root.kids,
      releaseKids: roles.release.kids,
      logIndex: answer.log_index,
      resumed,
    };
  } catch (error) {
    // Refused for good: what stays would be posted again by every later run, and refused again.
    if (error instanceof ExchangeError && !mayWorkLater(error)) await rm(path, { force: true });
    throw error;
  }
}
