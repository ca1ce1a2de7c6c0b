import { expect, test } from "vitest";
import { formatSpan, formatTime } from "./time.ts";

test("times are 24-hour UTC with the zone", () => {
  expect(formatTime("2026-11-22T14:02:59+00:00")).toBe("22 Nov 2026, 14:02 UTC");
  expect(formatTime("2026-11-22T01:30:00+02:00")).toBe("21 Nov 2026, 23:30 UTC");
});

test.each([
  [0, "now"],
  [59_999, "now"],
  [6 * 60_000, "6 min"],
  [3 * 3_600_000 + 1, "3 h"],
  [8 * 86_400_000, "8 d"],
])("a wait of %i ms is told as %s", (milliseconds, words) => {
  expect(formatSpan(milliseconds)).toBe(words);
});
