/** What would have happened in mode `block`, by set, publisher and distance: a fold over the ledger. */

import type { MatchAction } from "@breakwater/shared/wire/match.ts";
import { publisherOf } from "./decision.ts";
import type { TakenBack } from "./marks.ts";
import { readLedger } from "./read.ts";

export type ActionCounts = Record<MatchAction, number>;
export type WhatIfDistance = { distance: number | null; hits: number; would: ActionCounts };
export type WhatIfSet = {
  set: string;
  publisher: string;
  hits: number;
  /** Different contents of the caller. */
  contents: number;
  first_at: string;
  /** In mode `block`; in mode `review` what is under block here is under review. */
  would: ActionCounts;
  did: ActionCounts;
  /** Of what would have been blocked, how much rests on entries that were taken back since. */
  blocks_taken_back: number;
  distances: WhatIfDistance[];
};
export type WhatIf = {
  since: string;
  sets: WhatIfSet[];
  publishers: { publisher: string; hits: number; would: ActionCounts }[];
};

type Tally = Omit<WhatIfSet, "contents" | "distances"> & {
  contents: Set<string>;
  distances: Map<number | null, WhatIfDistance>;
};

export async function whatIf(
  stateDir: string,
  { since, now, set, marks }: { since: Date; now: Date; set?: string; marks: ReadonlyMap<string, TakenBack> },
): Promise<WhatIf> {
  const tallies = new Map<string, Tally>();
  for await (const row of readLedger(stateDir, { now, since })) {
    if (set !== undefined && row.set !== set) continue;
    const tally = tallies.get(row.set) ?? emptyTally(row.set, row.at);
    tallies.set(row.set, tally);
    tally.hits++;
    tally.contents.add(row.content);
    if (row.at < tally.first_at) tally.first_at = row.at;
    tally.would[row.would]++;
    tally.did[row.action]++;
    const mark = marks.get(`${row.set}#${row.entry}`);
    if (row.would === "block" && (mark?.withdrawn ?? mark?.recalled) !== undefined) tally.blocks_taken_back++;
    const near = tally.distances.get(row.distance) ?? { distance: row.distance, hits: 0, would: noCounts() };
    tally.distances.set(row.distance, near);
    near.hits++;
    near.would[row.would]++;
  }
  const sets = [...tallies.values()].sort((a, b) => (a.set < b.set ? -1 : 1)).map(finish);
  return { since: since.toISOString(), sets, publishers: byPublisher(sets) };
}

function noCounts(): ActionCounts {
  return { observe: 0, review: 0, block: 0 };
}

function emptyTally(set: string, at: string): Tally {
  return {
    set,
    publisher: publisherOf(set),
    hits: 0,
    contents: new Set(),
    first_at: at,
    would: noCounts(),
    did: noCounts(),
    blocks_taken_back: 0,
    distances: new Map(),
  };
}

/** Nearest first; what has no distance, such as a term, last. */
function finish({ contents, distances, ...tally }: Tally): WhatIfSet {
  const order = (one: WhatIfDistance) => one.distance ?? Number.POSITIVE_INFINITY;
  return { ...tally, contents: contents.size, distances: [...distances.values()].sort((a, b) => order(a) - order(b)) };
}

function byPublisher(sets: readonly WhatIfSet[]): WhatIf["publishers"] {
  const found = new Map<string, WhatIf["publishers"][number]>();
  for (const { publisher, hits, would } of sets) {
    const sum = found.get(publisher) ?? { publisher, hits: 0, would: noCounts() };
    found.set(publisher, sum);
    sum.hits += hits;
    for (const action of ["observe", "review", "block"] as const) sum.would[action] += would[action];
  }
  return [...found.values()];
}
