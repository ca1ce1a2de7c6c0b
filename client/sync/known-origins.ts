/** Which release put a row stays known when a newer snapshot becomes the base, as far as deltas tell. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { isPassing, type LoadContext } from "./build-base.ts";
import { type OpenedRows, readRows } from "./open-rows.ts";
import { hexAt, ID_BYTES } from "./part/scan-rows.ts";
import { recordBytesOf } from "./part/write-part.ts";
import { type DeltaRow, readDeltas } from "./read-deltas.ts";

/** Of more rows than this it is forgotten at the next snapshot: a recall of releases then asks for a review too often. */
const KNOWN_MAX = 262_144;
const ORIGIN_BYTES = recordBytesOf("origins");

export type KnownOrigins = { base: number; puts: ReadonlyMap<string, number> };

/** Of live rows, as far as it is known. @returns undefined when there are too many */
export function knownOrigins(rows: OpenedRows): { base: number; puts: Map<string, number> } | undefined {
  const count = rows.base.countOf("origins") + (rows.patch?.rows ?? 0);
  if (count > KNOWN_MAX) return undefined;
  const puts = new Map<string, number>();
  for (const { id, release } of baseOrigins(rows)) if (rows.findRow(id) !== undefined) puts.set(id, release);
  const releases = rows.patch === undefined ? new Uint32Array(0) : readRows(rows.patch, "releases");
  for (const { id, row } of rows.patch?.live() ?? []) puts.set(id, releases[row] as number);
  return { base: rows.origins.base, puts };
}

/**
 * @param deltas - from the release that is held up to the snapshot's
 * @returns undefined when nothing is known any more
 */
export async function carryOrigins(
  context: LoadContext,
  held: OpenedRows,
  deltas: readonly DeltaRow[],
): Promise<KnownOrigins | undefined> {
  const known = knownOrigins(held);
  if (known === undefined) return undefined;
  const { puts } = known;
  try {
    for await (const changes of readDeltas(context, deltas)) {
      for (const [id, { line, release }] of changes) {
        if (line === undefined) puts.delete(id);
        else puts.set(id, release);
      }
      if (puts.size > KNOWN_MAX) return undefined;
    }
  } catch (error) {
    // A bad delta from before the snapshot costs this knowledge, nothing else.
    if (!(error instanceof ExchangeError) || isPassing(error)) throw error;
    return undefined;
  }
  return known;
}

function* baseOrigins({ base }: OpenedRows): Generator<{ id: string; release: number }> {
  const bytes = base.read("origins", 0, base.countOf("origins"), ORIGIN_BYTES);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += ORIGIN_BYTES) {
    yield { id: hexAt(bytes, at), release: view.getUint32(at + ID_BYTES) };
  }
}

/** Sorted by id, as the file `origins` has them. */
export function originRecords(puts: ReadonlyMap<string, number>): Uint8Array {
  const records = Buffer.alloc(puts.size * ORIGIN_BYTES);
  for (const [at, id] of [...puts.keys()].sort().entries()) {
    records.write(id, at * ORIGIN_BYTES, "hex");
    records.writeUInt32BE(puts.get(id) as number, at * ORIGIN_BYTES + ID_BYTES);
  }
  return records;
}
