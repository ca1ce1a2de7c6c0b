/** Publishing: what changed, composed once, kept until it is admitted, and the own copy moved to it. */

import { type About, parseAbout } from "@breakwater/shared/about.ts";
import { type ComposedRelease, type ComposeInput, composeRelease, type NewChange } from "@breakwater/shared/compose.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { signRelease } from "@breakwater/shared/release.ts";
import { entriesById } from "../sync/copy.ts";
import type { Change } from "../sync/guards.ts";
import { syncSet } from "../sync/outcome.ts";
import { compareList } from "./delta.ts";
import { noteStatement } from "./journal.ts";
import { countFaultyRows, type ParsedList, type RowFault } from "./list.ts";
import { type OwnSet, openOwnSet, type PublisherContext } from "./own-set.ts";
import { dropPending, findPending, type Pending, writePending } from "./pending.ts";
import { type SendContext, type Sent, sendPending } from "./send.ts";

export type Published = {
  /** false: the list is what is published already. */
  published: boolean;
  release: number;
  digest: string | null;
  entries: number;
  change: Change;
  /** A release that an earlier run had composed was sent first. */
  resumed: number | null;
};

export type ListInput = {
  /** Parsed when the set's kind is known. */
  parse: (kind: OwnSet["answer"]["kind"]) => ParsedList;
  about?: unknown;
  keepMissing?: boolean;
  /** Asked before entries are withdrawn; throwing stops everything. */
  confirm?: (change: Change, entriesAfter: number) => Promise<void>;
};

/** Rows that are not valid, all of them: nothing was published. */
export class RowsInvalid extends ExchangeError {
  readonly faults: RowFault[];
  readonly total: number;

  constructor(faults: RowFault[], total: number) {
    super("rows_invalid", { rows: countFaultyRows(faults), of: total });
    this.faults = faults;
    this.total = total;
  }
}

/** @throws RowsInvalid with every bad row; ExchangeError otherwise. The set is then as it was. */
export async function publishList(context: PublisherContext, input: ListInput): Promise<Published> {
  const resumed = await finishPending(context);
  const own = await openOwnSet(context);
  const { kind } = own.answer;
  const list = input.parse(kind);
  const { keepMissing = false } = input;
  const delta = compareList(kind, own.copy?.lines ?? [], list.rows, { keepMissing, random: context.random });
  const faults = [...list.faults, ...delta.faults];
  if (faults.length > 0) throw new RowsInvalid(faults, list.total);
  const about = aboutOf(own, input.about);
  const sameAbout = own.copy !== undefined && jcs(about) === jcs(own.copy.manifest.about);
  if (delta.changes.length === 0 && sameAbout) return unchanged(own, resumed);
  if (delta.count.removed > 0) await input.confirm?.(delta.count, delta.entries.size);
  return releaseChanges(
    context,
    own,
    { about, changes: delta.changes, entries: delta.entries, count: delta.count },
    resumed,
  );
}

export type Changes = {
  about: About;
  changes: NewChange[];
  entries: Map<string, string>;
  count: Change;
  purpose?: ComposeInput["purpose"];
};

/** Composes, keeps, sends, and moves the own copy. */
export async function releaseChanges(
  context: PublisherContext,
  own: OwnSet,
  { about, changes, entries, count, purpose }: Changes,
  resumed: number | null,
): Promise<Published> {
  const { setId, now, random } = context;
  const previous = own.copy && { ...own.copy.link, manifest: own.copy.manifest };
  const composed = await composeRelease({
    ...(previous === undefined ? {} : { previous }),
    ...(purpose === undefined ? {} : { purpose }),
    entries,
    changes,
    about,
    publisher: setId.publisher,
    set: setId.set,
    rootVersion: own.root.root.version,
    now: Math.floor(now.getTime() / 1000),
    random,
  });
  const sent = await sendComposed(context, own, composed, count);
  return { published: true, release: sent.release, digest: sent.digest, entries: sent.entries, change: count, resumed };
}

/** Signs, keeps, notes, sends what was composed, and moves the own copy to it. */
export async function sendComposed(
  context: PublisherContext,
  { custody, keys }: Pick<OwnSet, "custody" | "keys">,
  composed: ComposedRelease,
  change: Change,
): Promise<Sent> {
  const { stateDir, setId, now } = context;
  const pending = await writePending(stateDir, setId, {
    release: composed.statement.release,
    digest: composed.digest,
    signed_by: custody,
    body: custody === "member" ? await signRelease(composed.statement, keys) : composed.statementBytes,
    blobs: composed.blobs,
    change,
    entries: composed.manifest.entries,
    composed_at: now.toISOString(),
  });
  await notePending(context, pending);
  const sent = await sendPending(sendContext(context), pending, false);
  await moveCopy(context, sent);
  return sent;
}

async function notePending({ profileDir, setId, now }: PublisherContext, pending: Pending): Promise<void> {
  await noteStatement(profileDir, {
    at: now.toISOString(),
    how: pending.signed_by === "member" ? "signed" : "asked",
    typ: "bw-release+jws",
    ...setId,
    number: pending.release,
    digest: pending.digest,
  });
}

/** The same content under a new number and a new date: for a set that has nothing to say and wants to be known alive. */
export async function publishHeartbeat(context: PublisherContext): Promise<Published> {
  const resumed = await finishPending(context);
  const own = await openOwnSet(context);
  if (own.copy === undefined) throw new ExchangeError("copy_missing");
  const entries: Map<string, string> = entriesById(own.copy.lines);
  const count = { added: 0, changed: 0, removed: 0 };
  return releaseChanges(context, own, { about: own.copy.manifest.about, changes: [], entries, count }, resumed);
}

/**
 * Sends what an earlier run composed and could not finish.
 *
 * @returns the release that is admitted now because of it; null when nothing was pending, or somebody else was first
 */
export async function finishPending(context: PublisherContext): Promise<number | null> {
  const pending = await findPending(context.stateDir, context.setId);
  if (pending === undefined) {
    await dropPending(context.stateDir, context.setId); // half-written files of a run that was killed while composing
    return null;
  }
  try {
    await notePending(context, pending);
    const sent = await sendPending(sendContext(context), pending, true);
    await moveCopy(context, sent);
    return sent.release;
  } catch (error) {
    // Another machine published in between, or too much time has passed: it was dropped, and is composed anew.
    if (error instanceof ExchangeError && OVERTAKEN.has(error.code)) return null;
    throw error;
  }
}

const OVERTAKEN = new Set([
  "release_fork",
  "release_gap",
  "release_rollback",
  "release_chain",
  "release_time",
  "release_expired",
  "release_root",
  "blob_missing",
  "conflict",
]);

function sendContext({ exchange, stateDir, setId, onProgress }: PublisherContext): SendContext {
  return { exchange, stateDir, setId, ...(onProgress === undefined ? {} : { onProgress }) };
}

/** The publisher's own copy follows like any subscriber's: verified from the pin. That it lags does not undo the release. */
async function moveCopy({ exchange, stateDir, setId, pin, now }: PublisherContext, _sent: Sent): Promise<void> {
  await syncSet({ source: exchange, stateDir, setId, pin, now, trusted: true });
}

function aboutOf(own: OwnSet, given: unknown): About {
  if (given !== undefined) {
    const about = parseAbout(given);
    if (about.kind !== own.answer.kind) throw new ExchangeError("set_kind", { have: own.answer.kind });
    return about;
  }
  if (own.copy === undefined) throw new ExchangeError("about_invalid", { reason: "the_first_release_needs_about" });
  return own.copy.manifest.about;
}

function unchanged(own: OwnSet, resumed: number | null): Published {
  return {
    published: false,
    release: own.copy?.current.release ?? 0,
    digest: own.copy?.link.digest ?? null,
    entries: own.copy?.current.entries ?? 0,
    change: { added: 0, changed: 0, removed: 0 },
    resumed,
  };
}
