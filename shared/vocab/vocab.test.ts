/** The vocabularies: codes that travel well, neutral words, rows that say how sure they are. */

import { describe, expect, it } from "vitest";
import * as vocabulary from "./index.ts";
import {
  ACTS,
  type Act,
  AGES,
  type Age,
  CATEGORIES,
  COUNTRIES,
  codesOf,
  deriveViews,
  ELSEWHERE,
  getCountry,
  isHashable,
  isSchemeClass,
  labelOf,
  PRODUCTIONS,
  type Production,
  type SCHEMES,
} from "./index.ts";

const TABLES = Object.entries(vocabulary).filter(
  ([name, value]) => /^[A-Z_]+$/.test(name) && typeof value === "object" && name !== "ELSEWHERE",
) as [string, Record<string, { label?: string; name?: string }>][];

describe("every table", () => {
  it.each(TABLES)("%s has codes of one form and a word for each, none twice", (name, table) => {
    for (const code of Object.keys(table))
      expect(code).toMatch(
        name === "COUNTRIES" ? /^[A-Z]{2}$/ : name === "TLP_LABELS" ? /^[A-Z+]+$/ : /^[a-z0-9]+(?:_[a-z0-9]+)*$/,
      );
    const labels = Object.values(table).map((word) => word.label ?? word.name);
    for (const label of labels) expect(label).toMatch(/\S/);
    // Two states of a report are one thing to the people who wait.
    if (name !== "REPORT_STATES") expect(new Set(labels).size).toBe(labels.length);
  });

  it("has a schema of the same codes", () => {
    expect(vocabulary.Act.options).toEqual(codesOf(ACTS));
    expect(vocabulary.ReportKind.options).toHaveLength(11);
    expect(vocabulary.ReportState.options).toHaveLength(14);
  });

  it("shows a code that this build does not know as it is", () => {
    expect(labelOf(ACTS, "penetrative")).toBe("A · activity, type 1");
    expect(labelOf(ACTS, "new_code")).toBe("new_code");
    expect(labelOf(ACTS, "constructor")).toBe("constructor");
  });
});

describe("categories", () => {
  it("keep ordinary pictures out of hash sets", () => {
    for (const code of [
      "everyday_image_sexualised_by_comments",
      "everyday_image_collected",
      "victim_identifying",
    ] as const)
      expect(isHashable(code)).toBe(false);
    expect(isHashable("csam")).toBe(true);
    expect(Object.values(CATEGORIES).some(({ hashable }) => hashable)).toBe(true);
  });
});

describe("countries", () => {
  it.each(Object.entries(COUNTRIES))("%s has a number to call and says how sure it is", (_, country) => {
    for (const number of country.emergency) expect(number).toMatch(/^[0-9]{2,5}$/);
    expect(country.verified_on === null).toBe(country.mark === "known");
    if (country.verified_on !== null) expect(country.verified_on).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(country.authority).not.toBe("");
  });

  it("never leave anybody without a number", () => {
    expect(getCountry("IE").emergency[0]).toBe("112");
    for (const code of ["ZZ", "", "toString", "__proto__"]) expect(getCountry(code)).toBe(ELSEWHERE);
  });
});

describe("deriveViews", () => {
  const views = (act: Act, age: Age, production: Production = "photographic") => deriveViews({ act, age, production });

  it.each<[Act, Age, object]>([
    ["penetrative", "7_10", { uk: "A", ncmec: "A1", iccam: "baseline", c3p: "csam", dsa: "csam" }],
    ["penetrative", "11_13", { uk: "A", c3p: "csam", dsa: "csam" }],
    ["penetrative", "14_15", { uk: "A", ncmec: "B1", iccam: "national", c3p: "csam", dsa: "csam" }],
    ["sadism_or_animal", "3_6", { uk: "A", c3p: "csam", dsa: "csam" }],
    ["non_penetrative_activity", "3_6", { uk: "B", c3p: "csam", dsa: "csam" }],
    ["sexualised_pose_or_focus", "0_2", { uk: "C", ncmec: "A2", dsa: "csam" }],
    ["sexualised_pose_or_focus", "16_17", { uk: "C", ncmec: "B2", iccam: "national", dsa: "csam" }],
    ["other_indecent", "7_10", { uk: "C" }],
    ["none_visible", "7_10", {}],
    ["penetrative", "minor_unsure", { uk: "A", c3p: "csam", dsa: "csam" }],
  ])("%s, %s: only what is safe", (act, age, expected) => expect(views(act, age)).toEqual(expected));

  it("derives nothing for drawings, for unsure production, or for somebody who may be an adult", () => {
    for (const act of codesOf(ACTS)) {
      for (const age of codesOf(AGES)) {
        expect(views(act, age, "drawn_or_cgi")).toEqual({});
        expect(views(act, age, "unsure")).toEqual({});
      }
      expect(views(act, "adult_possible")).toEqual({});
      expect(views(act, "not_assessed")).toEqual({});
    }
  });

  it("puts nothing that a machine made into the baseline, and names it as a deepfake", () => {
    for (const act of codesOf(ACTS)) {
      for (const age of codesOf(AGES)) {
        expect(views(act, age, "ai_generated").iccam).not.toBe("baseline");
        expect(views(act, age, "ai_generated").dsa).not.toBe("csam");
      }
    }
    expect(views("penetrative", "7_10", "ai_manipulated")).toMatchObject({
      uk: "A",
      iccam: "national",
      dsa: "csam_deepfake",
    });
  });

  it("derives only classes that the scheme has", () => {
    for (const act of codesOf(ACTS)) {
      for (const age of codesOf(AGES)) {
        for (const production of codesOf(PRODUCTIONS)) {
          for (const [scheme, value] of Object.entries(views(act, age, production)))
            expect(isSchemeClass(scheme as keyof typeof SCHEMES, value)).toBe(true);
        }
      }
    }
  });
});
