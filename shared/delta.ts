/** What one release changes: puts and deletions, one line an id, sorted; applying them twice is applying them once. */

import { z } from "zod";
import { EntryId } from "./ids.ts";
import { jcs, parseJcsText } from "./jcs.ts";
import { ExchangeError } from "./problem.ts";
import { closed, type ObjectOf, open, type ParseOptions, parseWith } from "./schema.ts";
import { entryIdOf } from "./state.ts";
import { DeletionReason } from "./vocab/reasons.ts";

function deletionSchema(object: ObjectOf) {
  return object({ id: EntryId, op: z.literal("del"), why: DeletionReason });
}

export const Deletion = deletionSchema(closed);
export type Deletion = z.output<typeof Deletion>;
const TolerantDeletion = deletionSchema(open);

/** `line` is the entry's own line, without `op`: what a snapshot holds and the state digest covers. */
export type Change = { op: "put"; id: string; line: string } | { op: "del"; id: string; why: DeletionReason };

/** A change as a delta's line. */
export function formatDeltaLine(change: Change): string {
  if (change.op === "del") return jcs({ id: change.id, op: "del", why: change.why });
  return jcs({ ...parseObject(change.line), op: "put" });
}

/**
 * A delta's line as a change. The entry inside a put is not checked here: see entries/.
 *
 * @throws ExchangeError `jcs_invalid`, `segment_line`
 */
export function parseDeltaLine(text: string, { strict = true }: ParseOptions = {}): Change {
  const { op, ...entry } = strict ? asObject(parseJcsText(text)) : parseObject(text);
  if (op === "put") {
    const line = jcs(entry);
    return { op, id: entryIdOf(line), line };
  }
  const schema = strict ? Deletion : TolerantDeletion;
  const { id, why } = parseWith(schema, op === undefined ? entry : { ...entry, op }, "segment_line");
  return { op: "del", id, why };
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ExchangeError("segment_line", { reason: "json" });
  }
  return asObject(value);
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ExchangeError("segment_line", { reason: "object" });
  }
  return value as Record<string, unknown>;
}

/** All lines of a delta segment. @throws ExchangeError also `segment_order` */
export function parseDelta(lines: readonly string[], options: ParseOptions = {}): Change[] {
  const changes = lines.map((line) => parseDeltaLine(line, options));
  checkSorted(changes);
  return changes;
}

/** @throws ExchangeError `segment_order` unless ids rise, which also makes each one unique */
export function checkSorted(items: readonly { id: string }[], after = ""): void {
  let last = after;
  items.forEach(({ id }, at) => {
    if (id <= last) throw new ExchangeError("segment_order", { at });
    last = id;
  });
}

/** Apply changes to entry lines by id. Deleting an unknown id does nothing; the state digest finds any divergence. */
export function applyChanges(entries: Map<string, string>, changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.op === "put") entries.set(change.id, change.line);
    else entries.delete(change.id);
  }
}
