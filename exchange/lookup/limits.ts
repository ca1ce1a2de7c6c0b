/** Private lookup in numbers: how often lists are made anew, how long they are believed, and how much one member may ask. */

import type { Tier } from "../platform/caller.ts";
import type { Rate } from "../platform/rates.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How often the builder looks whether heads have moved. A request that finds one moved begins it sooner. */
export const LOOK_EVERY_MS = 5_000;
/** Ordinary changes wait for each other, so that a batch of lookups is not cut up by new epochs; recalls do not wait. */
export const EPOCH_PACE_MS = 30_000;
/** A bucket is cached no longer than its epoch: what is erased is gone from every honest cache within a day. */
export const EPOCH_LIFE_MS = 24 * HOUR_MS;
/** An epoch without changes is renewed long before its end. */
export const EPOCH_RENEW_MS = 12 * HOUR_MS;
/** The padding is drawn anew so often: between two whole rebuilds, who keeps old buckets sees which records changed. */
export const WHOLE_EVERY_MS = 7 * 24 * HOUR_MS;

/** Rows of entries in one transaction. */
export const INGEST_ROWS = 20_000;
/** Steps of the builder end after this, so that other jobs run between them. */
export const STEP_MS = 1_500;
export const BUCKETS_A_STEP = 128;
export const PUTS_AT_ONCE = 8;

/** What share of all buckets a member may ask for in a day: 2^-n. The whole list is what verified sync is for. */
const BUDGET_SHIFT: Record<Tier, number> = { test: 4, agreed: 3, vetted: 2 };
/** Short lists have few buckets; each may be read whole by whoever may look it up, so this gives nothing away. */
const BUDGET_MIN = 32;

export function budgetOf(tier: Tier, bits: number): number {
  return Math.max(BUDGET_MIN, (2 ** bits) >> BUDGET_SHIFT[tier]);
}

/** How long, at most, a few more buckets are answered without asking who it is again. */
export const LEASE_MS = 2_000;
/** Keys that hold one in an instance of the Worker; whoever comes later is asked each time. */
export const LEASES_MAX = 10_000;
/** A member that has not come back for so long after its lease is settled by others, so many with one of their requests. */
export const LEASE_LEFT_MS = 60_000;
export const LEASES_LEFT_A_TIME = 1;
const LEASE_SHIFT = 4;

/** What is lent at once: a sixteenth of the day. */
export function leaseSize(budget: number): number {
  return Math.max(1, budget >> LEASE_SHIFT);
}

/** In an instance's memory; shorter than any epoch, and a bucket that no epoch has is not asked for by name. */
export const BUCKETS_HELD_MS = 10 * MINUTE_MS;

/** Repeats that chance would give before their absence means anything. */
const REPEATS_EXPECTED_MIN = 8;
/** Fewer than this share of them: the asker avoids what it had. */
const REPEATS_SHARE = 0.25;

/**
 * Whether somebody goes through the list: whose hashes come as they come asks for some buckets twice; who walks asks for
 * each once. (Hashes fall evenly, so `asked` throws into `buckets` leave a known number of repeats.)
 */
export function isProbing(asked: number, distinct: number, buckets: number): boolean {
  const expected = asked - buckets * (1 - (1 - 1 / buckets) ** asked);
  return expected >= REPEATS_EXPECTED_MIN && asked - distinct < expected * REPEATS_SHARE;
}

/** Whoever probes is slowed down to this for the rest of the day. */
export const PROBING_RATE: Rate = { name: "lookup_probing", limit: 10, windowSeconds: 60 };

/** Which buckets were asked for is known on the day itself; afterwards how many. */
export const USES_KEEP_DAYS = 90;
export const SHARE_DAYS = 30;
export const OPERATOR_DAYS = 30;
export const OPERATOR_ROWS_MAX = 500;
