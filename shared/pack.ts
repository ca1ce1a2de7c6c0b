/** Lines into as few segments as the limits allow, in order, a few at a time. */

import { utf8Of } from "./bytes.ts";
import { createLineBuffer, type LineBuffer } from "./line-buffer.ts";
import { ExchangeError } from "./problem.ts";
import {
  type Compress,
  type EncodedSegment,
  type GatheredSegment,
  gatherSegment,
  LINE_MAX_BYTES,
  SEGMENT_MAX_LINES,
  SEGMENT_MAX_PLAIN_BYTES,
  type SegmentHeader,
} from "./segment.ts";

/** @property first - the first of its lines */
export type PackedSegment = { segment: EncodedSegment; first: string; lines: number };

/** How the segments are made; what they hold together does not depend on it. */
export type Packing = {
  compress?: Compress;
  /** Segments that may be in the making while the next one's lines are gathered: each holds its bytes. */
  ahead?: number;
  /** Lines a segment, if fewer than the format's limit: of smaller ones more stay as they are when one is packed anew. */
  linesEach?: number;
};

/** @param header - called once a segment: each has a salt of its own */
export async function* packLines(
  header: () => SegmentHeader,
  lines: Iterable<string> | AsyncIterable<string>,
  { compress, ahead = 0, linesEach = SEGMENT_MAX_LINES }: Packing = {},
): AsyncGenerator<PackedSegment> {
  const free: LineBuffer[] = [];
  const making: Promise<PackedSegment>[] = [];
  let open: { gathered: GatheredSegment; buffer: LineBuffer; first: string; lines: number } | undefined;

  function begin(line: string): NonNullable<typeof open> {
    const buffer = free.pop() ?? createLineBuffer(SEGMENT_MAX_PLAIN_BYTES);
    return { gathered: gatherSegment(buffer, header()), buffer, first: line, lines: 0 };
  }

  function make({ gathered, buffer, ...rest }: NonNullable<typeof open>): void {
    const made = gathered.encode(compress).then((segment) => {
      free.push(buffer);
      return { segment, ...rest };
    });
    made.catch(() => undefined); // told when its turn comes; until then a failure must not look unheard
    making.push(made);
  }

  for await (const line of lines) {
    open ??= begin(line);
    if (open.lines === linesEach || !addLine(open.gathered, line)) {
      make(open);
      if (making.length > ahead) yield await (making.shift() as Promise<PackedSegment>);
      open = begin(line);
      addLine(open.gathered, line);
    }
    open.lines++;
  }
  if (open !== undefined) make(open);
  for (const made of making) yield await made;
}

function addLine(gathered: GatheredSegment, line: string): boolean {
  // Only a line that may be too long is counted twice.
  if (line.length > LINE_MAX_BYTES / 3 && utf8Of(line).length > LINE_MAX_BYTES) {
    throw new ExchangeError("entry_too_long", { max_bytes: LINE_MAX_BYTES });
  }
  return gathered.add(line);
}
