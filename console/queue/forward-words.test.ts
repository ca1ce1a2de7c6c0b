import { describe, expect, it } from "vitest";
import { forwardWords } from "./forward-words.ts";

const NOW = Date.parse("2026-11-22T14:02:00Z");
const waiting = {
  case: 2047,
  waiting_since: "2026-11-22T13:56:00.000Z",
  forward_at: "2026-11-22T14:11:00.000Z",
  forwarded_at: null,
  forwarded_to: null,
  forward_failed: false,
  acknowledged: false,
};
const desk = { to: "Example Police, duty desk", delivers: true };

describe("what the banner says of passing on", () => {
  it("promises it only where it will be delivered", () => {
    expect(forwardWords(waiting, desk, NOW)).toBe("In 9 min it is passed on to Example Police, duty desk.");
    expect(forwardWords(waiting, { ...desk, delivers: false }, NOW)).toBe(
      "Nobody else is told. Call Example Police, duty desk yourself.",
    );
    expect(forwardWords(waiting, { to: null, delivers: false }, NOW)).toBe(
      "Your hotline has named nobody to pass it on to. Nobody else is told.",
    );
  });

  it("promises nothing after the time either, where nothing is delivered", () => {
    const late = NOW + 3_600_000;
    expect(forwardWords(waiting, desk, late)).toBe("It is being passed on to Example Police, duty desk.");
    expect(forwardWords(waiting, { ...desk, delivers: false }, late)).toMatch(/^Nobody else is told\./);
    expect(forwardWords({ ...waiting, forward_failed: true }, desk, late)).toBe(
      "It could not be passed on to Example Police, duty desk. Call Example Police, duty desk yourself.",
    );
  });

  it("names who was told, also when the hotline has named somebody else since", () => {
    const passed = { ...waiting, forwarded_at: "2026-11-22T14:11:02.000Z", forwarded_to: "Example Police" };
    expect(forwardWords(passed, { to: "Another", delivers: false }, NOW)).toMatch(
      /^It was passed on to Example Police at .*14:11/,
    );
  });
});
