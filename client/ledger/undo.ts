/** Whom a listing touched here: the rows that rest on an entry, a release or a publisher, with what became of the entry. */

import { type Target, targetCovers } from "../controls/target.ts";
import { type Decision, publisherOf } from "./decision.ts";
import { readMarks, type TakenBack } from "./marks.ts";
import { readLedger } from "./read.ts";

export type UndoQuery = {
  now: Date;
  since?: Date;
  /** Any of them; none: whatever was taken back. */
  targets: readonly Target[];
  /** Also what was only observed: nobody was touched by it. */
  observed: boolean;
};

export type Affected = Decision & { publisher: string; takenBack?: TakenBack };

export async function* affectedBy(
  stateDir: string,
  { now, since, targets, observed }: UndoQuery,
): AsyncGenerator<Affected, { observed: number }, undefined> {
  const marks = await readMarks(stateDir);
  const entries = onlyEntries(targets);
  let left = 0;
  const query = { now, ...(since === undefined ? {} : { since }), ...(entries === undefined ? {} : { entries }) };
  for await (const row of readLedger(stateDir, query)) {
    const takenBack = marks.get(`${row.set}#${row.entry}`);
    const publisher = publisherOf(row.set);
    const { release, earliest } = row.origin;
    const origin = earliest === undefined ? { release } : { release, earliest };
    const isMeant =
      targets.length === 0
        ? (takenBack?.withdrawn ?? takenBack?.recalled) !== undefined
        : targets.some((target) => targetCovers(target, { set: row.set, publisher, entry: row.entry, origin }));
    if (!isMeant) continue;
    if (row.action === "observe" && !observed) left++;
    else yield { ...row, publisher, ...(takenBack === undefined ? {} : { takenBack }) };
  }
  return { observed: left };
}

/** Most lines can be passed by unread when only entries are asked for. */
function onlyEntries(targets: readonly Target[]): Set<string> | undefined {
  const entries = targets.flatMap((target) => (target.scope === "entry" ? [target.entry] : []));
  return targets.length > 0 && entries.length === targets.length ? new Set(entries) : undefined;
}

/** In one word, for a table. */
export function stateOf({ takenBack }: Pick<Affected, "takenBack">, now: Date): "listed" | "withdrawn" | "recalled" {
  if (takenBack?.withdrawn !== undefined) return "withdrawn";
  const recalled = takenBack?.recalled;
  return recalled !== undefined && Date.parse(recalled.until) > now.getTime() ? "recalled" : "listed";
}
