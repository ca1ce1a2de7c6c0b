/** Hashes a file on the member's own machine: exact digests of its bytes, PDQ of its pixels. Nothing leaves, nothing stays. */
import { hexOf } from "@breakwater/shared/bytes.ts";
import { type MediaKind, type SniffedMedia, sniffMedia } from "@breakwater/shared/media/sniff.ts";
import { hashPdq, PDQ_MIN_SIDE } from "@breakwater/shared/pdq/index.ts";
import { decodePixels, isDecodable } from "./decode.ts";
import type { DecodeOptions } from "./decode-video.ts";
import { hashVideo, type VpdqHash, type VpdqMissing } from "./hash-video.ts";
import { PICTURE_MAX_BYTES, PICTURE_MAX_PIXELS, PICTURE_MAX_SIDE } from "./limits.ts";
import { type FileRead, readFileOnce } from "./read-file.ts";

export type PdqHash = { hash: string; quality: number; ambiguous_bits: number };
/** Why a file has no perceptual hash although its digests are good. */
export type PdqMissing = "not_a_picture" | "no_decoder" | "too_large" | "too_small" | "damaged";

export type HashedFile = {
  sha256: string;
  sha1: string;
  md5: string;
  byte_length: number;
  media_type: MediaKind | "other";
  mime: string;
  width?: number;
  height?: number;
  pdq?: PdqHash;
  pdq_missing?: PdqMissing;
  /** Of videos only. */
  vpdq?: VpdqHash;
  vpdq_missing?: VpdqMissing;
};

/** @property onBytes - told how many bytes were read, for a progress display */
type Options = DecodeOptions & { onBytes?: (bytesRead: number) => void };

/**
 * Hashes one file.
 *
 * @param path - a regular file; its bytes are read once, decoded in memory and overwritten
 * @param options - a signal ends a video's decoder, a file's reading is not interrupted
 * @returns digests always; `pdq` of the first frame for pictures, else `pdq_missing` says why not; `vpdq` or
 *   `vpdq_missing` for videos. The size is that of
 *   the pixels as stored: an orientation tag is not followed, since the reference does not follow it
 * @throws ExchangeError `file_unreadable`, `file_too_large`
 */
export async function hashFile(path: string, { onBytes, ...decode }: Options = {}): Promise<HashedFile> {
  const keep = (firstBytes: Uint8Array, byteLength: number) =>
    byteLength <= PICTURE_MAX_BYTES && sniffMedia(firstBytes)?.kind === "image";
  return readFileOnce(path, { keep, onBytes }, (read) => hashRead(read, decode));
}

/**
 * What is known of a file whose bytes were read: its digests, its first frame where it is a picture, one frame a second
 * where it is a video. Without a descriptor, `bytes` are all of it.
 */
export async function hashRead(
  { digests, byteLength, bytes, descriptor }: FileRead,
  decode: DecodeOptions = {},
): Promise<HashedFile> {
  const media = sniffMedia(bytes);
  const { width, height } = media ?? {};
  return {
    ...digests,
    byte_length: byteLength,
    media_type: media?.kind ?? "other",
    mime: media?.mime ?? "application/octet-stream",
    ...(width && height ? { width, height } : {}),
    ...(await hashPixels(media, bytes, byteLength)),
    ...(media?.kind === "video"
      ? await hashVideo(media.name, descriptor === undefined ? { bytes } : { descriptor }, decode)
      : {}),
  };
}

async function hashPixels(
  media: SniffedMedia | undefined,
  bytes: Uint8Array,
  byteLength: number,
): Promise<Pick<HashedFile, "width" | "height" | "pdq" | "pdq_missing">> {
  if (media?.kind !== "image") return { pdq_missing: "not_a_picture" };
  if (!isDecodable(media.name)) return { pdq_missing: "no_decoder" };
  // The header's word is enough to refuse, so that a decompression bomb is never decoded.
  if (byteLength > bytes.length || isTooLarge(media)) return { pdq_missing: "too_large" };
  const pixels = await decodePixels(bytes);
  if (!pixels) return { pdq_missing: "damaged" };
  const { rgba, width, height } = pixels;
  try {
    if (width < PDQ_MIN_SIDE || height < PDQ_MIN_SIDE) return { width, height, pdq_missing: "too_small" };
    const { hash, quality, ambiguousBits } = hashPdq(rgba, width, height);
    return { width, height, pdq: { hash: hexOf(hash), quality, ambiguous_bits: ambiguousBits } };
  } finally {
    rgba.fill(0);
    free(rgba);
  }
}

/** Now and not when the collector comes, which knows nothing of what the next picture takes at once. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

function isTooLarge({ width = 0, height = 0 }: SniffedMedia): boolean {
  return width * height > PICTURE_MAX_PIXELS || Math.max(width, height) > PICTURE_MAX_SIDE;
}
