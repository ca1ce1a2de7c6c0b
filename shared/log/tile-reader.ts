/** Hashes of any full subtree out of tiles (C2SP tlog-tiles, "Merkle Tree"). */

import { treeHash } from "./merkle.ts";
import type { HashPlace, HashReader } from "./merkle-proof.ts";
import { decodeTile, hashesAt, TILE_HEIGHT, TILE_WIDTH, type Tile } from "./tiles.ts";

/**
 * A reader over the tiles of a tree of `size`; each tile is read once for all hashes asked for together.
 * What it gives is as true as the tiles: a proof built from it is checked against a signed root like any other.
 *
 * @param readTile - the tile's bytes; full tiles may be asked for where the tree has since grown past them
 * @returns a reader that throws ExchangeError `bundle_invalid` on a tile of the wrong length, RangeError on a subtree
 *   that the tree does not have
 */
export function tileReader(size: number, readTile: (tile: Tile) => Promise<Uint8Array>): HashReader {
  return async (places) => {
    const reads = new Map<string, Promise<Uint8Array[]>>();
    const readOnce = (tile: Tile) => {
      const key = `${tile.level}/${tile.index}`;
      const read = reads.get(key) ?? readTile(tile).then((bytes) => decodeTile(bytes, tile.width));
      reads.set(key, read);
      return read;
    };
    return Promise.all(
      places.map(async (place) => {
        const { tile, from, to } = partOf(place, size);
        return treeHash((await readOnce(tile)).slice(from, to));
      }),
    );
  };
}

/** The tile that holds a subtree's hash, or the hashes below it in the same tile. */
function partOf({ level, index }: HashPlace, size: number): { tile: Tile; from: number; to: number } {
  const tileLevel = Math.floor(level / TILE_HEIGHT);
  const span = 2 ** (level % TILE_HEIGHT);
  const first = index * span;
  const tileIndex = Math.floor(first / TILE_WIDTH);
  const width = Math.min(TILE_WIDTH, hashesAt(tileLevel, size) - tileIndex * TILE_WIDTH);
  const from = first - tileIndex * TILE_WIDTH;
  if (!(from + span <= width)) throw new RangeError("No such subtree");
  return { tile: { level: tileLevel, index: tileIndex, width }, from, to: from + span };
}
