/** Term entries: never a block on a word that innocent people use. */

import { describe, expect, it } from "vitest";
import { exampleEntry, exampleEntryValue } from "../testing/examples.ts";
import { outcome } from "../testing/refusal.ts";
import { checkEntry, formatEntry, naturalKey, parseEntry } from "./index.ts";

const check = (changes: object) => outcome(() => checkEntry("term", exampleEntryValue("term", changes)));
const digest = { key: "terms-2026", value: "ab".repeat(32) };
const keyed = { text: undefined, digest };

describe("a term entry", () => {
  it("carries every member there is", () => {
    const entry = exampleEntry("term", {
      ambiguity: "high",
      innocent_meanings: ["The name of a made-up game."],
      not_with: ["test-term-0002"],
      region: ["IE"],
      requires_with: ["test-term-0003"],
      valid_from: "2026-01-01",
      valid_until: "2026-12-31",
    });
    expect(parseEntry("term", formatEntry(entry))).toEqual(entry);
  });

  it("that is highly ambiguous may not ask to block, and says what else it means", async () => {
    const meanings = { innocent_meanings: ["The name of a made-up game."] };
    expect(await check({ ambiguity: "high", action: "block", ...meanings })).toBe("term_too_ambiguous");
    expect(await check({ ambiguity: "high", action: "warn_and_signpost", ...meanings })).toBe("ok");
    expect(await check({ ambiguity: "high", action: "review" })).toBe("entry_invalid");
    expect(await check({ ambiguity: "medium", action: "block" })).toBe("ok");
  });

  it.each<[string, object]>([
    ["punctuation only", { text: "--- ..." }],
    ["marks and joiners only", { text: "\u0301\u200d\u0302" }],
    ["a Hangul filler", { text: "\u3164" }],
    ["a companion of nothing", { requires_with: ["test-term-0002", "-?-"] }],
    ["a barred companion of nothing", { not_with: ["*"] }],
  ])("holds something to look for: not %s", async (_, changes) => {
    expect(await check(changes)).toBe("term_empty");
  });

  it.each<[string, object]>([
    ["a letter of a word", { text: "e", match: "substring" }],
    ["two letters of a word", { text: "er", match: "substring" }],
    ["one letter, drawn out", { text: "eee", match: "substring" }],
    ["one letter with its marks", { text: "ế\u0301\u0302", match: "token" }],
    ["one digit", { text: "7", match: "phrase" }],
    ["one character of a script without spaces", { text: "的", match: "token" }],
    ["one Hangul syllable", { text: "각", match: "token" }],
    ["a letter for an emoji", { text: "e", match: "emoji" }],
    ["a digit for an emoji", { text: "7", match: "emoji" }],
  ])("is not in nearly every text: not %s", async (_, changes) => {
    expect(await check(changes)).toBe("term_too_broad");
  });

  it.each<[string, object]>([
    ["three letters of a word", { text: "xyz", match: "substring" }],
    ["two letters", { text: "xy", match: "token" }],
    ["two characters of a script without spaces", { text: "測試", match: "substring" }],
    ["two Hangul syllables", { text: "한국", match: "substring" }],
    ["one emoji", { text: "🧀", match: "emoji" }],
    ["a keycap", { text: "7️⃣", match: "emoji" }],
    ["a flag", { text: "🇮🇪", match: "emoji" }],
  ])("may be %s", async (_, changes) => {
    expect(await check(changes)).toBe("ok");
  });

  it("from elsewhere that nobody could look for does not make a subscriber drop the set", () => {
    const line = JSON.stringify(exampleEntryValue("term", { text: "---" }));
    expect(parseEntry("term", line, { strict: false })).toMatchObject({ text: "---" });
  });

  it("is a text or a keyed digest, never both or neither", async () => {
    expect(await check(keyed)).toBe("ok");
    expect(await check({ digest })).toBe("entry_invalid");
    expect(await check({ text: undefined })).toBe("entry_invalid");
  });

  it("as a digest is compared with whole words only", async () => {
    for (const match of ["token", "phrase"]) expect(await check({ ...keyed, match })).toBe("ok");
    for (const match of ["substring", "emoji"]) expect(await check({ ...keyed, match })).toBe("entry_invalid");
    expect(await check({ ...keyed, digest: { ...digest, value: "ab".repeat(31) } })).toBe("entry_invalid");
    expect(await check({ ...keyed, digest: { value: digest.value } })).toBe("entry_invalid");
  });

  it.each<[string, object]>([
    ["a text of nothing", { text: "" }],
    ["a text of 201 characters", { text: "x y".repeat(67) }],
    ["a hidden direction", { text: "a\u2066b" }],
    ["a line feed", { text: "a\nb" }],
    ["no context", { context: [] }],
    ["an unknown context", { context: ["everywhere"] }],
    ["an unknown match", { match: "regex" }],
    ["an unknown action", { action: "ban" }],
    ["a region in lower case", { region: ["ie"] }],
    ["an end before the beginning", { valid_from: "2026-02-01", valid_until: "2026-01-01" }],
    [
      "a block that nobody checked",
      { action: "block", human_review: "required", verification: { level: "nominated", on: "2026-11-22", people: 0 } },
    ],
    ["another member", { url: "https://forum.example/" }],
  ])("refuses %s", async (_, changes) => {
    expect(await check(changes)).toBe("entry_invalid");
  });

  it("may be in any script, joiners and emoji included", async () => {
    for (const text of ["тест-0001", "測試-0001", "می‌خواهم", "👩‍👧 0001"]) expect(await check({ text })).toBe("ok");
  });
});

describe("naturalKey", () => {
  it("is text, language, match and context in any order", () => {
    const key = (changes: object) => naturalKey("term", exampleEntry("term", changes));
    expect(key({ context: ["search", "chat"] })).toBe(key({ context: ["chat", "search"] }));
    for (const changes of [
      { text: "test-term-0002" },
      { language: "de" },
      { match: "token" },
      { context: ["chat"] },
      keyed,
    ])
      expect(key(changes)).not.toBe(key({}));
  });

  it("does not take a digest for a text of the same letters", () => {
    expect(naturalKey("term", exampleEntry("term", { ...keyed }))).not.toBe(
      naturalKey("term", exampleEntry("term", { text: digest.value })),
    );
  });
});
