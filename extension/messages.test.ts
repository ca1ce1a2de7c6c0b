// Who may ask what: our own pages, from the table, and nobody else.
import { describe, expect, it } from "vitest";
import { isOwnPage, parseRequest, parseResponse } from "./messages.ts";

const own = { id: "abc", origin: "chrome-extension://abc" };

describe("a sender", () => {
  it.each([
    [{ id: "abc", url: "chrome-extension://abc/sidepanel.html" }, true],
    [{ id: "abc", url: "https://forum.example/" }, false],
    [{ id: "abc", url: "chrome-extension://abcd/sidepanel.html" }, false],
    [{ id: "abc" }, false],
    [{ id: "other", url: "chrome-extension://abc/sidepanel.html" }, false],
    [{}, false],
  ])("%j is our own page: %s", (sender, expected) => {
    expect(isOwnPage(sender, own)).toBe(expected);
  });
});

describe("a request", () => {
  it("is one of the table, whole and closed", () => {
    expect(parseRequest({ type: "deliver" })).toEqual({ type: "deliver" });
    for (const other of [
      undefined,
      "deliver",
      { type: "wipe" },
      { type: "deliver", to: "https://x.example" },
      { type: "read_again" },
    ]) {
      expect(parseRequest(other)).toBeUndefined();
    }
  });
  it("an answer that does not fit is a failure", () => {
    expect(parseResponse({ ok: true })).toEqual({ ok: true });
    expect(parseResponse(undefined)).toEqual({ ok: false, code: "no_answer" });
  });
});
