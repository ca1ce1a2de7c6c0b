/** A log of numbered entries, and keys that sign its notes, for tests and vectors. */

import { utf8Of } from "../bytes.ts";
import {
  appendLeaves,
  buildTiles,
  type Checkpoint,
  COSIGNATURE_V1,
  ED25519,
  EMPTY_FRONTIER,
  edgeTiles,
  type Frontier,
  type HashReader,
  leafHash,
  type NoteSigner,
  rootOf,
  type SignatureType,
  tilePath,
  tileReader,
  vkeyOf,
} from "../log/index.ts";
import { fixedKey } from "./keys.ts";

export const LOG_ORIGIN = "exchange.example/log1";

export async function fixedSigner(name: string, type: SignatureType = ED25519): Promise<NoteSigner> {
  const { publicJwk, privateKey } = await fixedKey(`note ${name}`);
  return { vkey: vkeyOf(name, publicJwk, type), privateKey };
}

export const logSigner = (): Promise<NoteSigner> => fixedSigner(LOG_ORIGIN);
export const witnessSigner = (): Promise<NoteSigner> => fixedSigner("witness.example", COSIGNATURE_V1);

export function numberedEntry(index: number): Uint8Array {
  return utf8Of(`test entry ${index}`);
}

/** @property tiles - by path, those of every publication */
export type TestLog = {
  frontier: Frontier;
  tiles: ReadonlyMap<string, Uint8Array>;
  read: HashReader;
  checkpoint: Checkpoint;
};

/** The log after each of these sizes was published in turn, as an exchange would have it on disk. */
export function growLog(...sizes: number[]): TestLog {
  const tiles = new Map<string, Uint8Array>();
  let frontier: Frontier = EMPTY_FRONTIER;
  let edge: Uint8Array[] = [];
  for (const size of sizes) {
    const count = size - frontier.size;
    const leaves = Array.from({ length: count }, (_, at) => leafHash(numberedEntry(frontier.size + at)));
    for (const { path, bytes } of buildTiles(frontier.size, edge, leaves)) tiles.set(path, bytes);
    frontier = appendLeaves(frontier, leaves);
    edge = edgeTiles(size).map(({ level, index, width }) => tiles.get(tilePath(level, index, width)) as Uint8Array);
  }
  const size = frontier.size;
  const read = tileReader(size, async (tile) => tiles.get(tilePath(tile.level, tile.index, tile.width)) as Uint8Array);
  return { frontier, tiles, read, checkpoint: { origin: LOG_ORIGIN, size, root: rootOf(frontier) } };
}
