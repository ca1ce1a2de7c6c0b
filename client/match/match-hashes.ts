/** Hashes of a file against hash sets: the same file by its digests, a similar one by PDQ, a video by its frames. */

import { parseHex } from "@breakwater/shared/bytes.ts";
import { VIDEO_MAX_FRAMES, type VideoFrame } from "@breakwater/shared/match/video.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { PDQ_MATCH_THRESHOLD, PDQ_QUALITY_FLOOR } from "@breakwater/shared/signals/index.ts";
import type { MatchHashes, NotCompared } from "@breakwater/shared/wire/match.ts";
import { AMBIGUOUS_BITS_MAX } from "../sync/guards.ts";
import type { RowRef } from "../sync/index.ts";
import { type Asked, addFound, askEach, type Candidate, nearest } from "./asked.ts";
import { EXACT_ALGS } from "./hash-index.ts";
import type { OpenSet } from "./open-set.ts";
import { qualityFloorOf, type VideoRows } from "./video-rows.ts";

/** Below this share of common frames on both sides, two videos may only have a title card in common. */
const VIDEO_REVIEW_PERCENT = 25;

/** @throws ExchangeError `request_too_large` with `max_frames` */
export function matchHashes(sets: readonly OpenSet[], hashes: MatchHashes, asked: Asked): void {
  const { pdq, vpdq } = hashes;
  if (vpdq !== undefined && vpdq.length > VIDEO_MAX_FRAMES)
    throw new ExchangeError("request_too_large", { path: "/hashes/vpdq", max_frames: VIDEO_MAX_FRAMES });
  // A flat picture's hash is near thousands of others, and rounding decides a symmetric one's: neither says anything.
  sayBelow(PDQ_QUALITY_FLOOR, hashes, asked);
  if ((pdq?.ambiguous_bits ?? 0) > AMBIGUOUS_BITS_MAX) asked.notCompared.push({ what: "pdq", why: "ambiguous" });
  askEach(sets, asked, "hashes", (opened) => {
    matchExact(opened, hashes, asked);
    matchPdq(opened, hashes, asked);
    matchVideo(opened, hashes, asked);
  });
}

/** Said once, for all sets that would not look at it: no hits of theirs are no word that nothing is listed. */
function sayBelow(floor: number, { pdq, vpdq }: MatchHashes, { notCompared }: Asked): void {
  const isSaid = (what: NotCompared["what"]) =>
    notCompared.some((one) => one.what === what && (one.why === "quality_too_low" || one.why === "no_frames"));
  if (pdq !== undefined && pdq.quality < floor && !isSaid("pdq"))
    notCompared.push({ what: "pdq", why: "quality_too_low" });
  if (vpdq?.every(({ quality }) => quality < floor) && !isSaid("vpdq"))
    notCompared.push({ what: "vpdq", why: "no_frames" });
}

function matchExact(opened: OpenSet, hashes: MatchHashes, asked: Asked): void {
  for (const alg of EXACT_ALGS) {
    const value = hashes[alg];
    if (value === undefined) continue;
    const digest = parseHex(value);
    for (const part of opened.parts) {
      for (const row of part.findExact(alg, digest)) {
        addFound(opened, asked, { row, level: "act", how: { alg }, distance: 0 });
      }
    }
  }
}

function matchPdq(opened: OpenSet, { pdq }: MatchHashes, asked: Asked): void {
  const { act_distance: actDistance, review_distance: reviewDistance } = opened.about;
  if (pdq === undefined || actDistance === undefined || reviewDistance === undefined) return;
  const floor = qualityFloorOf(opened.about);
  if (opened.parts.some(({ part }) => part.records.has("pdq-rows"))) sayBelow(floor, { pdq }, asked);
  if (pdq.quality < floor || (pdq.ambiguous_bits ?? 0) > AMBIGUOUS_BITS_MAX) return;
  const query = parseHex(pdq.hash);
  const how = { alg: "pdq" as const, act_distance: actDistance, review_distance: reviewDistance };
  const candidates: Candidate[] = [];
  for (const part of opened.parts) {
    for (const { row, distance, quality, ambiguousBits } of part.searchPdq(query, reviewDistance)) {
      const ambiguous = Math.max(unsureBits(pdq.ambiguous_bits), unsureBits(ambiguousBits));
      if (quality < floor || ambiguous >= AMBIGUOUS_BITS_MAX || !opened.copy.isLive(row)) continue;
      // Bits that rounding decides may all have fallen the near way: only what holds without them is acted on.
      candidates.push({ row, level: distance + ambiguous <= actDistance ? "act" : "review", how, distance });
    }
  }
  for (const candidate of nearest(candidates, asked, "pdq")) addFound(opened, asked, candidate);
}

function matchVideo(opened: OpenSet, { vpdq }: MatchHashes, asked: Asked): void {
  const { act_distance: near, review_distance: reach = PDQ_MATCH_THRESHOLD } = opened.about;
  const { videos } = opened;
  if (vpdq === undefined || videos === undefined) return;
  sayBelow(qualityFloorOf(opened.about), { vpdq }, asked);
  const frames = vpdq.map(({ hash, quality }, at) => ({ hash: parseHex(hash), quality, seconds: at }));
  const found = videos.search(frames, reach);
  // Frames that the set wants a person to look at do not add up to a video that nobody looks at.
  const isNear = near === undefined || near >= reach || found.length === 0 ? undefined : actedOn(videos, frames, near);
  for (const { row, distance, seenPercent, listedPercent, acted: isAlike } of found) {
    if (!isAlike && Math.max(seenPercent, listedPercent) < VIDEO_REVIEW_PERCENT) continue;
    const acted = isAlike && (isNear?.has(row) ?? true);
    const how = { alg: "vpdq" as const, seen_percent: seenPercent, listed_percent: listedPercent };
    addFound(opened, asked, { row, level: acted ? "act" : "review", how, distance });
  }
}

function actedOn(videos: VideoRows, frames: readonly VideoFrame[], radius: number): Set<RowRef> {
  return new Set(videos.search(frames, radius).flatMap(({ row, acted }) => (acted ? [row] : [])));
}

/** The median counts itself, so 1 is a clean hash. */
function unsureBits(ambiguousBits: number | undefined): number {
  return Math.max(0, (ambiguousBits ?? 1) - 1);
}
