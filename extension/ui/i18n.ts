// Every word a person reads comes through t(): a language is a table, and a test can put in its own.
import {
  AGES,
  LOCATION_ROLES,
  PRODUCTIONS,
  REJECTION_REASONS,
  REPORT_KINDS,
  REPORT_STATES,
  UNVERIFIABLE_REASONS,
  type Word,
  labelOf as wordOf,
} from "@breakwater/shared/vocab/index.ts";
import { en } from "./words/en.ts";

export type WordKey = keyof typeof en;
export type Words = Record<WordKey, string>;

let words: Words = en;

/** Sentences are count-neutral, so a language needs no plural rules. */
export function t(key: WordKey, args: Record<string, string | number> = {}): string {
  return words[key].replace(/\{(\w+)\}/g, (whole, name: string) => (name in args ? String(args[name]) : whole));
}

const VOCABULARY: Record<string, Record<string, Word>> = {
  age: AGES,
  kind: REPORT_KINDS,
  outcome: { ...REJECTION_REASONS, ...UNVERIFIABLE_REASONS },
  production: PRODUCTIONS,
  role: LOCATION_ROLES,
  state: REPORT_STATES,
};

/** The words of a code: this table's own (`basis.text_only`), else the vocabulary's, else the code itself. */
export function labelOf(group: string, code: string): string {
  const key = `${group}.${code}`;
  if (Object.hasOwn(words, key)) return words[key as WordKey];
  return wordOf(VOCABULARY[group] ?? {}, code);
}

/** Why something was not sent; an unknown code is said as what it is. */
export function reasonOf(code: string | undefined): string {
  const key = `why.${code}`;
  return Object.hasOwn(words, key) ? words[key as WordKey] : t("why.other", { code: code ?? "unknown" });
}

export function useWords(other: Words): void {
  words = other;
}
