/** Which entries of the own copy a release put there, as far as no later release put them again. */

import { parseDelta } from "@breakwater/shared/delta.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import type { Manifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { decodeSegment } from "@breakwater/shared/segment.ts";
import type { Exchange } from "../http/index.ts";
import { obtainBlob } from "../sync/blobs.ts";
import type { Copy } from "../sync/copy.ts";
import { blobsDir } from "../sync/paths.ts";

/** A feed that never ends is not read for ever. */
const FEED_MAX_PAGES = 100_000;

export type ReleasedSource = Pick<Exchange, "getBlob" | "listChanges">;

/**
 * The signed deltas say it where the newest manifest still lists them all. Further back, the exchange's own rows do: they
 * can only name entries of the copy, and a person sees how many before anything is signed.
 *
 * @param range - first and last release, both included
 * @returns ids that the copy holds
 */
export async function findReleasedIds(
  source: ReleasedSource,
  setId: SetId,
  copy: Copy,
  [from, to]: readonly [number, number],
): Promise<string[]> {
  if (from > to || to > copy.current.release) {
    throw new ExchangeError("not_found", { reason: "no_such_release", have: copy.current.release });
  }
  const listed = copy.manifest.deltas.filter(({ release }) => release >= from);
  const made =
    listed.length === copy.current.release - from + 1
      ? await readDeltas(source, setId, copy, listed)
      : await readFeed(source, setId, copy.current.release);
  const isHeld = (id: string) => copy.findRow(id) !== undefined;
  return [...made].flatMap(([id, release]) => (release >= from && release <= to && isHeld(id) ? [id] : [])).sort();
}

async function readDeltas(
  source: ReleasedSource,
  setId: SetId,
  { dir }: Copy,
  deltas: Manifest["deltas"],
): Promise<Map<string, number>> {
  const made = new Map<string, number>();
  for (const { release, segments } of deltas) {
    for (const { segment: digest, size, plain } of segments) {
      const bytes = await obtainBlob(source, blobsDir(dir), digest, size);
      const place = { kind: "delta", ...setId, release } as const;
      const { lines } = await decodeSegment(bytes, { digest, size, plain }, place, { strict: false });
      for (const change of parseDelta(lines, { strict: false })) {
        if (change.op === "put") made.set(change.id, release);
        else made.delete(change.id);
      }
    }
  }
  return made;
}

async function readFeed(source: ReleasedSource, setId: SetId, head: number): Promise<Map<string, number>> {
  const made = new Map<string, number>();
  let cursor: string | undefined;
  for (let page = 0; page < FEED_MAX_PAGES; page++) {
    const answer = await source.listChanges(setId, cursor);
    for (const row of answer.entries) {
      if (row.op === "put" && row.release <= head) made.set(row.entry.id, row.release);
    }
    if (!answer.more) return made;
    cursor = answer.cursor;
  }
  throw new ExchangeError("answer_invalid", { reason: "pages" });
}
