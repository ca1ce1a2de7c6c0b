/** How many opinions are taken and how long they stand. */

import type { Rate } from "../platform/rates.ts";

/** Batches of one member: a queue that was offline for weeks is through within the hour. */
export const OPINION_BATCHES: Rate = { name: "opinions", limit: 600, windowSeconds: 3_600 };

/** A batch that is sent again after this is taken anew, which changes nothing but the time it takes. */
export const BATCH_KEEP_DAYS = 90;
/** As long as whom a withdrawal reached is known: an opinion may be the reason for it. */
export const OPINION_KEEP_DAYS = 730;
/** Daily figures; what is older says nothing of an entry as it is now. */
export const DAY_KEEP_DAYS = 365;
export const FLOOD_KEEP_DAYS = 90;
/** How far back floods are shown. */
export const FLOODS_SHOWN_DAYS = 30;
export const FLOODS_SHOWN_MAX = 100;
