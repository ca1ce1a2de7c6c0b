/** Where a log's hashes and entries lie, and what is in them (C2SP tlog-tiles). */

import { concatBytes } from "../bytes.ts";
import { ExchangeError } from "../problem.ts";
import { HASH_BYTES, treeHash } from "./merkle.ts";

/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH = 256;
/** tlog-tiles, "Merkle Tree": levels are 0 to 63. */
const LEVEL_MAX = 63;
/** Binary levels in a tile. */
export const TILE_HEIGHT = 8;

/** @property width - 1..255 for a partial tile, 256 for a full one */
export type Tile = { level: number | "entries"; index: number; width: number };
export type BuiltTile = { tile: Tile; path: string; bytes: Uint8Array };

/** `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`, to be put after the log's URL. */
export function tilePath(level: Tile["level"], index: number, width: number = TILE_WIDTH): string {
  if (!isTile({ level, index, width })) throw new RangeError("No such tile");
  const suffix = width === TILE_WIDTH ? "" : `.p/${width}`;
  return `tile/${level}/${indexPath(index)}${suffix}`;
}

// tlog-tiles, "Merkle Tree": three digits an element, all but the last begin with x: 1234067 is x001/x234/067.
function indexPath(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g) as string[];
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join("/");
}

const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** The tile that a path names, or undefined when it is not a path that {@link tilePath} makes. */
export function parseTilePath(path: string): Tile | undefined {
  const [, level, digits, width] = PATH.exec(path) ?? [];
  if (level === undefined || digits === undefined) return undefined;
  const tile: Tile = {
    level: level === "entries" ? level : Number(level),
    index: Number(digits.replaceAll(/[x/]/g, "")),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  // One tile has one path: no needless x000, no .p/256.
  return isTile(tile) && tilePath(tile.level, tile.index, tile.width) === path ? tile : undefined;
}

function isTile({ level, index, width }: Tile): boolean {
  const levelIs = level === "entries" || (Number.isInteger(level) && level >= 0 && level <= LEVEL_MAX);
  const widthIs = Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH;
  return levelIs && widthIs && Number.isSafeInteger(index) && index >= 0;
}

/** How many hashes a tree of this size has at a tile level: `floor(size / 256^level)`. */
export function hashesAt(level: number, size: number): number {
  let count = size;
  for (let at = 0; at < level; at++) count = Math.floor(count / TILE_WIDTH);
  return count;
}

/**
 * The hash tiles that a tree has at `newSize` and had not at `oldSize`: low levels first, each level left to right.
 * Every one is new under its path, since a wider tile has another name.
 */
export function tilesToWrite(oldSize: number, newSize: number): Tile[] {
  checkSizes(oldSize, newSize);
  const tiles: Tile[] = [];
  for (let level = 0; hashesAt(level, newSize) > 0; level++) {
    tiles.push(...newTiles(level, hashesAt(level, oldSize), hashesAt(level, newSize)));
  }
  return tiles;
}

/** The entry bundles that a log has at `newSize` and had not at `oldSize`. */
export function bundlesToWrite(oldSize: number, newSize: number): Tile[] {
  checkSizes(oldSize, newSize);
  return newTiles("entries", oldSize, newSize);
}

function newTiles(level: Tile["level"], had: number, has: number): Tile[] {
  if (has === had) return [];
  const tiles: Tile[] = [];
  for (let index = Math.floor(had / TILE_WIDTH); index * TILE_WIDTH < has; index++) {
    tiles.push({ level, index, width: Math.min(TILE_WIDTH, has - index * TILE_WIDTH) });
  }
  return tiles;
}

/** The partial hash tiles at the right edge of a tree, low levels first; full levels are left out. */
export function edgeTiles(size: number): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; hashesAt(level, size) > 0; level++) {
    const count = hashesAt(level, size);
    const width = count % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: Math.floor(count / TILE_WIDTH), width });
  }
  return tiles;
}

/**
 * The bytes of all {@link tilesToWrite} when a tree grows.
 *
 * @param edge - the bytes of {@link edgeTiles} of `oldSize`, in that order
 * @param leaves - the hashes of the new leaves, from index `oldSize`
 * @throws ExchangeError `bundle_invalid` when the edge is not that of `oldSize`
 */
export function buildTiles(oldSize: number, edge: readonly Uint8Array[], leaves: readonly Uint8Array[]): BuiltTile[] {
  const held = new Map(edgeTiles(oldSize).map((tile, at) => [tile.level, decodeTile(edge[at], tile.width)]));
  if (edge.length !== held.size) throw new ExchangeError("bundle_invalid", { reason: "edge" });
  const built: BuiltTile[] = [];
  let fresh = leaves;
  for (let level = 0; fresh.length > 0; level++) {
    const row = [...(held.get(level) ?? []), ...fresh];
    const first = Math.floor(hashesAt(level, oldSize) / TILE_WIDTH);
    const above: Uint8Array[] = [];
    for (let at = 0; at < row.length; at += TILE_WIDTH) {
      const hashes = row.slice(at, at + TILE_WIDTH);
      const tile = { level, index: first + at / TILE_WIDTH, width: hashes.length };
      built.push({ tile, path: tilePath(tile.level, tile.index, tile.width), bytes: concatBytes(hashes) });
      // tlog-tiles, "Partial Tiles": only a full tile is hashed into the level above.
      if (hashes.length === TILE_WIDTH) above.push(treeHash(hashes));
    }
    fresh = above;
  }
  return built;
}

/** A tile's hashes. @throws ExchangeError `bundle_invalid` unless it is exactly `width` hashes long */
export function decodeTile(bytes: Uint8Array | undefined, width: number): Uint8Array[] {
  if (bytes?.length !== width * HASH_BYTES) throw new ExchangeError("bundle_invalid", { reason: "tile length" });
  return Array.from({ length: width }, (_, at) => bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
}

function checkSizes(oldSize: number, newSize: number): void {
  if (!Number.isSafeInteger(newSize) || !Number.isSafeInteger(oldSize) || oldSize < 0 || newSize < oldSize) {
    throw new RangeError("A log only grows");
  }
}
