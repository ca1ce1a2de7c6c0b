/** Lines into as few segments as the limits allow, in order, one at a time. */

import { ExchangeError } from "./problem.ts";
import {
  type EncodedSegment,
  encodeSegment,
  LINE_MAX_BYTES,
  SEGMENT_HEADER_MAX_BYTES,
  SEGMENT_MAX_LINES,
  SEGMENT_MAX_PLAIN_BYTES,
  type SegmentHeader,
} from "./segment.ts";

export type PackedSegment = { segment: EncodedSegment; lines: string[] };

/** @param header - called once a segment: each has a salt of its own */
export async function* packLines(
  header: () => SegmentHeader,
  lines: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<PackedSegment> {
  const encoder = new TextEncoder();
  const scratch = new Uint8Array(LINE_MAX_BYTES);
  let held: string[] = [];
  let plain = SEGMENT_HEADER_MAX_BYTES;
  for await (const line of lines) {
    const { read, written } = encoder.encodeInto(line, scratch);
    if (read !== line.length) throw new ExchangeError("entry_too_long", { max_bytes: LINE_MAX_BYTES });
    if (held.length === SEGMENT_MAX_LINES || plain + written + 1 > SEGMENT_MAX_PLAIN_BYTES) {
      yield { segment: await encodeSegment(header(), held), lines: held };
      held = [];
      plain = SEGMENT_HEADER_MAX_BYTES;
    }
    held.push(line);
    plain += written + 1;
  }
  if (held.length > 0) yield { segment: await encodeSegment(header(), held), lines: held };
}
