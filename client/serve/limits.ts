/** How much of anything the match daemon takes at once, and how long it waits. */

import { MATCH_MEDIA_MAX_BYTES } from "@breakwater/shared/wire/match.ts";

export const DEFAULT_LISTEN = "127.0.0.1:8790";
/** Bodies that are being read or matched, all together: what many large requests at once may cost in memory. */
export const IN_FLIGHT_MAX_BYTES = 128 * 1024 * 1024;
export const IN_FLIGHT_MAX_REQUESTS = 512;
/**
 * Files that are being read or wait for their turn, all together: one of the largest, or many pictures. They are decoded
 * one at a time, which takes up to 500 MB beside them for a moment.
 */
export const MEDIA_IN_FLIGHT_MAX_BYTES = MATCH_MEDIA_MAX_BYTES;
/** However small they are: whoever comes later would wait longer than callers do. */
export const MEDIA_IN_FLIGHT_MAX_REQUESTS = 16;
export const HEADER_MAX_BYTES = 16 * 1024;
/** From the first byte of a request to its last. */
export const REQUEST_TIMEOUT_MS = 60_000;
export const HEADERS_TIMEOUT_MS = 10_000;
export const KEEP_ALIVE_MS = 65_000;
/** After SIGTERM: what is in flight is answered, and after this the rest is cut off. */
export const DRAIN_MS = 15_000;
export const IDLE_LOOK_MS = 50;
/** Between tries to open a matching thread in place of one that died. */
export const REOPEN_MS = 1_000;
/** How much of a refused body is read and dropped, so that its sender gets to read the refusal. */
export const LINGER_MAX_BYTES = 32 * 1024 * 1024;
export const LINGER_MS = 1_000;
export const RETRY_AFTER_SECONDS = 1;

/** A look at an exchange without news is one small conditional request. */
export const SYNC_EVERY_DEFAULT_SECONDS = 5;
/** So that daemons started together do not ask together. */
export const SYNC_JITTER = 0.2;
/** What other processes change in the state folder is seen after at most so long. */
export const WATCH_EVERY_MS = 1_000;
/** `/healthz` answers 503 when a set has not been verified for longer. */
export const MAX_AGE_DEFAULT_SECONDS = 15 * 60;
export const TOKEN_MIN_CHARS = 32;
