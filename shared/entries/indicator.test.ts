/** Indicator entries: trends in words, with their innocent explanations, and no small counts. */

import { describe, expect, it } from "vitest";
import { exampleEntry, exampleEntryValue } from "../testing/examples.ts";
import { outcome } from "../testing/refusal.ts";
import { checkEntry, formatEntry, naturalKey, parseEntry } from "./index.ts";

const check = (changes: object) => outcome(() => checkEntry("indicator", exampleEntryValue("indicator", changes)));
const FIGURE = { from: "2026-10-01", measure: "reports", suppressed_below: 5, until: "2026-10-31", value: 12 };

describe("an indicator entry", () => {
  it("carries every member there is", () => {
    const entry = exampleEntry("indicator", {
      figures: [FIGURE, { ...FIGURE, measure: "accounts", value: null }],
      languages: ["de", "en"],
      regions: ["AT", "DE"],
      related_entries: [`hotline.example/terms-en#${"ab".repeat(16)}`],
      threshold_hint: { count: 3, measure: "contacts" },
      valid_from: "2026-01-01",
      valid_until: "2026-12-31",
      window_hours: 24,
    });
    expect(parseEntry("indicator", formatEntry(entry))).toEqual(entry);
  });

  it("never says ban where the account may be the victim's own", async () => {
    expect(await check({ may_be_victim: true, suggested_actions: ["ban", "review"] })).toBe("entry_invalid");
    expect(await check({ may_be_victim: false, suggested_actions: ["ban", "review"] })).toBe("ok");
  });

  it("shows no count below the suppression rule, and no rule below five", async () => {
    expect(await check({ figures: [FIGURE] })).toBe("ok");
    expect(await check({ figures: [{ ...FIGURE, value: 4 }] })).toBe("entry_invalid");
    expect(await check({ figures: [{ ...FIGURE, value: null }] })).toBe("ok");
    expect(await check({ figures: [{ ...FIGURE, suppressed_below: 4 }] })).toBe("entry_invalid");
    expect(await check({ figures: [{ ...FIGURE, suppressed_below: 20 }] })).toBe("entry_invalid");
    expect(await check({ figures: [{ ...FIGURE, until: "2026-09-01" }] })).toBe("entry_invalid");
  });

  it("has a text of at most ten lines", async () => {
    expect(await check({ text: new Array(10).fill("line").join("\n") })).toBe("ok");
    expect(await check({ text: new Array(11).fill("line").join("\n") })).toBe("entry_invalid");
  });

  it.each<[string, object]>([
    ["no benign explanation", { benign_explanations: [] }],
    ["no stage", { stages: [] }],
    ["an unknown behaviour", { behaviour: "evil" }],
    ["a key with spaces", { key: "a b" }],
    ["a related entry that is a link", { related_entries: ["https://hotline.example/"] }],
    ["a window of nothing", { window_hours: 0 }],
    ["a threshold with a fraction", { threshold_hint: { count: 1.5, measure: "contacts" } }],
    ["a threshold in words", { threshold_hint: "a few" }],
    [
      "a ban that nobody checked",
      {
        may_be_victim: false,
        suggested_actions: ["ban"],
        human_review: "required",
        verification: { level: "nominated", on: "2026-11-22", people: 0 },
      },
    ],
    ["another member", { account: "somebody" }],
  ])("refuses %s", async (_, changes) => {
    expect(await check(changes)).toBe("entry_invalid");
  });

  it("may be longer than one line of text, but not than one line of a segment", async () => {
    const long = "ж".repeat(290);
    const meanings = Array.from({ length: 8 }, (_, i) => `${i} ${long.replaceAll("жжжжж", "жжжж ").trim()}`);
    const entry = exampleEntry("indicator", { benign_explanations: meanings });
    expect(formatEntry(entry).length).toBeGreaterThan(2000);
    const related = Array.from(
      { length: 32 },
      (_, i) =>
        `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}/${"s".repeat(63)}#${String(i).padStart(32, "0")}`,
    );
    expect(
      await outcome(() =>
        formatEntry(
          exampleEntry("indicator", {
            benign_explanations: meanings,
            related_entries: related,
            text: "語".repeat(2000),
          }),
        ),
      ),
    ).toBe("entry_too_long");
  });
});

describe("naturalKey", () => {
  it("is the publisher's own name for it", () => {
    expect(naturalKey("indicator", exampleEntry("indicator", { title: "Another title" }))).toBe("moving-platform-2026");
  });
});
