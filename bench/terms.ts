// How fast 5,000 terms of many scripts are found in prose, normalised and with places in the original, against a plain matcher that does neither.

import { buildTermMatcher, LAYERS, type MatchableTerm, type TermHit } from "@breakwater/shared/match/terms/index.ts";
import { oracleHits } from "@breakwater/shared/testing/term-oracle.ts";
import { AhoCorasick } from "@monyone/aho-corasick";
import { AhoCorasick as FastAhoCorasick } from "@monyone/aho-corasick/fast";
import { type Bench, type Measured, peakMb } from "./bench.ts";

/** Characters (16-bit units) of text. */
const DEFAULT_SIZE = 1_000_000;
const TERMS = 5_000;
const GOAL_CHARS_PER_SECOND = 80_000_000;
const GOAL_TIMES_BASELINE = 4;
/** So many runs are timed together, as the clock of a core is coarse, in so many batches. */
const RUNS = 20;
const BASELINE_RUNS = 3;
const BATCHES = 5;
/** The oracle tries every way to read every place: some of the text and every fortieth term are its share. */
const ORACLE_PARTS = 100;
const ORACLE_PART_CHARS = 100;
const ORACLE_EVERY = 40;
const MATCHES = ["token", "phrase", "substring"] as const;
const WHERE = { on: "2026-11-22" };

const join = (heads: string, tails: string[]) => [...heads].flatMap((head) => tails.map((tail) => head + tail));
/** Syllables, so that made-up words share beginnings as words do; none is a word of anybody's. */
const SYLLABLES = {
  latin: join("bcdfghlmnprstv", ["a", "e", "i", "o", "u", "ea", "é", "an", "er"]),
  cyrillic: join("бвгджзклмнпрст", ["а", "е", "и", "о", "у", "ы"]),
  greek: join("βγδκλμνπρστ", ["α", "ε", "ι", "ο", "ω", "ύ"]),
  arabic: join("بتثجحخدذرزسشصضطظعغفقكلمنهوي", ["ا", "و", "ي", ""]),
  devanagari: join("कखगचजटडतदनपबमयरलवसह", ["", "ा", "ि", "े", "ो"]),
  han: Array.from({ length: 1_500 }, (_, at) => String.fromCharCode(0x4e00 + at * 7)),
  hangul: Array.from({ length: 800 }, (_, at) => String.fromCharCode(0xac00 + at * 13)),
} as const;
type Script = keyof typeof SYLLABLES;
/** Half of the sentences in Latin script, the others in turn. */
const MIX: Script[] = [
  "latin",
  "cyrillic",
  "latin",
  "greek",
  "latin",
  "arabic",
  "latin",
  "devanagari",
  "latin",
  "han",
  "latin",
  "hangul",
];
const WORDS_PER_SENTENCE = 12;
/** One word in so many is a term. */
const TERM_EVERY = 150;

export const terms: Bench = {
  goal: `${GOAL_TIMES_BASELINE} times a plain matcher, and ${GOAL_CHARS_PER_SECOND / 1e6} million characters a second, normalised`,
  async run({ size = DEFAULT_SIZE, say }): Promise<Measured> {
    const random = randomOf(42);
    const words = makeTerms(random);
    const list = words.map((text, at) => termOf(text, MATCHES[at % MATCHES.length] as MatchableTerm["match"]));
    const text = makeProse(random, words, size);
    const matcher = buildTermMatcher(list);
    say(`${list.length} terms: ${matcher.states} states of ${matcher.columns} columns; ${text.length} characters.`);

    const isExact = checkAgainstOracle(list, text) && checkAgainstBaseline(words, text);
    say(isExact ? "Hits are those of the oracle and of the baseline." : "Hits DIFFER.");
    let hits: TermHit<MatchableTerm>[] = [];
    const seconds = leastSeconds(RUNS, () => {
      hits = matcher.match(text, WHERE);
    });
    const plain = new AhoCorasick(words);
    const baselineSeconds = leastSeconds(BASELINE_RUNS, () => plain.matchInText(text));
    const fast = new FastAhoCorasick(words);
    const fastSeconds = leastSeconds(BASELINE_RUNS, () => fast.matchInText(text));
    say(
      `${(text.length / seconds / 1e6).toFixed(0)} million characters a second; ${(baselineSeconds / seconds).toFixed(1)} times the baseline, ${(fastSeconds / seconds).toFixed(1)} times its fast sub-entry; ${hits.length} hits.`,
    );
    const correct = isExact && hits.length > 0;
    const met =
      correct && seconds * GOAL_TIMES_BASELINE <= baselineSeconds && text.length / seconds >= GOAL_CHARS_PER_SECOND;
    return {
      bench: "terms",
      size: text.length,
      seconds,
      baseline: "@monyone/aho-corasick over the same terms and text, as they are written",
      baselineSeconds,
      ratio: seconds / baselineSeconds,
      peakMb: peakMb(),
      correct,
      met,
    };
  },
};

const termOf = (text: string, match: MatchableTerm["match"]): MatchableTerm => ({
  text,
  match,
  language: "und",
  context: ["chat"],
  action: "review",
  ambiguity: "low",
});

/** Every layer and rule: by the slow oracle, on parts of the text and on terms in disguise. */
function checkAgainstOracle(list: readonly MatchableTerm[], text: string): boolean {
  const some = list.filter((_, at) => at % ORACLE_EVERY === 0);
  const matcher = buildTermMatcher(some);
  const layers = new Set<string>();
  const disguises = some.map(({ text: own = "" }) => disguise(own));
  const step = Math.floor(text.length / ORACLE_PARTS);
  const parts = Array.from({ length: ORACLE_PARTS }, (_, at) => text.slice(at * step, at * step + ORACLE_PART_CHARS));
  return (
    [...disguises, ...parts].every((part) => {
      const found = matcher.match(part, WHERE);
      for (const hit of found) for (const layer of hit.layers) layers.add(layer);
      const plain = found.map(({ at, start, end, layers: own }) => `${at} ${start} ${end} ${own}`);
      return (
        `${plain}` ===
        `${oracleHits(some, part).map(({ at, start, end, layers: own }) => `${at} ${start} ${end} ${own}`)}`
      );
    }) && layers.size === LAYERS.length
  );
}

/** Every place at which a term stands as written, in all of the text: by the baseline, for parts of words. */
function checkAgainstBaseline(words: readonly string[], text: string): boolean {
  const found = buildTermMatcher(words.map((word) => termOf(word, "substring"))).match(text, {
    ...WHERE,
    maxHits: Number.POSITIVE_INFINITY,
  });
  const own = new Set(
    found
      .filter(({ layer, start, end, at }) => layer === "exact" && text.slice(start, end) === words[at])
      .map(({ start, at }) => `${start} ${words[at]}`),
  );
  const wanted = new Set(
    new AhoCorasick([...words])
      .matchInText(text)
      // A character that goes on (a vowel sign, an accent) is another one: the plain matcher does not know that.
      .filter(({ end }) => !/^\p{M}/u.test(text.slice(end, end + 1)))
      .map(({ begin, keyword }) => `${begin} ${keyword}`),
  );
  return own.size === wanted.size && [...wanted].every((place) => own.has(place));
}

function disguise(word: string): string {
  const [first = "", ...rest] = [...word];
  const last = rest.at(-1) ?? "";
  return [
    word.toUpperCase(),
    [...word].join("."),
    first + first + first + rest.join(""),
    word.replace(/a/g, "4").replace(/e/g, "3"),
    word.replace(/o/, "о"),
    word + last + last,
  ].join(" ");
}

function makeTerms(random: (below: number) => number): string[] {
  const words = new Set<string>();
  while (words.size < TERMS) {
    const script = MIX[random(MIX.length)] as Script;
    words.add(makeWord(random, script, (script === "han" || script === "hangul" ? 2 : 3) + random(3)));
  }
  return [...words];
}

function makeProse(random: (below: number) => number, words: readonly string[], size: number): string {
  const parts: string[] = [];
  let length = 0;
  for (let sentence = 0; length < size; sentence++) {
    const script = MIX[sentence % MIX.length] as Script;
    for (let word = 0; word < WORDS_PER_SENTENCE; word++) {
      const isTerm = random(TERM_EVERY) === 0;
      const own = isTerm ? (words[random(words.length)] as string) : makeWord(random, script, 1 + random(4));
      const isLast = word === WORDS_PER_SENTENCE - 1;
      const written = word === 0 ? (own[0] as string).toUpperCase() + own.slice(1) : own;
      const after = isLast ? ". " : random(9) === 0 ? ", " : script === "han" ? "" : " ";
      parts.push(written, after);
      length += written.length + after.length;
    }
  }
  // A string of its own and not a rope of parts, as a text that came from elsewhere is.
  return Buffer.from(parts.join("").slice(0, size), "utf16le").toString("utf16le");
}

function makeWord(random: (below: number) => number, script: Script, syllables: number): string {
  return Array.from({ length: syllables }, () => SYLLABLES[script][random(SYLLABLES[script].length)]).join("");
}

/** Numbers that look random and are the same in each run. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** One core's time in the least disturbed batch: what else the machine does can only add to it, for either side. */
function leastSeconds(runs: number, work: () => unknown): number {
  // The first runs are the compiler's.
  for (let run = 0; run < runs; run++) work();
  const seconds = Array.from({ length: BATCHES }, () => {
    const before = process.cpuUsage();
    for (let run = 0; run < runs; run++) work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6 / runs;
  });
  return Math.min(...seconds);
}
