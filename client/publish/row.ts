/** One row of a list as an entry's line: at the rate of a bulk list when it is good, with reasons when it is not. */

import { createEntryChecker } from "@breakwater/shared/entries/checker.ts";
import {
  canonicalUrl,
  type Entry,
  formatEntry,
  HashEntry,
  IndicatorEntry,
  naturalKey,
  TermEntry,
  UrlEntry,
} from "@breakwater/shared/entries/index.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { isSignalValue, type SignalAlg } from "@breakwater/shared/signals/index.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { UrlScope } from "@breakwater/shared/vocab/urls.ts";
import type { RowFault } from "./faults.ts";
import { describeIssue, describeSignal } from "./row-reasons.ts";

/** A checked row. */
export type Row = {
  line: number;
  /** Natural key. */
  key: string;
  /** As the list gives it; otherwise it is still to be found or made. */
  id: string | undefined;
  /** The entry's line, with any id where the list gives none: see {@link withId}. */
  text: string;
};

const ID_MEMBER = '"id":"';
const PLACEHOLDER_ID = "0".repeat(32);
const SCHEMAS = { hash: HashEntry, term: TermEntry, url: UrlEntry, indicator: IndicatorEntry } as const;

export type RowValue = Record<string, unknown>;

/** @returns the check of one row, or why it is not one: undefined, and `fault` was told of everything that is wrong */
export function createRowCheck(
  kind: SetKind,
  fault: (fault: RowFault) => void,
): (line: number, value: RowValue) => Row | undefined {
  const checker = createEntryChecker(kind);
  const write = createLineWriter();
  return (line, value) => {
    const id = typeof value.id === "string" ? value.id : undefined;
    const candidate: RowValue = { ...value, id: id ?? PLACEHOLDER_ID };
    if (kind === "url") canonicalise(candidate);
    try {
      const { line: text, key } = checker.check(write(candidate));
      return { line, id, key, text };
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      return checkSlowly(kind, line, id, candidate, fault); // has the words for it
    }
  };
}

/** The line with its entry's own id, which stands where any id stood. */
export function withId(text: string, id: string): string {
  const at = text.indexOf(ID_MEMBER) + ID_MEMBER.length;
  return text.slice(0, at) + id + text.slice(at + id.length);
}

function checkSlowly(
  kind: SetKind,
  line: number,
  id: string | undefined,
  candidate: RowValue,
  fault: (fault: RowFault) => void,
): Row | undefined {
  const parsed = SCHEMAS[kind].safeParse(candidate);
  if (!parsed.success) {
    const told = parsed.error.issues.map((issue) => describeIssue(kind, issue, candidate));
    for (const { column, reason } of told) fault({ line, column, reason });
    const isValueTold = told.some(({ column }) => column === "value" || column === "alg");
    if (kind === "hash" && !isValueTold) checkSignal(line, candidate, fault);
    return undefined;
  }
  const entry = parsed.data as Entry;
  try {
    return { line, id, key: naturalKey(kind, entry as never), text: formatEntry(entry) };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    const reason = error.code === "entry_too_long" ? "longer than one line may be" : "cannot be written";
    fault({ line, column: "-", reason });
    return undefined;
  }
}

/** The schema looks at a value only once all members are there; its form can be told in any case. */
function checkSignal(line: number, { alg, value }: RowValue, fault: (fault: RowFault) => void): void {
  if (typeof value !== "string" || isSignalValue(alg as SignalAlg, value)) return;
  fault({ line, column: "value", reason: describeSignal(alg, value) });
}

/** People write addresses in many ways; a set has one. What cannot be mended is left for the schema to refuse. */
function canonicalise(candidate: RowValue): void {
  const scope = UrlScope.safeParse(candidate.scope);
  if (typeof candidate.url !== "string" || !scope.success) return;
  try {
    candidate.url = canonicalUrl(candidate.url, scope.data);
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
  }
}

/** What `formatEntry` writes, without asking first whether it is an entry: the check that follows reads what was written. */
function createLineWriter(): (value: RowValue) => string {
  let names: string[] = [];
  let sorted: string[] = [];
  return (value) => {
    const given = Object.keys(value);
    // The rows of a list have the same members in the same order, nearly always.
    if (given.length !== names.length || given.some((name, at) => name !== names[at])) {
      names = given;
      sorted = [...given].sort();
    }
    let text = "";
    for (const name of sorted) {
      const member = value[name];
      if (member === undefined) continue;
      text += `${text === "" ? "{" : ","}${JSON.stringify(name)}:${writeMember(member)}`;
    }
    return `${text}}`;
  };
}

function writeMember(member: unknown): string {
  if (typeof member === "string") return JSON.stringify(member);
  if (Array.isArray(member) && member.every((item) => typeof item === "string")) return jcs([...member].sort());
  return jcs(member);
}
