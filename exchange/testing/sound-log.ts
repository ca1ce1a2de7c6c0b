/** Re-verifies a log as a stranger could, and more: every stored object against the rows, every proof against the key. */
import { equalBytes } from "@breakwater/shared/bytes.ts";
import {
  appendLeaves,
  buildTiles,
  bundlesToWrite,
  decodeBundle,
  EMPTY_FRONTIER,
  edgeTiles,
  encodeBundle,
  hashesAt,
  leafHash,
  openCheckpoint,
  openProof,
  parseTilePath,
  parseVkey,
  rootOf,
  TILE_WIDTH,
  type Tile,
  tilePath,
} from "@breakwater/shared/log/index.ts";

export type SoundLog = {
  /** The bytes under a path below the log's URL, or undefined. */
  read: (path: string) => Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Envelopes of the rows, in log order. */
  leaves: readonly Uint8Array[];
  origin: string;
  vkey: string;
  /** All paths there are, if they can be listed: then also what no checkpoint covers is verified. */
  paths?: readonly string[];
};

/**
 * @returns the size that the checkpoint covers; undefined when there is none yet
 * @throws Error that names what is wrong
 */
export async function verifySoundLog({ read, leaves, origin, vkey, paths }: SoundLog): Promise<number | undefined> {
  const log = { origin, vkey: parseVkey(vkey) };
  const note = await read("checkpoint");
  const size = note === undefined ? undefined : await verifyTree({ read, leaves, note, log });
  for (const path of paths ?? []) await verifyObject(path, (await read(path)) as Uint8Array, { leaves, log });
  return size;
}

type Log = Parameters<typeof openCheckpoint>[1];

/** Tiles → root = checkpoint's root; every bundle = the rows; nothing of the tree's right edge missing. */
async function verifyTree({
  read,
  leaves,
  note,
  log,
}: Pick<SoundLog, "read" | "leaves"> & { note: Uint8Array; log: Log }): Promise<number> {
  const { checkpoint } = await openCheckpoint(note, log);
  const { size } = checkpoint;
  if (size > leaves.length) throw new Error(`the checkpoint covers ${size} leaves, the rows are ${leaves.length}`);
  let frontier = EMPTY_FRONTIER;
  for (const bundle of bundlesToWrite(0, size)) {
    const bytes = await readAny(read, bundle);
    const entries = decodeBundle(bytes, bytes === undefined ? 0 : bundle.width);
    frontier = appendLeaves(frontier, entries.map(leafHash));
    const from = bundle.index * TILE_WIDTH;
    for (const [at, entry] of entries.entries()) {
      if (!equalBytes(entry, leaves[from + at] as Uint8Array)) throw new Error(`leaf ${from + at} is not its row`);
    }
  }
  if (!equalBytes(rootOf(frontier), checkpoint.root)) throw new Error(`bundles do not give the root at ${size}`);
  const built = new Map(buildTiles(0, [], leaves.slice(0, size).map(leafHash)).map((tile) => [tile.path, tile.bytes]));
  for (let level = 0; hashesAt(level, size) > 0; level++) {
    for (let index = 0; index < Math.floor(hashesAt(level, size) / TILE_WIDTH); index++) {
      await verifyTile(read, built, { level, index, width: TILE_WIDTH });
    }
  }
  for (const tile of edgeTiles(size)) await verifyTile(read, built, tile);
  return size;
}

async function verifyTile(read: SoundLog["read"], built: Map<string, Uint8Array>, tile: Tile): Promise<void> {
  const path = tilePath(tile.level, tile.index, tile.width);
  const expected = built.get(path);
  if (expected === undefined) throw new Error(`${path} is not a tile of this tree`);
  if (!equalBytes(await readAny(read, tile), expected)) throw new Error(`${path} is not what the leaves give`);
}

async function readAny(read: SoundLog["read"], { level, index, width }: Tile): Promise<Uint8Array> {
  const path = tilePath(level, index, width);
  const bytes = await read(path);
  if (bytes === undefined) throw new Error(`${path} is missing`);
  return bytes;
}

/** Any object, covered by a checkpoint or left by a publication that was cut short: it says what the rows say. */
async function verifyObject(
  path: string,
  bytes: Uint8Array,
  { leaves, log }: Pick<SoundLog, "leaves"> & { log: Log },
): Promise<void> {
  if (path === "checkpoint") return;
  const [, index] = /^proof\/([0-9]+)$/.exec(path) ?? [];
  if (index !== undefined) {
    const proven = await openProof(new TextDecoder().decode(bytes), log);
    const isRow = equalBytes(proven.entry, leaves[Number(index)] as Uint8Array) && proven.index === Number(index);
    if (!isRow) throw new Error(`${path} proves another leaf`);
    return;
  }
  const tile = parseTilePath(path);
  if (tile === undefined) throw new Error(`${path} is no object of a log`);
  const expected = tile.level === "entries" ? bundleOf(leaves, tile) : hashesOf(leaves, tile);
  if (!equalBytes(bytes, expected)) throw new Error(`${path} is not what the rows give`);
}

function bundleOf(leaves: readonly Uint8Array[], { index, width }: Tile): Uint8Array {
  return encodeBundle(leaves.slice(index * TILE_WIDTH, index * TILE_WIDTH + width));
}

function hashesOf(leaves: readonly Uint8Array[], { level, index, width }: Tile): Uint8Array {
  const span = TILE_WIDTH ** Number(level);
  const first = index * TILE_WIDTH;
  const hashes = Array.from({ length: width }, (_, at) => {
    const part = leaves.slice((first + at) * span, (first + at + 1) * span);
    if (part.length !== span) throw new Error(`a tile at level ${level} goes past the rows`);
    return rootOf(appendLeaves(EMPTY_FRONTIER, part.map(leafHash)));
  });
  return Uint8Array.from(hashes.flatMap((hash) => [...hash]));
}
