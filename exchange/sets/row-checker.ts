/** Lines of a release on its way in as rows: every entry strictly of the set's kind, and a refusal that names the rows at fault. */

import { type Digest, hexOf } from "@breakwater/shared/bytes.ts";
import { createEntryChecker, naturalKeyDigest } from "@breakwater/shared/entries/checker.ts";
import type { Entry } from "@breakwater/shared/entries/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { entryIdOf } from "@breakwater/shared/state.ts";
import type { AudienceTier } from "@breakwater/shared/wire/sets.ts";
import { floorOfEntry, narrower } from "./audience.ts";
import type { SnapshotLine } from "./lines.ts";
import type { StagedRow } from "./staging.ts";
import type { SetRow } from "./tables.ts";

/** Of one segment: a list with one mistake in every row would otherwise be sent back whole. */
export const FAULTS_MAX = 100;

export type CheckedRows = { rows: StagedRow[]; floor: AudienceTier };
export type RowChecker = {
  /** A delta's lines. @throws ExchangeError `entry_invalid`, `category_not_hashable`, … with the rows at fault */
  changes(texts: readonly string[], segment: Digest): CheckedRows;
  /** A snapshot's lines. @throws ExchangeError as {@link RowChecker.changes} */
  entries(lines: readonly SnapshotLine[], segment?: Digest): CheckedRows;
};

/** One for a whole admission: what it learns from one line makes the next ones cheap. */
export function createRowChecker(set: Pick<SetRow, "kind" | "stream">): RowChecker {
  const checker = createEntryChecker(set.kind);
  const floors = new WeakMap<Entry, AudienceTier>();

  function floorOf(like: Entry): AudienceTier {
    const known = floors.get(like);
    if (known !== undefined) return known;
    const floor = floorOfEntry(set, like);
    floors.set(like, floor);
    return floor;
  }

  /** All of a segment is looked at before it is refused, so that its publisher mends it in one go. */
  function rowsOf<Item>(items: readonly Item[], { textOf, check, segment }: Reading<Item>): CheckedRows {
    let floor: AudienceTier = "test";
    const rows: StagedRow[] = [];
    const faults: Fault[] = [];
    let count = 0;
    for (const [at, item] of items.entries()) {
      try {
        const checked = check(item);
        if (checked.op === "put") floor = narrower(floor, floorOf(checked.like));
        rows.push(checked.row);
      } catch (error) {
        if (!(error instanceof ExchangeError)) throw error;
        count += 1;
        if (faults.length < FAULTS_MAX) faults.push({ line: at + HEADER_LINES + 1, text: textOf(item), error });
      }
    }
    if (count > 0) throw refusalOf(faults, count, segment);
    return { rows, floor };
  }

  const putOf = ({ id, line, key, like }: { id: string; line: string; key: string; like: Entry }): Checked => ({
    op: "put",
    like,
    row: { op: "put", id, line, naturalKey: hexOf(naturalKeyDigest(set.kind, key)) },
  });

  return {
    changes: (texts, segment) =>
      rowsOf(texts, {
        segment,
        textOf: (text) => text,
        check: (text) => {
          const change = checker.checkChange(text);
          return change.op === "put" ? putOf(change) : { op: "del", row: change };
        },
      }),
    entries: (lines, segment) =>
      rowsOf(lines, { segment, textOf: ({ line }) => line, check: ({ line }) => putOf(checker.check(line)) }),
  };
}

const HEADER_LINES = 1;

type Checked = { op: "put"; like: Entry; row: StagedRow } | { op: "del"; row: StagedRow };
type Reading<Item> = {
  segment: Digest | undefined;
  textOf: (item: Item) => string;
  check: (item: Item) => Checked;
};
type Fault = { line: number; text: string; error: ExchangeError };

/** The first fault's own words, and where all of them stand: numbers, ids and codes, never what a row says. */
function refusalOf(faults: readonly Fault[], count: number, segment: Digest | undefined): ExchangeError {
  const first = faults[0] as Fault;
  return new ExchangeError(
    first.error.code,
    {
      ...first.error.detail,
      ...(segment === undefined ? {} : { segment }),
      line: first.line,
      faults: faults.map(formatFault),
      fault_count: count,
    },
    { cause: first.error },
  );
}

function formatFault({ line, text, error }: Fault): string {
  const { path } = error.detail;
  return [`line ${line}`, findId(text), error.code, typeof path === "string" ? path : ""].filter(Boolean).join(" ");
}

function findId(text: string): string {
  try {
    return entryIdOf(text);
  } catch {
    return ""; // the line's own fault is told already
  }
}
