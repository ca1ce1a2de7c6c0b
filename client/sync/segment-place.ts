/** A segment's header line as a subscriber reads it, and whether the segment stands where it belongs. */

import type { SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseWith } from "@breakwater/shared/schema.ts";
import { SegmentHeader } from "@breakwater/shared/segment.ts";
import { z } from "zod";

const TolerantHeader = z.object(SegmentHeader.shape);

/**
 * An untouched segment of an older snapshot is used again, so a snapshot's header may name an older release.
 *
 * @throws ExchangeError `segment_header`: a segment of another set with a right digest is still the wrong one
 */
export function checkSegmentPlace(
  headerLine: string,
  { publisher, set }: SetId,
  kind: SegmentHeader["kind"],
  release: number,
): void {
  const header = parseWith(TolerantHeader, parseJson(headerLine), "segment_header");
  const fits = kind === "delta" ? header.release === release : header.release <= release;
  if (header.kind !== kind || header.publisher !== publisher || header.set !== set || !fits) {
    throw new ExchangeError("segment_header", { reason: "place" });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ExchangeError("segment_header", { reason: "json" });
  }
}
