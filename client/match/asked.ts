/** What every kind of matching does alike: a candidate row becomes a finding when its entry's own line says so. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import type { NotCompared } from "@breakwater/shared/wire/match.ts";
import type { RowRef } from "../sync/index.ts";
import { originOf } from "../sync/origins.ts";
import type { Found, MatchedEntry, Query } from "./found.ts";
import { findRecall, type OpenSet, standingOf } from "./open-set.ts";

export type Asked = {
  query: Query;
  now: Date;
  found: Found[];
  notCompared: NotCompared[];
  /** The copy's bytes are not those that were verified. */
  failed(opened: OpenSet): void;
};

export type Candidate = Pick<Found, "level" | "how" | "distance"> & { row: RowRef };

/** Of one item and set so many hits are told, the nearest first: a hash that is near thousands is no more certain for it. */
export const HITS_MAX = 100;

/** The candidates that are looked up, and a word when some are left out. */
export function nearest<C extends Candidate>(candidates: C[], asked: Asked, what: NotCompared["what"]): C[] {
  if (candidates.length <= HITS_MAX) return candidates;
  asked.notCompared.push({ what, why: "cut_off" });
  return candidates.sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0)).slice(0, HITS_MAX);
}

/** @param accept - a last look at the entry itself */
export function addFound(
  opened: OpenSet,
  asked: Asked,
  candidate: Candidate,
  accept: (matched: MatchedEntry, candidate: Candidate) => Candidate = (_, same) => same,
): void {
  if (!opened.copy.isLive(candidate.row)) return;
  const entry = readEntry(opened, asked, candidate.row);
  if (entry === undefined) return;
  const matched = { kind: opened.kind, entry } as MatchedEntry;
  const { expires_at: expiresAt, id } = matched.entry;
  if (expiresAt !== undefined && Date.parse(expiresAt) <= asked.now.getTime()) return;
  const { level, how, distance } = accept(matched, candidate);
  const { stale, clockBehind, newPublisher } = standingOf(opened, asked.now);
  const recalled = findRecall(opened, id, asked.now);
  asked.found.push({
    ...matched,
    set: opened.set,
    publisher: opened.setId.publisher,
    release: opened.copy.current.release,
    origin: originOf(opened.copy.origins, id),
    level: stale || recalled !== undefined ? "review" : level,
    how,
    ...(distance === undefined ? {} : { distance }),
    stale,
    clockBehind,
    ...(recalled === undefined ? {} : { recalled }),
    newPublisher,
    tlp: opened.about.tlp,
    test: opened.about.stream === "test",
  });
}

const WHAT: Record<SetKind, NotCompared["what"]> = { hash: "hashes", term: "text", url: "url", indicator: "text" };

/** One publisher's entry that nobody here understands must not keep back what the others list. */
function readEntry(opened: OpenSet, asked: Asked, row: RowRef): ReturnType<OpenSet["entryAt"]> | undefined {
  try {
    return opened.entryAt(row);
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code === "copy_damaged") throw error;
    asked.notCompared.push({ what: WHAT[opened.kind], why: "entry_unreadable" });
    return undefined;
  }
}

/** A set whose bytes fail while it is asked is let go of and named; what the others say still counts. */
export function askEach(
  sets: readonly OpenSet[],
  asked: Asked,
  what: NotCompared["what"],
  ask: (opened: OpenSet) => void,
): void {
  if (sets.length === 0) asked.notCompared.push({ what, why: "no_set" });
  for (const opened of sets) {
    try {
      ask(opened);
    } catch (error) {
      if (!(error instanceof ExchangeError) || error.code !== "copy_damaged") throw error;
      asked.failed(opened);
      asked.notCompared.push({ what, why: "copy_damaged" });
    }
  }
}
