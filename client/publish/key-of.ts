/** What an entry of the own set is about, by its line: a publisher's rows and entries are the same by this. */

import { createEntryChecker } from "@breakwater/shared/entries/checker.ts";
import { naturalKey, parseEntry } from "@breakwater/shared/entries/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";

/** The copy may hold members that a newer publisher wrote. @returns the natural key of a line */
export function createKeyOf(kind: SetKind): (line: string) => string {
  const checker = createEntryChecker(kind);
  return (line) => {
    try {
      return checker.check(line).key;
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      return naturalKey(kind, parseEntry(kind, line, { strict: false }) as never);
    }
  };
}
