/** Entries of every kind through one door: line to entry, entry to line, and the key that finds an entry again. */

import { utf8Of } from "../bytes.ts";
import { jcs, parseJcsText } from "../jcs.ts";
import { ExchangeError } from "../problem.ts";
import { type ParseOptions, parseWith } from "../schema.ts";
import { LINE_MAX_BYTES } from "../segment.ts";
import type { SetKind } from "../vocab/sets.ts";
import { HashEntry, hashNaturalKey, TolerantHashEntry } from "./hash.ts";
import { IndicatorEntry, indicatorNaturalKey, TolerantIndicatorEntry } from "./indicator.ts";
import { TermEntry, TolerantTermEntry, termNaturalKey } from "./term.ts";
import { TolerantUrlEntry, UrlEntry, urlNaturalKey } from "./url.ts";

export * from "./hash.ts";
export * from "./indicator.ts";
export * from "./term.ts";
export * from "./url.ts";

export type EntryByKind = { hash: HashEntry; term: TermEntry; url: UrlEntry; indicator: IndicatorEntry };
export type Entry = EntryByKind[SetKind];

const SCHEMAS = {
  hash: { strict: HashEntry, tolerant: TolerantHashEntry },
  term: { strict: TermEntry, tolerant: TolerantTermEntry },
  url: { strict: UrlEntry, tolerant: TolerantUrlEntry },
  indicator: { strict: IndicatorEntry, tolerant: TolerantIndicatorEntry },
} as const;

const NATURAL_KEYS: { [Kind in SetKind]: (entry: EntryByKind[Kind]) => string } = {
  hash: hashNaturalKey,
  term: termNaturalKey,
  url: urlNaturalKey,
  indicator: indicatorNaturalKey,
};

/**
 * An entry's line (without LF, without `op`).
 *
 * @throws ExchangeError `jcs_invalid` (strict only), `entry_invalid`, `entry_too_long`, `signal_invalid`,
 *   `category_not_hashable`, `term_empty`, `term_too_ambiguous`, `term_too_broad`, `url_invalid`
 */
export function parseEntry<Kind extends SetKind>(
  kind: Kind,
  line: string,
  { strict = true }: ParseOptions = {},
): EntryByKind[Kind] {
  return checkEntry(kind, strict ? parseJcsText(line) : parseJson(line), { strict });
}

/** As {@link parseEntry}, for a value that is no line yet: a form's, a row's of a list, an answer's. */
export function checkEntry<Kind extends SetKind>(
  kind: Kind,
  value: unknown,
  { strict = true }: ParseOptions = {},
): EntryByKind[Kind] {
  const schema = strict ? SCHEMAS[kind].strict : SCHEMAS[kind].tolerant;
  return parseWith(schema, value, "entry_invalid") as EntryByKind[Kind];
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ExchangeError("entry_invalid", { reason: "json" });
  }
}

/** The entry's one line. Lists whose order means nothing come sorted, so that the same entry gives the same line. */
export function formatEntry(entry: Entry): string {
  const members = Object.entries(entry).filter(([, member]) => member !== undefined);
  const line = jcs(Object.fromEntries(members.map(([name, member]) => [name, inOrder(member)])));
  if (utf8Of(line).length > LINE_MAX_BYTES) throw new ExchangeError("entry_too_long", { max_bytes: LINE_MAX_BYTES });
  return line;
}

function inOrder(member: unknown): unknown {
  return isTextList(member) ? [...member].sort() : member;
}

function isTextList(member: unknown): member is string[] {
  return Array.isArray(member) && member.every((item) => typeof item === "string");
}

/** What makes two rows the same entry in two lists: the id stays, the rest may change. */
export function naturalKey<Kind extends SetKind>(kind: Kind, entry: EntryByKind[Kind]): string {
  return NATURAL_KEYS[kind](entry);
}
