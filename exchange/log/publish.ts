/** One publication: bundles and tiles, the signature, and last the checkpoint. Interrupted anywhere, the next one finishes it. */

import { equalBytes } from "@breakwater/shared/bytes.ts";
import {
  appendLeaves,
  buildTiles,
  bundlesToWrite,
  consistencyProof,
  EMPTY_FRONTIER,
  edgeTiles,
  encodeBundle,
  HASH_BYTES,
  leafHash,
  openCheckpoint,
  readFrontier,
  rootOf,
  TILE_WIDTH,
  type Tile,
  tilePath,
  tileReader,
} from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Deps } from "../platform/deps.ts";
import type { TreeHead } from "../platform/log-signer.ts";
import { logPublished } from "./events.ts";
import { haltLog } from "./halt.ts";
import { listLeaves, readLogHead } from "./leaves.ts";
import {
  findPublished,
  identify,
  type LogIdentity,
  objectKey,
  type Published,
  putImmutable,
  readEdge,
  readTile,
  replaceCheckpoint,
} from "./published.ts";

/** Leaves in one publication at most: what a Worker holds in memory and does within its time. */
export const PUBLISH_MAX_LEAVES: number = 16 * TILE_WIDTH;

export type Publication = { size: number; more: boolean };

/**
 * Publish what is in the rows and not yet under the checkpoint. Every write before the last is of immutable bytes that
 * follow from the rows alone, so that running it again, or twice at once, ends in the same objects.
 *
 * @throws ExchangeError `log_behind` when something larger than the rows was signed or published, `log_conflict` when
 *   they are of another history: then nothing is signed and no leaf taken until the rows are restored (restore.ts)
 */
export async function publishOnce(deps: Deps): Promise<Publication> {
  const log = await identify(deps);
  const { published, signed, size } = await assess(deps, log);
  const base = published?.checkpoint.size ?? 0;
  // What the signer has seen must be passed in one go: it signs nothing smaller.
  const target = Math.max(Math.min(size, base + PUBLISH_MAX_LEAVES), signed?.size ?? 0);
  if (published !== undefined && target === base) return { size: base, more: false };
  try {
    const root = await writeTree(deps, published, target);
    await deps.killPoint("log_after_tiles");
    const note = await sign(deps, log, signed, { size: target, root });
    await deps.killPoint("log_before_checkpoint");
    await replaceCheckpoint(deps.objects, note, published);
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "log_conflict") {
      await haltLog(deps, "log_conflict", { size, seen: Math.max(base, signed?.size ?? 0) });
    }
    throw error;
  }
  logPublished(deps.events, { size: target, leaves: target - base });
  return { size: target, more: target < size };
}

/**
 * What the world and the signer have seen, against the rows. Read in this order: neither can get ahead of rows that are
 * counted after it, unless the rows were restored.
 */
async function assess(
  deps: Deps,
  log: LogIdentity,
): Promise<{ published: Published | undefined; signed: TreeHead | undefined; size: number }> {
  const published = await findPublished(deps.objects, log).catch(async (error: unknown) => {
    if (error instanceof ExchangeError && error.code === "log_conflict") {
      await haltLog(deps, "log_conflict", { size: 0, seen: 0 });
    }
    throw error;
  });
  const signed = await deps.logSigner.head(log.origin);
  const { size, halted } = await readLogHead(deps);
  if (halted !== null) throw new ExchangeError(halted);
  const seen = Math.max(published?.checkpoint.size ?? 0, signed?.size ?? 0);
  if (seen > size) {
    await haltLog(deps, "log_behind", { size, seen });
    throw new ExchangeError("log_behind", { have: size, published: seen });
  }
  return { published, signed, size };
}

/** Bundles and tiles from the published tree up to `target`. @returns the root of the tree of that size */
async function writeTree(deps: Deps, published: Published | undefined, target: number): Promise<Uint8Array> {
  const { objects } = deps;
  const base = published?.checkpoint.size ?? 0;
  const edge = await readEdge(objects, base);
  const tiles = new Map(edgeTiles(base).map((tile, at) => [pathOf(tile), edge[at] as Uint8Array]));
  const readHeld = async (tile: Tile) => tiles.get(pathOf(tile)) ?? readTile(objects, tile);
  const frontier = base === 0 ? EMPTY_FRONTIER : await readFrontier(tileReader(base, readHeld), base);
  if (published !== undefined && !equalBytes(rootOf(frontier), published.checkpoint.root)) {
    throw new ExchangeError("log_conflict", { reason: "published tiles" });
  }
  const leaves = await writeBundles(deps, { base, target, edge: edge[0] });
  const built = buildTiles(base, edge, leaves);
  await Promise.all(built.map(({ path, bytes }) => putImmutable(objects, objectKey(path), bytes)));
  return rootOf(appendLeaves(frontier, leaves));
}

/**
 * @param edge - the published hashes of the last, unfinished bundle's leaves: the rows must still be these leaves
 * @returns the hashes of the leaves from `base` on
 */
async function writeBundles(
  deps: Deps,
  { base, target, edge }: { base: number; target: number; edge: Uint8Array | undefined },
): Promise<Uint8Array[]> {
  const fresh: Uint8Array[] = [];
  for (const bundle of bundlesToWrite(base, target)) {
    const from = bundle.index * TILE_WIDTH;
    const entries = await listLeaves(deps, from, from + bundle.width);
    if (entries.length !== bundle.width) throw new ExchangeError("log_conflict", { reason: "leaves missing" });
    const hashes = entries.map(leafHash);
    const old = hashes.slice(0, Math.max(0, base - from));
    if (
      old.some(
        (hash, at) => edge === undefined || !equalBytes(hash, edge.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)),
      )
    ) {
      throw new ExchangeError("log_conflict", { reason: "rows" });
    }
    fresh.push(...hashes.slice(old.length));
    await putImmutable(deps.objects, objectKey(pathOf(bundle)), encodeBundle(entries));
  }
  return fresh;
}

async function sign(deps: Deps, log: LogIdentity, signed: TreeHead | undefined, tree: TreeHead): Promise<string> {
  const read = tileReader(tree.size, (tile) => readTile(deps.objects, tile));
  const proof = signed === undefined ? [] : await consistencyProof(read, signed.size, tree.size);
  const note = await deps.logSigner
    .signCheckpoint({ origin: log.origin, proof, ...tree })
    .catch(async (error: unknown) => {
      if (!(error instanceof ExchangeError) || error.code !== "signer_refused") throw error;
      // It has signed something since it was asked: another publication was faster. Otherwise it knows another history.
      const last = await deps.logSigner.head(log.origin);
      const moved = last !== undefined && last.size > (signed?.size ?? 0);
      throw new ExchangeError(moved ? "busy" : "log_conflict", { reason: "log signer" }, { cause: error });
    });
  await deps.killPoint("log_after_sign");
  // Nothing leaves the house that readers would refuse, whoever made it.
  const { checkpoint } = await openCheckpoint(note, log);
  if (checkpoint.size !== tree.size || !equalBytes(checkpoint.root, tree.root)) {
    throw new ExchangeError("log_conflict", { reason: "signature" });
  }
  return note;
}

function pathOf({ level, index, width }: Tile): string {
  return tilePath(level, index, width);
}
