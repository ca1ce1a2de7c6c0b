/** A snapshot and the releases after it, as one: how a restored set is brought to its newest state in one step. */

import type { DeletionReason } from "@breakwater/shared/vocab/reasons.ts";
import type { SnapshotLine } from "./lines.ts";
import type { Proposal } from "./proposal.ts";

type Overlaid = Pick<Proposal, "overlay">;
/** `until` is exclusive; undefined for no end. */
type Range = { from: string; until: string | undefined };

/** The range's lines as the releases after the snapshot left them. */
export function overlaid(lines: SnapshotLine[], { overlay }: Overlaid, range: Range): SnapshotLine[] {
  if (overlay === undefined || overlay.size === 0) return lines;
  const merged = new Map(lines.map(({ id, line }) => [id, line]));
  for (const [id, change] of overlay) {
    if (!isInside(id, range)) continue;
    if (change.op === "put") merged.set(id, change.line);
    else merged.delete(id);
  }
  return [...merged].map(([id, line]) => ({ id, line }));
}

/** Also what came and went since: its withdrawal leaves a row, so that readers and recalls know the id. */
export function deletedSince({ overlay }: Overlaid, range: Range): string[] {
  return [...(overlay ?? [])].flatMap(([id, { op }]) => (op === "del" && isInside(id, range) ? [id] : []));
}

export function whyOf({ overlay }: Overlaid, id: string): DeletionReason {
  const change = overlay?.get(id);
  return change?.op === "del" ? change.why : "withdrawn";
}

function isInside(id: string, { from, until }: Range): boolean {
  return id >= from && (until === undefined || id < until);
}
