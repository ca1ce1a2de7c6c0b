/** What a list changes in a set: by natural key against the verified copy, so that the same list twice changes nothing. */

import type { NewChange } from "@breakwater/shared/compose.ts";
import { type Entry, formatEntry, naturalKey, parseEntry } from "@breakwater/shared/entries/index.ts";
import { newEntryId, parseEntryId } from "@breakwater/shared/ids.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { entriesById } from "../sync/copy.ts";
import type { Change } from "../sync/guards.ts";
import type { Row, RowFault } from "./list.ts";

export type SetDelta = { changes: NewChange[]; entries: Map<string, string>; count: Change; faults: RowFault[] };

export type DeltaOptions = {
  /** Leave entries alone that the list does not have; otherwise they are withdrawn. */
  keepMissing?: boolean;
  random: (length: number) => Uint8Array;
};

/** @param lines - the entries of the verified copy; none before release 1 */
export function compareList(
  kind: SetKind,
  lines: readonly string[],
  rows: readonly Row[],
  options: DeltaOptions,
): SetDelta {
  const held: Map<string, string> = entriesById(lines);
  const byKey = new Map(
    [...held].map(([id, line]) => [naturalKey(kind, parseEntry(kind, line, { strict: false }) as never), id]),
  );
  const delta: SetDelta = { changes: [], entries: new Map(), count: { added: 0, changed: 0, removed: 0 }, faults: [] };
  for (const row of rows) {
    const known = byKey.get(row.key);
    if (row.id !== undefined && known !== undefined && row.id !== known) {
      delta.faults.push({ line: row.line, column: "id", reason: "the entry has another id in the set" });
      continue;
    }
    const id = parseEntryId(row.id ?? known ?? newEntryId(options.random));
    const line = formatEntry({ ...row.entry, id } as Entry);
    const before = held.get(id);
    delta.entries.set(id, line);
    if (before === line) continue;
    delta.changes.push({ op: "put", line });
    delta.count[before === undefined ? "added" : "changed"]++;
  }
  for (const [id, line] of held) {
    if (delta.entries.has(id)) continue;
    if (options.keepMissing) delta.entries.set(id, line);
    else {
      delta.changes.push({ op: "del", id, why: "withdrawn" });
      delta.count.removed++;
    }
  }
  return delta;
}
