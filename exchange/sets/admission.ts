/** The steps of an admission: rows staged segment by segment, the snapshot held against them, then the head. Each can be interrupted. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseStatement } from "@breakwater/shared/release.ts";
import { createStateDigest } from "@breakwater/shared/state.ts";
import type { ReleaseAnswer } from "@breakwater/shared/wire/sets.ts";
import { eq } from "drizzle-orm";
import type { Tx } from "../platform/db.ts";
import { toExchangeError } from "../platform/db-errors.ts";
import type { Deps } from "../platform/deps.ts";
import type { JobHandler } from "../platform/jobs.ts";
import {
  ADMISSION_STALE_MS,
  type AdmissionRow,
  failAdmission,
  findAdmission,
  runStep,
  type StepResult,
  takeOverAdmission,
  touchAdmission,
} from "./admission-store.ts";
import { narrower, requireAudience } from "./audience.ts";
import { keepBlob, readBlob } from "./blob-store.ts";
import { moveHead } from "./head.ts";
import {
  asPuts,
  type CheckedRows,
  checkChanges,
  readDeltaSegment,
  readSnapshotSegment,
  type SnapshotLine,
} from "./lines.ts";
import { deletedSince, overlaid, whyOf } from "./overlay.ts";
import { openProposal, type Proposal } from "./proposal.ts";
import { listCurrentRows, refreshStatistics, type StagedRow, stageRows } from "./staging.ts";
import { sets } from "./tables.ts";

/** One run of the job; what is left is for the next, so that no run meets the runtime's limit. */
export const ADMISSION_RUN_MS = 15_000;

type Step = { run: (deps: Deps, admission: AdmissionRow, at: number) => Promise<void> };

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
    const steps = stepsOf(proposal);
    for (let at = admission.step; at < steps.length; at++) {
      if (deadline !== undefined && deps.now() >= deadline) return undefined;
      await (steps[at] as Step).run(deps, admission, at);
    }
    await deps.killPoint("after_rows_staged");
    await refreshStatistics(deps, admission.rows_total);
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

function stepsOf(proposal: Proposal): Step[] {
  const rows = proposal.replaces
    ? rangesOf(proposal).map((at) => ({
        run: (deps: Deps, admission: AdmissionRow, step: number) => replaceRange(deps, admission, proposal, step, at),
      }))
    : proposal.ownDelta.map((segment) => ({
        run: async (deps: Deps, admission: AdmissionRow, step: number) => {
          const changes = await readDeltaSegment(deps, proposal, segment);
          await stage(deps, admission, proposal, step, await checkChanges(proposal, changes), {
            lines: changes.length,
            sortedIds: { first: changes[0]?.id, last: changes.at(-1)?.id },
          });
        },
      }));
  if (!proposal.newSnapshot) return rows;
  const compared = proposal.replaces
    ? []
    : rangesOf(proposal).map((at) => ({
        run: (deps: Deps, admission: AdmissionRow, step: number) => compareRange(deps, admission, proposal, step, at),
      }));
  return [...rows, ...compared, { run: (deps, admission, step) => compareState(deps, admission, proposal, step) }];
}

// An empty snapshot still has one range, from the first id to the last: a recovery to nothing must delete.
function rangesOf({ index }: Proposal): number[] {
  return Array.from({ length: Math.max(1, index.length) }, (_, at) => at);
}

function boundsOf({ index }: Proposal, at: number): { from: string; until: string | undefined } {
  return { from: at === 0 ? "" : (index[at]?.from ?? ""), until: index[at + 1]?.from };
}

async function linesOf(deps: Deps, proposal: Proposal, at: number): Promise<SnapshotLine[]> {
  return proposal.index.length === 0 ? [] : readSnapshotSegment(deps, proposal, at);
}

async function stage(
  deps: Deps,
  admission: AdmissionRow,
  proposal: Proposal,
  step: number,
  { rows, floor }: CheckedRows,
  { lines, sortedIds }: { lines: number; sortedIds?: { first: string | undefined; last: string | undefined } },
): Promise<void> {
  const { set, statement } = proposal;
  await runStep(deps, admission, step, async (tx, { lastId }): Promise<StepResult> => {
    // One line an id in the whole delta, not only in each of its segments.
    const first = sortedIds?.first;
    if (first !== undefined && first <= lastId) throw new ExchangeError("segment_order", { reason: "across segments" });
    await requireTier(tx, proposal, floor);
    const entriesDelta = await stageRows(tx, set.id, statement.release, rows);
    return { rows: lines, entriesDelta, floor, lastId: sortedIds?.last };
  });
}

// Under the set's lock, where a change of the audience waits too: whichever comes second sees the other.
async function requireTier({ db }: Tx, { set, overlay }: Proposal, floor: CheckedRows["floor"]): Promise<void> {
  const [row] = await db.select({ tier: sets.audienceTier }).from(sets).where(eq(sets.id, set.id)).for("update");
  if (row === undefined) return;
  if (overlay === undefined) return requireAudience(row.tier, floor);
  // It was published to fewer than the restored rows say: they learn it from what it holds.
  await db
    .update(sets)
    .set({ audienceTier: narrower(row.tier, floor) })
    .where(eq(sets.id, set.id));
}

/** Make the rows of one range what the snapshot holds: release 1, and recovery from a stolen key. */
async function replaceRange(
  deps: Deps,
  admission: AdmissionRow,
  proposal: Proposal,
  step: number,
  at: number,
): Promise<void> {
  const lines = overlaid(await linesOf(deps, proposal, at), proposal, boundsOf(proposal, at));
  // What an interrupted earlier run staged is not here: its step is marked done and skipped.
  const current = await listCurrentRows(deps, proposal.set.id, boundsOf(proposal, at));
  const held = new Map(current.flatMap((row) => (row.op === "put" ? [[row.id, row.line] as const] : [])));
  const { rows, floor } = await checkChanges(proposal, asPuts(lines));
  const changed = rows.filter((row) => row.op === "put" && held.get(row.id) !== row.line);
  const kept = new Set(lines.map(({ id }) => id));
  const gone = new Set(
    [...held.keys(), ...deletedSince(proposal, boundsOf(proposal, at))].filter((id) => !kept.has(id)),
  );
  const dropped = [...gone].map((id): StagedRow => ({ op: "del", id, why: whyOf(proposal, id) }));
  await stage(deps, admission, proposal, step, { rows: [...changed, ...dropped], floor }, { lines: lines.length });
}

/**
 * A snapshot beside a delta says nothing new: each line is the row we hold, and each row up to the snapshot's release is
 * in it. An entry changed after the snapshot's release may stand in it as it was; the deltas after it tell the rest.
 */
async function compareRange(
  deps: Deps,
  admission: AdmissionRow,
  proposal: Proposal,
  step: number,
  at: number,
): Promise<void> {
  const lines = await linesOf(deps, proposal, at);
  const release = proposal.manifest.snapshot.release;
  const current = await listCurrentRows(deps, proposal.set.id, boundsOf(proposal, at));
  const held = new Map(current.map((row) => [row.id, row]));
  const older: SnapshotLine[] = [];
  for (const { id, line } of lines) {
    const row = held.get(id);
    if (row?.line === line) continue;
    if (row === undefined || row.release <= release) throw new ExchangeError("state_digest", { reason: "snapshot" });
    older.push({ id, line });
  }
  // What no row of ours vouches for is checked like a new entry: nothing free-form is carried along in a snapshot.
  const { floor } = await checkChanges(proposal, asPuts(older));
  requireAudience(proposal.set.audienceTier, floor);
  const listed = new Set(lines.map(({ id }) => id));
  for (const row of current) {
    if (row.op === "put" && row.release <= release && !listed.has(row.id)) {
      throw new ExchangeError("state_digest", { reason: "snapshot" });
    }
  }
  await runStep(deps, admission, step, async () => ({ rows: lines.length, entriesDelta: 0, floor }));
}

async function compareState(deps: Deps, admission: AdmissionRow, proposal: Proposal, step: number): Promise<void> {
  const { snapshot } = proposal.manifest;
  const state = createStateDigest();
  for (const at of rangesOf(proposal)) {
    for (const { line } of await linesOf(deps, proposal, at)) state.add(line);
    await touchAdmission(deps, admission);
  }
  if (state.count() !== snapshot.entries) throw new ExchangeError("state_count", { got: state.count() });
  if ((await state.digest()) !== snapshot.state) throw new ExchangeError("state_digest", { reason: "digest" });
  await runStep(deps, admission, step, async () => ({ rows: 0, entriesDelta: 0, floor: "test" }));
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
