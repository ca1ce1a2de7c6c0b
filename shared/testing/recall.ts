/** Recalls for tests. Nothing of one is checked here: whatever is wrong with it is for the code under test to find. */

import { RECALL_LIFETIME_MAX_SECONDS, type Recall } from "../recall.ts";
import { NOW, PUBLISHER, SET } from "./examples.ts";

export type RecallChange = Partial<Record<keyof Recall, unknown>>;

/**
 * The first recall of the example set, in force from `iat` for as long as one may be. `change` says which entries, and
 * makes it another one; members that it says are undefined are left out.
 */
export function testRecall(change: RecallChange): Recall {
  const iat = typeof change.iat === "number" ? change.iat : NOW;
  const base = { exp: iat + RECALL_LIFETIME_MAX_SECONDS, iat, publisher: PUBLISHER, recall: 1, root: 1, set: SET };
  const all: Record<string, unknown> = { ...base, ...change };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Recall;
}

const HOUR_S = 60 * 60;

/** The same, in force from this moment and for an hour: for what looks at a real clock. */
export function recallNow(change: RecallChange): Recall {
  const iat = Math.floor(Date.now() / 1000);
  return testRecall({ iat, exp: iat + HOUR_S, ...change });
}
