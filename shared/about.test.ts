/** What a set must say of itself, and what it may not. */

import { describe, expect, it } from "vitest";
import { parseAbout } from "./about.ts";
import { exampleAbout } from "./testing/examples.ts";
import { outcome } from "./testing/refusal.ts";
import { SetKind } from "./vocab/sets.ts";

describe("about", () => {
  it.each(SetKind.options)("of kind %s is complete", (kind) => expect(exampleAbout(kind).kind).toBe(kind));

  it.each(Object.keys(exampleAbout()))("is not valid without %s", async (member) => {
    const { [member]: _, ...rest } = exampleAbout() as Record<string, unknown>;
    expect(await outcome(() => parseAbout(rest))).toBe("about_invalid");
  });

  it.each<[string, object]>([
    ["another member", { note: "x" }],
    ["a title of nothing", { title: "" }],
    ["a title of two lines", { title: "a\nb" }],
    ["a title that is too long", { title: "x y ".repeat(40) }],
    ["a title that reads backwards", { title: "a\u202eb" }],
    ["a text that is not NFC", { description: "e\u0301" }],
    ["a text with white space at its end", { purpose: "x " }],
    ["a picture in a text", { description: "iVBORw0KGgoAAAANSUhEUgAA".repeat(8) }],
    ["a data URI in a text", { description: "see data:image/png;base64,AAAA" }],
    ["a kind that nobody knows", { kind: "image" }],
    ["a stream that nobody knows", { stream: "all" }],
    ["a TLP label with its prefix", { tlp: "TLP:AMBER" }],
    ["no surface", { surfaces: [] }],
    ["a surface twice", { surfaces: ["uploads", "uploads"] }],
    ["consent that is kept for 15 days", { consent_based: true, keep_stale_days: 15 }],
    ["persons that are kept for 15 days", { person_linked: true, keep_stale_days: 15 }],
    ["91 days", { keep_stale_days: 91 }],
    ["acting for longer than keeping", { act_stale_days: 20, keep_stale_days: 14 }],
    ["acting at a distance beyond the reference threshold", { act_distance: 32, review_distance: 40 }],
    ["reviewing closer than acting", { act_distance: 20, review_distance: 10 }],
    ["a quality floor below that of the algorithm", { quality_floor: 49 }],
    ["a distance with a fraction", { act_distance: 1.5 }],
    ["a hash set without its algorithms", { algs: undefined }],
    ["distances without a perceptual algorithm", { algs: ["md5"] }],
    ["a retention without end", { retention_days: 0 }],
    ["a language in words", { languages: ["English"] }],
  ])("refuses %s", async (_, changes) => {
    expect(await outcome(() => exampleAbout("hash", changes))).toBe("about_invalid");
  });

  it("takes consent-based sets that are forgotten in time", () => {
    expect(exampleAbout("hash", { consent_based: true, keep_stale_days: 14 }).keep_stale_days).toBe(14);
  });

  it("asks a term set for its languages and no other for algorithms", async () => {
    expect(await outcome(() => exampleAbout("term", { languages: undefined }))).toBe("about_invalid");
    expect(await outcome(() => exampleAbout("url", { algs: ["md5"] }))).toBe("about_invalid");
    expect(await outcome(() => exampleAbout("term", { act_distance: 1 }))).toBe("about_invalid");
  });

  it("names the member that is at fault, and never a member of the sender's making", () => {
    for (const [changes, path] of [
      [{ title: "" }, "/title"],
      [{ "test-term-0001 x": 1 }, "/"],
    ] as const) {
      try {
        exampleAbout("hash", changes);
        expect.unreachable();
      } catch (error) {
        expect((error as { detail: object }).detail).toMatchObject({ path });
        expect(JSON.stringify(error)).not.toContain("test-term");
      }
    }
  });
});
