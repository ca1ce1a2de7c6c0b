/** After a restore of the database: the leaves it forgot come back from the published bundles, and only then it goes on. */

import { type Digest, digestOf, equalBytes } from "@breakwater/shared/bytes.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import {
  appendLeaves,
  decodeBundle,
  EMPTY_FRONTIER,
  type Frontier,
  leafHash,
  rootOf,
  TILE_WIDTH,
  tilePath,
} from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import type { TreeHead } from "../platform/log-signer.ts";
import { logRebuilt, logResumed } from "./events.ts";
import { haltLog } from "./halt.ts";
import { listLeaves, readLogHead } from "./leaves.ts";
import { findPublished, identify, objectKey, readObject } from "./published.ts";

/** A leaf as it came back, for whoever re-applies what it says. */
export type RebuiltLeaf = { logIndex: number; typ: string; digest: Digest; envelope: Uint8Array };

/**
 * Put the missing rows back from the bundles, up to what was published or signed. The log stays halted: a set whose
 * head is behind its own log would publish a number a second time. Whoever calls this re-applies the leaves to their
 * rows, then calls {@link resumeLog}. Can be run again.
 *
 * @param apply - called for each leaf in log order, in the transaction that puts it back
 * @throws ExchangeError `log_conflict` when rows and bundles differ, or the bundles are not those of the checkpoint
 */
export async function rebuildLeaves(
  deps: Deps,
  apply: (
    queries: Parameters<Parameters<typeof transaction>[1]>[0],
    leaf: RebuiltLeaf,
  ) => Promise<void> = async () => {},
): Promise<{ added: number; size: number }> {
  const heads = await readHeads(deps);
  const size = Math.max(0, ...heads.map((head) => head.size));
  const before = await readLogHead(deps);
  await haltLog(deps, before.halted ?? "log_behind", { size: before.size, seen: size });
  let frontier = EMPTY_FRONTIER;
  for (let from = 0; from < size; from += TILE_WIDTH) {
    const entries = await readBundle(deps, from, Math.min(TILE_WIDTH, size - from));
    const held = await listLeaves(deps, from, from + entries.length);
    if (held.some((envelope, at) => !equalBytes(envelope, entries[at] as Uint8Array))) {
      throw new ExchangeError("log_conflict", { reason: "rows" });
    }
    frontier = await extend(frontier, entries, heads);
    await addLeaves(deps, from + held.length, entries.slice(held.length), apply);
  }
  const added = Math.max(0, size - before.size);
  logRebuilt(deps.events, { size, leaves: added });
  return { added, size };
}

/**
 * End the halt, if the rows are the very log that was published and signed: every leaf is hashed for it.
 *
 * @throws ExchangeError `log_behind`, `log_conflict`
 */
export async function resumeLog(deps: Deps): Promise<void> {
  const heads = await readHeads(deps);
  const seen = Math.max(0, ...heads.map((head) => head.size));
  const { size } = await readLogHead(deps);
  if (seen > size) throw new ExchangeError("log_behind", { have: size, published: seen });
  let frontier = EMPTY_FRONTIER;
  for (let from = 0; from < seen; from += TILE_WIDTH) {
    frontier = await extend(frontier, await listLeaves(deps, from, Math.min(from + TILE_WIDTH, seen)), heads);
  }
  const { count } = await deps.sql`update log_head set halted = null where id = 1 and halted is not null`;
  if (count > 0) logResumed(deps.events);
}

/** What is out: the published tree, and the one signed last, which may not have been published. */
async function readHeads(deps: Deps): Promise<TreeHead[]> {
  const log = await identify(deps);
  const published = await findPublished(deps.objects, log);
  const signed = await deps.logSigner.head(log.origin);
  return [published?.checkpoint, signed].filter((head) => head !== undefined);
}

/** The tree with these leaves more; where it passes the size of a known head, it has that head's root. */
async function extend(
  frontier: Frontier,
  entries: readonly Uint8Array[],
  heads: readonly TreeHead[],
): Promise<Frontier> {
  const hashes = entries.map(leafHash);
  for (const head of heads) {
    const inside = head.size - frontier.size;
    if (inside <= 0 || inside > hashes.length) continue;
    const root = rootOf(appendLeaves(frontier, hashes.slice(0, inside)));
    if (!equalBytes(root, head.root)) throw new ExchangeError("log_conflict", { reason: "root" });
  }
  return appendLeaves(frontier, hashes);
}

async function readBundle({ objects }: Deps, from: number, width: number): Promise<Uint8Array[]> {
  const index = from / TILE_WIDTH;
  const found = await readObject(objects, objectKey(tilePath("entries", index, width)));
  if (found === undefined) throw new ExchangeError("log_conflict", { reason: "bundle missing" });
  try {
    return decodeBundle(found.bytes, width);
  } catch (cause) {
    throw new ExchangeError("log_conflict", { reason: "bundle" }, { cause });
  }
}

async function addLeaves(
  deps: Deps,
  from: number,
  entries: readonly Uint8Array[],
  apply: (queries: Parameters<Parameters<typeof transaction>[1]>[0], leaf: RebuiltLeaf) => Promise<void>,
): Promise<void> {
  if (entries.length === 0) return;
  const now = deps.now();
  await transaction(deps, async (tx) => {
    const [row] = await tx.sql<{ size: string }[]>`select size from log_head where id = 1 for update`;
    if (Number(row?.size) !== from) throw new ExchangeError("busy", { reason: "log" });
    for (const [at, envelope] of entries.entries()) {
      const { payloadBytes, protectedHeaders } = parseEnvelope(envelope);
      const [typ, digest] = [String(protectedHeaders[0]?.typ), await digestOf(payloadBytes)];
      await tx.sql`
        insert into log_leaves (log_index, digest, typ, envelope, added_at)
        values (${from + at}, ${digest}, ${typ}, ${envelope}, ${now})`;
      await apply(tx, { logIndex: from + at, typ, digest, envelope });
    }
    await tx.sql`update log_head set size = ${from + entries.length} where id = 1`;
  });
}
