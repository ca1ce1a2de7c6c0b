/** Ceilings and patience of every request that the client makes. */

/** A JSON answer: a page of a thousand entries of 16 KiB each would be the largest honest one. */
export const JSON_MAX_BYTES = 20 * 1024 * 1024;
export const PROBLEM_MAX_BYTES = 64 * 1024;

/** From the request to the last byte of an answer of this kind. */
export const JSON_TIMEOUT_MS = 30_000;
/** The exchange admits up to 16,384 lines within the request. */
export const ADMIT_TIMEOUT_MS = 120_000;
export const BLOB_TIMEOUT_MS = 300_000;
/** An answer that stands still this long is given up, however much time is left. */
export const IDLE_TIMEOUT_MS = 20_000;

export const ATTEMPTS = 5;
export const BACKOFF_FIRST_MS = 400;
export const BACKOFF_MAX_MS = 15_000;
/** A longer Retry-After is not waited for: the command ends and says when to come back. */
export const RETRY_AFTER_MAX_MS = 60_000;
