/** Terms against texts: which terms apply, where they stand, and by which layer they were found. */

import type { Ambiguity, TermAction, TermContext, TermMatch } from "../../vocab/terms.ts";
import { TABLES_VERSION } from "./alike.ts";
import { type Automaton, buildAutomaton, looseKey } from "./automaton.ts";
import { type EmojiPattern, emojiPatternOf } from "./emoji.ts";
import { buildKeyedIndex, type KeyedIndex, type KeyedTerm } from "./keyed.ts";
import { type Pattern, patternOf } from "./pattern.ts";
import { type TermHit, TermStream } from "./stream.ts";

/** What of a term entry the matcher reads. */
export type MatchableTerm = {
  text?: string | undefined;
  digest?: { key: string; value: string } | undefined;
  match: TermMatch;
  language: string;
  context: readonly TermContext[];
  action: TermAction;
  ambiguity: Ambiguity;
  region?: readonly string[] | undefined;
  requires_with?: readonly string[] | undefined;
  not_with?: readonly string[] | undefined;
  valid_from?: string | undefined;
  valid_until?: string | undefined;
};

/** Where and when a text was met; what is left out rules no term out. */
export type Where = {
  /** The day, UTC: `2026-11-22`. Terms hold within their dates only. */
  on: string;
  context?: TermContext;
  /** The text's, if known: `en`, `pt-BR`. Terms of no language (`und`) apply always. */
  language?: string;
  /** Two letters. Terms of no region apply always. */
  region?: string;
  /** At most so many hits in one text; a text with more says so (`limited`). */
  maxHits?: number;
  /** Of each term only the first hit, so that one repeated without end leaves room for the others. */
  firstOnly?: boolean;
};

/** Why a term cannot be looked for here; the others can. */
export type Unusable = { at: number; why: "empty" | "companion_empty" | "key_missing" };

export type TermMatcher<Term extends MatchableTerm> = {
  /** All hits, overlapping ones too, by where they end. Long texts go through {@link TermMatcher.open}. */
  match(text: string, where: Where): TermHit<Term>[];
  /** A text that comes in pieces, of any length, in bounded memory. */
  open(where: Where): TermStream<Term>;
  unusable: Unusable[];
  /** What a match depends on beside the terms: say it with what was found. */
  version: string;
  /** Of the automaton; four bytes for each state and column. */
  states: number;
  columns: number;
};

/** Everything a stream needs, made once for all texts. */
export type Prepared<Term extends MatchableTerm> = {
  terms: readonly Term[];
  /** Of the terms, by number, and behind them of their companions. */
  patterns: readonly (Pattern | undefined)[];
  emoji: ReadonlyMap<number, EmojiPattern>;
  companions: readonly (Companions | undefined)[];
  automaton: Automaton;
  keyed: KeyedIndex | undefined;
};
/** Numbers of patterns. `needed`: one of them must stand near; `barred`: none of them may. */
export type Companions = { needed: number[]; barred: number[] };

/** Different places and days that are remembered with the terms that apply there. */
const PLACES_REMEMBERED_MAX = 64;

/** @param keys - by name, for terms that are known by a keyed digest */
export function buildTermMatcher<Term extends MatchableTerm>(
  terms: readonly Term[],
  { keys = {} }: { keys?: Readonly<Record<string, Uint8Array>> } = {},
): TermMatcher<Term> {
  const unusable: Unusable[] = [];
  const patterns: (Pattern | undefined)[] = [];
  const emoji = new Map<number, EmojiPattern>();
  const keyedTerms: KeyedTerm[] = [];
  for (const [at, term] of terms.entries()) {
    if (term.text === undefined) {
      const { key, value } = term.digest ?? { key: "", value: "" };
      if (Object.hasOwn(keys, key)) keyedTerms.push({ at, key, value, isPhrase: term.match === "phrase" });
      else unusable.push({ at, why: term.digest === undefined ? "empty" : "key_missing" });
      patterns.push(undefined);
      continue;
    }
    // What innocent people say often is found as it is written, never in a disguise.
    const pattern = patternOf(term.text, term.match, term.ambiguity !== "high");
    if (pattern === undefined) unusable.push({ at, why: "empty" });
    if (term.match === "emoji") emoji.set(at, emojiPatternOf(term.text));
    patterns.push(pattern);
  }
  const companions = addCompanions(terms, patterns, unusable);
  const used = patterns.flatMap((pattern, at) => (pattern === undefined ? [] : [{ at, pattern }]));
  const numbered = buildAutomaton(used.map(({ pattern }) => looseKey(pattern.characters)));
  const automaton: Automaton = {
    ...numbered,
    termsAt: numberOf(
      numbered,
      used.map(({ at }) => at),
    ),
  };
  const keyed = keyedTerms.length > 0 ? buildKeyedIndex(keyedTerms, keys) : undefined;
  const prepared: Prepared<Term> = { terms, patterns, emoji, companions, automaton, keyed };

  const remembered = new Map<string, Uint8Array>();
  function open(where: Where): TermStream<Term> {
    const place = [where.on, where.context, where.language, where.region].join(" ");
    let applies = remembered.get(place);
    if (applies === undefined) {
      applies = Uint8Array.from(terms, (term) => Number(isMeant(term, where)));
      for (const { at } of unusable) applies[at] = 0;
      if (remembered.size >= PLACES_REMEMBERED_MAX) remembered.clear();
      remembered.set(place, applies);
    }
    return new TermStream(prepared, applies, where);
  }

  return {
    match(text, where) {
      const stream = open(where);
      const first = stream.push(text);
      const rest = stream.end();
      return first.length === 0 ? rest : first.concat(rest);
    },
    open,
    unusable,
    version: TABLES_VERSION,
    states: automaton.states,
    columns: automaton.columns,
  };
}

/** The terms at a state as the caller numbers them, each state worked out once. */
function numberOf(automaton: Automaton, numbers: readonly number[]): Automaton["termsAt"] {
  const known = new Map<number, readonly number[]>();
  return (state) => {
    let own = known.get(state);
    if (own === undefined) {
      own = automaton.termsAt(state).map((at) => numbers[at] as number);
      known.set(state, own);
    }
    return own;
  };
}

function addCompanions(
  terms: readonly MatchableTerm[],
  patterns: (Pattern | undefined)[],
  unusable: Unusable[],
): (Companions | undefined)[] {
  const numbers = new Map<string, number>();
  const numberOfText = (text: string): number | undefined => {
    const pattern = patternOf(text, "phrase", false);
    if (pattern === undefined) return undefined;
    const known = numbers.get(pattern.fold);
    if (known !== undefined) return known;
    numbers.set(pattern.fold, patterns.length);
    return patterns.push(pattern) - 1;
  };
  const numbersOf = (texts: readonly string[] = []) => texts.map(numberOfText).filter((own) => own !== undefined);
  return terms.map((term, at) => {
    const needed = numbersOf(term.requires_with);
    const barred = numbersOf(term.not_with);
    if (term.requires_with !== undefined && needed.length === 0) unusable.push({ at, why: "companion_empty" });
    return needed.length + barred.length > 0 ? { needed, barred } : undefined;
  });
}

function isMeant(term: MatchableTerm, { on, context, language, region }: Where): boolean {
  if (term.valid_from !== undefined && on < term.valid_from) return false;
  if (term.valid_until !== undefined && on > term.valid_until) return false;
  if (context !== undefined && !term.context.includes(context)) return false;
  if (region !== undefined && term.region !== undefined && !term.region.includes(region)) return false;
  return language === undefined || term.language === "und" || primary(language) === primary(term.language);
}

const primary = (tag: string) => (tag.split("-", 1)[0] as string).toLowerCase();
