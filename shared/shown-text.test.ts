import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { showAddress, showText, showWords } from "./shown-text.ts";

describe("words of strangers", () => {
  it.each([
    ["see https://forum.example/t/1042, page 2", "see hxxps://forum[.]example/t/1042, page 2"],
    ["(HTTP://Forum.example)", "(hxxp://Forum[.]example)"],
    ["at www.forum.example/t", "at www[.]forum[.]example/t"],
    ["https://a.example/?u=https://b.example/", "hxxps://a[.]example/?u=https[:]//b.example/"],
    ["two\nlines", "two\nlines"],
    ["turned \u202egpj.exe", "turned \\u202egpj.exe"],
    ["no address here. None", "no address here. None"],
  ])("%j is shown as %j", (text, shown) => {
    expect(showWords(text)).toBe(shown);
  });

  it("never hold a live address or an unseen mark", () => {
    const piece = fc.constantFrom(
      "http",
      "https",
      "://",
      "a.example",
      "/",
      " ",
      "\u202e",
      "\u0000",
      "x",
      "?u=",
      "HTTPS",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const shown = showWords(pieces.join(""));
        expect(shown).not.toMatch(/https?:\/\//i);
        for (const mark of ["\u0000", "\u202e"]) expect(shown).not.toContain(mark);
      }),
    );
  });
});

describe("an address", () => {
  it("is broken, and its marks are seen", () => {
    expect(showAddress("https://a.example/\u202e1")).toBe("hxxps://a[.]example/\\u202e1");
    expect(showText("a\u202eb\u0000c")).toBe("a\\u202eb\\u0000c");
  });
});
