/** Lines into as few segments as the limits allow, in order, one at a time. */

import { ExchangeError } from "./problem.ts";
import {
  type Compress,
  type EncodedSegment,
  encodeSegment,
  LINE_MAX_BYTES,
  SEGMENT_HEADER_MAX_BYTES,
  SEGMENT_MAX_LINES,
  SEGMENT_MAX_PLAIN_BYTES,
  type SegmentHeader,
} from "./segment.ts";

export type PackedSegment = { segment: EncodedSegment; lines: readonly string[] };

/** How the segments are made; what they hold does not depend on it. */
export type Packing = {
  compress?: Compress;
  /** Segments that may be in the making while the next one's lines are gathered: each holds its lines. */
  ahead?: number;
};

/** @param header - called once a segment: each has a salt of its own */
export async function* packLines(
  header: () => SegmentHeader,
  lines: Iterable<string> | AsyncIterable<string>,
  { compress, ahead = 0 }: Packing = {},
): AsyncGenerator<PackedSegment> {
  const encoder = new TextEncoder();
  const scratch = new Uint8Array(LINE_MAX_BYTES);
  const making: Promise<PackedSegment>[] = [];
  let held: string[] = [];
  let plain = SEGMENT_HEADER_MAX_BYTES;

  function make(): void {
    const gathered = held;
    const made = encodeSegment(header(), gathered, compress).then((segment) => ({ segment, lines: gathered }));
    made.catch(() => undefined); // told when its turn comes; until then a failure must not look unheard
    making.push(made);
    held = [];
    plain = SEGMENT_HEADER_MAX_BYTES;
  }

  for await (const line of lines) {
    const { read, written } = encoder.encodeInto(line, scratch);
    if (read !== line.length) throw new ExchangeError("entry_too_long", { max_bytes: LINE_MAX_BYTES });
    if (held.length === SEGMENT_MAX_LINES || plain + written + 1 > SEGMENT_MAX_PLAIN_BYTES) {
      make();
      if (making.length > ahead) yield await (making.shift() as Promise<PackedSegment>);
    }
    held.push(line);
    plain += written + 1;
  }
  if (held.length > 0) make();
  for (const made of making) yield await made;
}
