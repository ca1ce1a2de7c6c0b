/** What a sync of one set came to, as a value: every failure keeps the last good state and has a name. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, type ProblemCode, type ProblemDetail } from "@breakwater/shared/problem.ts";
import type { Change } from "./compare.ts";
import { destroyRows, openHeld } from "./copy.ts";
import { type Current, findCurrent } from "./current.ts";
import { readRecalls } from "./recalls.ts";
import {
  ACT_STALE_DEFAULT_DAYS,
  isClockBehind,
  isOlderThan,
  KEEP_STALE_DEFAULT_DAYS,
  readStatus,
  type SetStatus,
  writeStatus,
} from "./status.ts";
import { type Notice, type SyncContext, type Synced, takeNewest } from "./sync-set.ts";

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
  /** What a person should know although the copy is the newest there is. */
  notices?: Notice[];
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
  "cp_fork",
  "cp_inconsistent",
  "set_held",
]);
// In the log these are the publisher's own word, properly signed; from an exchange's head they are only an offer.
const HELD_BY_LOG = new Set<ProblemCode>([
  "release_chain",
  "release_closed",
  "release_gap",
  "release_root",
  "release_rollback",
  "release_time",
  "root_chain",
  "root_gap",
  "root_log",
]);
// The log cannot be read as it should be: what is held goes on, and its age is told.
const STALE = new Set<ProblemCode>([
  "bundle_invalid",
  "clock",
  "cp_cosig",
  "cp_format",
  "cp_future",
  "cp_origin",
  "cp_rollback",
  "cp_sig",
  "cp_stale",
]);
// Nobody answered, or not now: nothing was offered, so nothing was refused.
const UNREACHED = new Set<ProblemCode>([
  "answer_invalid",
  "answer_too_large",
  "busy",
  "config_invalid",
  "fetch_failed",
  "internal",
  "log_behind",
  "log_conflict",
  "migrations_pending",
  "not_logged_yet",
  "rate_limited",
  "restoring",
  "signer_unavailable",
]);
/** §2.13 step 2: nobody reached for so long is a state of its own, although the copy is still acted on. */
const UNREACHED_LIMIT_MS = 24 * 60 * 60 * 1000;

/** Brings a set up to date and records how that ended. Throws only for faults of this machine (disk, damaged status). */
export async function syncSet(context: SyncContext): Promise<SyncOutcome> {
  const startedMs = performance.now();
  // Outside of what is recorded: beside a newer program's copy nothing is written, not even how this ended.
  await findCurrent(context.stateDir, context.setId).catch(unlessNewer);
  await readStatus(context.stateDir, context.setId).catch(unlessNewer);
  try {
    const before = await readStatus(context.stateDir, context.setId).catch(() => undefined);
    const synced = await takeAgainWhenGone(context);
    return await recordSuccess(context, before, synced, startedMs);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return recordFailure(context, error, startedMs);
  }
}

function unlessNewer(error: unknown): void {
  if (error instanceof ExchangeError && error.code === "state_newer") throw error;
}

/** A blob that is gone was purged by a newer release (§2.13 step 13): the log is read again, once. */
async function takeAgainWhenGone(context: SyncContext): Promise<Synced> {
  try {
    return await takeNewest(context);
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== "blob_gone") throw error;
    const { tail: _, ...anew } = context;
    return takeNewest(anew);
  }
}

async function recordSuccess(
  { stateDir, setId, now }: SyncContext,
  before: SetStatus | undefined,
  synced: Synced,
  startedMs: number,
): Promise<SyncOutcome> {
  const verifiedAt = now.toISOString();
  const { expired, notices, acked } = synced;
  const since = synced.publisherSince ?? before?.publisher_since;
  await writeStatus(stateDir, setId, {
    v: 1,
    state: expired === undefined ? "current" : "stale",
    checked_at: verifiedAt,
    verified_at: verifiedAt,
    ...(expired === undefined ? {} : { code: expired }),
    ...(notices.length === 0 ? {} : { notices }),
    ...(acked === undefined ? {} : { acked }),
    ...(since === undefined ? {} : { publisher_since: since }),
    ...(before?.released_new && { released_new: true }),
  });
  const code = expired ?? notices[0]?.code;
  const detail = expired === undefined ? notices[0]?.detail : undefined;
  return {
    set: formatSetId(setId),
    outcome: expired !== undefined ? "stale" : synced.switched ? "updated" : "current",
    release: synced.release,
    entries: synced.entries,
    state: synced.state,
    change: synced.change,
    acknowledged: synced.acknowledged,
    unverifiedMs: 0,
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
    ...(notices.length === 0 ? {} : { notices }),
    tookMs: Math.round(performance.now() - startedMs),
  };
}

async function recordFailure(context: SyncContext, error: ExchangeError, startedMs: number): Promise<SyncOutcome> {
  const { stateDir, setId, now, trusted } = context;
  const before = await readStatus(stateDir, setId).catch(() => undefined);
  const use = await judgeCopy(stateDir, setId, before?.verified_at, now);
  const sinceMs = before?.verified_at === undefined ? 0 : now.getTime() - Date.parse(before.verified_at);
  const byLog = !trusted && HELD_BY_LOG.has(error.code);
  const outcome = byLog ? "held" : classify(error.code, use.stale || sinceMs > UNREACHED_LIMIT_MS);
  // A clock that is wrong says nothing about age: nothing is destroyed by it.
  const isTooOld = use.keepStale && error.code !== "clock";
  const status: SetStatus = {
    v: 1,
    state: outcome,
    checked_at: now.toISOString(),
    code: error.code,
    detail: error.detail,
  };
  for (const member of KEPT) if (before?.[member] !== undefined) Object.assign(status, { [member]: before[member] });
  const heldStatement = error.detail.held_statement;
  if (typeof heldStatement === "string") status.held_statement = heldStatement as Digest;
  const heldRelease = error.detail.held_release;
  if (typeof heldRelease === "number") status.held_release = heldRelease;
  const { withdrawn } = error.detail;
  if (typeof withdrawn === "number") status.withdrawn = withdrawn + (before?.withdrawn ?? 0);
  if (isTooOld) {
    await destroyRows(stateDir, setId);
    status.destroyed_at = now.toISOString();
  }
  const current = await findCurrent(stateDir, setId).catch(() => undefined);
  const acked = await acknowledgeRecall(context, current, status.acked);
  if (acked !== undefined) status.acked = acked;
  await writeStatus(stateDir, setId, status);
  return {
    set: formatSetId(setId),
    outcome,
    release: current?.release ?? null,
    entries: current === undefined || isTooOld ? null : current.entries,
    state: current?.state ?? null,
    unverifiedMs: before?.verified_at === undefined ? null : now.getTime() - Date.parse(before.verified_at),
    code: error.code,
    detail: error.detail,
    tookMs: Math.round(performance.now() - startedMs),
  };
}

/** A recall is applied whatever became of the set, and its publisher counts on hearing so. */
async function acknowledgeRecall(
  { source, stateDir, setId }: SyncContext,
  current: Current | undefined,
  before: SetStatus["acked"],
): Promise<SetStatus["acked"]> {
  const recall = (await readRecalls(stateDir, setId).catch(() => undefined))?.newest ?? 0;
  if (current === undefined || recall <= (before?.recall ?? 0)) return undefined;
  try {
    const { release, statement } = current;
    await source.acknowledge(setId, { release, statement, recall });
    return { statement, recall };
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}

/** What a failed check does not change. */
const KEPT = [
  "verified_at",
  "released_statement",
  "acked",
  "publisher_since",
  "released_new",
  "destroyed_at",
] as const satisfies (keyof SetStatus)[];

function classify(code: ProblemCode, stale: boolean): "stale" | "held" | "refused" | "unreached" {
  if (HELD.has(code)) return "held";
  if (STALE.has(code)) return "stale";
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
  const copy = await openHeld(stateDir, setId).catch(() => undefined);
  if (copy === undefined) return { stale: false, keepStale: false, actStaleDays: ACT_STALE_DEFAULT_DAYS };
  const { act_stale_days: act, keep_stale_days: keep } = copy.manifest.about;
  const actStaleDays = act ?? ACT_STALE_DEFAULT_DAYS;
  // A crash between the switch and the status leaves no time in the status; the switch itself followed a verification.
  const since = verifiedAt ?? copy.current.switched_at;
  return {
    stale: isClockBehind(since, now) || isOlderThan(since, actStaleDays, now),
    keepStale: isOlderThan(since, keep ?? KEEP_STALE_DEFAULT_DAYS, now),
    actStaleDays,
  };
}
