/** Hash entries: what a publisher can say of a hash, and what nobody can. */

import { describe, expect, it } from "vitest";
import { SIGNAL_ALGS } from "../signals/index.ts";
import { exampleEntry, exampleEntryValue } from "../testing/examples.ts";
import { outcome } from "../testing/refusal.ts";
import { CATEGORIES } from "../vocab/categories.ts";
import { checkEntry, formatEntry, naturalKey, parseEntry } from "./index.ts";

const check = (changes: object) => outcome(() => checkEntry("hash", exampleEntryValue("hash", changes)));
const PDQ = { alg: "pdq", value: "ab".repeat(32), quality: 80, ambiguous_bits: 4 };
const FULL = {
  age: "7_10",
  age_confirmed: { by: "police", on: "2026-10-01" },
  act: "penetrative",
  category: "csam",
  child_certainty: "confirmed",
  expires_at: "2027-11-22T00:00:00Z",
  item: "ab".repeat(16),
  labels: ["infant", "self_generated"],
  origin: "child_self_report",
  production: "photographic",
  report_duty: "report",
  requested_action: "block_remove_report",
  series: "cd".repeat(16),
  views: [
    { basis: "derived", by: "hotline.example", class: "A", scheme: "uk" },
    { basis: "asserted", by: "ncmec.example", class: "B1", scheme: "ncmec" },
  ],
  ...PDQ,
};

describe("a hash entry", () => {
  it("carries every member there is", () => {
    const entry = exampleEntry("hash", FULL);
    expect(parseEntry("hash", formatEntry(entry))).toEqual(entry);
  });

  it.each([
    "id",
    "human_review",
    "verification",
    "act",
    "age",
    "alg",
    "category",
    "media",
    "production",
    "report_duty",
    "requested_action",
    "source_fidelity",
    "value",
  ])("is not valid without %s", async (member) => {
    const { [member]: _, ...rest } = exampleEntryValue("hash");
    expect(await outcome(() => checkEntry("hash", rest))).toBe("entry_invalid");
  });

  it("cannot say that it comes from rendered pixels, in no spelling", async () => {
    for (const source_fidelity of ["rendered", "screen", "unknown", "", null])
      expect(await check({ source_fidelity })).toBe("entry_invalid");
    expect(await check({ acquisition: { source_fidelity: "rendered" } })).toBe("entry_invalid");
    expect(await check({ alg: "phash_rendered" })).toBe("entry_invalid");
  });

  it("cannot say that a child is only possible", async () => {
    expect(await check({ child_certainty: "possible" })).toBe("entry_invalid");
    expect(await check({ child_certainty: "probable" })).toBe("ok");
  });

  it("is refused for every category whose hash would hurt the innocent", async () => {
    for (const [category, { hashable }] of Object.entries(CATEGORIES)) {
      expect(await check({ category }), category).toBe(hashable ? "ok" : "category_not_hashable");
    }
  });

  it.each<[string, object]>([
    ["a digit too few", { value: "a".repeat(63) }],
    ["a digit too many", { value: "a".repeat(65) }],
    ["upper-case hex", { value: "A".repeat(64) }],
    ["another algorithm's length", { alg: "md5" }],
    ["white space", { value: ` ${"a".repeat(63)}` }],
    ["no value", { value: "" }],
  ])("refuses a value with %s", async (_, changes) => {
    expect(await check(changes)).toBe("signal_invalid");
  });

  it("knows every algorithm of the table, and no other", async () => {
    for (const alg of SIGNAL_ALGS)
      expect(["ok", "signal_invalid", "entry_invalid"]).toContain(await check({ alg, value: "zz" }));
    expect(await check({ alg: "phash" })).toBe("entry_invalid");
  });

  it("has a quality exactly where the algorithm has one, and not below its floor", async () => {
    expect(await check(PDQ)).toBe("ok");
    expect(await check({ ...PDQ, ambiguous_bits: undefined })).toBe("ok");
    for (const changes of [
      { quality: undefined },
      { quality: 49 },
      { quality: 101 },
      { quality: 80.5 },
      { ambiguous_bits: 257 },
    ]) {
      expect(await check({ ...PDQ, ...changes }), JSON.stringify(changes)).toBe("entry_invalid");
    }
    expect(await check({ quality: 80 })).toBe("entry_invalid");
    expect(await check({ ambiguous_bits: 0 })).toBe("entry_invalid");
  });
});

describe("how it was verified", () => {
  it.each<[string, number, string]>([
    ["nominated", 0, "ok"],
    ["nominated", 1, "entry_invalid"],
    ["single_reviewed", 1, "ok"],
    ["single_reviewed", 2, "entry_invalid"],
    ["two_reviewed", 1, "entry_invalid"],
    ["two_reviewed", 3, "ok"],
    ["hotline_verified", 0, "entry_invalid"],
    ["police_verified", 1, "ok"],
  ])("%s by %d people: %s", async (level, people, code) => {
    expect(await check({ human_review: "required", verification: { level, on: "2026-11-22", people } })).toBe(code);
  });

  it("what nobody has checked needs a person and asks for no removal", async () => {
    const verification = { level: "nominated", on: "2026-11-22", people: 0 };
    expect(await check({ verification, human_review: "recommended" })).toBe("entry_invalid");
    expect(await check({ verification, human_review: "required", requested_action: "block_remove_report" })).toBe(
      "entry_invalid",
    );
    expect(await check({ verification, human_review: "required", requested_action: "observe" })).toBe("ok");
  });

  it("has a date of the calendar", async () => {
    for (const on of ["2026-02-30", "22.11.2026", "2026-11-22T00:00:00Z", ""]) {
      expect(await check({ verification: { level: "two_reviewed", on, people: 2 } }), on).toBe("entry_invalid");
    }
  });
});

describe("the age", () => {
  it("of somebody who may be an adult asks for no removal and claims no certainty", async () => {
    expect(await check({ age: "adult_possible", requested_action: "hold_pending_age_confirmation" })).toBe("ok");
    for (const changes of [
      { requested_action: "block_remove_report" },
      { requested_action: "remove_report" },
      { child_certainty: "confirmed" },
      { age_confirmed: { by: "court", on: "2026-01-01" } },
    ]) {
      expect(await check({ age: "adult_possible", ...changes }), JSON.stringify(changes)).toBe("entry_invalid");
    }
  });

  it("is not waited for once it is confirmed", async () => {
    expect(
      await check({
        age: "16_17",
        age_confirmed: { by: "police", on: "2026-01-01" },
        requested_action: "hold_pending_age_confirmation",
      }),
    ).toBe("entry_invalid");
  });
});

describe("views", () => {
  const view = (changes: object) =>
    check({ ...FULL, views: [{ basis: "derived", by: "hotline.example", class: "A", scheme: "uk", ...changes }] });

  it("are derived only where the crosswalk derives them; a person may assert another", async () => {
    expect(await view({})).toBe("ok");
    expect(await view({ class: "B" })).toBe("entry_invalid");
    expect(await view({ class: "B", basis: "asserted" })).toBe("ok");
  });

  it("are of known schemes and classes, by a publisher, once each", async () => {
    for (const changes of [
      { scheme: "copine" },
      { class: "D" },
      { class: "a" },
      { by: "somebody" },
      { basis: "guessed" },
    ]) {
      expect(await view(changes), JSON.stringify(changes)).toBe("entry_invalid");
    }
    const one = { basis: "asserted", by: "a.example", class: "A", scheme: "uk" };
    expect(await check({ ...FULL, views: [one, { ...one, class: "B" }] })).toBe("entry_invalid");
    expect(await check({ ...FULL, views: [one, { ...one, by: "b.example" }] })).toBe("ok");
  });
});

describe("a line", () => {
  it("is closed and canonical at the exchange", async () => {
    const line = formatEntry(exampleEntry("hash"));
    expect(await outcome(() => parseEntry("hash", `${line.slice(0, -1)},"zz":1}`))).toBe("entry_invalid");
    expect(await outcome(() => parseEntry("hash", line.replace(":", ": ")))).toBe("jcs_invalid");
    expect(await outcome(() => parseEntry("hash", line.replace('"age"', '"act":"none_visible","age"')))).toBe(
      "jcs_invalid",
    );
    expect(await outcome(() => parseEntry("hash", "[]"))).toBe("entry_invalid");
  });

  it("is read by an older subscriber, which ignores what it does not know", async () => {
    const line = formatEntry(exampleEntry("hash"));
    const newer = line.replace('{"act"', '{ "aaa":{"x":1},"act"');
    expect(parseEntry("hash", newer, { strict: false })).toEqual(exampleEntry("hash"));
    expect(await outcome(() => parseEntry("hash", "{", { strict: false }))).toBe("entry_invalid");
  });

  it("has one spelling whatever order a list came in", () => {
    const [a, b] = [
      ["infant", "violence"],
      ["violence", "infant"],
    ].map((labels) => formatEntry(exampleEntry("hash", { labels })));
    expect(a).toBe(b);
  });

  it("says nothing of the value it refused", () => {
    try {
      checkEntry("hash", exampleEntryValue("hash", { value: "deadbeefx" }));
      expect.unreachable();
    } catch (error) {
      expect(`${String(error)}${JSON.stringify(error)}${String((error as Error).cause)}`).not.toContain("deadbeef");
    }
  });
});

describe("naturalKey", () => {
  it("is algorithm and value: the id and all else may change", () => {
    const [a, b] = [exampleEntry("hash"), exampleEntry("hash", { id: "f".repeat(32), requested_action: "observe" })];
    expect(naturalKey("hash", a)).toBe(naturalKey("hash", b));
    expect(naturalKey("hash", a)).toBe(`sha256:${a.value}`);
  });
});
