/** That a statement is in the log, in one text: made when first asked for, the same for everybody ever after. */

import { equalBytes, utf8Of } from "@breakwater/shared/bytes.ts";
import { formatProof, inclusionProof, openProof, tileReader } from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Deps } from "../platform/deps.ts";
import { nudgeLog } from "./publication.ts";
import { findPublished, identify, proofKey, readObject, readTile } from "./published.ts";

/** What a reader who came too early is told to wait; a publication is on its way. */
const SOON_SECONDS = 1;

/**
 * @param envelope - the statement as it is served; the proof's `extra` is these bytes
 * @throws ExchangeError `not_logged_yet` while no published checkpoint covers the leaf
 */
export async function proveLeaf(
  deps: Deps,
  { logIndex, envelope }: { logIndex: number; envelope: Uint8Array },
): Promise<Uint8Array> {
  const { objects } = deps;
  const kept = await readObject(objects, proofKey(logIndex));
  if (kept !== undefined) return kept.bytes;

  const log = await identify(deps);
  const published = await findPublished(objects, log);
  const size = published?.checkpoint.size ?? 0;
  if (published === undefined || logIndex >= size) {
    nudgeLog(deps);
    throw new ExchangeError("not_logged_yet", { retry_after: SOON_SECONDS });
  }
  const read = tileReader(size, (tile) => readTile(objects, tile));
  const path = await inclusionProof(read, logIndex, size);
  const text = formatProof({ extra: envelope, index: logIndex, path, checkpoint: published.note });
  await requireProves(text, log, envelope);
  const bytes = utf8Of(text);
  if ((await objects.put(proofKey(logIndex), bytes, { ifAbsent: true })) === "created") return bytes;
  // Somebody asked at the same moment; theirs may stand on another checkpoint, and is the one that stays.
  return (await readObject(objects, proofKey(logIndex)))?.bytes ?? bytes;
}

/** A proof that a reader would refuse is our fault, and says that rows and published log differ. */
async function requireProves(text: string, log: Parameters<typeof openProof>[1], envelope: Uint8Array): Promise<void> {
  const proven = await openProof(text, log).catch((cause: unknown) => {
    throw new ExchangeError("log_conflict", { reason: "proof" }, { cause });
  });
  if (!equalBytes(proven.entry, envelope)) throw new ExchangeError("log_conflict", { reason: "proof" });
}
