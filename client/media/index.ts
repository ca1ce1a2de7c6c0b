/** Hashing a member's own files, in memory. */
export { hashBytes } from "./hash-bytes.ts";
export { type HashedFile, hashFile, type PdqHash, type PdqMissing } from "./hash-file.ts";
export type { VpdqHash, VpdqMissing } from "./hash-video.ts";
export { FILE_MAX_BYTES, PICTURE_MAX_BYTES, PICTURE_MAX_PIXELS, PICTURE_MAX_SIDE } from "./limits.ts";
