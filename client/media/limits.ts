/** How much of a member's own file is read, held and decoded at most. */

/** Digests need one pass and no memory; past this a file is a disk image and not something that was uploaded. */
export const FILE_MAX_BYTES = 64 * 1024 ** 3;
/** A picture is held whole while it is decoded. */
export const PICTURE_MAX_BYTES = 256 * 1024 ** 2;
/** 400 MB once decoded. Phones make up to 200 megapixels on request, 12 to 50 as they come. */
export const PICTURE_MAX_PIXELS = 100_000_000;
/** A decoder that takes longer than this on one picture is being played with. */
export const DECODE_TIMEOUT_SECONDS = 60;
export const READ_CHUNK_BYTES = 1024 ** 2;
/** One side of a picture: a strip that is longer needs as much memory a row as another picture has in all. */
export const PICTURE_MAX_SIDE = 100_000;

/** 8K, either way up. */
export const VIDEO_MAX_PIXELS = 7_680 * 4_320;
/** A decoder that takes longer than this on one video is being played with, or the video is a film. */
export const VIDEO_TIMEOUT_MS = 10 * 60 * 1_000;
/** What the decoder may ask for at once. */
export const VIDEO_DECODER_ALLOCATION_MAX_BYTES = 1024 ** 3;
/** How much of what a decoder complains about is looked at; none of it is shown. */
export const DECODER_COMPLAINT_MAX_BYTES = 16 * 1024;
