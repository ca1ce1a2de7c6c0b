/** What a sync of one set came to, as a value: every failure keeps the last good state and has a name. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, type ProblemCode, type ProblemDetail } from "@breakwater/shared/problem.ts";
import { destroyRows, findCurrent, openCopy } from "./copy.ts";
import type { Change } from "./guards.ts";
import {
  ACT_STALE_DEFAULT_DAYS,
  isOlderThan,
  KEEP_STALE_DEFAULT_DAYS,
  readStatus,
  type SetStatus,
  writeStatus,
} from "./status.ts";
import { type SyncContext, takeNewest } from "./sync-set.ts";

export type SyncOutcome = {
  set: string;
  outcome: "updated" | "current" | "stale" | "held" | "refused" | "unreached";
  /** What the copy is at now, whatever happened; null when there is none. */
  release: number | null;
  entries: number | null;
  state: Digest | null;
  change?: Change;
  acknowledged?: boolean;
  /** How long the copy has gone without a verification. */
  unverifiedMs: number | null;
  code?: ProblemCode;
  detail?: ProblemDetail;
  tookMs: number;
};

// What a person at the member decides about (policy), or must look at (a publisher who spoke twice).
const HELD = new Set<ProblemCode>([
  "policy_benign",
  "policy_degenerate",
  "policy_growth",
  "policy_new",
  "policy_removal",
  "policy_type",
  "release_fork",
  "root_fork",
  "set_held",
]);
// Nobody answered, or not now: nothing was offered, so nothing was refused.
const UNREACHED = new Set<ProblemCode>([
  "answer_invalid",
  "answer_too_large",
  "busy",
  "config_invalid",
  "fetch_failed",
  "internal",
  "migrations_pending",
  "rate_limited",
]);

/** Brings a set up to date and records how that ended. Throws only for faults of this machine (disk, damaged status). */
export async function syncSet(context: SyncContext): Promise<SyncOutcome> {
  const startedMs = performance.now();
  try {
    const synced = await takeNewest(context);
    const verifiedAt = context.now.toISOString();
    const state = synced.expired === undefined ? "current" : "stale";
    await writeStatus(context.stateDir, context.setId, {
      v: 1,
      state,
      checked_at: verifiedAt,
      verified_at: verifiedAt,
      ...(synced.expired === undefined ? {} : { code: synced.expired }),
    });
    return {
      set: formatSetId(context.setId),
      outcome: synced.expired !== undefined ? "stale" : synced.switched ? "updated" : "current",
      release: synced.release,
      entries: synced.entries,
      state: synced.state,
      change: synced.change,
      acknowledged: synced.acknowledged,
      unverifiedMs: 0,
      ...(synced.expired === undefined ? {} : { code: synced.expired }),
      tookMs: Math.round(performance.now() - startedMs),
    };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return recordFailure(context, error, startedMs);
  }
}

async function recordFailure(
  { stateDir, setId, now }: SyncContext,
  error: ExchangeError,
  startedMs: number,
): Promise<SyncOutcome> {
  const before = await readStatus(stateDir, setId).catch(() => undefined);
  const use = await judgeCopy(stateDir, setId, before?.verified_at, now);
  const outcome = classify(error.code, use.stale);
  const status: SetStatus = {
    v: 1,
    state: outcome,
    checked_at: now.toISOString(),
    code: error.code,
    detail: error.detail,
  };
  if (before?.verified_at !== undefined) status.verified_at = before.verified_at;
  if (before?.released_statement !== undefined) status.released_statement = before.released_statement;
  const heldStatement = error.detail.held_statement;
  if (typeof heldStatement === "string") status.held_statement = heldStatement as Digest;
  const heldRelease = error.detail.held_release;
  if (typeof heldRelease === "number") status.held_release = heldRelease;
  if (use.keepStale) await destroyRows(stateDir, setId);
  await writeStatus(stateDir, setId, status);
  const current = await findCurrent(stateDir, setId).catch(() => undefined);
  return {
    set: formatSetId(setId),
    outcome,
    release: current?.release ?? null,
    entries: current === undefined || use.keepStale ? null : current.entries,
    state: current?.state ?? null,
    unverifiedMs: before?.verified_at === undefined ? null : now.getTime() - Date.parse(before.verified_at),
    code: error.code,
    detail: error.detail,
    tookMs: Math.round(performance.now() - startedMs),
  };
}

function classify(code: ProblemCode, stale: boolean): "stale" | "held" | "refused" | "unreached" {
  if (HELD.has(code)) return "held";
  if (code === "clock_wrong") return "stale";
  if (UNREACHED.has(code)) return stale ? "stale" : "unreached";
  return "refused";
}

/** How a copy may be used by its age: acted on, for review only, or not kept any longer. */
export async function judgeCopy(
  stateDir: string,
  setId: SetId,
  verifiedAt: string | undefined,
  now: Date,
): Promise<{ stale: boolean; keepStale: boolean; actStaleDays: number }> {
  const copy = await openCopy(stateDir, setId).catch(() => undefined);
  if (copy === undefined) return { stale: false, keepStale: false, actStaleDays: ACT_STALE_DEFAULT_DAYS };
  const { act_stale_days: act, keep_stale_days: keep } = copy.manifest.about;
  const actStaleDays = act ?? ACT_STALE_DEFAULT_DAYS;
  // A crash between the switch and the status leaves no time in the status; the switch itself followed a verification.
  const since = verifiedAt ?? copy.current.switched_at;
  return {
    stale: isOlderThan(since, actStaleDays, now),
    keepStale: isOlderThan(since, keep ?? KEEP_STALE_DEFAULT_DAYS, now),
    actStaleDays,
  };
}
