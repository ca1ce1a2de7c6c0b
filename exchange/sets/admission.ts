/** The run of an admission: rows staged segment by segment, the snapshot held against them, then the head. It can be interrupted anywhere. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseStatement } from "@breakwater/shared/release.ts";
import type { ReleaseAnswer } from "@breakwater/shared/wire/sets.ts";
import { eq } from "drizzle-orm";
import { toExchangeError } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import type { JobHandler } from "../platform/jobs.ts";
import { type Land, type Step, stepsOf } from "./admission-steps.ts";
import {
  ADMISSION_STALE_MS,
  type AdmissionRow,
  failAdmission,
  findAdmission,
  runStep,
  takeOverAdmission,
} from "./admission-store.ts";
import { keepBlob, readBlob } from "./blob-store.ts";
import { moveHead } from "./head.ts";
import { openProposal, type Proposal } from "./proposal.ts";
import { refreshStatistics } from "./staging.ts";
import { type StateBuckets, stateOf } from "./state-buckets.ts";
import { sets } from "./tables.ts";

/** One run of the job; what is left is for the next, so that no run meets the runtime's limit. */
export const ADMISSION_RUN_MS = 15_000;

/**
 * Run an admission to its end.
 *
 * @throws ExchangeError a refusal, after the staged rows are taken back; or `busy` and the like, after which the same
 *   admission can be gone on with
 */
export async function finishAdmission(deps: Deps, admission: AdmissionRow, proposal: Proposal): Promise<ReleaseAnswer> {
  const answer = await advance(deps, admission, proposal);
  if (answer === undefined) throw new Error("an admission without a deadline ended early");
  return answer;
}

/**
 * Go on with an admission.
 *
 * @param land - what makes the release the head
 * @returns undefined when the deadline came first
 */
export async function advance(
  deps: Deps,
  admission: AdmissionRow,
  proposal: Proposal,
  { deadline, land = moveHead }: { deadline?: Date | undefined; land?: typeof moveHead } = {},
): Promise<ReleaseAnswer | undefined> {
  try {
    const { steps, buckets } = stepsOf(deps, admission, proposal);
    if (!(await runSteps(deps, admission, steps, deadline))) return undefined;
    await deps.killPoint("after_rows_staged");
    await refreshStatistics(deps, admission.rows_total);
    if (buckets !== undefined) await requireState(buckets, proposal);
    await requireCount(deps, admission, proposal);
    await keepDocuments(deps, proposal);
    await deps.killPoint("before_head_moves");
    const answer = await land(deps, admission, proposal);
    await deps.killPoint("after_head_moved");
    return answer;
  } catch (error) {
    const refusal = toExchangeError(error);
    // A refusal of the release itself: nothing of it stays. Anything else passes, and so does this admission then.
    if (refusal.status < 500 && refusal.code !== "admission_pending") await failAdmission(deps, admission, refusal);
    throw error;
  }
}

/**
 * The next segment is read and checked while the database takes in the one before, and not earlier: both are this
 * thread's work, and the database would wait for its rows. Two segments are held at most.
 *
 * @returns false when the deadline came first
 */
async function runSteps(
  deps: Deps,
  admission: AdmissionRow,
  steps: readonly Step[],
  deadline: Date | undefined,
): Promise<boolean> {
  const prepare = (at: number): Promise<Land> | undefined => {
    const ready = steps[at]?.();
    // It is awaited in its turn; the step before may fail first.
    ready?.catch(() => {});
    return ready;
  };
  let ready = prepare(admission.step);
  for (let at = admission.step; ready !== undefined; at++) {
    const land = await ready;
    const isLast = at + 1 === steps.length;
    const isOver = deadline !== undefined && deps.now() >= deadline;
    ready = undefined;
    const prepareNext = () => {
      if (!isOver) ready ??= prepare(at + 1);
    };
    await runStep(deps, admission, { step: at, isLast }, (tx, held) => land(tx, { ...held, onSent: prepareNext }));
    prepareNext();
    await deps.killPoint("after_segment_staged");
    if (isOver && !isLast) return false;
  }
  return true;
}

/** The snapshot's lines are those whose state its manifest states. @throws ExchangeError `state_digest` */
async function requireState(buckets: StateBuckets, { manifest }: Proposal): Promise<void> {
  if ((await stateOf(await buckets.finish())) !== manifest.snapshot.state) {
    throw new ExchangeError("state_digest", { reason: "digest" });
  }
}

async function requireCount(deps: Deps, { set_id, release }: AdmissionRow, { set, manifest }: Proposal): Promise<void> {
  const row = await findAdmission(deps, set_id, release);
  const entries = set.entries + (row?.entries_delta ?? 0);
  if (entries !== manifest.entries) throw new ExchangeError("state_count", { have: entries, got: manifest.entries });
}

/** Manifest and index to their lasting place; the segments went there as they were read. */
async function keepDocuments(deps: Deps, { statement, manifest }: Proposal): Promise<void> {
  const { index, index_size } = manifest.snapshot;
  await keepBlob(deps, statement.manifest, await readBlob(deps, statement.manifest, statement.manifest_size));
  await keepBlob(deps, index, await readBlob(deps, index, index_size));
}

/** Goes on with what a request left to it, or left behind: the table says where. */
export const admitJob: JobHandler = async (deps, { payload }) => {
  const [setId, release] = [Number(payload.set_id), Number(payload.release)];
  const admission = await takeOverAdmission(deps, setId, release);
  if (admission === undefined) {
    const state = (await findAdmission(deps, setId, release))?.state;
    const isOpen = state === "queued" || state === "running";
    return isOpen ? { again: new Date(deps.now().getTime() + ADMISSION_STALE_MS) } : undefined;
  }
  const deadline = new Date(deps.now().getTime() + ADMISSION_RUN_MS);
  const proposal = await reopen(deps, admission);
  const end = proposal && (await advance(deps, admission, proposal, { deadline }).catch(endOf));
  // Taken over: whoever has it now may end too, so this job looks again.
  if (end === "taken") return { again: new Date(deps.now().getTime() + ADMISSION_STALE_MS) };
  if (proposal === undefined || end !== undefined) return undefined;
  await deps.sql`
    update admissions set state = 'queued' where set_id = ${setId} and release = ${release} and token = ${admission.token}`;
  return { again: deps.now() };
};

/** The proposal again from the stored statement; a refusal that only shows now ends the admission. */
async function reopen(deps: Deps, admission: AdmissionRow): Promise<Proposal | undefined> {
  try {
    const [set] = await deps.db.select().from(sets).where(eq(sets.id, admission.set_id));
    if (set === undefined) throw new ExchangeError("not_found");
    const statement = parseStatement(admission.payload);
    return await openProposal(deps, { set, statement, digest: admission.digest });
  } catch (error) {
    const refusal = toExchangeError(error);
    if (refusal.status >= 500) throw error;
    await failAdmission(deps, admission, refusal);
    return undefined;
  }
}

// The refusal is in the admissions table for whoever asks; for the job it is an end like any other.
function endOf(error: unknown): "refused" | "taken" {
  const { status, code } = toExchangeError(error);
  if (status >= 500) throw error;
  return code === "admission_pending" ? "taken" : "refused";
}
