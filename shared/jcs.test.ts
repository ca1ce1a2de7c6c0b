/** Canonical JSON: one value has one text, and no other text of it is taken. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8Of } from "./bytes.ts";
import { JCS_MAX_DEPTH, jcs, parseJcs, parseJcsText } from "./jcs.ts";
import { outcome } from "./testing/refusal.ts";

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: "binary" }),
    fc.maxSafeInteger().map((number) => number + 0),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: "binary" }), tie("value"), { maxKeys: 5 }),
  ),
})).value;

describe("jcs", () => {
  it("round-trips every value of our documents", () => {
    fc.assert(fc.property(value, (given) => jcs(parseJcs(utf8Of(jcs(given)))) === jcs(given)));
  });

  it("does not depend on the order in which members were made", () => {
    expect(jcs({ b: 1, a: [true, null, { d: "x", c: -5 }] })).toBe('{"a":[true,null,{"c":-5,"d":"x"}],"b":1}');
  });

  it("sorts by UTF-16 code units and escapes as RFC 8785 §3.2.3 shows", () => {
    const names = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    expect(Object.values(JSON.parse(jcs(names)) as object)[0]).toBe("One");
    expect(jcs(names)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    );
  });

  it("keeps a member named __proto__ as what it is: a member", () => {
    const text = '{"__proto__":{"a":1}}';
    expect(jcs(parseJcsText(text))).toBe(text);
  });

  it.each([
    ["a fraction", 1.5],
    ["an unsafe integer", 2 ** 53],
    ["minus zero", -0],
    ["infinity", Number.POSITIVE_INFINITY],
    ["undefined", { a: undefined }],
    ["a hole", Object.assign([1], { length: 2 })],
    ["a lone surrogate", "\ud800"],
    ["a lone surrogate in a name", { "\udc00": 1 }],
    ["a date", new Date(0)],
    ["a map", new Map()],
    ["a bigint", 1n],
    ["a function", () => 1],
  ])("refuses %s", async (_, given) => {
    expect(await outcome(() => jcs(given))).toBe("jcs_invalid");
  });

  it("stops at a depth far from the stack's end", async () => {
    const nest = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    expect(await outcome(() => parseJcsText(nest(JCS_MAX_DEPTH)))).toBe("ok");
    expect(await outcome(() => parseJcsText(nest(JCS_MAX_DEPTH + 2)))).toBe("jcs_invalid");
    expect(await outcome(() => parseJcsText(nest(200_000)))).toBe("jcs_invalid");
  });
});

describe("parseJcs", () => {
  it.each([
    ["a repeated member", '{"a":1,"a":1}'],
    ["a repeated member behind an escape", '{"a":1,"\\u0061":2}'],
    ["unsorted members", '{"b":1,"a":2}'],
    ["white space", '{"a": 1}'],
    ["a final line feed", '{"a":1}\n'],
    ["a fraction", '{"a":1.0}'],
    ["an exponent", '{"a":1e2}'],
    ["minus zero", '{"a":-0}'],
    ["a number beyond 2^53", '{"a":9007199254740993}'],
    ["a needless escape", '{"a":"\\u0041"}'],
    ["an escaped slash", '{"a":"\\/"}'],
    ["an upper-case escape", '{"a":"\\u001F"}'],
    ["an escaped surrogate pair", '{"a":"\\ud83d\\ude00"}'],
    ["a byte order mark", '\ufeff{"a":1}'],
    ["nothing", ""],
    ["two values", "{}{}"],
    ["no JSON", "{a:1}"],
  ])("refuses %s", async (_, text) => {
    expect(await outcome(() => parseJcs(utf8Of(text)))).toBe("jcs_invalid");
  });

  it("refuses bytes that are not UTF-8", async () => {
    expect(await outcome(() => parseJcs(Uint8Array.of(0x22, 0xff, 0x22)))).toBe("jcs_invalid");
  });

  it("never crashes on arbitrary text, and what it takes is canonical", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        let parsed: unknown;
        try {
          parsed = parseJcsText(text);
        } catch (error) {
          return (error as { code?: string }).code === "jcs_invalid";
        }
        return jcs(parsed) === text;
      }),
    );
  });

  it("says nothing of the text it refused", () => {
    try {
      parseJcsText('{"text":"test-term-0001"');
      expect.unreachable();
    } catch (error) {
      const cause = String((error as Error).cause);
      expect(`${String(error)} ${cause} ${JSON.stringify(error)}`).not.toContain("test-term-0001");
    }
  });
});
