/** Publishing: what changed, composed once, kept until it is admitted, and the own copy moved to it. */

import { type About, parseAbout } from "@breakwater/shared/about.ts";
import { type ChangeSource, type Composed, type ComposeInput, composeBlobs } from "@breakwater/shared/compose.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { signRelease } from "@breakwater/shared/release.ts";
import { syncSet } from "../sync/outcome.ts";
import { findHeldSnapshot } from "./held-snapshot.ts";
import { findOwnStatements, noteStatement } from "./journal.ts";
import type { ListSource } from "./list.ts";
import { entriesOf, type OwnSet, type PublisherContext, type StreamedEntries, withOwnSet } from "./own-set.ts";
import { gzipBeside, SEGMENTS_AHEAD } from "./packing.ts";
import {
  dropPending,
  findPending,
  openPendingDraft,
  type Pending,
  type PendingDraft,
  readPendingBlob,
} from "./pending.ts";
import { dropWork, planList, type SetChange } from "./plan.ts";
import { type SendContext, type Sent, sendPending } from "./send.ts";
import { type EarlySender, openEarlySender } from "./send-early.ts";
import { findListedAgain, forgetKeys, type ListedAgain } from "./withdrawals.ts";

const PROGRESS_LINES = 16_384;

export type Published = {
  /** false: the list is what is published already. */
  published: boolean;
  release: number;
  digest: string | null;
  entries: number;
  change: SetChange;
  /** A release that an earlier run had composed was sent first. */
  resumed: number | null;
};

export type ListInput = {
  list: ListSource;
  about?: unknown;
  keepMissing?: boolean;
  /** Asked before entries are withdrawn; throwing stops everything. */
  confirm?: (change: SetChange, entriesAfter: number) => Promise<void>;
  /** Asked before what was withdrawn is listed again; throwing stops everything. */
  confirmAgain?: (again: ListedAgain) => Promise<void>;
};

/** @throws RowsInvalid with the first bad rows; ExchangeError otherwise. The set is then as it was. */
export async function publishList(context: PublisherContext, input: ListInput): Promise<Published> {
  const resumed = await finishPending(context);
  return withOwnSet(context, async (own) => {
    const { stateDir, setId, random, onProgress } = context;
    const plan = await planList({
      ...{ stateDir, setId, random, kind: own.answer.kind, copy: own.copy, list: input.list },
      keepMissing: input.keepMissing === true,
      onRead: (rows) => onProgress?.("read", rows, 0),
    });
    try {
      const about = aboutOf(own, input.about);
      const { count } = plan;
      const isSameAbout = own.copy !== undefined && jcs(about) === jcs(own.copy.manifest.about);
      if (count.added + count.changed + count.removed === 0 && isSameAbout) return unchanged(own, resumed);
      if (own.copy !== undefined && count.added > 0) {
        const again = await findListedAgain(context, own.answer.kind, own.copy, plan.changes());
        if (again.count > 0) await input.confirmAgain?.(again);
      }
      if (count.removed > 0) await input.confirm?.(count, plan.entries);
      // Release 1 is its snapshot: there is nothing that it changes.
      const changes = own.copy === undefined ? [] : { sorted: plan.changes };
      const entries = { count: plan.entries, lines: plan.lines };
      return await releaseChanges(context, own, { about, changes, entries, count }, resumed);
    } finally {
      await plan.drop();
    }
  });
}

export type Changes = {
  about: About;
  changes: ChangeSource;
  entries: StreamedEntries;
  count: SetChange;
  purpose?: ComposeInput["purpose"];
};

/** Composes, keeps, sends, and moves the own copy. */
export async function releaseChanges(
  context: PublisherContext,
  own: OwnSet,
  { about, changes, entries, count, purpose }: Changes,
  resumed: number | null,
): Promise<Published> {
  if (purpose === "erasure") await forgetKeys(context.stateDir, context.setId);
  const previous = own.copy && { ...own.copy.link, manifest: own.copy.manifest };
  const input = {
    ...(previous === undefined ? {} : { previous }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(purpose === "erasure" && own.copy && { held: await findHeldSnapshot(context.exchange, own.copy) }),
    ...{ entries, changes, about },
    rootVersion: own.root.root.version,
    now: Math.floor(context.now.getTime() / 1000),
  };
  const sent = await sendComposed(context, own, input, count);
  return { published: true, release: sent.release, digest: sent.digest, entries: sent.entries, change: count, resumed };
}

export type OwnInput = Omit<ComposeInput, "entries" | "publisher" | "set" | "random" | "packing"> & {
  entries: StreamedEntries;
};

/** Composes file by file, signs, keeps, notes and sends; then the own copy moves to it. */
export async function sendComposed(
  context: PublisherContext,
  { custody, keys }: Pick<OwnSet, "custody" | "keys">,
  input: OwnInput,
  change: SetChange,
): Promise<Sent> {
  const { stateDir, setId, now } = context;
  const draft = await openPendingDraft(stateDir, setId);
  const early = openEarlySender(context.exchange, (digest) => readPendingBlob(stateDir, setId, digest));
  try {
    const composed = await keepComposed(context, input, draft.keep, early);
    const pending = await draft.finish({
      release: composed.statement.release,
      digest: composed.digest,
      signed_by: custody,
      body: custody === "member" ? await signRelease(composed.statement, keys) : composed.statementBytes,
      change,
      entries: composed.manifest.entries,
      composed_at: now.toISOString(),
    });
    await notePending(context, pending);
    const sent = await sendPending(sendContext(context), pending, { early });
    await moveCopy(context, sent);
    return sent;
  } finally {
    early.stop();
  }
}

async function keepComposed(
  { setId, random, onProgress }: PublisherContext,
  input: OwnInput,
  keep: PendingDraft["keep"],
  early: EarlySender,
): Promise<Composed> {
  const composing = composeBlobs({
    ...input,
    ...setId,
    random,
    entries: counting(input.entries, (packed) => onProgress?.("packed", packed, input.entries.count)),
    packing: { compress: gzipBeside, ahead: SEGMENTS_AHEAD },
  });
  for (;;) {
    const step = await composing.next();
    if (step.done) return step.value;
    await keep(step.value);
    early.offer(step.value.digest);
  }
}

/** Tells how many lines were taken, now and then. */
function counting({ count, lines }: StreamedEntries, tell: (done: number) => void): StreamedEntries {
  return {
    count,
    async *lines() {
      let done = 0;
      for await (const line of lines()) {
        if (++done % PROGRESS_LINES === 0) tell(done);
        yield line;
      }
    },
  };
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
  return releaseCopy(context, {});
}

/** The entries of the own copy, as they are, in a release of their own. */
export async function releaseCopy(context: PublisherContext, purpose: Pick<Changes, "purpose">): Promise<Published> {
  const resumed = await finishPending(context);
  return withOwnSet(context, async (own) => {
    if (own.copy === undefined) throw new ExchangeError("copy_missing");
    const count = { added: 0, changed: 0, removed: 0 };
    const { about } = own.copy.manifest;
    const entries = entriesOf(own.copy);
    return releaseChanges(context, own, { about, changes: [], entries, count, ...purpose }, resumed);
  });
}

/**
 * Sends what an earlier run composed and could not finish.
 *
 * @returns the release that is admitted now because of it; null when nothing was pending, or somebody else was first
 */
export async function finishPending(context: PublisherContext): Promise<number | null> {
  const pending = await findPending(context.stateDir, context.setId);
  if (pending === undefined) {
    // What a run left that was killed while it read the list or composed: nobody was told of it.
    await dropWork(context.stateDir, context.setId);
    await dropPending(context.stateDir, context.setId);
    return null;
  }
  try {
    await notePending(context, pending);
    const sent = await sendPending(sendContext(context), pending, {});
    context.onFinished?.(sent.release);
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
  // The key that signed it was replaced meanwhile: it was admitted before that, or never will be.
  "envelope_kid_unknown",
  "blob_missing",
  "conflict",
]);

function sendContext({ exchange, stateDir, setId, onProgress }: PublisherContext): SendContext {
  return { exchange, stateDir, setId, ...(onProgress === undefined ? {} : { onProgress }) };
}

/** The publisher's own copy follows like any subscriber's: verified from the pin. That it lags does not undo the release. */
async function moveCopy(context: PublisherContext, _sent: Sent): Promise<void> {
  const { exchange, profileDir, stateDir, setId, pin, now } = context;
  const isOwn = await findOwnStatements(profileDir);
  await syncSet({ source: exchange, stateDir, setId, pin, now, trusted: true, isOwn });
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
