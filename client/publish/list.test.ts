import { describe, expect, it } from "vitest";
import { ndjsonOf, rowOf, testHashEntry, testIndicatorEntry, testTermEntry, testUrlEntry } from "../testing/entries.ts";
import { COLUMNS, writeCell } from "./columns.ts";
import { formatCsvRow, parseCsv } from "./csv.ts";
import { countFaultyRows, parseList } from "./list.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const csv = (...lines: string[]) => bytes(`${lines.join("\n")}\n`);
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
  ] as const)("an exported %s entry is read back as it was", (kind, entry) => {
    const columns = [...COLUMNS[kind]];
    const text =
      formatCsvRow(columns.map(([name]) => name)) +
      formatCsvRow(columns.map(([name, form]) => writeCell(form, entry as never, name)));
    const list = parseList(kind, "csv", bytes(text));
    expect(list.faults).toEqual([]);
    expect(list.rows[0]?.entry).toEqual(entry);
  });
});

describe("a list", () => {
  it("of hashes may leave out what claims nothing", () => {
    const list = parseList("hash", "csv", csv(HEADER, `sha256,${hex(1)},${REST}`));
    expect(list.faults).toEqual([]);
    expect(list.rows[0]?.entry).toMatchObject({
      act: "not_assessed",
      human_review: "required",
      requested_action: "review",
    });
  });

  it("takes members for all rows from the command line", () => {
    const list = parseList("hash", "csv", csv("alg,value", `sha256,${hex(1)}`), {
      media: "image",
      category: "synthetic_test",
      source_fidelity: "original_bytes",
      "verification.level": "two_reviewed",
      "verification.people": "2",
      "verification.on": "2026-11-20",
    });
    expect(list.faults).toEqual([]);
    expect(list.rows.length).toBe(1);
  });

  it("is refused with every bad row, its line, its column and what to mend", () => {
    const list = parseList(
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
    const reasons = list.faults.map(({ line, column, reason }) => `${line} ${column} ${reason}`);
    expect(reasons).toEqual(
      expect.arrayContaining([
        "3 value sha256 needs 64 hex digits, found 63",
        "4 value hex digits are written in lower case",
        expect.stringMatching(/^5 alg unknown word "sha512256"/),
        expect.stringMatching(/^6 category /),
        '7 category unknown word "C2"; see: breakwater help category',
        "8 - the same entry as line 2",
        expect.stringMatching(/^9 quality /),
        "10 - 2 cells, the header has 8",
      ]),
    );
    expect(list.total).toBe(9);
    expect(countFaultyRows(list.faults)).toBe(8);
  });

  it("never repeats a value in a reason", () => {
    const list = parseList("hash", "csv", csv(HEADER, `sha256,${hex(2).slice(1)}Z,${REST}`));
    expect(JSON.stringify(list.faults)).not.toContain(hex(2).slice(1, 20));
  });

  it("names columns that nobody knows, and columns that stand twice", () => {
    const list = parseList("hash", "csv", csv("alg,alg,valeu", "sha256,sha256,x"));
    expect(list.faults.filter(({ line }) => line === 1)).toEqual([
      { line: 1, column: "alg", reason: "the column stands twice" },
      { line: 1, column: "valeu", reason: "unknown column" },
    ]);
  });

  it("as NDJSON has line numbers too, and finds duplicates by natural key", () => {
    const text = `${JSON.stringify(rowOf(testTermEntry(1)))}\n\nnot json\n[1]\n${JSON.stringify({ ...rowOf(testTermEntry(1)), action: "block" })}\n`;
    expect(parseList("term", "ndjson", bytes(text)).faults.map(({ line, reason }) => [line, reason])).toEqual([
      [3, "not a JSON object"],
      [4, "not a JSON object"],
      [5, "the same entry as line 1"],
    ]);
  });

  it("finds two spellings of one address", () => {
    const list = parseList(
      "url",
      "ndjson",
      bytes(
        ndjsonOf([rowOf(testUrlEntry(1)), { ...rowOf(testUrlEntry(1)), url: "HTTPS://FORUM1.example:443/t/1#top" }]),
      ),
    );
    expect(list.faults).toEqual([{ line: 2, column: "-", reason: "the same entry as line 1" }]);
  });

  it("refuses what a rule of the kind refuses", () => {
    const ambiguous = { ...rowOf(testTermEntry(1)), ambiguity: "high", action: "block" };
    expect(parseList("term", "ndjson", bytes(ndjsonOf([ambiguous]))).faults.map(({ column }) => column)).toContain(
      "action",
    );
    expect(
      parseList(
        "indicator",
        "ndjson",
        bytes(ndjsonOf([{ ...rowOf(testIndicatorEntry(1)), suggested_actions: ["ban"] }])),
      ).faults.length,
    ).toBe(1);
  });

  it("that is not text is refused as a whole", () => {
    expect(() => parseList("hash", "csv", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0xff]))).toThrowError(
      expect.objectContaining({ code: "rows_invalid" }),
    );
  });
});
