/** One text read piece by piece: candidates from the automaton are compared with the text itself, in order, in bounded memory. */

import type { TermAction } from "../../vocab/terms.ts";
import { type Layer, layersOf } from "./alike.ts";
import type { Candidates } from "./automaton.ts";
import {
  endOfLiteral,
  IGNORED_RUN_MAX_CHARS,
  isCutOff,
  isDrawnOutBefore,
  isWordEnd,
  isWordStart,
  LITERAL_MAX_CHARS,
  withMarks,
} from "./edges.ts";
import { emojiEnd, emojiStart } from "./emoji.ts";
import { exactStart, HIT_MAX_CHARS } from "./exact.ts";
import { type KeyedHit, KeyedReader } from "./keyed.ts";
import { type Budget, looseMatch } from "./loose.ts";
import type { Companions, MatchableTerm, Prepared, Where } from "./matcher.ts";
import type { Pattern } from "./pattern.ts";

/** How near `requires_with` and `not_with` look, in 16-bit units before the start and behind the end of a hit. */
export const COMPANION_WINDOW_CHARS = 200;
/** Hits of one text that are kept unless the caller says otherwise. */
export const HITS_MAX = 100_000;
/**
 * Steps that disguises may take: plenty for any text that people write, and no more than the length of one made to be
 * ambiguous at every place.
 */
const LOOSE_STEPS_BASE = 50_000;
const LOOSE_STEPS_PER_CHAR = 8;
/** How much of a text is looked at together. */
const SLICE_CHARS = 1_048_576;
/** What must be known behind a candidate before it is judged: its separators, its marks, the next word's first letter. */
const LOOKAHEAD_CHARS = LITERAL_MAX_CHARS + 3 * IGNORED_RUN_MAX_CHARS;
/** What stays known before one. */
const LOOKBACK_CHARS = 2 * HIT_MAX_CHARS + LOOKAHEAD_CHARS;

export type TermHit<Term> = {
  /** Which term, by its number in the list given. */
  at: number;
  term: Term;
  /** Offsets in 16-bit units of the text as it was given, end exclusive. */
  start: number;
  end: number;
  /** The loosest layer that it took, and all of them. */
  layer: Layer;
  layers: Layer[];
  action: TermAction;
};

/** @property order - the end without marks: hits come by it */
type Found = { at: number; start: number; end: number; mask: number; order: number };
type Span = { start: number; end: number };

export class TermStream<Term extends MatchableTerm> {
  readonly #prepared: Prepared<Term>;
  readonly #applies: Uint8Array;
  readonly #maxHits: number;
  readonly #keyed: KeyedReader | undefined;
  /** The part of the text that can still matter, and where it begins in the whole. */
  #window = "";
  #base = 0;
  /** The first half of a pair of surrogates whose second has not come yet. */
  #half = "";
  #state = 0;
  /** Ends are places in the window. */
  #candidates: Candidates = { ends: [], states: [] };
  #names: KeyedHit[] = [];
  #waiting: Found[] = [];
  readonly #near = new Map<number, Span[]>();
  #given = 0;
  /** By term, where only the first hit of each is asked for. */
  readonly #seen: Uint8Array | undefined;
  readonly #budget: Budget = { steps: LOOSE_STEPS_BASE };
  #paidUpTo = 0;
  /** There are more hits than were asked for, or the text was too ambiguous to look for disguises to its end. */
  limited = false;

  constructor(
    prepared: Prepared<Term>,
    applies: Uint8Array,
    { maxHits = HITS_MAX, firstOnly = false }: Pick<Where, "maxHits" | "firstOnly">,
  ) {
    this.#prepared = prepared;
    this.#applies = applies;
    this.#maxHits = maxHits;
    this.#seen = firstOnly ? new Uint8Array(prepared.terms.length) : undefined;
    this.#keyed = prepared.keyed === undefined ? undefined : new KeyedReader(prepared.keyed);
  }

  /** More of the text. @returns the hits that are certain now */
  push(chunk: string): TermHit<Term>[] {
    const hits: TermHit<Term>[] = [];
    const text = this.#half + chunk;
    this.#half = endsInHalf(text, text.length) ? text.slice(-1) : "";
    const length = text.length - this.#half.length;
    for (let from = 0; from < length; ) {
      const whole = Math.min(from + SLICE_CHARS, length);
      const to = whole < length && endsInHalf(text, whole) ? whole - 1 : whole;
      this.#read(text, from, to);
      this.#settle(this.#window.length - LOOKAHEAD_CHARS, false, hits);
      from = to;
    }
    return hits;
  }

  /** No more text. @returns the hits left */
  end(): TermHit<Term>[] {
    const hits: TermHit<Term>[] = [];
    this.#read(this.#half, 0, this.#half.length);
    this.#half = "";
    this.#keyed?.end(this.#names);
    this.#settle(this.#window.length, true, hits);
    return hits;
  }

  #read(text: string, from: number, to: number): void {
    const { automaton } = this.#prepared;
    // The automaton reads the text as it was given: a window put together from pieces is read at half the speed.
    const shift = this.#window.length - from;
    this.#state = automaton.scan(text, from, to, this.#state, shift, this.#candidates);
    this.#keyed?.read(text, from, to, this.#base + shift, this.#names);
    this.#window += text.slice(from, to);
  }

  /** @param known - a place in the window: what ends there or before can be judged */
  #settle(known: number, isLast: boolean, hits: TermHit<Term>[]): void {
    this.#judge(known);
    this.#give(isLast ? Number.POSITIVE_INFINITY : this.#base + known, hits);
    this.#forget(known);
  }

  /** Judges every candidate that ends no later than `known`, a place in the window. */
  #judge(known: number): void {
    const { ends, states } = this.#candidates;
    const { automaton, terms, patterns } = this.#prepared;
    const found: Found[] = [];
    let judged = 0;
    for (; judged < ends.length && (ends[judged] as number) <= known; judged++) {
      const end = ends[judged] as number;
      for (const at of automaton.termsAt(states[judged] as number)) {
        if (at < terms.length && this.#applies[at] !== 1) continue;
        const own = this.#compare(at, patterns[at] as Pattern, end);
        if (own === undefined) continue;
        if (at < terms.length) found.push(own);
        else this.#meet(at, own);
      }
    }
    this.#candidates = { ends: ends.slice(judged), states: states.slice(judged) };
    if (this.#names.length > 0) {
      const isKnown = ({ end }: KeyedHit) => end <= this.#base + known;
      for (const { at, start, end } of this.#names.filter(isKnown))
        if (this.#applies[at] === 1) found.push({ at, start, end, mask: 0, order: end });
      this.#names = this.#names.filter((name) => !isKnown(name));
    }
    found.sort((a, b) => a.order - b.order || a.start - b.start || a.at - b.at);
    this.#waiting = this.#waiting.length === 0 ? found : this.#waiting.concat(found);
  }

  #compare(at: number, pattern: Pattern, end: number): Found | undefined {
    const text = this.#window;
    const foundAt = (start: number, last: number, mask: number): Found => ({
      at,
      start: this.#base + start,
      end: this.#base + last,
      mask,
      order: this.#base + end,
    });
    if (pattern.match === "emoji") {
      const last = emojiEnd(text, end);
      const start = emojiStart(text, last, this.#prepared.emoji.get(at) as never);
      return start < 0 ? undefined : foundAt(start, last, 0);
    }
    const exact = exactStart(text, end, pattern);
    if (exact < 0 && !pattern.isLoose) return undefined;
    const last = pattern.tail === "" ? withMarks(text, end) : endOfLiteral(text, end, pattern.tail);
    if (last < 0 || isCutOff(text, last)) return undefined;
    const isWord = isWordEnd(text, last);
    if (exact >= 0 && (pattern.match === "substring" || (isWord && isWordStart(text, exact))))
      return foundAt(exact, last, 0);
    if (!isWord || !pattern.isLoose) return undefined;
    // Written plainly inside a longer word: there is no other way to read it, unless its first letter is drawn out.
    const isPlain = exact >= 0 && pattern.hasOneReading && pattern.head === "";
    if (isPlain && !isDrawnOutBefore(text, exact, pattern.characters[0] as number)) return undefined;
    // By place and not by piece: the same text cut otherwise comes by the same steps.
    this.#budget.steps += LOOSE_STEPS_PER_CHAR * (this.#base + end - this.#paidUpTo);
    this.#paidUpTo = this.#base + end;
    const loose = looseMatch(text, end, pattern, this.#budget);
    if (this.#budget.steps === 0) this.limited = true;
    return loose === undefined ? undefined : foundAt(loose.start, last, loose.mask);
  }

  #meet(companion: number, { start, end }: Span): void {
    const spans = this.#near.get(companion);
    if (spans === undefined) this.#near.set(companion, [{ start, end }]);
    else spans.push({ start, end });
  }

  /** Gives what is waiting, in order, as far as its surroundings are known. @param known - a place in the whole text */
  #give(known: number, hits: TermHit<Term>[]): void {
    const { terms, companions } = this.#prepared;
    let given = 0;
    for (const { at, start, end, mask } of this.#waiting) {
      const with_ = companions[at];
      if (with_ !== undefined && end + COMPANION_WINDOW_CHARS > known) break;
      given += 1;
      if (with_ !== undefined && !this.#isAccompanied(with_, { start, end })) continue;
      if (this.#seen?.[at] === 1) continue;
      if (this.#given === this.#maxHits) {
        this.limited = true;
        continue;
      }
      this.#given += 1;
      if (this.#seen !== undefined) this.#seen[at] = 1;
      const term = terms[at] as Term;
      const layers = layersOf(mask);
      hits.push({ at, term, start, end, layer: layers.at(-1) as Layer, layers, action: term.action });
    }
    this.#waiting = given === this.#waiting.length ? [] : this.#waiting.slice(given);
  }

  #isAccompanied({ needed, barred }: Companions, hit: Span): boolean {
    const isNear = (companion: number) => hasNear(this.#near.get(companion) ?? [], hit);
    return (needed.length === 0 || needed.some(isNear)) && !barred.some(isNear);
  }

  /** Lets go of what no candidate and no waiting hit can still reach. */
  #forget(known: number): void {
    const oldest = this.#waiting.reduce(
      (least, { start }) => Math.min(least, start),
      this.#base + known - HIT_MAX_CHARS,
    );
    for (const [companion, spans] of this.#near) {
      const kept = spans.filter(({ end }) => end >= oldest - COMPANION_WINDOW_CHARS);
      if (kept.length > 0) this.#near.set(companion, kept);
      else this.#near.delete(companion);
    }
    const cut = known - LOOKBACK_CHARS;
    if (cut <= 0) return;
    this.#window = this.#window.slice(cut);
    this.#base += cut;
    this.#candidates.ends = this.#candidates.ends.map((end) => end - cut);
  }
}

/** @param spans - by where they end: a text may hold hundreds of thousands, and only those around the hit are looked at */
function hasNear(spans: readonly Span[], hit: Span): boolean {
  let low = 0;
  for (let high = spans.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as Span).end < hit.start - COMPANION_WINDOW_CHARS) low = middle + 1;
    else high = middle;
  }
  for (; low < spans.length; low++) {
    const { start, end } = spans[low] as Span;
    if (end > hit.end + COMPANION_WINDOW_CHARS) return false;
    if (start >= hit.start - COMPANION_WINDOW_CHARS && (end <= hit.start || start >= hit.end)) return true;
  }
  return false;
}

function endsInHalf(text: string, end: number): boolean {
  const unit = text.charCodeAt(end - 1);
  return unit >= 0xd800 && unit <= 0xdbff;
}
