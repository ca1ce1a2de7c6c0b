/** A snapshot packed anew only where an erasure takes lines out of it: every other segment keeps its digest. */

import { type Digest, sha256 } from "./bytes.ts";
import { parseEntryId, parsePublisher, parseSetName } from "./ids.ts";
import { createLineBuffer } from "./line-buffer.ts";
import { FIRST_ENTRY_ID, type Manifest, type SnapshotIndex } from "./manifest.ts";
import { type Packing, packLines } from "./pack.ts";
import { ExchangeError } from "./problem.ts";
import { type Blob, indexRow, packIndex, type SnapshotRow, snapshotHeader } from "./snapshot.ts";
import { entryIdOf, STATE_BUCKETS, stateDigestOfBuckets } from "./state.ts";

const HEX = 16;
const LAST_BUCKET = STATE_BUCKETS - 1;

export type IsGone = (id: string) => boolean;

/** The snapshot of the release before, of which only what is touched is read. */
export type HeldSnapshot = {
  index: SnapshotIndex;
  /** The digests that its state is made of, in the order of the ids' first byte. */
  buckets: readonly Uint8Array[];
  /** A segment's entry lines, by its number in the index; verified. */
  readLines(at: number): Promise<readonly string[]>;
  /** Whether the set, as the release before left it, has no entry of this id. */
  lacks(id: string): boolean;
  /** Ids of the snapshot's entries that the set lacks: what releases since it withdrew. */
  lackedIds(): Iterable<string> | AsyncIterable<string>;
  /** Whether a listed delta puts an id that goes. */
  carries(delta: Manifest["deltas"][number], isGone: IsGone): Promise<boolean>;
};

/** The newest of the deltas that carries a line of what goes; 0 when none does. */
export async function findCarrier(deltas: Manifest["deltas"], held: HeldSnapshot, isGone: IsGone): Promise<number> {
  for (const delta of [...deltas].reverse()) if (await held.carries(delta, isGone)) return delta.release;
  return 0;
}

export type Repack = {
  snapshot: SnapshotRow;
  held: HeldSnapshot;
  /** What goes, where the snapshot has it. */
  isGone: IsGone;
  /** First bytes of the ids that go: no segment without them is read. */
  touched: ReadonlySet<number>;
  publisher: string;
  set: string;
  random: (length: number) => Uint8Array;
  packing?: Packing | undefined;
};

/**
 * The same snapshot of the same release without what goes. The new segments have new salts, so that the old digests prove
 * nothing once the old ones are destroyed.
 *
 * @returns the row as it was when the snapshot has none of them
 * @throws ExchangeError `state_digest` when what is held is not what the row says
 */
export async function* repackSnapshot(repack: Repack): AsyncGenerator<Blob, SnapshotRow, undefined> {
  const { snapshot, held, isGone, touched } = repack;
  const { index } = held;
  if ((await stateDigestOfBuckets(held.buckets)) !== snapshot.state) {
    throw new ExchangeError("state_digest", { release: snapshot.release });
  }
  const place = {
    publisher: parsePublisher(repack.publisher),
    set: parseSetName(repack.set),
    // It stands for the state at that release, and no segment of it is of a later one.
    release: snapshot.release,
  };
  const header = snapshotHeader(place, repack.random);
  const buckets = refoldBuckets(held.buckets, touched);
  const rows: SnapshotIndex = [];
  for (const [at, row] of index.entries()) {
    if (!buckets.touches(row.from, index[at + 1]?.from)) {
      rows.push(row);
      continue;
    }
    const lines = await held.readLines(at);
    const kept = lines.filter((line) => {
      const id = entryIdOf(line);
      return !(touched.has(bucketOf(id)) && isGone(id));
    });
    for (const line of kept) await buckets.add(line);
    if (kept.length === lines.length) {
      rows.push(row);
      continue;
    }
    let from: string | undefined = row.from;
    for await (const packed of packLines(header, kept, repack.packing)) {
      rows.push(indexRow(packed, from ?? entryIdOf(packed.first)));
      from = undefined;
      yield { digest: packed.segment.digest as Digest, bytes: packed.segment.bytes };
    }
  }
  if (rows.length === index.length && rows.every((row, at) => row.segment === index[at]?.segment)) return snapshot;
  // The range of a segment that is gone belongs to the one before it, or to the first.
  const [first, ...rest] = rows;
  const ranges = first === undefined ? [] : [{ ...first, from: parseEntryId(FIRST_ENTRY_ID) }, ...rest];
  return yield* packIndex(ranges, { release: snapshot.release, state: await buckets.digest() });
}

/** An id's first byte: which of the state's buckets it is in. */
export function bucketOf(id: string): number {
  return Number.parseInt(id.slice(0, 2), HEX);
}

/** State buckets of which some are made again, from all their lines in the order of ids. */
function refoldBuckets(held: readonly Uint8Array[], touched: ReadonlySet<number>) {
  const digests = [...held];
  const lines = createLineBuffer();
  let open: number | undefined;
  const made = new Set<number>();

  async function close(): Promise<void> {
    if (open === undefined) return;
    digests[open] = await sha256(lines.bytes());
    made.add(open);
    lines.clear();
    open = undefined;
  }

  return {
    touches(from: string, until: string | undefined): boolean {
      const last = until === undefined ? LAST_BUCKET : bucketOf(until);
      for (let bucket = bucketOf(from); bucket <= last; bucket++) if (touched.has(bucket)) return true;
      return false;
    },
    async add(line: string): Promise<void> {
      const bucket = bucketOf(entryIdOf(line));
      if (!touched.has(bucket)) return;
      if (bucket !== open) await close();
      open = bucket;
      lines.add(line);
    },
    async digest(): Promise<Digest> {
      await close();
      const empty = await sha256(new Uint8Array(0));
      for (const bucket of touched) if (!made.has(bucket)) digests[bucket] = empty;
      return stateDigestOfBuckets(digests);
    },
  };
}
