/**
 * What a restored database learns before anybody is answered, in this order. Each step can be done again: a run may be
 * cut off anywhere.
 */

import type { SetId } from "@breakwater/shared/ids.ts";
import { parseRecall } from "@breakwater/shared/recall.ts";
import { parseStatement } from "@breakwater/shared/release.ts";
import { rebuildLeaves, resumeLog } from "../log/index.ts";
import { dropLookup } from "../lookup/index.ts";
import { endAllSignIns, findPublisher, reapplyTakeAways } from "../members/index.ts";
import { SYSTEM_ACTOR } from "../platform/caller.ts";
import { transaction } from "../platform/db.ts";
import { toExchangeError } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import type { RestoreStep } from "../platform/kill-points.ts";
import { RESEND_MARGIN_MS } from "../platform/restore-state.ts";
import { type RetentionRule, runRetention } from "../platform/retention.ts";
import { listTakeAways, type NotedTakeAway, type TakeAway } from "../platform/take-aways.ts";
import { acceptRecallStatement, reapplyRecalls } from "../recalls/index.ts";
import { reapplyRecipients } from "../reports/index.ts";
import {
  abandonAdmissions,
  acceptStatement,
  adoptRelease,
  adoptUpload,
  dropLostUploads,
  dropUnnamedObjects,
  getSet,
  reapplyAudiences,
  reapplyReleases,
  reapplyRoots,
  renewFeedEpoch,
} from "../sets/index.ts";
import { restoreStatementLost } from "./events.ts";
import type { RestoreRow } from "./state.ts";

/** What the whole exchange knows and a slice does not. */
export type Whole = { purge: (deps: Deps) => Promise<unknown>; retention: readonly RetentionRule[] };
export type Run = { row: RestoreRow; deadline: Date; whole: Whole };
/** `again`: the same step once more, from there. */
export type StepOutcome = { count?: number; again?: string | null };
type Step = (deps: Deps, run: Run) => Promise<StepOutcome>;

export const STEPS: Record<RestoreStep, Step> = {
  sign_ins: endSignIns,
  take_aways: takeAwayAgain,
  log: async (deps) => ({ count: (await rebuildLeaves(deps)).added }),
  roots: async (deps) => ({ count: await reapplyRoots(deps) }),
  admissions: async (deps) => ({ count: await abandonAdmissions(deps) }),
  releases: releasesAgain,
  recalls: async (deps) => ({ count: await reapplyRecalls(deps) }),
  resume_log: resume,
  signed: admitSigned,
  purge,
  objects: dropObjects,
  retention: retain,
};

/** Nobody is signed in, no link works, and no reader's cursor is believed. */
async function endSignIns(deps: Deps): Promise<StepOutcome> {
  return transaction(deps, async (tx) => {
    const { sessions, links } = await endAllSignIns(tx);
    await renewFeedEpoch(tx);
    // Nobody holds a lock of a process that is gone with the old database.
    await tx.sql`update jobs set locked_until = null where locked_until is not null`;
    return { count: sessions + links };
  });
}

async function takeAwayAgain(deps: Deps, { row }: Run): Promise<StepOutcome> {
  const noted = await notedSince(deps, row);
  await transaction(deps, async (tx) => {
    await reapplyTakeAways(tx, noted);
    await reapplyAudiences(tx, noted.filter(isAudience));
    await reapplyRecipients(tx, noted, deps.now());
  });
  return { count: noted.length };
}

async function releasesAgain(deps: Deps, { row, deadline }: Run): Promise<StepOutcome> {
  const noted = (await notedSince(deps, row)).filter(isAudience);
  return (await reapplyReleases(deps, { noted, deadline })) ? {} : { again: null };
}

/** From a little before the snapshot: a note is made before its commit. */
async function notedSince(deps: Deps, { takenAt }: RestoreRow): Promise<NotedTakeAway[]> {
  return listTakeAways(deps, new Date(takenAt.getTime() - RESEND_MARGIN_MS), deps.now());
}

function isAudience(noted: NotedTakeAway): noted is Extract<TakeAway, { kind: "set_audience" }> & { at: Date } {
  return noted.kind === "set_audience";
}

async function resume(deps: Deps): Promise<StepOutcome> {
  await resumeLog(deps);
  return {};
}

/**
 * What the signer signed and the log never got: the rows were lost within the second in which a statement is published.
 * Its number is given out, so it is this statement or none.
 */
async function admitSigned(deps: Deps): Promise<StepOutcome> {
  const rows = await deps.sql<{ id: number; publisher: string; set: string }[]>`
    select id::float8 as id, publisher, name as set from sets order by id`;
  for (const { id, publisher, set } of rows) {
    const found = await findPublisher(deps, publisher);
    if (found?.custody !== "exchange") continue;
    const { release, recall } = await deps.signer.lastStatements(publisher, set);
    const setId = { publisher, set } as SetId;
    const via = { kind: "exchange", memberId: found.memberId, actor: SYSTEM_ACTOR, setId } as const;
    if (release !== undefined) {
      const statement = parseStatement(release);
      await admit(deps, { set: `set/${id}`, kind: "release" }, async () => {
        if (statement.release > (await getSet(deps, setId)).headRelease) await adoptRelease(deps, statement);
        await acceptStatement(deps, release, via);
      });
    }
    if (recall !== undefined) {
      const { list, recall: number } = parseRecall(recall);
      await admit(deps, { set: `set/${id}`, kind: "recall" }, async () => {
        const isNew = number > (await getSet(deps, setId)).headRecall;
        if (isNew && list !== undefined) await adoptUpload(deps, list, found.memberId);
        await acceptRecallStatement(deps, Uint8Array.from(recall), via);
      });
    }
  }
  return {};
}

async function admit(deps: Deps, what: { set: string; kind: string }, accept: () => Promise<unknown>): Promise<void> {
  try {
    await accept();
  } catch (error) {
    const { code, status } = toExchangeError(error);
    if (status >= 500) throw error;
    restoreStatementLost(deps.events, { ...what, code });
  }
}

async function purge(deps: Deps, { whole }: Run): Promise<StepOutcome> {
  await dropLookup(deps);
  await whole.purge(deps);
  return { count: await dropLostUploads(deps) };
}

async function dropObjects(deps: Deps, { row, deadline }: Run): Promise<StepOutcome> {
  let cursor = row.progress ?? undefined;
  do {
    cursor = await dropUnnamedObjects(deps, cursor);
    if (cursor !== undefined && deps.now() >= deadline) return { again: cursor };
  } while (cursor !== undefined);
  return {};
}

async function retain(deps: Deps, { whole }: Run): Promise<StepOutcome> {
  await runRetention(deps, whole.retention);
  return {};
}
