import { formatEntry, naturalKey } from "@breakwater/shared/entries/index.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ndjsonOf, rowOf, testHashEntry, testIndicatorEntry, testTermEntry, testUrlEntry } from "../testing/entries.ts";
import { COLUMNS, writeCell } from "./columns.ts";
import { type CsvFault, type CsvRow, createCsvReader, formatCsvRow, ROW_MAX_CHARS } from "./csv.ts";
import { FAULTS_SHOWN_MAX } from "./faults.ts";
import { type ListFormat, parseList } from "./list.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const csv = (...lines: string[]) => `${lines.join("\n")}\n`;
const parse = (kind: SetKind, format: ListFormat, text: string, defaults: Record<string, string> = {}) =>
  parseList(kind, { format, chunks: [bytes(text)], defaults });
/** @param step - characters that come at once */
function parseCsv(text: string, step = text.length || 1) {
  const rows: CsvRow[] = [];
  const faults: CsvFault[] = [];
  const reader = createCsvReader(
    (row) => rows.push(row),
    (fault) => faults.push(fault),
  );
  for (let at = 0; at < text.length; at += step) reader.push(text.slice(at, at + step));
  reader.end();
  return { rows, faults };
}
const HEADER = "alg,value,media,category,source_fidelity,verification.level,verification.people,verification.on";
const REST = "image,synthetic_test,original_bytes,two_reviewed,2,2026-11-20";
const hex = (n: number) => testHashEntry(n).value;

describe("CSV", () => {
  it.each([
    [
      "plain cells",
      "a,b\nc,d\n",
      [
        [1, "a", "b"],
        [2, "c", "d"],
      ],
    ],
    [
      "CRLF and no line end at the end",
      "a,b\r\nc,d",
      [
        [1, "a", "b"],
        [2, "c", "d"],
      ],
    ],
    ["a byte order mark", "\ufeffa,b\n", [[1, "a", "b"]]],
    ["quotes, commas and doubled quotes", '"a,""x""",b\n', [[1, 'a,"x"', "b"]]],
    [
      "a cell over two lines counts both",
      '"a\nb",c\nd,e\n',
      [
        [1, "a\nb", "c"],
        [3, "d", "e"],
      ],
    ],
    [
      "empty lines",
      "a\n\n\nb\n",
      [
        [1, "a"],
        [4, "b"],
      ],
    ],
    ["a trailing comma is an empty cell", "a,\n", [[1, "a", ""]]],
  ])("reads %s", (_what, text, rows) => {
    const read = parseCsv(text);
    expect(read.faults).toEqual([]);
    expect(read.rows.map(({ line, cells }) => [line, ...cells])).toEqual(rows);
  });

  it.each([
    ['a,"b\nc', 1, "does not end"],
    ['a\n"b"c,d\n', 2, "after a closing quote"],
    ['a\nb"c\n', 2, "quote inside"],
  ])("says where quoting is wrong: %j", (text, line, reason) => {
    expect(parseCsv(text).faults).toEqual([{ line, reason: expect.stringContaining(reason) }]);
  });

  it("does not hand a spreadsheet a formula, and reads back what it wrote", () => {
    const cells = ["=1+1", "'=x", "plain", 'q"uote', "two\nlines", "-3"];
    const written = formatCsvRow(cells);
    expect(written).toContain("'=1+1");
    expect(parseCsv(written).rows[0]?.cells).toEqual(cells);
  });

  it.each([
    ["hash", testHashEntry(1, { alg: "pdq", labels: ["viral", "grid"] })],
    ["term", testTermEntry(1, { innocent_meanings: ["a | b is not a separator problem".replace("|", "or"), "c"] })],
    ["url", testUrlEntry(1)],
    ["indicator", testIndicatorEntry(1, { threshold_hint: { count: 3, measure: "accounts" } })],
  ] as const)("an exported %s entry is read back as it was", async (kind, entry) => {
    const columns = [...COLUMNS[kind]];
    const text =
      formatCsvRow(columns.map(([name]) => name)) +
      formatCsvRow(columns.map(([name, form]) => writeCell(form, entry as never, name)));
    const list = await parse(kind, "csv", text);
    expect(list.faults.shown).toEqual([]);
    expect(list.rows.map(({ id, text: line }) => [id, JSON.parse(line)])).toEqual([
      [entry.id, JSON.parse(formatEntry(entry))],
    ]);
  });
});

describe("a list", () => {
  it("of hashes may leave out what claims nothing", async () => {
    const list = await parse("hash", "csv", csv(HEADER, `sha256,${hex(1)},${REST}`));
    expect(list.faults.shown).toEqual([]);
    expect(JSON.parse(list.rows[0]?.text ?? "")).toMatchObject({
      act: "not_assessed",
      human_review: "required",
      requested_action: "review",
    });
  });

  it("takes members for all rows from the command line", async () => {
    const list = await parse("hash", "csv", csv("alg,value", `sha256,${hex(1)}`), {
      media: "image",
      category: "synthetic_test",
      source_fidelity: "original_bytes",
      "verification.level": "two_reviewed",
      "verification.people": "2",
      "verification.on": "2026-11-20",
    });
    expect(list.faults.shown).toEqual([]);
    expect(list.rows.length).toBe(1);
  });

  it("is refused with every bad row, its line, its column and what to mend", async () => {
    const list = await parse(
      "hash",
      "csv",
      csv(
        HEADER,
        `sha256,${hex(1)},${REST}`,
        `sha256,${hex(2).slice(1)},${REST}`,
        `sha256,${hex(3).toUpperCase()},${REST}`,
        `sha512256,${hex(4)},${REST}`,
        `sha256,${hex(5)},image,everyday_image_collected,original_bytes,two_reviewed,2,2026-11-20`,
        `sha256,${hex(6)},image,C2,original_bytes,two_reviewed,2,2026-11-20`,
        `sha256,${hex(1)},${REST}`,
        `pdq,${hex(8)},${REST}`,
        `sha256,${hex(9)}`,
      ),
    );
    const reasons = list.faults.shown.map(({ line, column, reason }) => `${line} ${column} ${reason}`);
    expect(reasons).toEqual(
      expect.arrayContaining([
        "3 value sha256 needs 64 hex digits, found 63",
        "4 value hex digits are written in lower case",
        expect.stringMatching(/^5 alg unknown word "sha512256"/),
        expect.stringMatching(/^6 category /),
        '7 category unknown word "C2"; see: breakwater help category',
        expect.stringMatching(/^9 quality /),
        "10 - 2 cells, the header has 8",
      ]),
    );
    expect(list.total).toBe(9);
    expect(list.faults).toMatchObject({ rows: 7, total: 9 });
  });

  it("never repeats a value in a reason", async () => {
    const list = await parse("hash", "csv", csv(HEADER, `sha256,${hex(2).slice(1)}Z,${REST}`));
    expect(JSON.stringify(list.faults)).not.toContain(hex(2).slice(1, 20));
  });

  it("names columns that nobody knows, and columns that stand twice", async () => {
    const list = await parse("hash", "csv", csv("alg,alg,valeu", "sha256,sha256,x"));
    expect(list.faults.shown.filter(({ line }) => line === 1)).toEqual([
      { line: 1, column: "alg", reason: "the column stands twice" },
      { line: 1, column: "valeu", reason: "unknown column" },
    ]);
  });

  it("as NDJSON has line numbers too", async () => {
    const text = `${JSON.stringify(rowOf(testTermEntry(1)))}\n\nnot json\n[1]\n`;
    const { faults, rows } = await parse("term", "ndjson", text);
    expect(faults.shown.map(({ line, reason }) => [line, reason])).toEqual([
      [3, "not a JSON object"],
      [4, "not a JSON object"],
    ]);
    expect(faults).toMatchObject({ rows: 2, total: 3 });
    expect(rows.map(({ line }) => line)).toEqual([1]);
  });

  it.each<[string, SetKind, object, string]>([
    ["a term that is highly ambiguous and asks to block", "term", { ambiguity: "high", action: "block" }, "action"],
    ["a term without text", "term", { text: "" }, "text"],
    ["a term of nothing but signs", "term", { text: "- -" }, "text"],
    ["a term that matches nearly everything", "term", { text: "a", match: "substring" }, "text"],
    ["an indicator that bans a possible victim", "indicator", { suggested_actions: ["ban"] }, "suggested_actions"],
    ["a category that is never hashed", "hash", { category: "everyday_image_sexualised_by_comments" }, "category"],
    ["a hash of another algorithm", "hash", { alg: "md5" }, "value"],
  ])("refuses %s", async (_what, kind, changes, column) => {
    const entry = { term: testTermEntry, indicator: testIndicatorEntry, hash: testHashEntry, url: testUrlEntry }[kind](
      1,
    );
    const { faults, rows } = await parse(kind, "ndjson", ndjsonOf([{ ...rowOf(entry), ...changes }]));
    expect(faults.shown.map((fault) => fault.column)).toContain(column);
    expect(rows).toEqual([]);
  });

  it("says what to mend where a rule refuses a row", async () => {
    const terms = [{ text: "a", match: "substring" }, { text: "- -" }, { ambiguity: "high", action: "block" }];
    const { faults } = await parse(
      "term",
      "ndjson",
      ndjsonOf(terms.map((term) => ({ ...rowOf(testTermEntry(1)), ...term }))),
    );
    const reasons = faults.shown.map(({ line, reason }) => `${line} ${reason}`);
    expect(reasons).toContain("1 it would match nearly everything");
    expect(reasons).toContain("2 nothing of it is left to match: signs and spaces only");
    expect(reasons).toContain("3 a highly ambiguous term may not ask to block");
    const ordinary = { ...rowOf(testHashEntry(1)), category: "everyday_image_sexualised_by_comments" };
    const { faults: hashes } = await parse("hash", "ndjson", ndjsonOf([ordinary]));
    expect(hashes.shown).toEqual([{ line: 1, column: "category", reason: expect.stringContaining("ordinary") }]);
  });

  it("of several algorithms is fine, each value in the form of its own", async () => {
    const rows = (["md5", "sha1", "sha256", "sha512", "pdq"] as const).map((alg) => rowOf(testHashEntry(1, { alg })));
    expect(await parse("hash", "ndjson", ndjsonOf(rows))).toMatchObject({ total: 5, faults: { count: 0 } });
  });

  it("that is not text is refused as a whole", async () => {
    const chunks = [bytes("alg,value\n"), new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0xff])];
    await expect(parseList("hash", { format: "csv", chunks })).rejects.toMatchObject({
      code: "rows_invalid",
      detail: { reason: "not_utf8" },
    });
  });

  it("counts no more rows than there are when the line of titles is wrong as well", async () => {
    const { faults } = await parse("hash", "csv", csv("alg,value,colour", "sha256,zz,red", "sha256,zz,blue"));
    expect(faults).toMatchObject({ rows: 2, total: 2 });
  });

  it("says in words what a rule asks for", async () => {
    const header =
      "text,language,match,context,category,action,ambiguity,human_review,verification.level,verification.people,verification.on";
    const nobody = "test-term-0001,en,token,chat,coded_language,review,low,not_required,nominated,0,2026-11-20";
    const vague = "test-term-0002,en,token,chat,coded_language,review,high,required,two_reviewed,2,2026-11-20";
    const apart = "test-term-e\u0301,en,token,chat,coded_language,review,low,required,two_reviewed,2,2026-11-20";
    const { faults } = await parse("term", "csv", csv(header, nobody, vague, apart));
    expect(faults.shown).toEqual([
      {
        line: 2,
        column: "human_review",
        reason: "nobody has checked the entry yet, so that it may only ask for review",
      },
      { line: 3, column: "innocent_meanings", reason: "a highly ambiguous term names its innocent meanings" },
      { line: 4, column: "text", reason: "NFC and trimmed" },
    ]);
  });

  it("tells the first hundred faults by line, counts all, and a member that no row has once", async () => {
    const bad = (n: number) => `sha256,${hex(n).slice(1)},image,synthetic_test,two_reviewed,2,2026-11-20`;
    const header = "alg,value,media,category,verification.level,verification.people,verification.on";
    const { faults } = await parse("hash", "csv", csv(header, ...Array.from({ length: 450 }, (_, n) => bad(n))));
    expect(faults).toMatchObject({ rows: 450, total: 450, count: 451 });
    expect(faults.shown).toHaveLength(FAULTS_SHOWN_MAX);
    expect(faults.shown[0]).toEqual({ line: 1, column: "source_fidelity", reason: "missing in every row" });
    expect(faults.shown.slice(1).map(({ line }) => line)).toEqual(Array.from({ length: 99 }, (_, n) => n + 2));
  });

  it("gives rows with the entry's line, whatever order its members and lists come in", async () => {
    const entry = testTermEntry(1);
    const turned = Object.fromEntries(Object.entries({ ...rowOf(entry), context: ["search", "chat"] }).reverse());
    const [a, b] = await Promise.all([
      parse("term", "ndjson", ndjsonOf([rowOf(entry)])),
      parse("term", "ndjson", ndjsonOf([turned])),
    ]);
    expect(a.rows[0]?.text).toBe(b.rows[0]?.text);
    expect(a.rows[0]?.key).toBe(naturalKey("term", entry));
  });
});

describe("a list in pieces", () => {
  const cell = fc.oneof(fc.string(), fc.constantFrom("", '"', "a,b", "x\ny", "\r\n", "'=1", "=1", "ü\u{1f469}"));
  const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 });

  it("of any size reads as the whole does, and as it was written", () => {
    fc.assert(
      fc.property(table, fc.integer({ min: 1, max: 9 }), (rows, step) => {
        const text = rows.map(formatCsvRow).join("");
        const whole = parseCsv(text);
        expect(whole.faults).toEqual([]);
        expect(whole.rows.map(({ cells }) => cells)).toEqual(rows);
        expect(parseCsv(text, step)).toEqual(whole);
      }),
    );
  });

  it("of any size has the same faults", () => {
    const broken = fc.array(fc.constantFrom("a", ",", '"', "\n", "\r\n", '""'), { maxLength: 24 });
    fc.assert(
      fc.property(broken, fc.integer({ min: 1, max: 5 }), (parts, step) => {
        const text = parts.join("");
        expect(parseCsv(text, step)).toEqual(parseCsv(text));
      }),
    );
  });

  it("cut inside a character is text all the same", async () => {
    const text = ndjsonOf([{ ...rowOf(testTermEntry(1)), text: "тест-0001" }]);
    const chunks = Array.from(bytes(text), (byte) => Uint8Array.of(byte));
    expect(await parseList("term", { format: "ndjson", chunks })).toEqual(await parse("term", "ndjson", text));
  });

  it.each([
    [
      "a quote that never closes",
      "csv",
      `alg,value\n"${"x".repeat(2 * ROW_MAX_CHARS)}\n`,
      2,
      "a quoted cell does not end",
    ],
    ["a CSV row without end", "csv", `alg,value\n${"x".repeat(2 * ROW_MAX_CHARS)}\n`, 2, "longer than a row may be"],
    ["a JSON row without end", "ndjson", `{"a":"${"x".repeat(2 * ROW_MAX_CHARS)}"}\n`, 1, "longer than a row may be"],
  ] as const)("does not hold %s", async (_what, format, text, line, reason) => {
    const whole = bytes(text);
    const chunks = Array.from({ length: Math.ceil(whole.length / 5000) }, (_, n) =>
      whole.subarray(n * 5000, (n + 1) * 5000),
    );
    const { faults } = await parseList("hash", { format, chunks });
    expect(faults.shown).toContainEqual({ line, column: "-", reason });
  });

  it("goes on after a JSON row that is too long", async () => {
    const text = `"${"x".repeat(ROW_MAX_CHARS)}\n${ndjsonOf([rowOf(testHashEntry(1))])}`;
    const chunks = [bytes(text.slice(0, ROW_MAX_CHARS + 1)), bytes(text.slice(ROW_MAX_CHARS + 1))];
    const { faults, rows } = await parseList("hash", { format: "ndjson", chunks });
    expect(faults.shown.map(({ line }) => line)).toEqual([1]);
    expect(rows.map(({ line }) => line)).toEqual([2]);
  });
});
