/** Deltas by position in their bytes: which ids change, to what, and in which release. */

import type { Manifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { useBlob } from "./blobs.ts";
import type { LoadContext } from "./build-base.ts";
import { openSegment } from "./part/open-segment.ts";
import { LineScanner } from "./part/scan-line.ts";
import { hexAt, ID_BYTES, readId } from "./part/scan-rows.ts";
import { checkSegmentPlace } from "./segment-place.ts";

export type DeltaRow = Manifest["deltas"][number];
/** By id; `line` is undefined for a deletion. */
export type NetChanges = Map<string, { line: string | undefined; release: number }>;

/** What is held in memory of changes before they are written down; a longer row of deltas takes several steps. */
const CHANGES_MAX_BYTES = 48 * 1024 * 1024;
const COMMA = 0x2c;
const OP_PREFIX = '"op":"'.length;

/** The net changes of deltas in order, in as few steps as memory allows; later steps replace what earlier ones said. */
export async function* readDeltas(context: LoadContext, deltas: readonly DeltaRow[]): AsyncGenerator<NetChanges> {
  let changes: NetChanges = new Map();
  let bytes = 0;
  for (const delta of deltas) {
    for (const segment of delta.segments) {
      if (bytes + segment.plain > CHANGES_MAX_BYTES && changes.size > 0) {
        yield changes;
        [changes, bytes] = [new Map(), 0];
      }
      bytes += segment.plain;
      await readDeltaSegment(context, delta.release, segment, changes);
    }
  }
  if (changes.size > 0) yield changes;
}

async function readDeltaSegment(
  { source, blobsDir, setId }: LoadContext,
  release: number,
  { segment: digest, size, plain }: DeltaRow["segments"][number],
  changes: NetChanges,
): Promise<void> {
  const opened = await useBlob(source, blobsDir, digest, size, async (packed) => ({
    result: openSegment(packed, { digest, size, plain }),
    bytes: packed,
  }));
  checkSegmentPlace(opened.header, setId, "delta", release);
  const scanner = new LineScanner(opened.plain);
  const lines = Buffer.from(opened.plain.buffer, opened.plain.byteOffset, opened.plain.length);
  const id = new Uint8Array(ID_BYTES);
  let last = "";
  for (let at = opened.firstLine; at < lines.length; ) {
    const next = scanner.read(at);
    readId(opened.plain, scanner, id, 0);
    const hex = hexAt(id, 0);
    if (hex <= last) throw new ExchangeError("segment_order", { release });
    last = hex;
    changes.set(hex, { line: lineOf(lines, scanner, at, next - 1), release });
    at = next;
  }
}

/** The entry's own line is the change's without its `op`: that is what a snapshot holds and the state digest covers. */
function lineOf(lines: Buffer, scanner: LineScanner, from: number, until: number): string | undefined {
  const op = scanner.textOf("op");
  if (op === "del") return undefined;
  if (op !== "put") throw new ExchangeError("segment_line", { reason: "op" });
  const opFrom = scanner.fromOf("op") - OP_PREFIX;
  const opUntil = scanner.untilOf("op") + 1;
  // With the comma after it, or before it where it is the last member.
  const [cutFrom, cutUntil] = lines[opUntil] === COMMA ? [opFrom, opUntil + 1] : [opFrom - 1, opUntil];
  return lines.toString("utf8", from, cutFrom) + lines.toString("utf8", cutUntil, until);
}
