/** What is wrong with the rows of a list: all of it counted, the first of it kept, in memory that does not grow with it. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { MISSING } from "./row-reasons.ts";

/** How many faults are shown; all are counted. */
export const FAULTS_SHOWN_MAX = 100;

export type RowFault = { line: number; column: string; reason: string };

/** @property shown - the first ones by line; a member that every row lacks is told once, as the list's fault */
export type Faults = { shown: RowFault[]; count: number; rows: number; total: number };

export type FaultTally = {
  add(fault: RowFault): void;
  count(): number;
  /** @param total - rows of the list */
  finish(total: number): Faults;
};

/** Rows that are not valid: nothing was published. */
export class RowsInvalid extends ExchangeError {
  /** The first ones. */
  readonly faults: RowFault[];
  readonly faultsCount: number;
  readonly total: number;

  constructor({ shown, count, rows, total }: Faults) {
    super("rows_invalid", { rows, of: total });
    this.faults = shown;
    this.faultsCount = count;
    this.total = total;
  }
}

/** Faults come by line while a list is read, and a row that is told afterwards was not told before. */
export function createFaultTally(): FaultTally {
  let count = 0;
  let rows = 0;
  let lastLine = 0;
  const first = createFirst();
  const missing = new Map<string, { count: number; first: First }>();
  return {
    add(fault) {
      count++;
      if (fault.line !== lastLine) rows++;
      lastLine = fault.line;
      if (fault.reason !== MISSING) return first.add(fault);
      const column = missing.get(fault.column) ?? { count: 0, first: createFirst() };
      column.count++;
      column.first.add(fault);
      missing.set(fault.column, column);
    },
    count: () => count,
    finish(total) {
      const everywhere = [...missing].filter(([, column]) => total > 1 && column.count === total);
      const once = everywhere.map(([column]) => ({ line: 1, column, reason: "missing in every row" }));
      const others = [...missing.values()].filter((column) => !(total > 1 && column.count === total));
      const kept = sortByLine([...first.list(), ...others.flatMap((column) => column.first.list())]);
      return {
        shown: [...once, ...kept].slice(0, FAULTS_SHOWN_MAX),
        count: count - everywhere.reduce((sum, [, column]) => sum + column.count - 1, 0),
        // What is wrong with the line of titles is counted, and is no row.
        rows: Math.min(rows, total),
        total,
      };
    },
  };
}

type First = { add(fault: RowFault): void; list(): RowFault[] };

// Twice as many as are shown are gathered before the later half is let go: sorting each time would be quadratic.
function createFirst(): First {
  let kept: RowFault[] = [];
  return {
    add(fault) {
      kept.push(fault);
      if (kept.length >= 2 * FAULTS_SHOWN_MAX) kept = sortByLine(kept).slice(0, FAULTS_SHOWN_MAX);
    },
    list: () => kept,
  };
}

function sortByLine(faults: RowFault[]): RowFault[] {
  return [...faults].sort((a, b) => a.line - b.line);
}
