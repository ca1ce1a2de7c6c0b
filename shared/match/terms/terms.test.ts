import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { oracleHits } from "../../testing/term-oracle.ts";
import { foldText } from "./fold.ts";
import { buildTermMatcher, type MatchableTerm, type Where } from "./index.ts";

const WHERE: Where = { on: "2026-11-22" };
const termOf = (text: string, changes: Partial<MatchableTerm> = {}): MatchableTerm => ({
  text,
  match: "phrase",
  language: "und",
  context: ["chat"],
  action: "review",
  ambiguity: "low",
  ...changes,
});

const UNITS: Record<string, string[]> = {
  latin: ["a", "b", "i", "l", "o", "t", "s", "A", "I", "L", "é", "e\u0301", "ß", "ﬁ", "ı", "İ"],
  alike: ["а", "о", "ѕ", "і", "1", "0", "3", "4", "7", "@", "$", "!", "ｔ", "𝐭", "Ⓑ", "ø"],
  between: [" ", ".", "-", "_", "  ", "\u200b", "\u0301", "…", "\n", "´", "'", "\u00ad"],
  others: [
    "が",
    "か",
    "カ\u3099",
    "的",
    "好",
    "각",
    "가",
    "\u1100",
    "\u1161",
    "\u11a8",
    "ا",
    "ب\u064e",
    "की",
    "क",
    "ας",
    "ΑΣ",
    "👧",
    "\ud800",
    "®",
    "½",
    "⒜",
  ],
};
const LOOKS_LIKE: Record<string, string[]> = {
  a: ["а", "4", "@", "ａ", "𝐚"],
  b: ["Ⓑ", "В"],
  i: ["1", "!", "і", "|"],
  l: ["1", "|", "ا", "ⅼ"],
  o: ["0", "о", "ø", "ο"],
  t: ["7", "+", "ｔ", "т"],
  s: ["$", "5", "ѕ"],
};
const unit = (...names: string[]) => fc.constantFrom(...names.flatMap((name) => UNITS[name] as string[]));
const wordOf = (...names: string[]) =>
  fc.array(unit(...names), { minLength: 1, maxLength: 7 }).map((parts) => parts.join(""));

const anyTerm = fc
  .record({
    text: fc.oneof(
      wordOf("latin"),
      wordOf("latin", "alike"),
      wordOf("latin", "between"),
      wordOf("others"),
      wordOf("latin", "between", "others"),
    ),
    match: fc.constantFrom<MatchableTerm["match"][]>("token", "phrase", "substring"),
    ambiguity: fc.constantFrom<MatchableTerm["ambiguity"][]>("low", "low", "low", "high"),
  })
  .map(({ text, match, ambiguity }) => termOf(text, { match, ambiguity }));

/** The term's own characters, some of them replaced, doubled or spaced: random text alone hardly ever hits. */
function disguised(text: string): fc.Arbitrary<string> {
  const parts = [...text];
  const after = fc.oneof({ weight: 6, arbitrary: fc.constant("") }, { weight: 3, arbitrary: unit("between") });
  return fc
    .tuple(
      ...parts.map((part) =>
        fc.tuple(
          fc.oneof(
            { weight: 8, arbitrary: fc.constant(part) },
            { weight: 1, arbitrary: fc.constant(part.toUpperCase()) },
            { weight: 2, arbitrary: fc.constantFrom(...(LOOKS_LIKE[part] ?? ["0", "а"])) },
          ),
          fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, { weight: 2, arbitrary: fc.integer({ min: 2, max: 4 }) }),
          after,
        ),
      ),
    )
    .map((chosen) => chosen.map(([own, times, between]) => own.repeat(times) + between).join(""));
}
const spelled = (text: string) => fc.constant([...text].join(" "));

const anyCase = fc.array(anyTerm, { minLength: 1, maxLength: 6 }).chain((terms) => {
  const noise = fc.array(unit("latin", "alike", "between", "others"), { maxLength: 6 }).map((parts) => parts.join(""));
  const own = fc
    .constantFrom(...terms)
    .chain(({ text = "" }) => fc.oneof(fc.constant(text), disguised(text), spelled(text)));
  const text = fc.array(fc.oneof(own, own, noise, fc.constant(" ")), { maxLength: 6 }).map((parts) => parts.join(""));
  return fc.record({ terms: fc.constant(terms), text });
});

const plain = (hits: { at: number; start: number; end: number; layers: string[] }[]) =>
  hits.map(({ at, start, end, layers }) => ({ at, start, end, layers }));

describe("the matcher", () => {
  it("finds what the rules say, place after place: no more, no less, in the same order", () => {
    const layers = new Set<string>();
    const asTheRulesSay = fc.property(anyCase, ({ terms, text }) => {
      const found = plain(buildTermMatcher(terms).match(text, WHERE));
      for (const hit of found) for (const layer of hit.layers) layers.add(layer);
      expect(found).toEqual(oracleHits(terms, text));
    });
    fc.assert(asTheRulesSay, { numRuns: 300 });
    // Cases that never hit would prove nothing; these are known to hit by every layer.
    fc.assert(asTheRulesSay, { numRuns: 600, seed: 20_261_122 });
    expect([...layers].sort()).toEqual(["confusable", "exact", "leet", "repeated", "separated"]);
  }, 60_000);

  it("finds the same however a text is cut into pieces, and each hit once", () => {
    fc.assert(
      fc.property(anyCase, fc.array(fc.nat(200), { maxLength: 8 }), ({ terms, text }, cuts) => {
        const matcher = buildTermMatcher(terms);
        const stream = matcher.open(WHERE);
        const hits = [];
        const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
        for (let piece = 1; piece < at.length; piece++) hits.push(...stream.push(text.slice(at[piece - 1], at[piece])));
        hits.push(...stream.end());
        expect(plain(hits)).toEqual(plain(matcher.match(text, WHERE)));
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it("finds the same in a text long enough to be read as two halves", () => {
    const seeds = fc.sample(anyCase, { numRuns: 60, seed: 7 });
    for (const { terms, text } of seeds) {
      const matcher = buildTermMatcher(terms);
      // An odd length, so that the middle falls anywhere: in words, in pairs, in runs of what is skipped.
      const long = `${text}sample \u{1d41a}\u{1f467}${text}`.repeat(Math.ceil(40_000 / (2 * text.length + 11)));
      const stream = matcher.open(WHERE);
      const pieces = [];
      for (let at = 0; at < long.length; at += 5_003) pieces.push(...stream.push(long.slice(at, at + 5_003)));
      const byPiece = plain(pieces.concat(stream.end()));
      expect(plain(matcher.match(long, WHERE))).toEqual(byPiece);
    }
    const spaces = `sam${" ".repeat(60_000)}ple ${"s".repeat(60_000)} sample`;
    expect(plain(buildTermMatcher([termOf("sample")]).match(spaces, WHERE)).length).toBe(1);
  }, 60_000);

  it("gives offsets of the original: what stands there folds to the term", () => {
    let exact = 0;
    fc.assert(
      fc.property(anyCase, ({ terms, text }) => {
        for (const { term, start, end, layer } of buildTermMatcher(terms).match(text, WHERE)) {
          if (layer !== "exact") continue;
          exact += 1;
          expect(foldText(text.slice(start, end))).toBe(foldText(term.text as string));
        }
      }),
      { numRuns: 300 },
    );
    expect(exact).toBeGreaterThan(100);
  }, 60_000);
});
