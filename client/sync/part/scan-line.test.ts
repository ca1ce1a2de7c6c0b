import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testHashEntry, testTermEntry, testUrlEntry } from "../../testing/entries.ts";
import { MEMBERS } from "./members.ts";
import { LineScanner } from "./scan-line.ts";

const ID = "ab".repeat(16);

function scan(line: string | Uint8Array): Record<string, unknown> {
  const bytes = typeof line === "string" ? new TextEncoder().encode(`${line}\n`) : line;
  const scanner = new LineScanner(bytes);
  expect(scanner.read(0)).toBe(bytes.length);
  const found: Record<string, unknown> = {};
  for (const member of MEMBERS) {
    if (!scanner.has(member)) continue;
    const isText = bytes[scanner.fromOf(member) - 1] === 0x22;
    const raw = scanner.text(scanner.fromOf(member), scanner.untilOf(member));
    found[member] = isText ? scanner.textOf(member) : JSON.parse(raw);
  }
  if (scanner.levelFrom > 0) found.level = scanner.text(scanner.levelFrom, scanner.levelUntil);
  return found;
}

/** What a JSON parser would say. */
function parsed(line: string): Record<string, unknown> {
  const value = JSON.parse(line) as Record<string, unknown>;
  const found: Record<string, unknown> = {};
  for (const member of MEMBERS) if (Object.hasOwn(value, member)) found[member] = value[member];
  const level = (value.verification as { level?: unknown } | undefined)?.level;
  if (level !== undefined) found.level = level;
  return found;
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "ok";
  } catch (error) {
    if (error instanceof ExchangeError) return `${error.code} ${error.detail.reason}`;
    throw error;
  }
};

describe("a line's members by position", () => {
  it("are those of the parser, for entries of every kind", () => {
    const entries = [testHashEntry(1), testHashEntry(2, { alg: "pdq" }), testTermEntry(3), testUrlEntry(4)];
    for (const line of entries.map(formatEntry)) expect(scan(line)).toEqual(parsed(line));
  });

  it("are those of the parser, for any object with a member of any name", () => {
    const name = fc.oneof(fc.constantFrom(...MEMBERS, "level", "i", "idd"), fc.string({ maxLength: 20 }));
    const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => JSON.stringify(value) !== undefined);
    const object = fc
      .dictionary(name, json, { maxKeys: 8 })
      .map((value) => ({ ...value, id: ID, verification: { level: "x" } }));
    fc.assert(
      fc.property(object, (value) => {
        const line = JSON.stringify(value);
        // Control characters and quotes of a name are written as escapes, and no schema has such a name.
        fc.pre(!Object.keys(value).some((key) => JSON.stringify(key).includes("\\")));
        expect(scan(line)).toEqual(parsed(line));
      }),
      { numRuns: 500 },
    );
  });

  it("and where a byte was changed, either the same as the parser's or refused", () => {
    const lines = [testHashEntry(1, { labels: ["violence"] }), testUrlEntry(2)].map(formatEntry);
    lines.push(
      `{"a":[1,-2.5e+3,true,null,{"b":"\\u00e4\\n"}],"id":"${ID}","verification":{"level":"two_reviewed","n":[[]]}}`,
    );
    const place = fc.record({
      line: fc.nat(2),
      at: fc.nat(5000),
      byte: fc.oneof(fc.integer({ min: 32, max: 126 }), fc.nat(255)),
    });
    let accepted = 0;
    fc.assert(
      fc.property(place, fc.constantFrom("set", "insert", "drop"), ({ line, at, byte }, how) => {
        const bytes = [...new TextEncoder().encode(`${lines[line]}\n`)];
        bytes.splice(at % (bytes.length - 1), how === "insert" ? 0 : 1, ...(how === "drop" ? [] : [byte]));
        const changed = Uint8Array.from(bytes);
        const text = new TextDecoder().decode(changed);
        if (codeOf(() => new LineScanner(changed).read(0)) !== "ok") return;
        const scanner = new LineScanner(changed);
        const end = scanner.read(0);
        accepted += 1;
        expect(scan(changed.slice(0, end))).toEqual(
          parsed(text.slice(0, new TextDecoder().decode(changed.slice(0, end)).length)),
        );
      }),
      { numRuns: 4_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it("are not taken from inside a text or another object", () => {
    const inner = `{"a":"\\"id\\":\\"${"cd".repeat(16)}\\"","b":{"id":"${"cd".repeat(16)}"},"c":[{"alg":"md5"}],"id":"${ID}"}`;
    expect(scan(inner)).toEqual({ id: ID });
  });

  it.each([
    ["nothing", "", "empty"],
    ["no object", `["id"]`, "object"],
    ["no member", "{}", "id"],
    ["a member twice", `{"id":"${ID}","id":"${ID}"}`, "member_twice"],
    ["a member by a second spelling", `{"id":"${ID}","\\u0069d":"${ID}"}`, "key"],
    ["white space between tokens", `{"id": "${ID}"}`, "json"],
    ["a text without an end", `{"id":"${ID}`, "json"],
    ["an object without an end", `{"id":"${ID}","a":{"b":1}`, "json"],
    ["something after the object", `{"id":"${ID}"}}`, "json"],
    ["brackets that do not fit", `{"id":"${ID}","a":[1}}`, "json"],
    ["a comma too many", `{"id":"${ID}",}`, "json"],
    ["half a word", `{"a":tru,"id":"${ID}"}`, "json"],
    ["a number with two points", `{"a":1.2.3,"id":"${ID}"}`, "json"],
    ["an escape that is none", `{"a":"\\x41","id":"${ID}"}`, "json"],
    ["nesting without an end", `{"a":${"[".repeat(40)}${"]".repeat(40)},"id":"${ID}"}`, "depth"],
    ["a verification that is a text", `{"id":"${ID}","verification":"two_reviewed"}`, "verification"],
    ["a line longer than lines are", `{"a":"${"x".repeat(17_000)}","id":"${ID}"}`, "length"],
  ])("%s is refused", (_what, line, reason) => {
    expect(codeOf(() => scan(line))).toBe(`segment_line ${reason}`);
  });
});
