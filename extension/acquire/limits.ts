// How much of a page's media is read at most, and what is too little to mean anything.

/** Larger files are reported by address: reading them would freeze the page that shows them. */
export const MEDIA_MAX_BYTES = 256 * 1024 * 1024;
/** A picture past this is a decode bomb or a map; neither is hashed. */
export const PIXELS_MAX = 100_000_000;
/** Icons, spacers and buttons: a hash of these would hit half the web. */
export const SIDE_MIN_PX = 64;
export const READ_TIMEOUT_MS = 30_000;
/** Below this a canvas has rounded the colour away, and the perceptual hash is of other pixels. */
export const ALPHA_MIN = 64;
/** The page's thread is given back this often while a long file is digested. */
export const DIGEST_CHUNK_BYTES = 4 * 1024 * 1024;
/** Facts from a page are words of a stranger: nothing longer than this is taken over. */
export const ADDRESS_MAX_CHARS = 8192;
