/** Runs the vectors of recalls and of their lists. */

import {
  checkNextRecall,
  checkRecallTimes,
  type OpenedRecall,
  openRecall,
  type RecallableEntry,
  recallCovers,
} from "../recall.ts";
import { decodeRecallList, type RecallListPlace, type RecallListRef } from "../recall-list.ts";
import { type OpenedRoot, openRoot } from "../root.ts";
import { bytesOf, type Spelled } from "./spelled.ts";

export type RecallGiven = {
  /** The last root is the current one; the recalls come in order. `entries`: which of them the last one covers. */
  recall: { roots: Spelled[]; recalls: Spelled[]; now: number; entries?: RecallableEntry[]; listed?: string[] };
  "recall-list": { bytes: Spelled; ref: RecallListRef; place: RecallListPlace };
};

export const RECALL_RUNNERS: { [Format in keyof RecallGiven]: (given: RecallGiven[Format]) => unknown } = {
  recall: async ({ roots, recalls, now, entries = [], listed }) => {
    const opened: OpenedRoot[] = [];
    for (const root of roots) opened.push(await openRoot(bytesOf(root), opened.at(-1)));
    const root = opened.pop() as OpenedRoot;
    let held: OpenedRecall | undefined;
    for (const bytes of recalls) {
      const next = await openRecall(bytesOf(bytes), root, { former: opened });
      checkNextRecall(held, next);
      held = next;
    }
    const { recall, digest } = held as OpenedRecall;
    checkRecallTimes(recall, now);
    const ids = listed && new Set(listed);
    const covered = entries.filter((entry) => recallCovers(recall, entry, ids)).map(({ id }) => id);
    return { recall: recall.recall, digest, covered };
  },
  "recall-list": async ({ bytes, ref, place }) => ({ ids: await decodeRecallList(bytesOf(bytes), ref, place) }),
};
