/**
 * Videos as bags of frames: how much of one is in the other, both ways (facebook/ThreatExchange, vpdq).
 *
 * Upstream's C++ matcher compares with `<` and its Python index with `<=`; here it is `<=` everywhere.
 */
import { hexOf, parseHex } from "../bytes.ts";
import { ExchangeError } from "../problem.ts";
import { isVpdq, VPDQ_MAX_CHARS } from "../signals/carried.ts";
import { distancePdq, PDQ_MATCH_THRESHOLD, PDQ_QUALITY_FLOOR } from "../signals/pdq.ts";
import { HASH_BYTES } from "./chunk-rule.ts";
import { openHammingIndex } from "./hamming.ts";

/** @property hash - 32 bytes; @property seconds - from the start of the video */
export type VideoFrame = { hash: Uint8Array; quality: number; seconds: number };

/**
 * A frame this near to the one kept before it shows the same: decoders alone differ by as much. Much less than what
 * matches, since a copy that lies within reach of the dropped frame must stay within reach of the kept one.
 */
export const SAME_FRAME_DISTANCE = 4;
/** Two hours, one frame a second. */
export const VIDEO_MAX_FRAMES = 7_200;
/** The share that upstream calls a match. Either way: a listed scene in a longer video, or a part of a listed video. */
export const VIDEO_MATCH_SHARE = 0.8;
/** In common at least, where only one of the two is mostly in the other. */
export const VIDEO_MATCH_FRAMES = 3;

const MS_PER_SECOND = 1_000;

/** @throws ExchangeError `signal_invalid` unless the text is a vPDQ value: `hash,quality,seconds` joined by `;` */
export function parseVpdq(text: string): VideoFrame[] {
  if (!isVpdq(text)) throw new ExchangeError("signal_invalid", { alg: "vpdq" });
  return text.split(";").map((frame) => {
    const [hash, quality, seconds] = frame.split(",") as [string, string, string];
    return { hash: parseHex(hash), quality: Number(quality), seconds: Number(seconds) };
  });
}

/**
 * The frames as a vPDQ value. A value has room for about 115 of them: of more, so many are kept, evenly over the video.
 *
 * @returns undefined without frames, which is no value
 */
export function formatVpdq(frames: readonly VideoFrame[]): string | undefined {
  for (let kept = frames.length; kept > 0; kept--) {
    const even = Array.from({ length: kept }, (_, i) => frames[Math.floor((i * frames.length) / kept)] as VideoFrame);
    const value = even.map(formatFrame).join(";");
    if (value.length <= VPDQ_MAX_CHARS) return value;
    // Straight to what can fit at all, then one less at a time.
    kept = Math.min(kept, Math.ceil((kept * VPDQ_MAX_CHARS) / value.length) + 1);
  }
  return undefined;
}

function formatFrame({ hash, quality, seconds }: VideoFrame): string {
  return `${hexOf(hash)},${quality},${Math.round(seconds * MS_PER_SECOND) / MS_PER_SECOND}`;
}

/** Without the frames whose hash says nothing, and without those that repeat the one before. */
export function pruneFrames(frames: readonly VideoFrame[], qualityFloor = PDQ_QUALITY_FLOOR): VideoFrame[] {
  const kept: VideoFrame[] = [];
  for (const frame of frames) {
    if (frame.quality < qualityFloor) continue;
    const before = kept.at(-1);
    if (before === undefined || distancePdq(before.hash, frame.hash) > SAME_FRAME_DISTANCE) kept.push(frame);
  }
  return kept;
}

export type VideoMatch = {
  /** Which of the indexed videos. */
  at: number;
  /** Frames of each side that have a counterpart on the other. */
  queryFrames: number;
  entryFrames: number;
  /** 0 to 1: of all frames of the side that say something, those below the index's own floor included. */
  queryShare: number;
  entryShare: number;
  /** The smallest distance between any two frames, in bits. */
  distance: number;
};

/**
 * Whether two videos show the same for the most part of either: enough to act on. One frame in common is not, however short
 * the listed video: a long one has thousands that could happen to be near it.
 */
export function isVideoMatch({ queryFrames, entryFrames, queryShare, entryShare }: VideoMatch): boolean {
  if (Math.min(queryShare, entryShare) >= VIDEO_MATCH_SHARE) return true;
  return (
    Math.max(queryShare, entryShare) >= VIDEO_MATCH_SHARE && Math.min(queryFrames, entryFrames) >= VIDEO_MATCH_FRAMES
  );
}

export type VideoIndex = {
  /** Videos, those without a frame that says something included: they match nothing. */
  readonly count: number;
  readonly memoryBytes: number;
  /**
   * @param radius - in bits, inclusive
   * @returns every video that shares a frame with the query, the largest share first; none for a query without frames
   * @throws RangeError for more than {@link VIDEO_MAX_FRAMES}
   */
  search(frames: readonly VideoFrame[], radius?: number): VideoMatch[];
};

/**
 * @property qualityFloor - frames below it, listed or asked, match nothing
 * @property wasm - as for {@link openHammingIndex}
 */
export type VideoIndexOptions = {
  videos: Iterable<readonly VideoFrame[]>;
  qualityFloor?: number | undefined;
  wasm?: boolean | undefined;
};

export function openVideoIndex({ videos, qualityFloor, wasm }: VideoIndexOptions): VideoIndex {
  const frames: Uint8Array[] = [];
  const videoOfFrame: number[] = [];
  const frameCounts: number[] = [];
  for (const video of videos) {
    const said = pruneFrames(video, qualityFloor);
    for (const { hash } of said) {
      frames.push(hash);
      videoOfFrame.push(frameCounts.length);
    }
    frameCounts.push(countFrames(video, said));
  }
  const hashes = new Uint8Array(frames.length * HASH_BYTES);
  for (const [i, hash] of frames.entries()) hashes.set(hash, i * HASH_BYTES);
  const index = openHammingIndex({ hashes, wasm });
  const owners = Uint32Array.from(videoOfFrame);
  const counts = Uint32Array.from(frameCounts);

  function search(query: readonly VideoFrame[], radius = PDQ_MATCH_THRESHOLD): VideoMatch[] {
    if (query.length > VIDEO_MAX_FRAMES) throw new RangeError(`video: more than ${VIDEO_MAX_FRAMES} frames`);
    const said = pruneFrames(query, qualityFloor);
    const queryCount = countFrames(query, said);
    const tallies = new Map<number, Tally>();
    for (const [i, { hash }] of said.entries()) {
      for (const { at, distance } of index.search(hash, radius)) {
        const video = owners[at] as number;
        const tally = tallies.get(video) ?? { frames: new Set(), queryFrames: 0, lastQuery: -1, distance };
        tallies.set(video, tally);
        tally.frames.add(at);
        tally.distance = Math.min(tally.distance, distance);
        if (tally.lastQuery !== i) tally.queryFrames += 1;
        tally.lastQuery = i;
      }
    }
    return [...tallies]
      .map(([at, { frames: matched, queryFrames, distance }]) => ({
        at,
        queryFrames,
        entryFrames: matched.size,
        queryShare: queryFrames / queryCount,
        entryShare: matched.size / (counts[at] as number),
        distance,
      }))
      .sort((a, b) => larger(b) - larger(a) || a.at - b.at);
  }

  return { count: counts.length, memoryBytes: index.memoryBytes + owners.byteLength + counts.byteLength, search };
}

/**
 * What a share is a share of. Frames below an index's own floor are part of the video all the same: without them, a title card
 * above it would be all of a faint one. Left-out repeats can make them fewer than those above the floor.
 */
function countFrames(video: readonly VideoFrame[], matchable: readonly VideoFrame[]): number {
  return Math.max(pruneFrames(video).length, matchable.length);
}

type Tally = { frames: Set<number>; queryFrames: number; lastQuery: number; distance: number };

function larger({ queryShare, entryShare }: VideoMatch): number {
  return Math.max(queryShare, entryShare);
}
