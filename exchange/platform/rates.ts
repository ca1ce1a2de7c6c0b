/** Rate limits in fixed windows, counted in Postgres so that every instance of the Worker counts the same. */
import { hexOf, sha256, utf8Of } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Sql } from "./db.ts";
import type { RetentionRule } from "./retention.ts";

export type Rate = { name: string; limit: number; windowSeconds: number };

export const RATE_KEEP_DAYS = 2;

/**
 * Counts one more for `who`, outside any transaction: a refused request counts too. Nobody waits for the disk: a database
 * that is cut off loses half a second of counts.
 *
 * @param who - an id, or an address through {@link addressBucket}
 * @throws ExchangeError `rate_limited` with `retry_after` seconds once the window's limit is passed
 */
export async function takeRate({ sql, now }: { sql: Sql; now: () => Date }, rate: Rate, who: string): Promise<void> {
  const { startsAt, endsAt } = windowOf(rate, now());
  const [row] = await sql<{ count: number }[]>`
    insert into rate_windows (bucket, starts_at, count)
    select ${`${rate.name}:${who}`}, ${startsAt}::timestamptz, 1 from (select set_config('synchronous_commit', 'off', true)) quick
    on conflict (bucket, starts_at) do update set count = rate_windows.count + 1
    returning count`;
  if ((row?.count ?? 0) > rate.limit) refuse(endsAt, now());
}

/** Refuses when the window is used up, without counting; for limits on failures only. */
export async function checkRate({ sql, now }: { sql: Sql; now: () => Date }, rate: Rate, who: string): Promise<void> {
  const { startsAt, endsAt } = windowOf(rate, now());
  const [row] = await sql<{ count: number }[]>`
    select count from rate_windows where bucket = ${`${rate.name}:${who}`} and starts_at = ${startsAt}`;
  if ((row?.count ?? 0) >= rate.limit) refuse(endsAt, now());
}

function windowOf(rate: Rate, at: Date): { startsAt: Date; endsAt: Date } {
  const windowMs = rate.windowSeconds * 1000;
  const start = Math.floor(at.getTime() / windowMs) * windowMs;
  return { startsAt: new Date(start), endsAt: new Date(start + windowMs) };
}

function refuse(endsAt: Date, at: Date): never {
  throw new ExchangeError("rate_limited", {
    retry_after: Math.max(1, Math.ceil((endsAt.getTime() - at.getTime()) / 1000)),
  });
}

/** A network address as a bucket: digested with the day, so that the table holds no address and no trail across days. */
export async function addressBucket(address: string | undefined, at: Date): Promise<string> {
  const day = at.toISOString().slice(0, 10);
  return hexOf(await sha256(utf8Of(`${day} ${address ?? "unknown"}`))).slice(0, 24);
}

export const ratesRetention: RetentionRule[] = [
  {
    table: "rate_windows",
    what: "request counts",
    keepDays: RATE_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from rate_windows where starts_at < ${before}`).count,
  },
];
