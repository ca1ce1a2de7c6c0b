/** Vectors of terms in texts, layer by layer, and of the keys under which an address is looked up. */

import { keyedDigest, keyedWords, type MatchableTerm } from "../../shared/match/terms/index.ts";
import { runVector } from "../../shared/vectors/run.ts";
import type { MatchGiven } from "../../shared/vectors/run-matches.ts";
import { type NamedVector, vector } from "./named-vector.ts";

const term = (text: string, changes: Partial<MatchableTerm> = {}): MatchableTerm => ({
  text,
  match: "phrase",
  language: "und",
  context: ["chat", "search"],
  action: "review",
  ambiguity: "low",
  ...changes,
});
const emoji = (text: string) => term(text, { match: "emoji" });
const part = (text: string) => term(text, { match: "substring" });
const WHERE = { on: "2026-11-22" };
const KEY = new Uint8Array(32).fill(7);
const name: MatchableTerm = {
  ...term(""),
  text: undefined,
  digest: { key: "terms-2026", value: keyedDigest(KEY, keyedWords("Ann Orley-Test") as string) },
};

const FOUND: [title: string, terms: MatchableTerm[], text: string, more?: Partial<MatchGiven["term_match"]>][] = [
  ["as written in any case with and without marks", [term("sample")], "Sample SÁMPLÈ s\u0301ample\u0302 samples"],
  ["compatibility forms", [term("sample")], "ｓａｍｐｌｅ 𝐬𝐚𝐦𝐩𝐥𝐞 ⓢⓐⓜⓟⓛⓔ"],
  ["one character that folds to several", [part("sti"), part("fis")], "stﬁ ﬆi ﬁs ſtı"],
  [
    "dotless i sharp s final sigma",
    [term("istanbul"), term("strasse"), term("σας")],
    "İSTANBUL ıstanbul Straße STRASSE ΣΑΣ",
  ],
  ["vowel signs and voicing marks are letters", [part("तमक"), part("てか")], "तमक तमकर तमकी てか てが てか\u3099"],
  [
    "a Hangul syllable is no part of another",
    [part("나가")],
    "나가 나각 \u1102\u1161\u1100\u1161 \u1102\u1161\u1100\u1161\u11a8",
  ],
  ["words and parts of words", [term("sample", { match: "token" }), part("sample")], "sample resample test_sample_1"],
  ["overlapping", [part("tete"), part("ete")], "tetete"],
  ["white space of any kind and length", [term("grape fruit")], "grape \n\u00a0fruit grapefruit grape-fruit"],
  ["separators of the term itself", [term("test-term-0001"), term("c++")], "Test-Term-0001 test term 0001 c++ c+"],
  ["look-alikes", [term("sample"), term("cope")], "sаmple ѕamрle соре"],
  ["look-alikes throughout a long word", [term("accopea")], "ассореа"],
  ["digits and symbols for letters", [term("sample"), term("sell")], "s4mple $ampl3 5@mp1e 5311"],
  ["separators between letters", [term("sample")], "s.a.m.p.l.e s a m p l e s-a-mple sam-ple sam ple"],
  ["letters drawn out", [term("sample"), term("later")], "saaample samplee latter latterrr"],
  ["several layers in one hit", [term("sample")], "ѕ.4.mmmple"],
  ["innocent words are met as written only", [term("sample", { ambiguity: "high" })], "sample s4mple"],
  [
    "emoji with tones selectors and joiners",
    [emoji("👧"), emoji("👩‍👧"), emoji("👧🏽")],
    "👧 👧🏽 👧\ufe0f 👩‍👧 👩🏽‍👧🏻 👩‍👧‍👦",
  ],
  ["flags and keycaps", [emoji("🇮🇪"), emoji("7️⃣")], "🇮🇪 🇦🇮🇪🇧 7️⃣ 7"],
  ["beside a term that it needs", [term("sample", { requires_with: ["berry"] })], "sample berry"],
  ["without a term that it needs", [term("sample", { requires_with: ["berry"] })], "sample berries"],
  ["beside a term that rules it out", [term("sample", { not_with: ["recipe"] })], "a recipe with sample"],
  ["outside its dates", [term("sample", { valid_until: "2026-11-21" })], "sample"],
  [
    "in another context",
    [term("sample", { context: ["username"] })],
    "sample",
    { where: { ...WHERE, context: "chat" } },
  ],
  ["in another language", [term("sample", { language: "pt-BR" })], "sample", { where: { ...WHERE, language: "en" } }],
  ["in another region", [term("sample", { region: ["IE"] })], "sample", { where: { ...WHERE, region: "DE" } }],
  ["a name under a key", [name], "hello ANN Örley-Test!", { keys: { "terms-2026": "07".repeat(32) } }],
];

const NOT_WORTH_PUBLISHING: [title: string, code: string, term: MatchableTerm][] = [
  ["separators only", "term_empty", term("-- ...")],
  ["ignored characters only", "term_empty", term("\u3164\u0301")],
  ["companion of nothing", "term_empty", term("sample", { requires_with: ["--"] })],
  ["one letter of a word", "term_too_broad", part("e")],
  ["one letter drawn out", "term_too_broad", part("eee")],
  ["one digit as a word", "term_too_broad", term("7", { match: "token" })],
  ["letter as an emoji", "term_too_broad", emoji("e")],
];

const ADDRESSES: [title: string, url: string][] = [
  ["page below two paths", "https://sub.forum.example/a/b?x=1#part"],
  ["spelled otherwise", "HTTPS://someone@Sub.Forum.Example.:443/a/./%62%2f?"],
  ["port of its own", "http://forum.example:8080/"],
  ["host in other letters", "https://bücher.example/ü%"],
  ["address of a machine", "http://0xC0.0.2.7/x"],
  ["customer of a shared domain", "https://someone.github.io/x"],
  ["too long to be listed exactly", `https://forum.example/a?${"x".repeat(2_100)}`],
];
const NO_ADDRESSES: [title: string, url: string][] = [
  ["other scheme", "ftp://forum.example/"],
  ["without scheme", "forum.example/t"],
  ["host of dots", "https://../"],
  ["longer than is read", `https://forum.example/${"x".repeat(65_536)}`],
];

export async function matchVectors(): Promise<NamedVector[]> {
  const made: NamedVector[] = [];
  const passing = async <Format extends "term_match" | "url_match">(
    format: Format,
    title: string,
    given: MatchGiven[Format],
  ) => {
    const { code, gives } = await runVector({ format, title, given, expect: "ok" } as never);
    if (code !== "ok") throw new Error(`${title}: ${code}`);
    made.push(vector(format, title, "ok", given as never, gives));
  };
  for (const [title, terms, text, more] of FOUND)
    await passing("term_match", title, { terms, text, where: WHERE, ...more });
  for (const [title, url] of ADDRESSES) await passing("url_match", title, { url });
  for (const [title, code, own] of NOT_WORTH_PUBLISHING)
    made.push(vector("term_match", title, code, { terms: [own], text: "", where: WHERE }));
  for (const [title, url] of NO_ADDRESSES) made.push(vector("url_match", title, "url_invalid", { url }));
  return made;
}
