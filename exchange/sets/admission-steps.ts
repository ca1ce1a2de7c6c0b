/** What an admission does, a segment a step: made ready without the database, then landed in one transaction. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { eq } from "drizzle-orm";
import type { Tx } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { type AdmissionRow, type StepResult, touchAdmission } from "./admission-store.ts";
import { narrower, requireAudience } from "./audience.ts";
import { readOwnSegment, readSnapshotSegment, type SnapshotLine } from "./lines.ts";
import { deletedSince, overlaid, whyOf } from "./overlay.ts";
import type { Proposal } from "./proposal.ts";
import { type CheckedRows, createRowChecker, type RowChecker } from "./row-checker.ts";
import { type CurrentRow, listCurrentRows, type StagedRow, stageRows } from "./staging.ts";
import { openStateBuckets, type StateBuckets } from "./state-buckets.ts";
import { sets } from "./tables.ts";

/** @property lastId - where the delta's step before ended */
export type Held = {
  lastId: string;
  /** Called once what is left of the step is the database's work. */
  onSent: () => void;
};
export type Land = (tx: Tx, held: Held) => Promise<StepResult>;
/** Reads and checks one segment; what it gives lands it. Steps are made ready in order. */
export type Step = () => Promise<Land>;
export type Steps = { steps: Step[]; buckets: StateBuckets | undefined };

export function stepsOf(deps: Deps, admission: AdmissionRow, proposal: Proposal): Steps {
  const checker = createRowChecker(proposal.set);
  const deltas = proposal.replaces
    ? []
    : proposal.ownDelta.map((segment) => async (): Promise<Land> => {
        return landDelta(proposal, await readOwnSegment(deps, proposal, segment, checker));
      });
  if (!proposal.newSnapshot) return { steps: deltas, buckets: undefined };
  const buckets = openStateBuckets(proposal.index, admission.state_buckets, async (at) => {
    await touchAdmission(deps, admission);
    return readSnapshotSegment(deps, proposal, at);
  });
  const landRange = proposal.replaces ? replaceRange : compareRange;
  const ranges = rangesOf(proposal).map((at) => async (): Promise<Land> => {
    const lines = proposal.index.length === 0 ? [] : await readSnapshotSegment(deps, proposal, at);
    const stateBuckets = await buckets.add(at, lines);
    const land = landRange(proposal, at, { lines, checker });
    return async (tx, held) => ({ ...(await land(tx, held)), stateBuckets });
  });
  return { steps: [...deltas, ...ranges], buckets };
}

// An empty snapshot still has one range, from the first id to the last: a recovery to nothing must delete.
function rangesOf({ index }: Proposal): number[] {
  return Array.from({ length: Math.max(1, index.length) }, (_, at) => at);
}

function boundsOf({ index }: Proposal, at: number): { from: string; until: string | undefined } {
  return { from: at === 0 ? "" : (index[at]?.from ?? ""), until: index[at + 1]?.from };
}

type Range = { lines: SnapshotLine[]; checker: RowChecker };

function landDelta({ set, statement, ...proposal }: Proposal, { rows, floor }: CheckedRows): Land {
  const first = rows[0]?.id;
  return async (tx, { lastId, onSent }) => {
    // One line an id in the whole delta, not only in each of its segments.
    if (first !== undefined && first <= lastId) throw new ExchangeError("segment_order", { reason: "across segments" });
    await requireTier(tx, { set, ...proposal }, floor);
    const entriesDelta = await stageRows(tx, set.id, statement.release, rows, { onSent });
    return { rows: rows.length, entriesDelta, floor, lastId: rows.at(-1)?.id };
  };
}

// Under the set's lock, where a change of the audience waits too: whichever comes second sees the other.
async function requireTier(
  { db }: Tx,
  { set, overlay }: Pick<Proposal, "set" | "overlay">,
  floor: CheckedRows["floor"],
): Promise<void> {
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
function replaceRange(proposal: Proposal, at: number, { lines: snapshot, checker }: Range): Land {
  const { set, statement } = proposal;
  const bounds = boundsOf(proposal, at);
  const lines = overlaid(snapshot, proposal, bounds);
  const { rows, floor } = checker.entries(
    lines,
    proposal.overlay === undefined ? proposal.index[at]?.segment : undefined,
  );
  return async (tx, { onSent }) => {
    await requireTier(tx, proposal, floor);
    // What an interrupted earlier run staged is not here: its step is marked done and skipped.
    const current = await listCurrentRows(tx, set.id, bounds);
    const { changed, dropped } = compareHeld(proposal, at, { rows, lines, current });
    const replacing = current.length > 0;
    const given = [...changed, ...dropped];
    const entriesDelta = await stageRows(tx, set.id, statement.release, given, { replacing, onSent });
    return { rows: lines.length, entriesDelta, floor };
  };
}

function compareHeld(
  proposal: Proposal,
  at: number,
  { rows, lines, current }: { rows: StagedRow[]; lines: SnapshotLine[]; current: CurrentRow[] },
): { changed: StagedRow[]; dropped: StagedRow[] } {
  const held = new Map(current.flatMap((row) => (row.op === "put" ? [[row.id, row.line] as const] : [])));
  const deleted = deletedSince(proposal, boundsOf(proposal, at));
  if (held.size === 0 && deleted.length === 0) return { changed: rows, dropped: [] };
  const kept = new Set(lines.map(({ id }) => id));
  const gone = new Set([...held.keys(), ...deleted].filter((id) => !kept.has(id)));
  return {
    changed: rows.filter((row) => row.op === "put" && held.get(row.id) !== row.line),
    dropped: [...gone].map((id) => ({ op: "del", id, why: whyOf(proposal, id) })),
  };
}

/**
 * A snapshot beside a delta says nothing new: each line is the row we hold, and each row up to the snapshot's release is
 * in it. An entry changed after the snapshot's release may stand in it as it was; the deltas after it tell the rest.
 */
function compareRange(proposal: Proposal, at: number, { lines, checker }: Range): Land {
  const { release } = proposal.manifest.snapshot;
  return async (tx, { onSent }) => {
    onSent();
    const current = await listCurrentRows(tx, proposal.set.id, boundsOf(proposal, at));
    const held = new Map(current.map((row) => [row.id, row]));
    const older: SnapshotLine[] = [];
    for (const { id, line } of lines) {
      const row = held.get(id);
      if (row?.line === line) continue;
      if (row === undefined || row.release <= release) throw new ExchangeError("state_digest", { reason: "snapshot" });
      older.push({ id, line });
    }
    // What no row of ours vouches for is checked like a new entry: nothing free-form is carried along in a snapshot.
    const { floor } = checker.entries(older);
    requireAudience(proposal.set.audienceTier, floor);
    const listed = new Set(lines.map(({ id }) => id));
    for (const row of current) {
      if (row.op === "put" && row.release <= release && !listed.has(row.id)) {
        throw new ExchangeError("state_digest", { reason: "snapshot" });
      }
    }
    return { rows: lines.length, entriesDelta: 0, floor };
  };
}
