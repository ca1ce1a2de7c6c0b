/** vPDQ of a member's own video: PDQ of the Y plane of one frame a second (facebook/ThreatExchange, vpdq). */
import { formatVpdq, pruneFrames, VIDEO_MAX_FRAMES, type VideoFrame } from "@breakwater/shared/match/video.ts";
import type { MediaName } from "@breakwater/shared/media/sniff.ts";
import { hashPdqLuma, PDQ_MIN_SIDE } from "@breakwater/shared/pdq/index.ts";
import {
  type DecodeOptions,
  decodeVideo,
  isVideoDecodable,
  type VideoFault,
  type VideoInput,
  VideoUndecoded,
} from "./decode-video.ts";

export type VpdqHash = {
  /** As an entry holds it; of a long video evenly thinned out, since a value has room for about 115 frames. */
  value: string;
  /** Every frame that says something and does not repeat the one before: what to ask a matcher with. */
  frames: VideoFrame[];
  /** How many were looked at, one a second. */
  sampled: number;
  /** false when the video goes on after the last of them. */
  whole: boolean;
};

/** Why a video has no vPDQ although its digests are good. */
export type VpdqMissing = VideoFault | "too_small" | "no_detail";

/** @throws the signal's reason when it was aborted */
export async function hashVideo(
  name: MediaName,
  input: VideoInput,
  options: DecodeOptions = {},
): Promise<{ vpdq: VpdqHash } | { vpdq_missing: VpdqMissing }> {
  if (!isVideoDecodable(name)) return { vpdq_missing: "no_decoder" };
  const sampled: VideoFrame[] = [];
  try {
    for await (const { luma, width, height, isFullRange } of decodeVideo(name, input, options)) {
      if (width < PDQ_MIN_SIDE || height < PDQ_MIN_SIDE) return { vpdq_missing: "too_small" };
      const { hash, quality } = hashPdqLuma(luma, width, height, isFullRange);
      sampled.push({ hash, quality, seconds: sampled.length });
    }
  } catch (error) {
    if (error instanceof VideoUndecoded) return { vpdq_missing: error.fault };
    throw error;
  }
  const whole = sampled.length <= VIDEO_MAX_FRAMES;
  const frames = pruneFrames(sampled.slice(0, VIDEO_MAX_FRAMES));
  const value = formatVpdq(frames);
  if (value === undefined) return { vpdq_missing: "no_detail" };
  return { vpdq: { value, frames, sampled: Math.min(sampled.length, VIDEO_MAX_FRAMES), whole } };
}
