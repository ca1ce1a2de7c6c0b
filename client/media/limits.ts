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
