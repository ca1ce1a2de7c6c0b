/** Why a row is not valid, in words that say what to mend; a signal's or term's own text is never repeated. */

import type { ProblemCode } from "@breakwater/shared/problem.ts";
import { SIGNALS, type SignalAlg } from "@breakwater/shared/signals/index.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import type { z } from "zod";

const WORD_MAX_CHARS = 40;
export const MISSING = "missing";

/** Rules that have a code of their own, in the words of whoever has to mend the row. */
const REASONS: { [Code in ProblemCode]?: string } = {
  category_not_hashable: "the pictures of this category are ordinary and are never listed; list the terms or addresses",
  term_empty: "nothing of it is left to match: signs and spaces only",
  term_too_ambiguous: "a highly ambiguous term may not ask to block",
  term_too_broad: "it would match nearly everything",
  url_invalid: "not an address that can be listed with this scope",
};

/** Rules without a code, by the word that the entry's schema has for them. */
const RULES: Record<string, string> = {
  ambiguous: "a highly ambiguous term names its innocent meanings",
  nominated: "nobody has checked the entry yet, so that it may only ask for review",
};

export function describeIssue(
  kind: SetKind,
  issue: z.core.$ZodIssue,
  candidate: Record<string, unknown>,
): { column: string; reason: string } {
  if (issue.code === "unrecognized_keys") return { column: issue.keys[0] ?? "-", reason: "unknown member" };
  const column = issue.path.filter((step) => typeof step === "string").join(".") || "-";
  const input = valueAt(candidate, issue.path);
  if (input === undefined && issue.code !== "custom") return { column, reason: MISSING };
  if (kind === "hash" && column === "value") return { column, reason: describeSignal(candidate.alg, input) };
  if (issue.code === "invalid_value") return { column, reason: describeWord(column, input) };
  return { column, reason: describeOther(issue) };
}

function describeWord(column: string, input: unknown): string {
  const help = `see: breakwater help ${column}`;
  if (typeof input !== "string" || input.length > WORD_MAX_CHARS) return `not one of the words; ${help}`;
  return `unknown word "${input}"; ${help}`;
}

export function describeSignal(alg: unknown, input: unknown): string {
  const type = Object.hasOwn(SIGNALS, String(alg)) ? SIGNALS[alg as SignalAlg] : undefined;
  if (type === undefined || type.handling === "carried" || typeof input !== "string")
    return "not in the form of its algorithm";
  const digits = type.bytes * 2;
  if (input.length !== digits) return `${alg} needs ${digits} hex digits, found ${input.length}`;
  return /[A-F]/.test(input) ? "hex digits are written in lower case" : "something else than hex digits in it";
}

function describeOther(issue: z.core.$ZodIssue): string {
  if (issue.code === "too_big") return `too large or long, at most ${issue.maximum}`;
  if (issue.code === "too_small") return `too small or short, at least ${issue.minimum}`;
  if (issue.code === "invalid_type") return `needs a ${issue.expected}`;
  if (issue.code === "invalid_format")
    return issue.format === "date" || issue.format === "datetime"
      ? `needs a ${issue.format}`
      : "not in the form that is needed";
  if (issue.code === "custom" && typeof issue.params?.problem === "string") {
    const words = REASONS[issue.params.problem as ProblemCode];
    if (words !== undefined) return words;
  }
  if (issue.code !== "custom" || issue.message === "Invalid input") return "not valid";
  return RULES[issue.message] ?? lower(issue.message);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step], value);
}

/** A name in capitals, such as NFC, stays one. */
function lower(text: string): string {
  return /^[A-Z]{2}/.test(text) ? text : text.slice(0, 1).toLowerCase() + text.slice(1);
}
