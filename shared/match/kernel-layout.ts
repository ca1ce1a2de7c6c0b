/** What the Hamming kernel and its host both know of the kernel's memory. */

/** In the table of chunks, 4 bytes each: first bit, width, address of starts, address of rows. */
export const CHUNK_RECORD_BYTES = 16;
/** What was found: a count, 4 bytes unused; then of each hit, 4 bytes each: which hash, distance. */
export const FOUND_HEADER_BYTES = 8;
export const FOUND_BYTES = 8;
