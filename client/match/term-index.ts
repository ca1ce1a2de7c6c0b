/** A term set's entries in one automaton: thousands of lines, read when the copy is opened. */

import { type EntryByKind, parseEntry } from "@breakwater/shared/entries/index.ts";
import type { TermHit } from "@breakwater/shared/match/terms/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { TermContext } from "@breakwater/shared/vocab/terms.ts";
import type { Copy, RowRef } from "../sync/index.ts";

/** Of one entry the first place is told; past so many entries a text is not read on for more of them. */
const PLACES_MAX = 10_000;

export type TermPlace = { row: RowRef; start: number; end: number; layer: string };
export type Where = { on: Date; context?: TermContext | undefined; region?: string | undefined };
/** @property limited - there is more than `end` tells: too many places, or a text too ambiguous to be read to its end */
export type TermReader = { push(chunk: string): void; end(): TermPlace[]; readonly limited: boolean };
export type TermIndex = { open(where: Where): TermReader };

type Term = EntryByKind["term"];

export async function openTermIndex(copy: Copy): Promise<TermIndex> {
  // Loaded when needed: its tables take longer to make than most members, who have no term set, should wait.
  const { buildTermMatcher } = await import("@breakwater/shared/match/terms/index.ts");
  const terms: Term[] = [];
  const rows: RowRef[] = [];
  for await (const { id, line } of copy.rows()) {
    const term = findTerm(line);
    if (term === undefined) continue;
    terms.push(term);
    rows.push(copy.findRow(id) as RowRef);
  }
  const matcher = buildTermMatcher(terms, {});
  return {
    open({ on, context, region }) {
      const reader = matcher.open({
        on: on.toISOString().slice(0, 10),
        maxHits: PLACES_MAX,
        firstOnly: true,
        ...(context === undefined ? {} : { context }),
        ...(region === undefined ? {} : { region }),
      });
      const found: TermHit<Term>[] = [];
      return {
        push(chunk) {
          for (const hit of reader.push(chunk)) found.push(hit);
        },
        get limited() {
          return reader.limited;
        },
        end() {
          for (const hit of reader.end()) found.push(hit);
          return found.map(({ at, start, end, layer }) => ({
            row: rows[at] as RowRef,
            start,
            end,
            layer,
          }));
        },
      };
    },
  };
}

/** A newer publisher's term that cannot be read here is passed by; the others are found. */
function findTerm(line: string): Term | undefined {
  try {
    return parseEntry("term", line, { strict: false });
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}
