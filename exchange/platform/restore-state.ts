/** Whether the rows were put back from a backup and do not know yet what happened since: then nobody is answered. */
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { MiddlewareHandler } from "hono";
import type { Queries } from "./db.ts";
import type { Env } from "./deps.ts";

/** How long devices are asked for what they sent after the backup: as long as they keep it. */
export const RESEND_DAYS = 30;
/** A receipt's time is read before its row is committed: what is this much older than the snapshot may be missing from it. */
export const RESEND_MARGIN_MS = 15 * 60_000;
const DAY_MS = 86_400_000;
/** Long enough for small exchanges; clients of this project ask again by themselves. */
export const RETRY_AFTER_SECONDS = 5;

/** Whether the process answers and its stores can be reached is true or not also during a restore. */
const UNGATED: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

export async function isRestoring({ sql }: Queries): Promise<boolean> {
  const [row] = await sql`select 1 from restore_state where finished_at is null`;
  return row !== undefined;
}

/**
 * Whose answers come from rows. The log's files and the console's lie in stores that no restore sets back, and so do
 * buckets of private lookup, which a restored database does not name.
 */
const FROM_ROWS = /^\/(v1(?!\/lookup\/)|\.well-known|openapi\.json)(\/|$)/;
/** How long such a file may still be served after a restore began: without this each of them would cost a connection. */
export const FILES_STALE_MS = 5_000;

/**
 * Middleware before every other: rows that have not caught up would let in who was locked out, and show what was erased.
 * Asked of the database at each request for rows, since a restore can happen under a running Worker.
 */
export function restoringGate(): MiddlewareHandler<Env> {
  // Of an instance of the Worker; harmless when it is another's.
  const openAt = new Map<string, number>();
  return async (c, next) => {
    const { deps } = c.var;
    const key = deps.config.origin;
    const nowMs = deps.now().getTime();
    const isFresh = !FROM_ROWS.test(c.req.path) && Math.abs(nowMs - (openAt.get(key) ?? 0)) < FILES_STALE_MS;
    if (!isFresh && !UNGATED.has(c.req.path)) {
      if (await isRestoring(deps)) throw new ExchangeError("restoring", { retry_after: RETRY_AFTER_SECONDS });
      openAt.set(key, nowMs);
    }
    await next();
  };
}

/** From when to when devices' receipts may be of reports that are lost. */
export type Resend = { since: Date; until: Date };

/** @returns undefined when nothing was restored in the last {@link RESEND_DAYS} */
export async function findResend({ sql }: Queries, now: Date): Promise<Resend | undefined> {
  const [row] = await sql<{ since: Date; until: Date }[]>`
    select resend_since as since, finished_at as until from restore_state
    where finished_at > ${new Date(now.getTime() - RESEND_DAYS * DAY_MS)}`;
  return row;
}
