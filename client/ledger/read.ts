/** Reading the ledger back: all processes' rows, without those that are too old, and told apart from lines cut off. */

import { type Decision, parseDecision } from "./decision.ts";
import { dayOf, eachLines, ledgerStart, listLedgerFiles, readLines } from "./files.ts";

// `{"entry":"…32…","at":"…24…",`: where the two stand in every line that formatDecision makes.
const ENTRY_FROM = 10;
const ENTRY_TO = 42;
const AT_FROM = 50;
const AT_TO = 74;

export type LedgerQuery = {
  now: Date;
  /** Not before what the ledger keeps. */
  since?: Date;
  /** Only rows of these entries. */
  entries?: { has(entry: string): boolean };
};

/** File by file, so in no order of time between processes. */
export async function* readLedger(
  stateDir: string,
  { now, since, entries }: LedgerQuery,
): AsyncGenerator<Decision, void, undefined> {
  const start = ledgerStart(now);
  const from = since === undefined || since < start ? start : since;
  const fromText = from.toISOString();
  for (const { path } of await listLedgerFiles(stateDir, dayOf(from))) {
    for await (const lines of eachLines(path)) {
      for (const line of lines) {
        if (line.slice(AT_FROM, AT_TO) < fromText) continue;
        if (entries !== undefined && !entries.has(line.slice(ENTRY_FROM, ENTRY_TO))) continue;
        const row = parseDecision(line);
        if (row !== undefined) yield row;
      }
    }
  }
}

/**
 * Rows that nobody has looked at yet, of all processes.
 *
 * @param offsets - by file, how far it was looked at; moved on to where this ends, without files that are gone
 */
export async function* readOnward(
  stateDir: string,
  now: Date,
  offsets: Record<string, number>,
): AsyncGenerator<Decision, void, undefined> {
  const files = await listLedgerFiles(stateDir, dayOf(ledgerStart(now)));
  const names = new Set(files.map(({ name }) => name));
  for (const name of Object.keys(offsets)) if (!names.has(name)) delete offsets[name];
  for (const { name, path } of files) {
    for (;;) {
      const found = await readLines(path, offsets[name] ?? 0);
      if (found === undefined) break;
      offsets[name] = found.next;
      for (const line of found.lines) {
        const row = parseDecision(line);
        if (row !== undefined) yield row;
      }
    }
  }
}

/** The row that an affected person quotes. */
export async function findByHitRef(stateDir: string, hitRef: string, now: Date): Promise<Decision | undefined> {
  for await (const row of readLedger(stateDir, { now })) if (row.hit_ref === hitRef) return row;
  return undefined;
}
