/** When the log is published, and by whom: soon after a statement took effect, by one at a time, at a steady pace. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { reasonOf, toExchangeError } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import { newRowId } from "../platform/ids.ts";
import { enqueue, type JobHandler } from "../platform/jobs.ts";
import { logPublicationFailed } from "./events.ts";
import { publishOnce } from "./publish.ts";

/** Longer than one publication; after it another may begin, which costs work and never the log's truth. */
export const LEASE_MS = 10_000;
/** How long one run goes on while leaves keep coming: what a Worker may do after its answer, with room. */
export const PUBLISH_RUN_MS = 15_000;
/** How often the job looks by itself, for what a crash left behind. */
export const PUBLISH_EVERY_MS = 30_000;

/** The statement is in the rows; its way into a checkpoint begins without anybody waiting for it. */
export function nudgeLog(deps: Deps): void {
  deps.defer(publishQuietly(deps));
}

/** Finds what no nudge published. Quick when there is nothing: three reads. */
export const publishJob: JobHandler = async (deps) => {
  await publishQuietly(deps);
  return { again: new Date(deps.now().getTime() + PUBLISH_EVERY_MS) };
};

/**
 * Called by every scheduled run: makes sure that the job exists, and publishes what a kill left unpublished without
 * waiting for the job, which the killed process may have locked.
 */
export async function schedulePublication(deps: Deps): Promise<void> {
  await enqueue(deps, deps, { kind: "log.publish", key: "log.publish", runAt: deps.now() });
  if (await hasUnpublished(deps)) await publishQuietly(deps);
}

// Whoever had a statement logged has their answer already; what went wrong is for the operator, and tried again.
async function publishQuietly(deps: Deps): Promise<void> {
  try {
    await publishLog(deps);
  } catch (error) {
    logPublicationFailed(deps.events, { code: toExchangeError(error).code, reason: reasonOf(error) });
  }
}

/**
 * Publish until everything is under the checkpoint, or somebody else is at it.
 *
 * No wish is lost: a leaf is committed before its nudge asks for the lease; if the lease is taken then, its holder
 * looks again after giving it back.
 *
 * @throws ExchangeError as {@link publishOnce}
 */
export async function publishLog(deps: Deps): Promise<void> {
  const until = deps.now().getTime() + PUBLISH_RUN_MS;
  do {
    const lease = await takeLease(deps);
    if (lease === undefined) return;
    try {
      while (await publishPaced(deps, lease)) if (deps.now().getTime() >= until) return;
    } finally {
      await deps.sql`
        update log_publication set lease_token = null, lease_until = null where id = 1 and lease_token = ${lease.token}`;
    }
  } while (await hasUnpublished(deps));
}

type Lease = { token: string; publishedAt: Date | null };

async function takeLease(deps: Deps): Promise<Lease | undefined> {
  const now = deps.now();
  const token = newRowId(deps);
  const [row] = await deps.sql<{ published_at: Date | null }[]>`
    update log_publication set lease_token = ${token}, lease_until = ${new Date(now.getTime() + LEASE_MS)}
    where id = 1 and (lease_until is null or lease_until <= ${now})
    returning published_at`;
  return row && { token, publishedAt: row.published_at };
}

/** @returns whether there is more */
async function publishPaced(deps: Deps, lease: Lease): Promise<boolean> {
  await waitForPace(deps, lease.publishedAt);
  const { size, more } = await publishOnce(deps);
  const now = deps.now();
  lease.publishedAt = now;
  const { count } = await deps.sql`
    update log_publication
    set size = ${size}, published_at = ${now}, lease_until = ${new Date(now.getTime() + LEASE_MS)}
    where id = 1 and lease_token = ${lease.token}`;
  if (count === 0) throw new ExchangeError("busy", { reason: "lease" });
  return more;
}

/** Under load one checkpoint covers all that came within the pace; after a quiet time the first leaf waits for nothing. */
async function waitForPace({ config, now }: Deps, publishedAt: Date | null): Promise<void> {
  if (publishedAt === null) return;
  const waitMs = Math.min(config.logPaceMs, publishedAt.getTime() + config.logPaceMs - now().getTime());
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}

async function hasUnpublished({ sql }: Deps): Promise<boolean> {
  const [row] = await sql`
    select 1 from log_head h, log_publication p where h.id = 1 and p.id = 1 and h.halted is null and h.size > p.size`;
  return row !== undefined;
}
