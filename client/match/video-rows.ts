/** The videos of a hash set: their frames are read from the entries' own lines when a copy is opened, and searched as bags. */

import type { About } from "@breakwater/shared/about.ts";
import { isVideoMatch, openVideoIndex, parseVpdq, type VideoFrame } from "@breakwater/shared/match/video.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { PDQ_QUALITY_FLOOR } from "@breakwater/shared/signals/index.ts";
import type { RowRef } from "../sync/index.ts";
import type { OpenSet } from "./open-set.ts";
import { readRow } from "./parts.ts";

export type VideoHit = { row: RowRef; distance: number; seenPercent: number; listedPercent: number; acted: boolean };
export type VideoRows = { search(frames: readonly VideoFrame[], radius: number): VideoHit[] };

/** @returns undefined when the set lists no video */
export function openVideos({
  about,
  parts,
  copy,
  entryAt,
}: Pick<OpenSet, "about" | "parts" | "copy" | "entryAt">): VideoRows | undefined {
  const rows: RowRef[] = [];
  for (const { part } of parts) {
    const records = part.records.get("rows-vpdq");
    for (let at = 0; at < (records?.count ?? 0); at++) {
      const row = readRow(records as NonNullable<typeof records>, at) + part.firstRow;
      if (copy.isLive(row)) rows.push(row);
    }
  }
  if (rows.length === 0) return undefined;
  const index = openVideoIndex({
    videos: rows.map((row) => framesOf(() => entryAt(row))),
    qualityFloor: qualityFloorOf(about),
  });
  return {
    search: (frames, radius) =>
      index.search(frames, radius).map((match) => ({
        row: rows[match.at] as RowRef,
        distance: match.distance,
        seenPercent: percent(match.queryShare),
        listedPercent: percent(match.entryShare),
        acted: isVideoMatch(match),
      })),
  };
}

/** Of the set and of the algorithm the stricter one. */
export function qualityFloorOf({ quality_floor: own }: Pick<About, "quality_floor">): number {
  return Math.max(PDQ_QUALITY_FLOOR, own ?? 0);
}

function framesOf(entryOf: () => object): VideoFrame[] {
  try {
    return parseVpdq((entryOf() as { value: string }).value);
  } catch (error) {
    // A newer publisher's spelling: the entry is passed by, the others are found.
    if (error instanceof ExchangeError && error.code !== "copy_damaged") return [];
    throw error;
  }
}

function percent(share: number): number {
  return Math.round(share * 1000) / 10;
}
