/** A published snapshot as an erasure re-packs it, read from blobs in memory; what was read is told. */

import { type Digest, sha256, utf8Of } from "../bytes.ts";
import { parseDelta } from "../delta.ts";
import { type Manifest, parseIndex } from "../manifest.ts";
import { decodeSegment, type SegmentRef } from "../segment.ts";
import type { HeldSnapshot } from "../snapshot-repack.ts";
import { entryIdOf, STATE_BUCKETS } from "../state.ts";

/** @param ids - of the entries that the set has, as that manifest's release left it */
export async function heldSnapshotOf(
  manifest: Manifest,
  blobs: ReadonlyMap<string, Uint8Array>,
  { ids, onRead = () => {} }: { ids: ReadonlySet<string>; onRead?: (at: number) => void },
): Promise<HeldSnapshot> {
  const bytesOf = (digest: Digest) => {
    const bytes = blobs.get(digest);
    if (bytes === undefined) throw new Error("a blob of the manifest is missing");
    return bytes;
  };
  const linesOf = async (ref: SegmentRef) => (await decodeSegment(bytesOf(ref.digest), ref)).lines;
  const index = await parseIndex(bytesOf(manifest.snapshot.index), manifest.snapshot);
  const readLines = (at: number) => {
    const { segment: digest, size, plain } = index[at] as (typeof index)[number];
    return linesOf({ digest, size, plain });
  };
  const texts = new Array<string>(STATE_BUCKETS).fill("");
  const lacked: string[] = [];
  for (const at of index.keys()) {
    for (const line of await readLines(at)) {
      const id = entryIdOf(line);
      texts[Number.parseInt(id.slice(0, 2), 16)] += `${line}\n`;
      if (!ids.has(id)) lacked.push(id);
    }
  }
  return {
    index,
    buckets: await Promise.all(texts.map((text) => sha256(utf8Of(text)))),
    readLines(at) {
      onRead(at);
      return readLines(at);
    },
    lacks: (id) => !ids.has(id),
    lackedIds: () => lacked,
    async carries(delta, isGone) {
      for (const { segment: digest, size, plain } of delta.segments) {
        const changes = parseDelta(await linesOf({ digest, size, plain }));
        if (changes.some(({ op, id }) => op === "put" && isGone(id))) return true;
      }
      return false;
    },
  };
}
