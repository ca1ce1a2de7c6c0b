import { describe, expect, it } from "vitest";
import {
  buildTermMatcher,
  foldText,
  keyedDigest,
  keyedWords,
  type MatchableTerm,
  TABLES_VERSION,
  type Where,
} from "./index.ts";

const termOf = (text: string, changes: Partial<MatchableTerm> = {}): MatchableTerm => ({
  text,
  match: "phrase",
  language: "und",
  context: ["chat", "search"],
  action: "review",
  ambiguity: "low",
  ...changes,
});
const WHERE: Where = { on: "2026-11-22" };
/** In bytes. `shared` has no Node types; its tests run on Node all the same. */
const memoryUsed = () => {
  const { process } = globalThis as unknown as { process: { memoryUsage(): { heapUsed: number; external: number } } };
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
/** What of a text is hit, and by which layer. */
const found = (term: string | MatchableTerm, text: string, where: Where = WHERE) =>
  buildTermMatcher([typeof term === "string" ? termOf(term) : term])
    .match(text, where)
    .map(({ start, end, layer }) => `${text.slice(start, end)}|${layer}`);

describe("how a term matches", () => {
  it.each<[MatchableTerm["match"], string, string, string[]]>([
    ["token", "sample", "A sample, samples and a resample", ["sample|exact"]],
    ["token", "sample", "test_sample_1 (sample) sample's", ["sample|exact", "sample|exact", "sample|exact"]],
    ["substring", "sample", "samples and a resample", ["sample|exact", "sample|exact"]],
    ["substring", "tete", "tetete", ["tete|exact", "tete|exact"]],
    ["phrase", "grape fruit", "grape \n\u00a0fruit grapefruit", ["grape \n\u00a0fruit|exact", "grapefruit|separated"]],
    ["phrase", "test-term-0001", "Test-Term-0001 test term 0001", ["Test-Term-0001|exact", "test term 0001|separated"]],
    ["token", "c++", "c++ c", ["c++|exact"]],
    ["token", "#sample", "#sample sample", ["#sample|exact"]],
    ["token", "한국", "한국 한국어 한국", ["한국|exact", "한국|exact"]],
    ["substring", "가", "가각", ["가|exact"]],
    ["substring", "クス", "テストクスト", ["クス|exact"]],
    ["substring", "क", "क की", ["क|exact"]],
    ["token", "测试", "这是测试文本", ["测试|exact"]],
  ])("%s %s in %s", (match, text, where, expected) => {
    expect(found(termOf(text, { match }), where)).toEqual(expected);
  });

  it.each<[string, string[]]>([
    ["tést tést", []],
    ["SAMPLE sámplè s\u0301ample\u0302", ["SAMPLE|exact", "sámplè|exact", "s\u0301ample\u0302|exact"]],
    ["s\u200ba\u00adm\u200dple", ["s\u200ba\u00adm\u200dple|exact"]],
    ["ｓａｍｐｌｅ 𝐬𝐚𝐦𝐩𝐥𝐞 ⓢⓐⓜⓟⓛⓔ", ["ｓａｍｐｌｅ|exact", "𝐬𝐚𝐦𝐩𝐥𝐞|exact", "ⓢⓐⓜⓟⓛⓔ|exact"]],
    ["sаmple ѕаmple", ["sаmple|confusable", "ѕаmple|confusable"]],
    ["s4mple $ampl3 5@mp1e", ["s4mple|leet", "$ampl3|leet", "5@mp1e|leet"]],
    ["s.a.m.p.l.e s a m p l e s-a-mple", ["s.a.m.p.l.e|separated", "s a m p l e|separated", "s-a-mple|separated"]],
    ["saaample sampleeee", ["saaample|repeated", "sampleeee|repeated"]],
    ["s.4.mmmple", ["s.4.mmmple|repeated"]],
  ])("is met in %s", (text, expected) => {
    expect(found("sample", text)).toEqual(expected);
  });

  it("says every layer that a hit took, the loosest first of all", () => {
    const [hit] = buildTermMatcher([termOf("sample")]).match("ѕ.4.mmmple", WHERE);
    expect(hit).toMatchObject({
      layer: "repeated",
      layers: ["confusable", "leet", "separated", "repeated"],
      action: "review",
    });
  });

  it.each<[string, string]>([
    ["later", "latter"],
    ["lose", "loose"],
    ["sample", "sam ple"],
    ["sample", "sam-ple"],
    ["sample", "resaaample"],
    ["sample", "s4mples"],
    ["sample", "s a mple"],
    ["cop", "c0p"],
    ["cope", "соре"],
    ["sell", "5311"],
    ["fail", "fall"],
    ["стоп", "cton".replace("n", "x")],
  ])("%s is not met in %s", (term, text) => {
    expect(found(term, text)).toEqual([]);
  });

  it("that innocent people use often is met as it is written only", () => {
    const high = termOf("sample", { ambiguity: "high" });
    expect(found(high, "Sample sаmple s4mple saaample")).toEqual(["Sample|exact"]);
  });

  it("is met in a word all of look-alikes once it is too long for chance", () => {
    expect(found("sсорех".normalize(), "sсорех")).toEqual(["sсорех|exact"]);
    expect(found("accopea", "ассореа")).toEqual(["ассореа|confusable"]);
  });

  it("evens out what lower-casing keeps apart", () => {
    for (const [text, fold] of [
      ["Straße", "strasse"],
      ["İstanbul ISPARTA ısı", "istanbul isparta isi"],
      ["ΣΑΣ σας", "σασ σασ"],
      ["ﬃ ½", "ffi 12"],
    ])
      expect(foldText(text as string)).toBe(fold);
  });
});

describe("emoji", () => {
  const emoji = (text: string) => termOf(text, { match: "emoji" });
  it.each<[string, string, string[]]>([
    ["👧", "👧 👧🏽 👧️", ["👧|exact", "👧🏽|exact", "👧️|exact"]],
    ["👧🏽", "👧 👧🏽 👧🏿", ["👧🏽|exact"]],
    ["👧", "👩‍👧", []],
    ["👩‍👧", "👩‍👧 👩🏽‍👧🏻 👩‍👧‍👦 👨‍👩‍👧 👩👧", ["👩‍👧|exact", "👩🏽‍👧🏻|exact"]],
    ["🧀🍕", "🍕🧀🍕", ["🧀🍕|exact"]],
    ["🧀", "🧀🧀", ["🧀|exact", "🧀|exact"]],
    ["❤", "❤️ ❤ ❤️‍🔥", ["❤️|exact", "❤|exact"]],
    ["🇮🇪", "🇮🇪 🇦🇮🇪🇧 🇦🇶🇮🇪", ["🇮🇪|exact", "🇮🇪|exact"]],
    ["7️⃣", "7️⃣ 7 7⃣", ["7️⃣|exact", "7⃣|exact"]],
    ["™", "™️ tm", ["™️|exact"]],
  ])("%s in %s", (term, text, expected) => {
    expect(found(emoji(term), text)).toEqual(expected);
  });

  it("hit what cutting a text into its graphemes finds", () => {
    const units = ["👧", "👩‍👧", "👩🏽‍👧", "🧀", "❤️", "❤", "🇮🇪", "🇦🇶", "7️⃣", "a", " "];
    const bare = (grapheme: string) => grapheme.replace(/[\ufe0e\ufe0f]|\p{Emoji_Modifier}/gu, "");
    const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
    for (let seed = 1; seed < 400; seed++) {
      const text = Array.from(
        { length: 8 },
        (_, at) => units[(seed * (at + 7) * 31 + at * at * seed) % units.length],
      ).join("");
      for (const term of ["👧", "👩‍👧", "🧀", "❤", "🇮🇪"]) {
        const expected = [...segmenter.segment(text)]
          .filter(({ segment }) => bare(segment) === term)
          .map(({ index, segment }) => [index, index + segment.length]);
        const hits = buildTermMatcher([emoji(term)]).match(text, WHERE);
        expect(hits.map(({ start, end }) => [start, end])).toEqual(expected);
      }
    }
  });
});

describe("where a term applies", () => {
  const at = (changes: Partial<MatchableTerm>, where: Partial<Where>) =>
    found(termOf("sample", changes), "sample", { ...WHERE, ...where }).length;

  it("within its dates, both days included", () => {
    const dates = { valid_from: "2026-11-01", valid_until: "2026-11-30" };
    expect(["2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01"].map((on) => at(dates, { on }))).toEqual([
      0, 1, 1, 0,
    ]);
  });

  it("in its contexts; a text from nowhere in particular is compared with all", () => {
    expect([at({}, { context: "chat" }), at({}, { context: "username" }), at({}, {})]).toEqual([1, 0, 1]);
  });

  it("in its language, whatever the region of it, and always when it has none", () => {
    expect([at({ language: "pt-BR" }, { language: "pt" }), at({ language: "pt" }, { language: "en" })]).toEqual([1, 0]);
    expect([at({ language: "und" }, { language: "en" }), at({ language: "pt" }, {})]).toEqual([1, 1]);
  });

  it("in its regions", () => {
    expect([
      at({ region: ["IE"] }, { region: "IE" }),
      at({ region: ["IE"] }, { region: "DE" }),
      at({}, { region: "DE" }),
    ]).toEqual([1, 0, 1]);
  });

  it("is asked anew for each text", () => {
    const matcher = buildTermMatcher([termOf("sample", { context: ["search"] })]);
    expect(
      ["search", "chat", "search"].map(
        (context) => matcher.match("sample", { ...WHERE, context: context as never }).length,
      ),
    ).toEqual([1, 0, 1]);
  });
});

describe("a term beside others", () => {
  const needs = termOf("sample", { requires_with: ["berry", "two words"] });
  const bars = termOf("sample", { not_with: ["recipe"] });
  const far = " ".repeat(10) + "x ".repeat(95);

  it.each<[MatchableTerm, string, number]>([
    [needs, "sample", 0],
    [needs, "sample berry", 1],
    [needs, "BERRY sample", 1],
    [needs, "sample two\nwords", 1],
    [needs, "sample berries two word", 0],
    [needs, `sample${far} berry`, 0],
    [needs, `berry ${far}sample`, 0],
    [bars, "sample", 1],
    [bars, "a recipe with sample", 0],
    [bars, `recipe ${far}sample`, 1],
    [termOf("sample berry", { requires_with: ["berry"] }), "sample berry", 0],
    [termOf("sample berry", { requires_with: ["berry"] }), "sample berry berry", 1],
    [termOf("sample", { requires_with: ["berry"], not_with: ["recipe"] }), "recipe sample berry", 0],
    [needs, `${"berry ".repeat(200)}sample`, 1],
    [needs, `${"berry ".repeat(200)}${far} sample${far} ${"berry ".repeat(200)}`, 0],
    [bars, `sample${far} ${"recipe ".repeat(200)}`, 1],
  ])("%# counts only with those it needs and without those it may not have", (term, text, hits) => {
    expect(found(term, text).length).toBe(hits);
    const stream = buildTermMatcher([term]).open(WHERE);
    const pieces = [...text].flatMap((character) => stream.push(character));
    expect(pieces.concat(stream.end()).length).toBe(hits);
  });

  // Every hit against every companion took 17 seconds here, and half an hour for a whole batch.
  it("costs no more than its length, however many there are of either", { timeout: 60_000 }, () => {
    const text = `${"sample ".repeat(40_000)}${far}${"berry ".repeat(40_000)}`;
    const start = performance.now();
    expect(found(needs, text).length).toBeLessThan(100);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

it("of one term repeated without end only the first is told on request, and the others still are", () => {
  const matcher = buildTermMatcher([termOf("sample"), termOf("berry")]);
  const text = `${"sample ".repeat(50)}berry`;
  expect(matcher.match(text, { ...WHERE, maxHits: 10 }).map(({ at }) => at)).not.toContain(1);
  expect(matcher.match(text, { ...WHERE, maxHits: 10, firstOnly: true }).map(({ at }) => at)).toEqual([0, 1]);
  const limited = matcher.open({ ...WHERE, maxHits: 1, firstOnly: true });
  expect([...limited.push(text), ...limited.end()].length).toBe(1);
  expect(limited.limited).toBe(true);
});

describe("a name that is known by its digest", () => {
  const key = new Uint8Array(32).fill(7);
  const keys = { "terms-2026": key };
  const named = (name: string, match: "token" | "phrase" = "phrase") =>
    termOf("", {
      text: undefined,
      match,
      digest: { key: "terms-2026", value: keyedDigest(key, keyedWords(name) as string) },
    });

  it.each<[string, string[]]>([
    ["hello Ann Örley-Test!", ["Ann Örley-Test"]],
    ["ANN  ORLEY TEST", ["ANN  ORLEY TEST"]],
    ["ann_orley_test_1990", ["ann_orley_test"]],
    ["Ann Orley", []],
    ["Ann Orley Tester", []],
    ["Ann. Then, later, Orley Test", []],
    ["Ann 🧀 Orley Test", []],
  ])("is met in %s", (text, expected) => {
    const matcher = buildTermMatcher([named("Ann Orley-Test"), named("unseen", "token")], { keys });
    expect(matcher.match(text, WHERE).map(({ start, end }) => text.slice(start, end))).toEqual(expected);
    const stream = matcher.open(WHERE);
    const hits = [...text].flatMap((character) => stream.push(character)).concat(stream.end());
    expect(hits.map(({ start, end }) => text.slice(start, end))).toEqual(expected);
  });

  it("as a token is one word", () => {
    const texts = ["ann test", "anntest", "Ann"].map(
      (text) => buildTermMatcher([named("ann", "token")], { keys }).match(text, WHERE).length,
    );
    expect(texts).toEqual([1, 0, 1]);
  });

  it("is said to be unusable without its key, or under another key finds nothing", () => {
    expect(buildTermMatcher([named("ann")]).unusable).toEqual([{ at: 0, why: "key_missing" }]);
    const other = buildTermMatcher([named("ann")], { keys: { "terms-2026": new Uint8Array(32) } });
    expect(other.match("ann", WHERE)).toEqual([]);
  });
});

describe("what comes in badly", () => {
  it("is named term by term, and the others are looked for", () => {
    const terms = [termOf("---"), termOf("sample"), termOf("berry", { requires_with: ["--"] }), termOf("\u3164")];
    const matcher = buildTermMatcher(terms);
    expect(matcher.unusable).toEqual([
      { at: 0, why: "empty" },
      { at: 3, why: "empty" },
      { at: 2, why: "companion_empty" },
    ]);
    expect(matcher.match("--- sample berry \u3164", WHERE).map(({ at }) => at)).toEqual([1]);
    expect(buildTermMatcher([]).match("anything", WHERE)).toEqual([]);
  });

  it("is read whatever it is: half pairs, nothing, ten thousand marks, nothing but one letter", () => {
    const matcher = buildTermMatcher([termOf("sample"), termOf("aaaa", { match: "substring" }), termOf("il1i")]);
    for (const text of [
      "",
      "\ud800",
      "sample\udc00\ud800",
      `sample${"\u0301".repeat(10_000)}`,
      "a".repeat(20_000),
      "a ".repeat(10_000),
      "1".repeat(5_000),
      "i l 1 ".repeat(2_000),
    ])
      expect(matcher.match(text, WHERE)).toBeInstanceOf(Array);
    expect(matcher.match("sample\ud800 sample", WHERE).length).toBe(2);
  });

  it("costs no more than its length, ambiguous as it may be, and says where it was given up", () => {
    const stream = buildTermMatcher([termOf("il1i"), termOf("sample")]).open(WHERE);
    const hits = stream.push(`${"1 l ".repeat(50_000)} sample`).concat(stream.end());
    expect(stream.limited).toBe(true);
    // What is written plainly is still found.
    expect(hits.at(-1)).toMatchObject({ at: 1, layer: "exact" });
    const prose = buildTermMatcher([termOf("il1i"), termOf("sample")]).open(WHERE);
    prose.push("Lilli will fill it with ill-lit s4mple lists. ".repeat(5_000));
    expect(prose.limited).toBe(false);
  });

  it("with more hits than asked for says so", () => {
    const stream = buildTermMatcher([termOf("sample")]).open({ ...WHERE, maxHits: 3 });
    expect(stream.push("sample ".repeat(4)).concat(stream.end()).length).toBe(3);
    expect(stream.limited).toBe(true);
  });
});

describe("a text of 100 MB", () => {
  it("is read in bounded memory, and a hit on every border is found once", () => {
    const matcher = buildTermMatcher([
      termOf("border-sample"),
      termOf("elsewhere", { requires_with: ["border-sample"] }),
    ]);
    const stream = matcher.open(WHERE);
    const filler = "lorem ipsum dolor sit amet consectetur ".repeat(13_500);
    const chunk = `sample ${filler}border-`;
    const before = memoryUsed();
    let hits = 0;
    let chars = 0;
    let least = Number.POSITIVE_INFINITY;
    while (chars < 100_000_000) {
      hits += stream.push(chunk).length;
      chars += chunk.length;
      // What is kept shows when the collector has just run; what waits for it says nothing.
      if (chars > 75_000_000) least = Math.min(least, memoryUsed() - before);
    }
    hits += stream.end().length;
    expect(hits).toBe(chars / chunk.length - 1);
    expect(least).toBeLessThan(40_000_000);
  }, 60_000);
});

it("says by which tables it matched", () => {
  expect(buildTermMatcher([]).version).toBe(TABLES_VERSION);
  expect(TABLES_VERSION).toMatch(/^\d+\/confusables-13\.0\.0\/unicode-\d/);
});
