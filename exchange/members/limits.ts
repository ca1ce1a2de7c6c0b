/** How long what lets somebody in lives, and how often it may be tried. */
import type { Rate } from "../platform/rates.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export const SIGN_IN_LINK_MS = 15 * MINUTE_MS;
export const SESSION_IDLE_MS = 8 * HOUR_MS;
export const SESSION_ABSOLUTE_MS = 24 * HOUR_MS;
/** A session's last activity is written at most this often: reading a page costs no write. */
export const SESSION_TOUCH_MS = 5 * MINUTE_MS;

export const API_KEY_DEFAULT_MS = 365 * DAY_MS;
export const API_KEY_MAX_MS = 400 * DAY_MS;
export const API_KEY_TOUCH_MS = HOUR_MS;
/** After a rotation both keys work for this long, so that nothing has to change in the same second. */
export const API_KEY_OVERLAP_MS = 7 * DAY_MS;
export const API_KEYS_PER_MEMBER = 50;

export const INVITE_MS = 72 * HOUR_MS;
export const DEVICE_MS = 90 * DAY_MS;
/** From here on an active device may renew itself; an expired one needs its administrator. */
export const DEVICE_RENEW_FROM_MS = 45 * DAY_MS;
export const DEVICE_TOUCH_MS = HOUR_MS;
/** Clocks of flaggers' machines are often wrong; no report is refused for time. */
export const DEVICE_PROOF_SKEW_S = 7 * 86_400;
export const DEVICE_PROOF_MAX_BYTES = 4 * 1024;
export const MAX_ITEMS_PER_HOUR = 120;

/** Wrong keys from one address. Right ones are never refused by this. */
export const KEY_FAILURES: Rate = { name: "key_failures", limit: 30, windowSeconds: 600 };
/** Device headers from one address that nobody enrolled could have made. */
export const DEVICE_FAILURES: Rate = { name: "device_failures", limit: 60, windowSeconds: 600 };
/** Requests with one key. */
export const KEY_REQUESTS: Rate = { name: "key", limit: 6_000, windowSeconds: 60 };
export const SIGN_IN_TRIES: Rate = { name: "sign_in", limit: 20, windowSeconds: 600 };
export const ENROL_TRIES: Rate = { name: "enrol", limit: 60, windowSeconds: 3_600 };
/** Whatever the address: one code is not tried again and again. */
export const INVITE_TRIES: Rate = { name: "invite", limit: 10, windowSeconds: 3_600 };
export const INVITES_MADE: Rate = { name: "invites_made", limit: 200, windowSeconds: 3_600 };
