/** One segment from stored bytes to scanned rows: the same function in a worker thread and without one. */

import type { SegmentRef } from "@breakwater/shared/segment.ts";
import { openSegment } from "./open-segment.ts";
import { type ScannedRows, type ScanOptions, type ScanPlace, scanRows } from "./scan-rows.ts";

/** Memory of its own, worth being given back at once; small buffers are cut from one that Node shares. */
export const LARGE_BYTES = 128 * 1024;

export type SegmentJob = { packed: Uint8Array<ArrayBuffer>; ref: SegmentRef; place: ScanPlace };
/** `packed` comes back, so that what was verified is what is kept. */
export type SegmentDone = ScannedRows & { header: string; packed: Uint8Array<ArrayBuffer> };

export function runSegmentJob({ packed, ref, place }: SegmentJob, options: ScanOptions): SegmentDone {
  const { plain, header, firstLine } = openSegment(packed, ref);
  const rows = scanRows(plain, firstLine, place, options);
  // Megabytes that the collector does not see as pressure: given back now, so that memory does not grow with the set.
  if (plain.length >= LARGE_BYTES) (plain.buffer as ArrayBuffer).transfer(0);
  return { ...rows, header, packed };
}

export function buffersOf({
  ids,
  locations,
  records,
  pieces,
  packed,
}: ScannedRows & { packed?: Uint8Array }): ArrayBuffer[] {
  const views = [ids, locations, ...Object.values(records), ...pieces.map((one) => one.digest ?? one.bytes)];
  if (packed !== undefined) views.push(packed as Uint8Array<ArrayBuffer>);
  return [...new Set(views.map((view) => (view as Uint8Array<ArrayBuffer>).buffer))];
}
