/** A publisher's roots, from the pinned one to the newest, each signed by the one before (TUF 5.3). */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { equalBytes } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type OpenedRoot, openPinnedRoot, openRoot, rootDigest } from "@breakwater/shared/root.ts";
import type { Exchange } from "../http/index.ts";
import type { Pin } from "../profile/pins.ts";
import { isFileError, readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { rootsDir } from "./paths.ts";

/** TUF's bound on rotations in one update: a longer chain is a loop or an attack. */
export const ROOT_ROTATIONS_MAX = 256;

const TOLERANT = { strict: false };

export type RootSource = Pick<Exchange, "findRoot">;

/**
 * Walks the chain: roots held already are opened from disk (from the pin on, so a file that was changed is found), newer
 * ones are fetched by number until there is none. An exchange that offers fewer than are held takes nothing back.
 *
 * @throws ExchangeError `root_pin` when the pinned version is another root, `root_missing`, and what openRoot throws
 */
export async function updateRoots(
  source: RootSource,
  stateDir: string,
  publisher: string,
  pin: Pin,
): Promise<OpenedRoot> {
  const dir = rootsDir(stateDir, publisher);
  const kept = await readRoot(dir, pin.version);
  // After a new pin, what was kept under the old one leads nowhere: it is fetched anew, and replaced.
  const keeps = kept !== undefined && (await isPinned(kept, pin));
  const first = keeps ? kept : await source.findRoot(publisher, pin.version);
  if (first === undefined) throw new ExchangeError("root_missing", { version: pin.version });
  let root = await openPinnedRoot(first, pin, TOLERANT);
  if (root.root.publisher !== publisher) throw new ExchangeError("root_pin", { reason: "publisher" });
  await keepRoot(dir, root);
  for (let step = 0; step < ROOT_ROTATIONS_MAX; step++) {
    const version = root.root.version + 1;
    const held = keeps ? await readRoot(dir, version) : undefined;
    const bytes = held ?? (await source.findRoot(publisher, version));
    if (bytes === undefined) return root;
    root = await openRoot(bytes, root, TOLERANT);
    // Saved only now that it verified: a bad root must not stand in the way of the good one.
    if (held === undefined) await keepRoot(dir, root);
  }
  throw new ExchangeError("root_gap", { have: root.root.version, reason: "rotations" });
}

/** The newest root that is held, without asking anybody; undefined before the first sync. */
export async function openHeldRoot(stateDir: string, publisher: string, pin: Pin): Promise<OpenedRoot | undefined> {
  const nobody: RootSource = { findRoot: async () => undefined };
  if ((await readRoot(rootsDir(stateDir, publisher), pin.version)) === undefined) return undefined;
  return updateRoots(nobody, stateDir, publisher, pin);
}

export async function listHeldPublishers(stateDir: string): Promise<string[]> {
  try {
    return (await readdir(join(stateDir, "sets"))).sort();
  } catch (error) {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  }
}

async function isPinned(bytes: Uint8Array, pin: Pin): Promise<boolean> {
  return (await rootDigest(bytes).catch(() => undefined)) === pin.digest;
}

function readRoot(dir: string, version: number): Promise<Uint8Array | undefined> {
  return readIfThere(join(dir, `root-${version}.jws`));
}

async function keepRoot(dir: string, { root, bytes }: OpenedRoot): Promise<void> {
  const path = join(dir, `root-${root.version}.jws`);
  const held = await readIfThere(path);
  if (held === undefined || !equalBytes(held, bytes)) await writePrivateFile(path, bytes);
}
