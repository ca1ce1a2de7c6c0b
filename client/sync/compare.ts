/** What a new state changes in the one that is held, row by row, without holding either in memory. */

import { lowerBound, type OpenedRows } from "./open-rows.ts";
import type { LiveRow } from "./part/read-part.ts";
import type { BuiltPart } from "./part/write-part.ts";
import type { RowFault } from "./row-faults.ts";

export type Change = { added: number; changed: number; removed: number };
export type Difference = { kind: "added" | "changed" | "removed"; id: string };

export function* differences(before: OpenedRows, after: OpenedRows): Generator<Difference> {
  const isOneBase = before.ref.base.dir === after.ref.base.dir;
  if (isOneBase && isContinued(before.dead, after.dead)) return yield* patchDifferences(before, after);
  const old = before.live();
  let held = old.next();
  for (const row of after.live()) {
    for (; !held.done && held.value.id < row.id; held = old.next()) yield { kind: "removed", id: held.value.id };
    if (held.done || held.value.id !== row.id) {
      yield { kind: "added", id: row.id };
      continue;
    }
    if (isOther(held.value, row)) yield { kind: "changed", id: row.id };
    held = old.next();
  }
  for (; !held.done; held = old.next()) yield { kind: "removed", id: held.value.id };
}

/** The held rows whose ids the new state has too, as they are held. */
export function* keptRows(before: OpenedRows, after: OpenedRows): Generator<LiveRow> {
  const next = after.live();
  let other = next.next();
  for (const row of before.live()) {
    while (!other.done && other.value.id < row.id) other = next.next();
    if (!other.done && other.value.id === row.id) yield row;
  }
}

/** One id in one verified segment has one line. */
function isOther(a: LiveRow, b: LiveRow): boolean {
  return a.segment !== b.segment && a.line() !== b.line();
}

/** Over one base only the patches differ: what that costs follows the change, however large the set is. */
function* patchDifferences(before: OpenedRows, after: OpenedRows): Generator<Difference> {
  const old = (before.patch?.live() ?? [])[Symbol.iterator]();
  let held = old.next();
  for (const row of after.patch?.live() ?? []) {
    for (; !held.done && held.value.id < row.id; held = old.next()) yield { kind: "removed", id: held.value.id };
    if (!held.done && held.value.id === row.id) {
      if (isOther(held.value, row)) yield { kind: "changed", id: row.id };
      held = old.next();
      continue;
    }
    const based = before.base.search(row.id);
    yield { kind: based.found && before.isLive(based.row) ? "changed" : "added", id: row.id };
  }
  for (; !held.done; held = old.next()) yield { kind: "removed", id: held.value.id };
  for (const dead of after.dead) {
    if (before.dead[lowerBound(before.dead, dead)] === dead) continue;
    const id = after.base.idAt(dead);
    if (!after.patch?.search(id).found) yield { kind: "removed", id };
  }
}

/** A patch that continues another only adds to what is over. */
function isContinued(before: Uint32Array, after: Uint32Array): boolean {
  return before.every((row) => after[lowerBound(after, row)] === row);
}

export type Faults = { base: BuiltPart["faults"]; patch: BuiltPart["faults"] };

/** The first row by id that a brake would hold and that is not held already, line for line. */
export function findNewFault(
  before: OpenedRows | undefined,
  after: OpenedRows,
  { base, patch }: Faults,
): { id: string; fault: RowFault } | undefined {
  const inBase = base.find(({ row }) => after.isLive(row) && !isHeld(before, after, row));
  const first = after.base.rows;
  const inPatch = patch.find(({ row }) => !isHeld(before, after, first + row));
  const found = [
    ...(inBase === undefined ? [] : [{ id: after.base.idAt(inBase.row), fault: inBase.fault }]),
    ...(inPatch === undefined || after.patch === undefined
      ? []
      : [{ id: after.patch.idAt(inPatch.row), fault: inPatch.fault }]),
  ];
  return found.sort((a, b) => (a.id < b.id ? -1 : 1))[0];
}

function isHeld(before: OpenedRows | undefined, after: OpenedRows, row: number): boolean {
  if (before === undefined) return false;
  const line = after.lineAt(row);
  const part = row < after.base.rows ? after.base : after.patch;
  const held = before.findRow(part?.idAt(row < after.base.rows ? row : row - after.base.rows) ?? "");
  return held !== undefined && before.lineAt(held) === line;
}
